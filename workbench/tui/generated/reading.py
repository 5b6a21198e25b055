"""What the pane of generated images shows, read piece by piece: only what is seen. Call it in a thread."""

from dataclasses import dataclass, replace
from pathlib import Path

from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.tui.generated.chains import Chains, Places, find_chains, image_shape, read_chains
from workbench.tui.generated.folders import Folder, FolderReader, find_folders
from workbench.tui.generated.tiles import Grid, draw, drawings, plan
from workbench.tui.graphics.drawing import Drawing
from workbench.tui.graphics.terminal import Graphics


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be shown.

    Attributes:
        folder: the chosen folder; None for the latest.
        chain: the place of the chosen chain among those of the folder.
        rows: folders that are seen.
        width: cells for the images.
        height: lines for the images.
        colour: whether the terminal can show pictures in colours.
        theme: of the colours.
        graphics: how the terminal draws images itself; None if it does not.
        tick: counts the looks at what may have changed.
    """

    folder: Path | None = None
    chain: int = 0
    rows: int = 1
    width: int = 0
    height: int = 0
    colour: bool = True
    theme: str = ""
    graphics: Graphics | None = None
    tick: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What is there.

    Attributes:
        found: all folders of the run, the latest first.
        first: the place of the first folder that is seen.
        folders: those that are seen.
        folder: the chosen one; None if there is none.
        chosen: its place among all.
        grid: how its images are laid out; None if there are none.
        chains: those whose images are seen; None if there are none.
        place: of the chosen chain among them.
        strips: the images.
        drawings: the same as the terminal draws them.
        problem: why images cannot be read; None if they can.
    """

    found: tuple[Path, ...] = ()
    first: int = 0
    folders: tuple[Folder, ...] = ()
    folder: Folder | None = None
    chosen: int = 0
    grid: Grid | None = None
    chains: Chains | None = None
    place: int = 0
    strips: tuple[Strip, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    problem: str | None = None


class Reading:
    """Reads what is wanted, and keeps what was read as long as it has not changed.

    Attributes:
        run_dir: the run whose folders these are.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._reader = FolderReader()
        self._found: list[tuple[float, Path]] | None = None
        self._tick = 0
        self._first = 0
        self._places: tuple[Folder, Places, tuple[int, int]] | None = None
        self._chains: tuple[tuple[Places, int, int], Chains | None] | None = None
        self._drawn: tuple[Chains, tuple[Grid, Graphics], tuple[Drawing, ...]] | None = None

    def look(self, wanted: Wanted) -> Shown:
        """Read it; whatever is wrong is said in what is shown."""
        if self._found is None or wanted.tick != self._tick:
            self._found, self._tick = find_folders(self.run_dir), wanted.tick
        found = self._found
        paths = tuple(path for _, path in found)
        if not paths:
            return Shown()
        chosen = paths.index(wanted.folder) if wanted.folder in paths else 0
        rows = max(1, wanted.rows)
        self._first = max(0, min(max(chosen - rows + 1, min(self._first, chosen)), len(paths) - rows))
        folders = tuple(self._reader.read(found[self._first : self._first + rows]))
        folder = folders[chosen - self._first]
        shown = Shown(found=paths, first=self._first, folders=folders, folder=folder, chosen=chosen)
        try:
            return self._images(wanted, folder, shown)
        except (WorkbenchError, OSError) as error:
            self._places = self._chains = None
            return replace(shown, problem=str(error) or type(error).__name__)

    def _images(self, wanted: Wanted, folder: Folder, shown: Shown) -> Shown:
        if self._places is None or self._places[0] is not folder:
            places = find_chains(folder.path)
            self._places = folder, places, image_shape(places)
        _, places, shape = self._places
        if not len(places.row) or wanted.width < 1 or wanted.height < 1:
            return shown
        grid = plan(len(places.row), shape, wanted.width, wanted.height)
        place = min(max(wanted.chain, 0), len(places.row) - 1)
        first = place // grid.room * grid.room
        if self._chains is None or self._chains[0] != (places, first, grid.room):
            self._chains = (places, first, grid.room), read_chains(places, first, grid.room)
        chains = self._chains[1]
        if chains is None:
            return shown
        inside = min(place - first, len(chains) - 1)
        strips = tuple(draw(chains, grid, inside, wanted.width, colour=wanted.colour))
        drawn = self._drawings(wanted, chains, grid)
        return replace(shown, grid=grid, chains=chains, place=inside, strips=strips, drawings=drawn)

    def _drawings(self, wanted: Wanted, chains: Chains, grid: Grid) -> tuple[Drawing, ...]:
        """The images that the terminal draws, encoded once."""
        if wanted.graphics is None:
            return ()
        key = grid, wanted.graphics
        if self._drawn is None or self._drawn[0] is not chains or self._drawn[1] != key:
            self._drawn = chains, key, drawings(chains, grid, wanted.width, wanted.graphics)
        return self._drawn[2]
