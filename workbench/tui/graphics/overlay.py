"""What a terminal has drawn over the cells of a widget: laid anew after they were written, taken away in time."""

import random
from collections.abc import Callable, Iterable
from itertools import count

from workbench.tui.graphics import kitty
from workbench.tui.graphics.drawing import Drawing
from workbench.tui.graphics.terminal import Language

_numbers = count(random.randrange(1, 2**31))  # other programs of this terminal number their images too


class Overlay:
    """The images over one widget."""

    def __init__(self, write: Callable[[str], object]) -> None:
        """Nothing is drawn yet; ``write`` takes what the terminal is to get."""
        self._write = write
        self._placed: dict[Drawing, int] = {}

    def lay(self, drawings: Iterable[Drawing], language: Language) -> None:
        """Have exactly these drawn, at columns and lines of the screen.

        Cells that were written lose their Sixel pixels, so these are drawn again; Kitty's images stay until deleted.
        """
        wanted = dict.fromkeys(drawings)
        if language == "sixel":
            self._send("".join(_at(drawing, drawing.data) for drawing in wanted))
            return
        gone = [drawing for drawing in self._placed if drawing not in wanted]
        said = [kitty.delete(self._placed.pop(drawing)) for drawing in gone]
        for drawing in wanted:
            if drawing not in self._placed:
                self._placed[drawing] = next(_numbers)
                placed = kitty.place(self._placed[drawing], drawing.data, drawing.width)
                said.append(_at(drawing, placed))
        self._send("".join(said))

    def clear(self) -> None:
        """Have nothing drawn; Sixel pixels go where cells are written."""
        self._send("".join(kitty.delete(number) for number in self._placed.values()))
        self._placed.clear()

    def _send(self, text: str) -> None:
        if text:
            self._write(text)


def _at(drawing: Drawing, text: str) -> str:
    """What is written at a drawing's first cell; the cursor comes back."""
    return f"\x1b7\x1b[{drawing.y + 1};{drawing.x + 1}H{text}\x1b8"
