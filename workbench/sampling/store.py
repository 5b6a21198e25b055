"""A directory of samples: segments while chains end, one file when all have, and a PNG of each.

Segments are whole files under their final names (written aside, then renamed): whatever kills the process, what had
been written stays, on network file systems and with several processes writing into one directory too.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image as Pillow

from trainers.atomic import write_atomically
from trainers.energylog.files import abandon, descriptor, temporary
from trainers.errors import WorkbenchError
from workbench.analysis.levels import to_uint8
from workbench.sampling.chain import Chain, Reason
from workbench.sampling.files import SEGMENTS, Place, ended_chains, files_of, open_samples, segments, values
from workbench.sampling.tables import COLUMNS, NAME, create, encode, to_rows, write_facts

IMAGES = "images"

SHARE_OF_TIME = 0.05
"""Share of the time that writing may take; chains that end meanwhile wait for the next segment."""

LONGEST_WAIT = 1.0
"""Seconds after which they are written all the same."""

MERGE_BLOCK = 512
"""Chains that are in memory at once while segments are merged."""


class SegmentWriter:
    """Writes chains as they end; one per process."""

    def __init__(self, out: Path, *, facts: Mapping[str, Any], class_names: Sequence[str], rank: int = 0) -> None:
        """Write below ``out``; ``rank`` tells processes apart."""
        self._out, self._facts, self._names, self._rank = out, facts, class_names, rank
        self.num_written = 0
        self._waiting: list[Chain] = []
        self._not_before = 0.0
        (out / SEGMENTS).mkdir(parents=True, exist_ok=True)
        self._number = max((int(path.stem.split("-")[1]) + 1 for path in segments(out, f"{rank:04d}-*.h5")), default=0)

    def add(self, chains: Sequence[Chain]) -> None:
        """Take chains that have ended, and write them unless writing has just taken its share of the time.

        Raises:
            WorkbenchError: the disk is full or read-only; what was written stays.
        """
        self._waiting += chains
        if self._waiting and time.monotonic() >= self._not_before:
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            WorkbenchError: the disk is full or read-only; what was written stays.
        """
        if not self._waiting:
            return
        began = time.monotonic()
        path = self._out / SEGMENTS / f"{self._rank:04d}-{self._number:06d}.h5"
        for chain in self._waiting:
            if chain.reason is not Reason.DIVERGED:
                save_image(self._out, chain, self._names)
        write_atomically(path, encode(to_rows(self._waiting), self._facts))
        self.num_written += len(self._waiting)
        self._number += 1
        self._waiting = []
        ended = time.monotonic()
        self._not_before = ended + min((ended - began) / SHARE_OF_TIME, LONGEST_WAIT)


def save_image(out: Path, chain: Chain, class_names: Sequence[str]) -> None:
    """The PNG of a chain, in the folder of its class.

    Raises:
        WorkbenchError: it cannot be written.
    """
    folder = out / IMAGES / class_folder(chain.label, class_names)
    pixels = to_uint8(chain.x)
    image = Pillow.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    path = folder / f"{chain.number:06d}.png"
    aside = path.with_suffix(".png.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        image.save(aside, format="PNG")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise WorkbenchError(
            f"cannot write {path} ({error.strerror or error}); make room, then go on with --resume"
        ) from error


def class_folder(label: int, class_names: Sequence[str]) -> str:
    """A folder name for a class, whatever characters its name has: its number, then its name if that differs."""
    name = class_names[label] if label < len(class_names) else ""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)[:60]
    return f"{label}" if safe in ("", str(label)) else f"{label}-{safe}"


def merge(out: Path, *, num_steps: int, facts: Mapping[str, Any]) -> None:
    """Make one file, sorted by chain, of all there is; then remove the segments.

    Raises:
        WorkbenchError: a segment is damaged, or the disk is full; nothing is removed then.
    """
    paths = files_of(out)
    if paths == [out / NAME]:
        return
    chains = ended_chains(out)
    order = sorted(chains)
    with temporary(out / NAME) as aside:
        with _whole(aside) as file:
            write_facts(file, facts)
            with open_samples(paths[0]) as one:
                for name, column in COLUMNS.items():
                    tail = (num_steps + 1,) if column.kind == "trajectory" else one[name].shape[1:]
                    create(file, name, (len(order), *tail), one[name].dtype)
            for first in range(0, len(order), MERGE_BLOCK):
                _copy(file, first, _by_file(order[first : first + MERGE_BLOCK], chains))
        aside.replace(out / NAME)
    for path in paths:
        if path.parent.name == SEGMENTS:
            path.unlink(missing_ok=True)
    if (out / SEGMENTS).is_dir() and not any((out / SEGMENTS).iterdir()):
        (out / SEGMENTS).rmdir()


@contextmanager
def _whole(path: Path) -> Iterator[h5py.File]:
    """A new file that is on the disk, all of it, after the block; a full disk does not crash the interpreter."""
    file = h5py.File(path, "w", libver=("earliest", "v110"))
    try:
        yield file
        file.flush()
        os.fsync(descriptor(file))
        file.close()
    except BaseException:
        abandon(file)
        raise


def _copy(target: h5py.File, first: int, sources: Mapping[Path, Sequence[tuple[int, int]]]) -> None:
    """Fill a block of rows from ``first`` on out of files, given places in the block and rows of each file."""
    num = sum(map(len, sources.values()))
    block = {
        name: np.full((num, *target[name].shape[1:]), np.nan if column.kind == "trajectory" else 0, column.dtype)
        for name, column in COLUMNS.items()
    }
    for path, places in sources.items():
        targets, rows = (np.array(numbers) for numbers in zip(*sorted(places, key=lambda pair: pair[1]), strict=True))
        with open_samples(path) as file:
            for name, merged in block.items():
                read = values(file, name, rows)
                if merged.ndim == 2:  # a trajectory may be shorter than those of a later run
                    merged[targets, : read.shape[1]] = read
                else:
                    merged[targets] = read
    for name, merged in block.items():
        target[name][first : first + num] = merged


def _by_file(block: Sequence[int], chains: Mapping[int, Place]) -> dict[Path, list[tuple[int, int]]]:
    """Places in the block and rows, by the file that holds them."""
    found: dict[Path, list[tuple[int, int]]] = {}
    for place, number in enumerate(block):
        found.setdefault(chains[number].path, []).append((place, chains[number].row))
    return found


def interrupted_writes(out: Path) -> Iterator[Path]:
    """What a killed process of ours left half written."""
    for pattern in (f"{SEGMENTS}/.*.h5.*.tmp", f"{IMAGES}/*/[0-9]*.png.tmp", f".{NAME}.tmp", ".sampling.toml.*.tmp"):
        yield from out.glob(pattern)
