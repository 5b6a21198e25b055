"""The images of samples that ``workbench images`` has made, found and drawn in a thread. Needs numpy and Pillow."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip

from trainers.errors import WorkbenchError
from trainers.rundir import find_weights
from workbench.pictured.spec import pictures_path
from workbench.report.pictured import ACROSS, side_by_side
from workbench.report.pictures import CHANNELS
from workbench.target import DERIVED
from workbench.tui.facts.digests import Digests, Version, version_of
from workbench.tui.facts.tensors import read_facts, read_tensors
from workbench.tui.graphics.drawing import Drawing, draw
from workbench.tui.graphics.terminal import Graphics
from workbench.tui.launching.commands import run_dir_of
from workbench.tui.look import palette
from workbench.tui.look.strips import GAP, SIDE, Tile, headings, line, picture, thumbnail
from workbench.tui.look.text import MISSING, epsilon, number, plain
from workbench.tui.samples.columns import class_name
from workbench.tui.widgets.page import wrap

FORMAT = "workbench-pictures"
LARGEST = 256 << 20
"""Bytes beyond which a file is not read."""

WORDS = 4
"""Lines under the pictures."""

COLUMN = 28
"""Cells that the same words take beside the pictures."""

VECTORS = ("index", "label", "predicted", "predicted_adv", "energy", "energy_adv")


class Wanted(NamedTuple):
    """Which images are wanted, and how large.

    Attributes:
        path: the run directory or its log.
        split: "train" or "probe".
        attack: behind the split's energies; None where there is none.
        epoch: of the cursor.
        sample: its stable index.
        class_names: by label.
        width: cells.
        height: lines.
        colour: whether the terminal has colours.
        graphics: how it draws images itself; None if it does not.
        looks: counts how often there may be news on the disk.
    """

    path: Path
    split: str
    attack: str | None
    epoch: int
    sample: int
    class_names: tuple[str, ...]
    width: int
    height: int
    colour: bool
    graphics: Graphics | None = None
    looks: int = 0


class Found(NamedTuple):
    """What there is.

    Attributes:
        wanted: what was asked for.
        strips: the pictures and what is said of them; what is said, where there are none.
        drawings: the pictures as the terminal draws them itself.
        checkpoint: epoch of the kept checkpoint nearest to the cursor; None where there is none.
        there: whether the sample's images are.
        kept: indices of all samples that have images of this checkpoint.
    """

    wanted: Wanted
    strips: list[Strip]
    drawings: tuple[Drawing, ...] = ()
    checkpoint: int | None = None
    there: bool = False
    kept: frozenset[int] = frozenset()


class Shelf:
    """Looks for images; call ``step`` in one thread at a time.

    Attributes:
        wanted: what to look for; may be changed at any time.
        found: the latest answer.
    """

    def __init__(self) -> None:
        self.wanted: Wanted | None = None
        self.found: Found | None = None
        self._digests = Digests()
        self._read: tuple[Version, dict[str, NDArray[np.generic]], dict[str, object]] | None = None

    def step(self) -> bool | None:
        """Look for what is wanted; True if there is an answer, None if it was answered already."""
        wanted = self.wanted
        if wanted is None or (self.found is not None and self.found.wanted == wanted):
            return None
        try:
            self.found = self._find(wanted)
        except WorkbenchError as error:
            self.found = Found(wanted, _said(str(error), wanted.width, palette.MUTED))
        return True

    def _find(self, wanted: Wanted) -> Found:
        if not wanted.path.exists():
            raise WorkbenchError(f"{plain(wanted.path.name)} is gone.")
        run_dir = run_dir_of(wanted.path)
        weights = find_weights(run_dir)
        if not weights:
            raise WorkbenchError("The run keeps no checkpoints, and images under attack come from one.")
        if wanted.attack is None:
            raise WorkbenchError(f"No attack is behind the energies of the {wanted.split} samples.")
        checkpoint = min(weights, key=lambda epoch: (abs(epoch - wanted.epoch), epoch))
        digest = self._digests.of(weights[checkpoint])
        file = pictures_path(run_dir / DERIVED, digest=digest, split=wanted.split, attack=wanted.attack)
        if file is None:
            raise WorkbenchError(f"{plain(wanted.attack, 40)} is no attack that this program can make.")
        if not file.exists():
            return Found(wanted, [], checkpoint=checkpoint)
        arrays, facts = self._open(file)
        if facts.get("checkpoint_digest") != digest:
            return Found(wanted, [], checkpoint=checkpoint)
        indices = arrays["index"].tolist()
        kept = frozenset(int(index) for index in indices)
        if wanted.sample not in kept:
            return Found(wanted, [], checkpoint=checkpoint, kept=kept)
        strips, drawings = _draw(wanted, arrays, indices.index(wanted.sample), facts, checkpoint)
        return Found(wanted, strips, drawings, checkpoint, there=True, kept=kept)

    def _open(self, file: Path) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """Arrays and facts of a file, read once."""
        key = version_of(file)
        if self._read is None or self._read[0] != key:
            if key[2] > LARGEST:
                raise WorkbenchError(f"{plain(file.name)} is too large to be shown")
            arrays, facts = read_tensors(file), read_facts(file, FORMAT)
            _check(file, arrays)
            self._read = key, arrays, facts
        return self._read[1:]


def _check(file: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Refuse what cannot be shown."""
    try:
        size, images = len(arrays["index"]), (arrays["natural"], arrays["adversarial"])
        fits = all(arrays[name].shape == (size,) for name in VECTORS)
        fits &= all(image.ndim == 4 and image.shape == images[0].shape for image in images) and len(images[0]) == size
    except (KeyError, TypeError) as error:
        raise WorkbenchError(f"{plain(file.name)} is damaged: no {plain(str(error))}") from None
    if not fits:
        raise WorkbenchError(f"{plain(file.name)} is damaged: its arrays do not fit each other")
    if images[0].shape[1] not in CHANNELS or 0 in images[0].shape:
        raise WorkbenchError(f"images of shape {images[0].shape[1:]} cannot be shown")


