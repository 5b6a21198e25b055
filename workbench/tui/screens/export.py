"""Where a view is exported to: a path, whose suffix says as what."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from trainers.errors import WorkbenchError
from workbench.tui.acts.exporting import FORMATS, export, format_of
from workbench.tui.acts.files import is_folder
from workbench.tui.acts.seen import Seen, seen_on
from workbench.tui.keys.export import EXPORT_KEYS
from workbench.tui.keys.table import bindings, cap_of
from workbench.tui.look.text import plain
from workbench.tui.widgets.tabs import Footer

LONGEST = 1_000
"""Characters of a path that can be typed."""


class Wanted(NamedTuple):
    """A file to write, and whether one that is there may be replaced."""

    path: Path
    replace: bool


async def export_view(app: App[Any], command: Sequence[str]) -> None:
    """Ask where to, and export what is open; say how it went. Call it in a worker.

    Args:
        app: the app.
        command: how the command line is started, for reports.
    """
    seen = seen_on(app.screen)
    wanted = await app.push_screen_wait(ExportScreen(seen))
    if wanted is None:
        return
    path = wanted.path.absolute()
    picture = app.export_screenshot(title=seen.title).encode() if path.suffix.lower() == ".svg" else b""
    app.notify(plain(f"Writing {path.name} …", 200), timeout=2, markup=False)
    try:
        await export(seen, path, picture, command, replace=wanted.replace)
    except (WorkbenchError, OSError) as error:
        words = f"{path} is there by now" if isinstance(error, FileExistsError) else str(error)
        app.notify(plain(f"Nothing written: {words}", 400), severity="warning", timeout=10, markup=False)
    else:
        app.notify(plain(f"Wrote {path}", 300), timeout=6, markup=False)


class ExportScreen(ModalScreen[Wanted | None]):
    """Asks for a path; gives None where nothing is to be written. A file that is there is replaced when asked twice."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(EXPORT_KEYS)
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    ExportScreen { align: center middle; background: $background 60%; }
    ExportScreen #footer { dock: bottom; height: 1; background: $surface; }
    #export { width: 84; max-width: 100%; height: auto; max-height: 100%; border: round $frame; background: $surface;
        padding: 0 1; border-title-color: $primary; }
    #export Input { width: 1fr; background: $background; }
    #export-words { height: auto; max-height: 3; color: $secondary; margin-top: 1; }
    #export-words.-wrong { color: $error; }
    """

    def __init__(self, seen: Seen) -> None:
        """A dialogue over a view."""
        super().__init__()
        self._seen = seen
        self._asked: Path | None = None

    def compose(self) -> ComposeResult:
        """The path, and what it means."""
        first = next(each for each in FORMATS if each.holds(self._seen) is not None)
        with Vertical(id="export") as frame:
            frame.border_title = plain(f"Export {self._seen.title}", 70)
            field = Input(f"{self._seen.stem}{first.suffix}", compact=True, select_on_focus=False)
            field.max_length = LONGEST
            field.cursor_blink = False
            yield field
            yield Static(markup=False, id="export-words")
        yield Footer(EXPORT_KEYS)

    def on_mount(self) -> None:
        """Say what would be written."""
        self._say()

    def on_input_changed(self) -> None:
        """Say what would be written; what was asked before was about another file."""
        self._asked = None
        self._say()

    def on_input_submitted(self) -> None:
        """Enter in the path; it comes after all that was typed before it, which a key of the screen would overtake."""
        self.action_write()

    def action_turn(self, formats: int) -> None:
        """Ask for the next format that there is."""
        offered = [each.suffix for each in FORMATS if each.holds(self._seen) is not None]
        field = self.query_one(Input)
        path = Path(field.value)
        now = offered.index(path.suffix.lower()) if path.suffix.lower() in offered else -1 if formats > 0 else 0
        base = field.value[: len(field.value) - len(path.suffix)] if format_of(path) is not None else field.value
        field.value = base + offered[(now + formats) % len(offered)]
        field.cursor_position = len(field.value)

    def action_write(self) -> None:
        """Write, if it can be; ask once more where a file is there."""
        path, problem = self._path(), self._problem()
        if problem is not None:
            self.app.bell()
        elif os.path.lexists(path) and self._asked != path:
            self._asked = path
            self._say()
        else:
            self.dismiss(Wanted(path, self._asked == path))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _path(self) -> Path:
        return Path(os.path.expanduser(self.query_one(Input).value.strip()))  # noqa: PTH111 - "~nobody" is no error

    def _problem(self) -> str | None:
        path, what = self._path(), format_of(self._path())
        if what is None:
            return f"the name ends in {', '.join(each.suffix for each in FORMATS)}"
        if what.holds(self._seen) is None:
            return f"there is nothing here for a {what.suffix[1:].upper()} file"
        try:
            if is_folder(path):
                return f"{path} is a folder"
            if not is_folder(path.parent):
                return f"there is no folder {path.parent}"
        except WorkbenchError as error:
            return str(error)
        return None if os.access(path.parent, os.W_OK) else f"{path.parent.absolute()} cannot be written to"

    def _say(self) -> None:
        words = self.query_one("#export-words", Static)
        problem, what = self._problem(), format_of(self._path())
        words.set_class(problem is not None or self._asked is not None, "-wrong")
        if problem is not None or what is None:
            words.update(plain(f"✗ {problem}", 300))
        elif self._asked is not None:
            key = cap_of(EXPORT_KEYS, "write")
            words.update(plain(f"! {self._asked} is there; {key} once more replaces it", 300))
        else:
            words.update(plain(f"{what.holds(self._seen)}, to {self._path().parent.absolute()}", 300))
