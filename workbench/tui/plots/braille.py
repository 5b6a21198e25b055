"""The dots of Braille characters, two across and four down in a cell, and lines drawn with them. Needs no numpy."""

from collections.abc import Iterable

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot, by column and row."""

ACROSS, DOWN = 2, 4

BRAILLE = 0x2800
"""The character without dots; the bits of dots are added to it."""


class Canvas:
    """``width`` × ``height`` cells of dots."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits: dict[tuple[int, int], int] = {}

    def dot(self, x: int, y: int) -> None:
        """Set one dot, counted from the top left; outside of the canvas nothing happens."""
        if 0 <= x < self.width * ACROSS and 0 <= y < self.height * DOWN:
            cell = x // ACROSS, y // DOWN
            self._bits[cell] = self._bits.get(cell, 0) | DOTS[x % ACROSS][y % DOWN]

    def line(self, start: tuple[int, int], end: tuple[int, int], *, every: int = 1) -> None:
        """Set the dots between two, of them every so manyth across."""
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            x, y = x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
            if every == 1 or (x + y) % (2 * every) < every:
                self.dot(x, y)

    def over(self, other: "Canvas") -> None:
        """Add the dots of another canvas of the same size, in the cells where this one has some."""
        for cell in self._bits.keys() & other._bits.keys():
            self._bits[cell] |= other._bits[cell]

    def cells(self) -> Iterable[tuple[int, int, str]]:
        """Each cell that has a dot: column, row, character."""
        return ((x, y, chr(BRAILLE + bits)) for (x, y), bits in self._bits.items())