def _draw(
    wanted: Wanted, arrays: dict[str, NDArray[np.generic]], row: int, facts: dict[str, object], checkpoint: int
) -> tuple[list[Strip], tuple[Drawing, ...]]:
    """Natural, adversarial and difference, and under or beside them what the checkpoint makes of them."""
    natural, adversarial = (arrays[name][row : row + 1].astype(np.float32) for name in ("natural", "adversarial"))
    shape = natural.shape[2:]
    under = _Room(wanted.width, wanted.height - WORDS - 1)
    beside = _Room(wanted.width - COLUMN - GAP, wanted.height - 1)
    is_beside = beside.size(shape) > under.size(shape)
    room = beside if is_beside else under
    pictures, limit = side_by_side(natural, adversarial)
    if not wanted.colour:  # there blue and brown would be equally bright
        pictures[2] = np.rint(127.5 + 127.5 * (adversarial[0] - natural[0]) / (limit or 1.0)).astype(np.uint8)
    tiles: list[Tile] = [thumbnail(tile, room.side) for tile in pictures]
    zoom, across = room.zoom(tiles[0].shape[1:]), tiles[0].shape[2]
    cell = across * zoom + GAP
    long = ("natural x", "adversarial x*", f"x* − x, ±{number(limit)}")
    names = long if cell > max(map(len, long)) else ("x", "x*", f"±{number(limit)}")
    strips = [headings(names, ACROSS, cell, room.width)]
    strips += picture(tiles, ACROSS, zoom, room.width, colour=wanted.colour)
    drawings = _drawings([*pictures], cell, tiles[0].shape[1] * zoom, room.width, wanted.graphics)
    shrunk = tiles[0].shape[1:] != shape and not drawings
    smaller = f", shown in {across}×{tiles[0].shape[1]} pixels" if shrunk else ""
    said = _sentences(wanted, arrays, row, facts, checkpoint, smaller, COLUMN if is_beside else wanted.width)
    return _side_by_side(strips, said, ACROSS * cell) if is_beside else strips + said, drawings


