"""Entries in files: shared by all workers of a machine, without any server.

``place`` says where the files are, ``shard`` changes them, ``entry`` knows their bytes, ``culling``
and ``sweeping`` give their room back. docs/architecture.md tells why it is as it is.
"""

from cacheadmin.engines.file.directory import check_directory, own_directory, unavailable
from cacheadmin.engines.file.engine import MAX_BYTES, FileEngine
from cacheadmin.engines.file.mounts import file_system_of, network_of, of_this_machine

__all__ = [
    "MAX_BYTES",
    "FileEngine",
    "check_directory",
    "file_system_of",
    "network_of",
    "of_this_machine",
    "own_directory",
    "unavailable",
]
