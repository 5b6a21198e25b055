"""Two folders of generated images side by side: what differs, images of the same class and place, their energies."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.acts.files import stem
from workbench.tui.acts.seen import Seen
from workbench.tui.facts.background import Background
from workbench.tui.generated.compared import compared
from workbench.tui.generated.folders import Folder
from workbench.tui.generated.pairs import Pairs, Shown, Wanted
from workbench.tui.graphics.terminal import graphics_of
from workbench.tui.keys.compare import COMPARE_KEYS
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.table import KeyTable, bindings
from workbench.tui.look.text import counted, plain
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.widgets.pair_parts import Differences, SideEnergies
from workbench.tui.widgets.picture import Picture
from workbench.tui.widgets.tabs import Footer

PAGE = 5
"""Lines that the differences scroll at once."""


class CompareScreen(ModalScreen[None]):
    """Compares two folders as they were when it was opened.

    Attributes:
        shown: what is seen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(COMPARE_KEYS), *bindings(EVERYWHERE_KEYS)]
    AUTO_FOCUS = None
    DEFAULT_CSS = """
    CompareScreen { background: $background; }
    CompareScreen #footer { dock: bottom; }
    #compare { width: 100%; height: 1fr; border: round $frame; border-title-color: $primary; }
    #compare-rows { height: 6; overflow-x: hidden; scrollbar-size-vertical: 0; }
    #compare-pairs { height: 1; color: $secondary; padding: 0 1; }
    #compare-below { height: 1fr; }
    #compare-images { width: 1fr; height: 1fr; margin-left: 1; overflow: hidden hidden; }
    #compare-energies { width: 1fr; height: 1fr; }
    #compare-energies SideEnergies { height: 1fr; }
    """

    def __init__(self, run: Path, folders: tuple[Folder, Folder], names: Sequence[str]) -> None:
        """A screen over two folders.

        Args:
            run: whose they are.
            folders: the two.
            names: of the run's classes.
        """
        super().__init__()
        self._run, self._pairs, self._rows = run, Pairs(folders), compared(folders, names)
        self._wanted, self._done, self.shown = Wanted(), Wanted(), Shown()
        self._is_plain = False
        self._background = Background(self, self._step, self._tell)

    def compose(self) -> ComposeResult:
        """What differs, how many pairs there are, and below these images and energies."""
        one, two = (plain(folder.path.name, 30) for folder in self._pairs.folders)
        with Vertical(id="compare") as frame:
            frame.border_title = f"{one} and {two}"
            yield Differences(self._rows)
            yield Static(markup=False, id="compare-pairs")
            with Horizontal(id="compare-below"):
                yield Picture("compare-images")
                with Vertical(id="compare-energies"):
                    yield SideEnergies(0)
                    yield SideEnergies(1)
        yield Footer(*self.tables())

    def on_mount(self) -> None:
        """Begin to read."""
        self._arrange()

    def on_resize(self) -> None:
        """Lay out anew."""
        self._arrange()

    def recolour(self) -> None:
        """Make the images anew: their gaps have a colour of the theme."""
        self._arrange()

    @property
    def ready(self) -> bool:
        """Whether everything that is wanted is shown."""
        return self._background.idle and self._done == self._wanted

    def tables(self) -> list[KeyTable]:
        """The keys that do something now."""
        return [COMPARE_KEYS]

    def seen(self) -> Seen:
        """The pairs: what is copied, exported and pictured."""
        names = "-".join(folder.path.name for folder in self._pairs.folders)
        widgets = [self.query_one(Differences), self.query_one("#compare-below")]
        return Seen("Comparison", stem(self._run.name, names), widgets, self._pairs.table(), (self._run,))

    def action_pair(self, places: int) -> None:
        """Another pair."""
        at = min(max(self._wanted.pair + places, 0), max(self.shown.total - 1, 0))
        self._want(self._wanted._replace(pair=at))

    def action_row(self, rows: int) -> None:
        """A pair of another row."""
        self.action_pair(rows * self.shown.columns)

    def action_page(self, pages: int) -> None:
        """Pairs that follow; more of the differences."""
        if self._is_plain:
            self.query_one(Differences).scroll_relative(y=PAGE * pages, animate=False)
        else:
            self.action_pair(pages * self.shown.seen)

    def action_differences(self) -> None:
        """All that differs, or the images again."""
        self._is_plain = not self._is_plain
        self._arrange()

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _arrange(self) -> None:
        """Divide the room: a third at most for what differs, the rest for images and energies."""
        width, height = self.app.size.width - 2, self.app.size.height - 3
        rows = min(len(self._rows), max(2, height // 3 - 1))
        differences = self.query_one(Differences)
        differences.styles.height = "1fr" if self._is_plain else rows
        differences.scroll_to(y=0, animate=False)
        self.query_one("#compare-below").display = not self._is_plain
        self._want(
            self._wanted._replace(
                width=0 if self._is_plain else width // 2 - 1,
                height=max(0, height - rows - 1),
                colour=pictures_in_colour(self.app),
                theme=self.app.theme,
                graphics=graphics_of(self.app),
            )
        )

    def _want(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._background.wake()

    def _step(self) -> bool | None:
        """In a thread: read what is wanted."""
        wanted = self._wanted
        if wanted == self._done:
            return None
        self.shown = self._pairs.look(wanted)
        self._done = wanted
        return True

    def _tell(self) -> None:
        """Show what was read."""
        if not self.is_attached:
            return
        shown = self.shown
        pairs = counted(shown.total, "pair") + ", each of one class and of the same place in it"
        told = pairs if shown.problem is None else plain(shown.problem, 300)
        self.query_one("#compare-pairs", Static).update(told)
        self.query_one("#compare-images", Picture).show([*shown.strips], shown.drawings)
        for energies in self.query(SideEnergies):
            energies.show(shown)
