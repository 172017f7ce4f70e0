"""Single operations of the cache, measured beside its peers: ``python -m benchmarks.operations``."""

# Importing it puts apps/ on the import path, here and in the processes that measure.
import config as config
