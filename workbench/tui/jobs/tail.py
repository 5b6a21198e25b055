"""The lines of a file while another process writes them."""

import os

from workbench.tui.look.text import LONGEST

MOST = 1 << 20
"""Bytes that one look takes; of a file that grew by more since the last look, the end."""

MOST_LINES = 2_000
"""Lines that one look gives: the last."""


class Tail:
    """Reads on in an open file. Call it in one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that were written since the last look, cut to a length that can be shown; no empty ones."""
        text = (self._rest + self._more()).replace(b"\r", b"\n")
        *lines, self._rest = text.rsplit(b"\n", MOST_LINES)
        if len(lines) == MOST_LINES:  # the first holds all that came before it, too
            lines[0] = lines[0].rpartition(b"\n")[2]
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
            if size < self._at:  # its beginning was dropped
                self._at, self._rest = 0, b""
            if size - self._at > MOST:
                self._at = size - MOST
            chunk = os.pread(self._descriptor, MOST, self._at)
        except OSError:
            return b""
        self._at += len(chunk)
        return chunk


def _text(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").rstrip()
