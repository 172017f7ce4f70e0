"""A project with one address, ``/``, that reads the cache once; for servers of every kind."""