def _drawings(
    pictures: Sequence[Tile], cell: int, pixels: int, width: int, graphics: Graphics | None
) -> tuple[Drawing, ...]:
    """The pictures as the terminal draws them, over half cells in columns of ``cell``, gap included."""
    if graphics is None or ACROSS * cell - GAP > width:
        return ()
    return tuple(draw(picture, place * cell, 1, cell - GAP, pixels, graphics) for place, picture in enumerate(pictures))


class _Room(NamedTuple):
    """Cells for three pictures beside each other."""

    width: int
    height: int

    @property
    def side(self) -> int:
        """Pixels that a picture may have along its longer side, at zoom 1."""
        return max(4, min(SIDE, (self.width + GAP) // ACROSS - GAP, 2 * self.height))

    def zoom(self, shape: tuple[int, ...]) -> int:
        """By how much pictures of (H, W) pixels can be enlarged."""
        height, across = shape
        return max(
            (
                z
                for z in range(1, 17)
                if ACROSS * (across * z + GAP) <= self.width + GAP and height * z <= 2 * self.height
            ),
            default=1,
        )

    def size(self, shape: tuple[int, ...]) -> int:
        """Pixels along the longer side of what is drawn of images of (H, W) pixels."""
        longer = max(shape)
        small = min(longer, self.side)
        return small * self.zoom(tuple(max(1, round(size * small / longer)) for size in shape))


def _sentences(
    wanted: Wanted,
    arrays: dict[str, NDArray[np.generic]],
    row: int,
    facts: dict[str, object],
    checkpoint: int,
    smaller: str,
    width: int,
) -> list[Strip]:
    """What the checkpoint makes of both images, and which checkpoint and attack they are of."""
    label, before, after = (int(arrays[name][row]) for name in ("label", "predicted", "predicted_adv"))
    energy, energy_adv = (float(arrays[name][row]) for name in ("energy", "energy_adv"))
    taken = [
        f"{name} taken for {_named(guess, wanted)} {'✓' if guess == label else '✗'}"
        for name, guess in (("x", before), ("x*", after))
    ]
    eps = facts.get("eps")
    radius = epsilon(eps) if isinstance(eps, float) else MISSING
    sentences = [
        (" · ".join([f"class {_named(label, wanted)}", *taken]), palette.TEXT),
        (f"E(x) {number(energy)}   E(x*) {number(energy_adv)}   ΔE {number(energy - energy_adv)}", palette.TEXT),
        (
            f"{plain(wanted.attack or MISSING, 24)}, ε {radius}, checkpoint of epoch {checkpoint}{smaller}",
            palette.MUTED,
        ),
    ]
    if wanted.split == "train":
        sentences.append(("evaluation mode: the log's energies are of training", palette.MUTED))
    return [strip for words, colour in sentences for strip in _said(words, width, colour)]


def _side_by_side(left: list[Strip], right: list[Strip], width: int) -> list[Strip]:
    """Lines beside each other, the right ones from column ``width`` on, a line lower than the left ones."""
    right = [Strip.blank(0), *right]
    rows = range(max(len(left), len(right)))
    blank = Strip.blank(0)
    return [
        Strip.join(
            [
                (left[row] if row < len(left) else blank).adjust_cell_length(width),
                right[row] if row < len(right) else blank,
            ]
        )
        for row in rows
    ]


def _named(label: int, wanted: Wanted) -> str:
    return "nothing finite" if label < 0 else class_name(label, wanted.class_names, 20)


def _said(words: str, width: int, colour: str) -> list[Strip]:
    return [line(part, width, colour) for part in wrap(plain(words), max(8, width))]
