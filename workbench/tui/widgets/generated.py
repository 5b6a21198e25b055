"""The generated images of a run: folders, and of the chosen one its images, energies and record."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from os.path import relpath
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widget import Widget

from trainers.errors import WorkbenchError
from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.forms.form import Form
from workbench.tui.generated.folders import Folder
from workbench.tui.generated.reading import Reading, Shown, Wanted
from workbench.tui.generated.summary import summary
from workbench.tui.generated.words import command_of, shell
from workbench.tui.keys.generated import GENERATED_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.launching.commands import run_dir_of
from workbench.tui.widgets.folderlist import FolderChosen, FolderList
from workbench.tui.widgets.generated_parts import Energies, Images, PictureChosen, Summary
from workbench.tui.widgets.page import Entry, Page

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

LOOK_SECONDS = 2.0
"""Pause between looks at what may have changed."""

MOST_ROWS, PAGE = 10, 10
SIDE_BY_SIDE, STACKED = 70, 16
"""Columns from which energies stand beside the images, and rows from which they stand below."""


class Generated(Widget, can_focus=True):
    """Folders of samples; the chosen one's images with the energies of their chains, or its record."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(GENERATED_KEYS)
    DEFAULT_CSS = """
    Generated { layout: vertical; }
    #generated-list { height: 7; }
    #generated-summary { height: 3; }
    #generated-below { height: 1fr; layout: horizontal; }
    #generated-below.stacked { layout: vertical; }
    #generated-images { width: 1fr; height: 1fr; background: $background; margin-left: 1; overflow: hidden hidden; }
    #generated-energies, #generated-record { width: 1fr; height: 1fr; }
    #generated-record { display: none; }
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="generated", classes="pane")
        self._run_context = context
        self._problem: str | None = None
        try:
            self._reading: Reading | None = Reading(run_dir_of(context.path))
        except WorkbenchError as error:
            self._reading, self._problem = None, str(error)
        self._view: View | None = None
        self._wanted, self._done, self._shown = Wanted(), Wanted(), Shown()
        self._browses = self._shows_record = False
        self._first: Folder | None = None
        self._num_found = 0
        self._background = Background(self, self._step, self._tell)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield FolderList()
        yield Summary()
        with Horizontal(id="generated-below"):
            yield Images("generated-images")
            yield Energies()
            yield Page("generated-record", label_width=14)

    def on_mount(self) -> None:
        """Look again and again."""
        self.set_interval(LOOK_SECONDS, self._look_again)

    def on_resize(self) -> None:
        """Lay out anew."""
        self._arrange()

    @property
    def ready(self) -> bool:
        """Whether everything that is wanted is shown."""
        return self._view is not None and self._background.idle and self._done == self._wanted

    @property
    def shown(self) -> Shown:
        """What is shown."""
        return self._shown

    def show(self, view: "View", epoch: int) -> None:
        """Take the names of the classes; the cursor changes nothing here."""
        first, self._view = self._view is None, view
        if first:
            self._arrange()

    def keep(self) -> dict[str, object]:
        """The folder that the user chose, as seen from the run."""
        folder, reading = self._wanted.folder, self._reading
        return {"folder": None if folder is None or reading is None else relpath(folder, reading.run_dir)}

    def restore(self, kept: Mapping[str, object]) -> None:
        """Choose the folder that was chosen; one that is not found is not looked at."""
        folder = kept.get("folder")
        if isinstance(folder, str) and self._reading is not None and self._wanted.folder is None:
            self._want(replace(self._wanted, folder=self._reading.run_dir / folder))

    def recolour(self) -> None:
        """Make the images anew: their gaps have a colour of the theme."""
        self._arrange()

    def action_choose(self, places: int) -> None:
        """Another folder; among the images, another row."""
        if self._browses:
            self.action_chain(places * (self._shown.grid.columns if self._shown.grid else 1))
        elif self._shown.found:
            self._choose(self._shown.chosen + places)

    def action_page(self, pages: int) -> None:
        """Ten folders on; among the images, those that follow; the record scrolls."""
        if self._shows_record:
            self.query_one(Page).scroll_lines(PAGE * pages)
        elif self._browses:
            self.action_chain(pages * (self._shown.grid.room if self._shown.grid else 1))
        else:
            self.action_choose(PAGE * pages)

    def action_chain(self, places: int) -> None:
        """Another image of the folder."""
        chains = self._shown.chains
        if chains is not None:
            at = min(max(self._wanted.chain + places, 0), chains.total - 1)
            self._want(replace(self._wanted, chain=at))

    def action_browse(self) -> None:
        """The images take the room of the list, or give it back."""
        self._browses = not self._browses
        self._arrange()

    def action_record(self) -> None:
        """Everything that is known of the folder, in place of the energies; or these again."""
        self._shows_record = not self._shows_record
        self._arrange()

    def action_copy(self, what: str) -> None:
        """Copy the path of the folder, or the command that makes the same."""
        folder = self._shown.folder
        if folder is None:
            self.notify("There is nothing to copy yet.", markup=False)
            return
        text = str(folder.path.absolute())
        if what == "command":
            arguments = command_of(folder, self._names, self._data)
            if arguments is None:
                self.notify("What was asked for cannot be read.", severity="warning", markup=False)
                return
            text = shell(arguments)
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied the {what}.", markup=False)

    def action_score(self) -> None:
        """Ask how to score the folder, and score it."""
        from workbench.tui.forms.scoring import scoring_form

        folder = self._shown.folder
        if folder is not None:
            self._ask(lambda: scoring_form(run_dir_of(self._run_context.path), folder.path, self._data))

    def action_resume(self) -> None:
        """Ask how far to go on, and go on."""
        from workbench.tui.forms.resuming import resuming_form

        folder = self._shown.folder
        if folder is not None:
            self._ask(lambda: resuming_form(run_dir_of(self._run_context.path), folder, self._names))

    def action_compare(self) -> None:
        """Remember the folder; with another one remembered, lay both side by side."""
        folder, first = self._shown.folder, self._first
        if folder is None:
            self.notify("There is nothing to compare yet.", markup=False)
        elif first is None and len(self._shown.found) < 2:
            self.notify("There is one folder only: nothing to compare it with.", markup=False)
        elif first is None:
            self._first = folder
        else:
            self._first = None
            if first.path != folder.path:
                from workbench.tui.screens.compare import CompareScreen

                run = run_dir_of(self._run_context.path)
                self.app.push_screen(CompareScreen(run, (first, folder), self._names))
        self._tell()

    def on_folder_chosen(self, event: FolderChosen) -> None:
        """Choose the folder that was clicked."""
        event.stop()
        self._choose(self._shown.first + event.place)

    def on_picture_chosen(self, event: PictureChosen) -> None:
        """Choose the image that was clicked."""
        event.stop()
        shown = self._shown
        place = shown.grid.at(event.x, event.y) if shown.grid is not None else None
        if shown.chains is not None and place is not None and place < len(shown.chains):
            self._want(replace(self._wanted, chain=shown.chains.first + place))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel moves on as ↓ does."""
        event.stop()
        self.action_choose(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel moves back as ↑ does."""
        event.stop()
        self.action_choose(-1)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._view.meta.class_names) if self._view is not None else ()

    @property
    def _data(self) -> str | None:
        """What the run was trained on: as its log says, else as the samples do."""
        logged = self._view.meta.config.get("data") if self._view is not None else None
        chains = self._shown.chains
        said = (logged, chains.facts.get("data") if chains is not None else None)
        return next((data for data in said if isinstance(data, str)), None)

    def _ask(self, make: Callable[[], Form]) -> None:
        from workbench.tui.launching.asking import ask

        self.screen.run_worker(ask(self.screen, self._run_context.jobs, make), group="launch", exclusive=True)

    def _choose(self, place: int) -> None:
        found = self._shown.found
        if found:
            path = found[min(max(place, 0), len(found) - 1)]
            self._want(replace(self._wanted, folder=path, chain=0))

    def _look_again(self) -> None:
        """What may have changed since, unless nobody sees it."""
        if self.display and self.app.screen is self.screen and self._view is not None:
            self._want(replace(self._wanted, tick=self._wanted.tick + 1))

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._background.wake()

    def _step(self) -> bool | None:
        """In a thread: read what is wanted."""
        wanted = self._wanted
        if wanted == self._done or self._reading is None:
            return None
        self._shown = self._reading.look(wanted)
        self._done = wanted
        return True

    def _arrange(self) -> None:
        """Divide the room."""
        if self._view is None or not self.is_attached:
            return
        width, height = self.size
        rows = max(1, min(MOST_ROWS, (height - 4) // 3, len(self._shown.found)))
        listed = self.query_one(FolderList)
        listed.display = not self._browses
        listed.styles.height = rows + 1
        below = self.query_one("#generated-below")
        below.set_class(width < SIDE_BY_SIDE, "stacked")
        record, energies, images = self.query_one(Page), self.query_one(Energies), self.query_one(Images)
        rest = height - 3 - (0 if self._browses else rows + 1)
        beside = width >= SIDE_BY_SIDE or rest >= STACKED
        record.display = self._shows_record
        energies.display = beside and not self._shows_record
        images.display = beside or not self._shows_record
        across = (width - 1) // 2 if beside and width >= SIDE_BY_SIDE else width - 1
        down = rest // 2 if beside and width < SIDE_BY_SIDE else rest
        from workbench.tui.graphics.terminal import graphics_of
        from workbench.tui.look.theming import pictures_in_colour

        wanted = replace(
            self._wanted,
            rows=rows,
            width=across,
            height=down,
            colour=pictures_in_colour(self.app),
            theme=self.app.theme,
            graphics=graphics_of(self.app),
        )
        self._want(wanted)

    def _tell(self) -> None:
        """Show what was read."""
        if self._view is None or not self.is_attached:
            return
        shown = self._shown
        if len(shown.found) != self._num_found:
            self._num_found = len(shown.found)
            self._arrange()
        now = self._run_context.clock()
        self.query_one(FolderList).show(shown.folders, shown.chosen - shown.first, now, self._names)
        self.query_one(Summary).show(summary(shown, self._names, self._problem, self._first))
        self.query_one(Images).show(list(shown.strips), shown.drawings)
        self.query_one(Energies).show(shown)
        if self._shows_record:
            self.query_one(Page).fill(self._record())

    def _record(self) -> list[Entry]:
        from workbench.tui.generated.record import record

        return record(self._shown, self._names, self._data)


def generated(context: RunContext) -> Generated:
    """The pane."""
    return Generated(context)
