"""A scrolling sheet of ready-made lines: pictures in half cells, and text between them."""

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class Picture(ScrollView, can_focus=False):
    """Shows strips that were made elsewhere, off the event loop.

    Attributes:
        strips: what it shows.
    """

    ALLOW_SELECT = False

    def __init__(self, name: str) -> None:
        super().__init__(id=name, classes="picture")
        self.strips: list[Strip] = []

    def show(self, strips: list[Strip]) -> None:
        """Show other lines, scrolled as before."""
        self.strips = strips
        self.virtual_size = Size(max((strip.cell_length for strip in strips), default=0), len(strips))
        self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Scroll down (up if negative)."""
        self.scroll_relative(y=lines, animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        across, down = self.scroll_offset
        strip = self.strips[y + down] if y + down < len(self.strips) else Strip.blank(0)
        width = self.scrollable_content_region.width
        return strip.crop_extend(across, across + width, None).apply_style(self.rich_style)
