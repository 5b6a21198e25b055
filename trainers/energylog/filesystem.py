"""Whether SWMR can be relied on where a log is to be written."""

import re
from pathlib import Path

REMOTE = frozenset(
    {"9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "gfs", "gfs2", "glusterfs", "gpfs"}
    | {"grpcfuse", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2", "smb3", "smbfs"}
    | {"vboxsf", "virtiofs", "vmhgfs", "wekafs"}
)
"""Types of file system, as the kernel calls them, that do not keep the order of writes between machines, or whose
caches show other machines an older state: SWMR needs both. Those of FUSE (``fuse``, ``fuse.sshfs``...) count too."""

MOUNTS = Path("/proc/self/mountinfo")


def swmr_works(directory: Path, mounts: Path = MOUNTS) -> bool:
    """Whether the file system under ``directory`` is a local one; also where that cannot be found out.

    Args:
        directory: an existing directory.
        mounts: the kernel's table of mounts; only Linux has it.
    """
    kind = _kind(directory.resolve(), mounts)
    return kind not in REMOTE and kind.partition(".")[0] != "fuse"


def _kind(directory: Path, mounts: Path) -> str:
    """The type of the file system that is mounted nearest above a directory; empty if unknown."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found, depth = "", 0
    for line in lines:
        place, _, source = line.partition(" - ")
        point = Path(_unescaped(place.split(" ")[4]))
        if directory.is_relative_to(point) and len(point.parts) >= depth:  # of two on one place the later one hides
            found, depth = source.split(" ")[0], len(point.parts)
    return found


def _unescaped(name: str) -> str:
    """A path of the table, in which blanks and the like are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name)
