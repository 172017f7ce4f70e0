"""Real servers for tests: Redis, PostgreSQL, a browser and the site itself.

Each is looked for on the system, else installed, else taken from a wheel, else missed in clear words.
"""
