"""Two folders of samples laid side by side, chain by chain. Call it in a thread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.sampling.spec import SamplingSpec
from workbench.tui.facts.numbers import Table
from workbench.tui.generated.chains import MOST_LINES, Chains, Places, find_chains, image_shape, read_chains
from workbench.tui.generated.folders import Folder
from workbench.tui.generated.tiles import draw, drawings, plan
from workbench.tui.generated.words import ENDINGS
from workbench.tui.graphics.drawing import Drawing
from workbench.tui.graphics.terminal import Graphics

NUMBERS = ("chain", "stop_step", "ending", "energy")
COLUMNS = ("label", "class", "place_in_class", *(f"{name}_{side}" for side in "ab" for name in NUMBERS))
"""Of the exported table: energies are E(x,y) at the last step, in nats."""


class Wanted(NamedTuple):
    """What is to be shown.

    Attributes:
        pair: the chosen one.
        width: cells for the images.
        height: lines for the images.
        colour: whether the terminal can show pictures in colours.
        theme: of the colours.
        graphics: how the terminal draws images itself; None if it does not.
    """

    pair: int = 0
    width: int = 0
    height: int = 0
    colour: bool = True
    theme: str = ""
    graphics: Graphics | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What is there.

    Attributes:
        total: pairs that there are.
        sides: the chains of the pairs that are seen, of the one folder and of the other; None if there are none.
        place: of the chosen pair among them.
        seen: pairs of which the images are seen.
        strips: their images.
        drawings: the same as the terminal draws them.
        columns: pairs in a row.
        problem: why there is nothing; None if there is.
    """

    total: int = 0
    sides: tuple[Chains, Chains] | None = None
    place: int = 0
    seen: int = 1
    strips: tuple[Strip, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    columns: int = 1
    problem: str | None = None


class Pairs:
    """The pairs of two folders; read once, for what is compared does not change while it is looked at."""

    def __init__(self, folders: tuple[Folder, Folder]) -> None:
        self.folders = folders
        self._places: tuple[Places, Places] | None = None

    def look(self, wanted: Wanted) -> Shown:
        """Read what is wanted; whatever is wrong is said in what is shown."""
        try:
            return self._look(wanted)
        except (WorkbenchError, OSError) as error:
            return Shown(problem=str(error) or type(error).__name__)

    def table(self) -> Table:
        """Every pair in numbers."""
        names = " and ".join(folder.path.name for folder in self.folders)
        return Table(f"pairs of {names}", COLUMNS, self._rows)

    def _look(self, wanted: Wanted) -> Shown:
        places = self._aligned()
        total = len(places[0].row)
        if not total:
            return Shown(problem="No chain of the one has the class and the place of a chain of the other.")
        shapes = image_shape(places[0]), image_shape(places[1])
        has_room, fits = wanted.width > 0 and wanted.height > 0, shapes[0] == shapes[1]
        grid = plan(2 * total, shapes[0], wanted.width, wanted.height, together=2) if has_room and fits else None
        seen = 1 if grid is None else max(1, grid.room // 2)
        pair = min(max(wanted.pair, 0), total - 1)
        first = pair // seen * seen
        sides = _read(places, first, seen)
        shown = Shown(total=total, sides=sides, place=pair - first, seen=seen)
        if not has_room:
            return shown
        if grid is None or sides[0].image.shape != sides[1].image.shape:
            sizes = " and ".join("×".join(map(str, side.image.shape[1:])) for side in sides)
            return replace(shown, problem=f"Images of {sizes} are not laid side by side.")
        braided = replace(
            sides[0],
            number=_braid(sides[0].number, sides[1].number),
            label=_braid(sides[0].label, sides[1].label),
            reason=_braid(sides[0].reason, sides[1].reason),
            image=_braid(sides[0].image, sides[1].image),
        )
        strips = draw(braided, grid, 2 * shown.place, wanted.width, colour=wanted.colour, together=2)
        drawn = () if wanted.graphics is None else drawings(braided, grid, wanted.width, wanted.graphics)
        return replace(shown, strips=tuple(strips), drawings=drawn, columns=max(1, grid.columns // 2))

    def _aligned(self) -> tuple[Places, Places]:
        """Chains of both with the same class and the same place in it, in the order of the first folder."""
        if self._places is None:
            both = [find_chains(folder.path) for folder in self.folders]
            keys = [_keys(folder, places) for folder, places in zip(self.folders, both, strict=True)]
            other = {key: place for place, key in enumerate(keys[1])}
            matched = [(place, other[key]) for place, key in enumerate(keys[0]) if key in other]
            ends = zip(both, ([at[0] for at in matched], [at[1] for at in matched]), strict=True)
            one, two = (places.some(at) for places, at in ends)
            self._places = one, two
        return self._places

    def _rows(self) -> Iterator[Sequence[object]]:
        places = self._aligned()
        first, specs = 0, [_spec(folder) for folder in self.folders]
        while first < len(places[0].row):
            sides = _read(places, first, MOST_LINES)
            for place in range(len(sides[0])):
                number = int(sides[0].number[place])
                label = specs[0].label(number)
                numbers = (value for side in sides for value in _numbers(side, place))
                yield label, sides[0].name(label), number // len(specs[0].labels), *numbers
            first += len(sides[0])


def _read(places: tuple[Places, Places], first: int, count: int) -> tuple[Chains, Chains]:
    """Some pairs, as many of both."""
    one, two = (read_chains(each, first, count) for each in places)
    if one is None or two is None:
        raise WorkbenchError("what is compared has changed; compare again")
    least = min(len(one), len(two))
    return _cut(one, least), _cut(two, least)


def _cut(chains: Chains, count: int) -> Chains:
    columns = ("number", "label", "stop_step", "reason", "image", "joint")
    return replace(chains, **{name: getattr(chains, name)[:count] for name in columns})


def _numbers(chains: Chains, place: int) -> tuple[object, ...]:
    """What is said of a chain: its number, where and why it stopped, and E(x,y) there in nats, NaN where not known."""
    step = int(chains.stop_step[place])
    known = place < len(chains.joint) and step < chains.joint.shape[1]
    energy = float(chains.joint[place, step]) if known else np.nan
    return int(chains.number[place]), step, ENDINGS[int(chains.reason[place])], energy


def _keys(folder: Folder, places: Places) -> list[tuple[int, int]]:
    """Class of each chain, and its place among those that were asked for of its class."""
    spec = _spec(folder)
    return [(spec.label(number), number // len(spec.labels)) for number in places.number.tolist()]


def _spec(folder: Folder) -> SamplingSpec:
    if folder.settings is None:
        raise WorkbenchError(folder.problem or f"what {folder.path} was asked for is not known")
    return folder.settings.spec


def _braid(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
    """One of the first, one of the second, and so on."""
    return np.stack([one, two], axis=1).reshape(-1, *one.shape[1:])
