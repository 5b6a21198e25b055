"""Jump mode: the screen as it was, faded, with a letter on everything that can be jumped to."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.events import Click, Key, Resize
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.acts.jumping import LETTERS, targets_on, under
from workbench.tui.acts.seen import Target, strips_of
from workbench.tui.keys.jump import JUMP_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look import palette
from workbench.tui.look.palette import style


def jump(app: App[Any]) -> None:
    """Ask where to jump to, and go there."""
    screen = app.screen
    targets = targets_on(screen)

    def go(target: Target | None) -> None:
        if target is not None:
            screen.call_later(target.act)

    app.push_screen(JumpScreen(strips_of(screen), targets), go)


class JumpScreen(ModalScreen[Target | None]):
    """Gives the target whose letters are typed, or that is clicked; None where none is."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(JUMP_KEYS)
    AUTO_FOCUS = None
    DEFAULT_CSS = "JumpScreen { background: $background; } #faded { width: 100%; height: 100%; }"

    def __init__(self, strips: Sequence[Strip], targets: Sequence[Target]) -> None:
        """Letters over what was seen.

        Args:
            strips: what was seen, line by line.
            targets: what can be jumped to.
        """
        super().__init__()
        self._strips, self._targets = strips, targets
        self._typed = ""
        self._size_then: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        """The faded screen."""
        yield _Faded(self._strips)

    def on_mount(self) -> None:
        """Show the letters."""
        self._show()

    def on_key(self, event: Key) -> None:
        """Choose by letters."""
        if event.character is None or event.character not in LETTERS:
            return
        event.stop()
        left = under(self._targets, self._typed + event.character)
        if not left:
            self.app.bell()
        elif len(left) == 1:
            self.dismiss(left[0][1])
        else:
            self._typed += event.character
            self._show()

    def on_click(self, event: Click) -> None:
        """Choose by pointing."""
        event.stop()
        here = [target for target in self._targets if target.place.contains(event.screen_x, event.screen_y)]
        self.dismiss(min(here, key=lambda target: target.place.area, default=None))

    def on_resize(self, event: Resize) -> None:
        """Another size, another screen: leave."""
        size = (event.size.width, event.size.height)
        if self._size_then is not None and size != self._size_then:
            self.dismiss(None)
        self._size_then = size

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _show(self) -> None:
        marks = {(target.place.x, target.place.y): label for label, target in under(self._targets, self._typed)}
        self.query_one(_Faded).show(marks)


class _Faded(Widget):
    """Lines that were seen, faint, with marks over them."""

    ALLOW_SELECT = False

    def __init__(self, strips: Sequence[Strip]) -> None:
        super().__init__(id="faded")
        self._lines = [Strip([Segment(segment.text, _faded(segment)) for segment in strip]) for strip in strips]
        self._marks: dict[int, list[tuple[int, str]]] = {}

    def show(self, marks: dict[tuple[int, int], str]) -> None:
        """Show other marks."""
        self._marks = {}
        for (x, y), label in sorted(marks.items()):
            self._marks.setdefault(y, []).append((x, label))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line with its marks."""
        line = self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)
        look = style(palette.BACKGROUND, palette.WARNING, bold=True)
        for x, label in self._marks.get(y, []):
            mark = Strip([Segment(label, look)])
            line = Strip.join([line.crop(0, x), mark, line.crop(x + len(label), line.cell_length)])
        return line.apply_style(self.rich_style)


def _faded(segment: Segment) -> Style:
    """Faint, but for coloured grounds: maps and pictures are still made out."""
    grounds = {palette.colour(palette.BACKGROUND), palette.colour(palette.SURFACE)}
    look = segment.style
    if look is None or look.bgcolor is None or look.bgcolor.name in grounds:
        return style(palette.FAINT)
    return Style(color=look.color, bgcolor=look.bgcolor)
