"""Which file system a directory is on: some are shared by machines, and have other rules."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from functools import lru_cache
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_KERNEL = (
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph",
    "lustre", "gfs", "gfs2", "ocfs2", "gpfs", "beegfs", "pvfs2", "orangefs", "coda", "glusterfs",
    "davfs",
)  # fmt: skip
_FUSE = (
    "sshfs", "glusterfs", "s3fs", "gcsfuse", "rclone", "cephfs", "juicefs", "davfs", "davfs2", "goofys",
    "moosefs", "mfs", "lizardfs", "seaweedfs", "blobfuse", "blobfuse2", "curlftpfs", "smbnetfs",
    "mount-s3",
)  # fmt: skip
NETWORK = frozenset(_KERNEL + tuple(f"fuse.{name}" for name in _FUSE))


def file_system_of(path: Path, mountinfo: str | None = None) -> str:
    """Return the type of the file system that holds *path*, such as ``ext4`` or ``nfs4``.

    Args:
        path: an absolute path; it need not exist.
        mountinfo: what the system says of its mounts; by default it is asked.

    Returns:
        an empty string where the system does not tell.
    """
    if mountinfo is None:
        try:
            mountinfo = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return ""
    found, kind = -1, ""
    wanted = str(path).rstrip("/") + "/"
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5 or not after:
            continue
        point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]).rstrip("/") + "/"
        # The last of several on one point is the one on top.
        if wanted.startswith(point) and len(point) >= found:
            found, kind = len(point), after.split(" ")[0]
    return kind


@lru_cache(maxsize=256)
def network_of(directory: Path) -> str:
    """Return the type of the network file system that holds *directory*; empty for a disk of this machine."""
    kind = file_system_of(Path(os.path.realpath(directory)))
    return kind if kind in NETWORK else ""


def of_this_machine(directory: Path) -> Path:
    """Return where under *directory* this machine keeps its cache.

    On a network file system, locks and the order of changes cannot be relied on between machines, so
    each machine keeps to a directory of its own. Elsewhere it is the directory itself.
    """
    if not network_of(directory):
        return directory
    host = hashlib.blake2b(socket.gethostname().encode(), digest_size=6).hexdigest()
    return directory / f"machine-{host}"
