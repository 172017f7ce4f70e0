"""The servers that could run the site, measured against each other: ``python -m benchmarks.servers``."""
