"""A scrolling sheet of ready-made lines: pictures in half cells, and text between them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.geometry import Region, Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.graphics.terminal import graphics_of

if TYPE_CHECKING:
    from workbench.tui.graphics.drawing import Drawing
    from workbench.tui.graphics.overlay import Overlay


class Picture(ScrollView, can_focus=False):
    """Shows strips that were made elsewhere, off the event loop, and over them what the terminal draws itself.

    Where such an image is not wholly seen, or a notification lies over it, its half cells are seen.

    Attributes:
        strips: what it shows.
    """

    ALLOW_SELECT = False

    def __init__(self, name: str) -> None:
        super().__init__(id=name, classes="picture")
        self.strips: list[Strip] = []
        self._drawings: Sequence[Drawing] = ()
        self._overlay: Overlay | None = None
        self._is_laying = False

    def show(self, strips: list[Strip], drawings: "Sequence[Drawing]" = ()) -> None:
        """Show other lines, scrolled as before, and what the terminal draws over them."""
        if drawings == self._drawings and strips == self.strips:
            return
        self.strips, self._drawings = strips, drawings
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

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is to be written; once it is, the terminal's own images are laid over it."""
        if (self._drawings or self._overlay is not None) and not self._is_laying:
            self._is_laying = True
            self.call_after_refresh(self._lay)
        return super().render_lines(crop)

    def on_mount(self) -> None:
        """Make way for dialogues."""
        self.app.screen_change_signal.subscribe(self, self._make_way)

    def on_hide(self) -> None:
        """Another pane is shown."""
        self._clear()

    def on_unmount(self) -> None:
        """Leave nothing behind."""
        self._clear()

    def _make_way(self, screen: Screen[object]) -> None:
        if screen is not self.screen:
            self._clear()

    def _clear(self) -> None:
        if self._overlay is not None:
            self._overlay.clear()

    def _lay(self) -> None:
        """Have the terminal draw what is seen."""
        self._is_laying = False
        driver, graphics = self.app._driver, graphics_of(self.app)
        if driver is None or graphics is None or not self.is_mounted or self.app.screen is not self.screen:
            self._clear()
            return
        if self._overlay is None:
            from workbench.tui.graphics.overlay import Overlay

            self._overlay = Overlay(driver.write)
        self._overlay.lay(self._seen(), graphics.language)

    def _seen(self) -> "Iterator[Drawing]":
        """What is wholly seen of the drawings, at its place on the screen."""
        view = self.scrollable_content_region.intersection(self.screen.size.region)
        scrolled, origin = self.scroll_offset, self.scrollable_content_region.offset
        over = [each.region for each in self.screen.query("Toast")]
        for drawing in self._drawings:
            x, y = drawing.x + origin.x - scrolled.x, drawing.y + origin.y - scrolled.y
            place = Region(x, y, drawing.width, drawing.height)
            if view.contains_region(place) and not any(place.overlaps(each) for each in over):
                yield drawing._replace(x=x, y=y)
