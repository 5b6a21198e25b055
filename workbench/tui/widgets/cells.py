"""A sheet of character cells, and a widget that paints one."""

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.look.palette import style
from workbench.tui.look.text import shorten


class Cells:
    """``height`` rows of ``width`` cells, each a character and a style. Writing outside the sheet does nothing."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._chars = [[" "] * width for _ in range(height)]
        self._styles: list[list[Style]] = [[style()] * width for _ in range(height)]

    def put(self, x: int, y: int, char: str, look: Style) -> None:
        """Set one cell to a character of one cell's width."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._chars[y][x], self._styles[y][x] = char, look

    def write(self, x: int, y: int, text: str, look: Style) -> int:
        """Write plain text from ``x`` on, cut at the right edge; returns the column after it."""
        for char in shorten(text, max(0, self.width - x)):
            self.put(x, y, char, look)
            if cell_len(char) == 2:
                self.put(x + 1, y, "", look)
            x += cell_len(char)
        return x

    def write_centred(self, x: int, y: int, text: str, look: Style) -> None:
        """Write text with its middle at ``x``, moved as far as needed to stay on the sheet."""
        start = x - cell_len(text) // 2
        self.write(max(0, min(start, self.width - cell_len(text))), y, text, look)

    def write_right(self, x: int, y: int, text: str, look: Style) -> None:
        """Write text that ends before column ``x``."""
        self.write(max(0, x - cell_len(text)), y, text, look)

    def restyle(self, x: int, y: int, look: Style) -> None:
        """Lay a style over a cell's own."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._styles[y][x] += look

    def strips(self) -> list[Strip]:
        """The rows, neighbours of one style joined."""
        return [self._strip(row, looks) for row, looks in zip(self._chars, self._styles, strict=True)]

    def _strip(self, chars: list[str], looks: list[Style]) -> Strip:
        segments, start = [], 0
        for x in range(1, self.width + 1):
            if x == self.width or looks[x] is not looks[start]:
                segments.append(Segment("".join(chars[start:x]), looks[start]))
                start = x
        return Strip(segments, self.width)


class Painted(Widget):
    """A widget that draws itself on ``Cells``; subclasses give ``paint``. Painted once per change or size."""

    ALLOW_SELECT = False

    _strips: list[Strip] | None = None
    _painted_size: tuple[int, int] = (0, 0)

    def paint(self, sheet: Cells) -> None:
        """Draw the widget on an empty sheet of its content size."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draw anew at the next frame."""
        self._strips = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the sheet."""
        size = (self.content_size.width, self.content_size.height)
        if self._strips is None or size != self._painted_size:
            sheet = Cells(*size)
            self.paint(sheet)
            look = self.rich_style  # takes about 0.3 ms to find
            self._strips = [strip.apply_style(look) for strip in sheet.strips()]
            self._painted_size = size
        return self._strips[y] if y < len(self._strips) else Strip.blank(size[0], self.rich_style)
