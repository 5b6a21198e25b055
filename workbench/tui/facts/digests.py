"""SHA-256 of files, each computed once for as long as nothing is written to it; call it in a thread."""

import hashlib
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.tui.look.text import plain

Version = tuple[Path, int, int]
"""A file, when it was last written to, and its size."""


class Digests:
    """Knows the digests of the files that it was asked for; of each the latest."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Version, str]] = {}

    def of(self, path: Path) -> str:
        """In hex.

        Raises:
            WorkbenchError: the file cannot be read.
        """
        version = version_of(path)
        known = self._known.get(path)
        if known is not None and known[0] == version:
            return known[1]
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise WorkbenchError(f"cannot read {plain(path.name)} ({error.strerror or error})") from None
        self._known[path] = version, digest
        return digest


def version_of(path: Path) -> Version:
    """What changes when a file is written to.

    Raises:
        WorkbenchError: the file cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise WorkbenchError(f"cannot read {plain(path.name)} ({error.strerror or error})") from None
    return path, status.st_mtime_ns, status.st_size
