"""The lines of a file while another process writes them."""

import os

from workbench.tui.text import LONGEST

MOST = 1 << 20
"""Bytes that one look takes; of a file that grew by more since the last look, the end."""


class Tail:
    """Reads on in an open file. Call it in one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that were written since the last look, cut to a length that can be shown; no empty ones."""
        *lines, self._rest = (self._rest + self._more()).replace(b"\r", b"\n").split(b"\n")
        self._rest = self._rest[:LONGEST]
        return [line for line in map(_text, lines) if line]

    def finish(self) -> list[str]:
        """All that is left, also a last line without an end."""
        lines = self.read()
        last, self._rest = _text(self._rest), b""
        return [*lines, last] if last else lines

    def _more(self) -> bytes:
        try:
            size = os.fstat(self._descriptor).st_size
            if size - self._at > MOST:
                self._at = size - MOST
            chunk = os.pread(self._descriptor, MOST, self._at)
        except OSError:
            return b""
        self._at += len(chunk)
        return chunk


def _text(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").rstrip()
