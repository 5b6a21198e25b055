"""The checkpoints of a run: those that its folder holds, and those that its log speaks of. Read it in a thread."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.energylog import decode
from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME, find_weights
from trainers.spec import RolledBack
from workbench.evaluation import Evaluation, Found, find_evaluations
from workbench.evaluation.store import FOLDER
from workbench.summary import last_healthy_checkpoint
from workbench.tui.facts.digests import Digests

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

MOST_ROWS = 10_000

SHORT = {"catastrophic": "CO", "robust": "RO"}

Stamp = tuple[tuple[str, int, int], ...]
"""Names, times and sizes of the files in a folder: the same while nothing is written there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A checkpoint.

    Attributes:
        epoch: after which it was saved.
        path: the file; None where the log speaks of one that is not kept.
        size: in bytes; None if the file is not there.
        accuracies: clean, FGSM and PGD on the probe set, as logged; NaN where missing.
        roles: why it matters.
        recommended: whether it is the one to keep.
        overfitted: short names of the onsets that it lies behind.
        evaluations: strong ones, the latest first; where the file is there, those of the weights that it holds.
    """

    epoch: int
    path: Path | None
    size: int | None
    accuracies: tuple[float, float, float]
    roles: tuple[str, ...] = ()
    recommended: bool = False
    overfitted: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """All of them, by epoch.

    Attributes:
        rows: ascending.
        why: the sentence of the recommendation.
        run_dir: whose checkpoints commands can take by epoch; None where there is no run directory.
        nothing: why there are no rows, in sentences.
        troubles: what of the evaluations cannot be shown.
    """

    rows: tuple[Row, ...]
    why: str = ""
    run_dir: Path | None = None
    nothing: str = ""
    troubles: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Row, ...]:
        """Those whose files are there."""
        return tuple(row for row in self.rows if row.size is not None)


class Shelves:
    """Looks again and again, and reads evaluations only where something was written."""

    def __init__(self, path: Path) -> None:
        """What the app looks at: a run directory or a log."""
        self._path = path
        self._stamp: tuple[str, Stamp] | None = None
        self._found = Found()
        self._digests = Digests()

    def look(self, view: "View") -> Shelf:
        """What there is now."""
        summary = view.summary
        probed = "checkpoints" in view.meta.config
        of_run = self._path.is_dir() or self._path.name == LOG_NAME
        run_dir = (self._path if self._path.is_dir() else self._path.parent) if of_run and not probed else None
        weights: Mapping[int, Path] = summary.weights if run_dir is None and probed else {}
        if run_dir is not None:
            weights = find_weights(run_dir)
        named = _named(view, weights)
        epochs = sorted({*weights, *named})[-MOST_ROWS:]
        found = self._evaluations(run_dir, view.meta.run_id)
        strong = {epoch: self._strong(found, epoch, weights.get(epoch)) for epoch in epochs}
        rows = tuple(_row(view, epoch, weights.get(epoch), named.get(epoch, ()), strong[epoch][0]) for epoch in epochs)
        nothing = "" if rows else _nothing(view, run_dir)
        troubles = tuple(trouble.replace(f"{run_dir}{os.sep}", "") for trouble in found.troubles)
        troubles += tuple(trouble for _, trouble in strong.values() if trouble)
        return Shelf(rows=rows, why=summary.checkpoint.why, run_dir=run_dir, nothing=nothing, troubles=troubles)

    def _evaluations(self, run_dir: Path | None, run_id: str) -> Found:
        if run_dir is None:
            return Found()
        stamp = run_id, _stamp(run_dir / FOLDER)
        if stamp != self._stamp:
            self._stamp, self._found = stamp, find_evaluations(run_dir / FOLDER, run_id)
        return self._found

    def _strong(self, found: Found, epoch: int, weights: Path | None) -> tuple[tuple[Evaluation, ...], str]:
        """The evaluations of an epoch, the latest first, and why others are left out.

        A run that goes back and trains again writes other weights under the same name.
        """
        every = tuple(one.evaluation for one in reversed(found.stored) if one.evaluation.epoch == epoch)
        if weights is None or not every:
            return every, ""
        try:
            digest = self._digests.of(weights)
        except WorkbenchError as error:
            return (), f"evaluations of epoch {epoch} are not shown: {error}"
        fitting = tuple(one for one in every if one.digest == digest)
        left_out = len(every) - len(fitting)
        many = "evaluations of epoch" if left_out > 1 else "evaluation of epoch"
        trouble = f"{left_out} {many} {epoch} not shown: of other weights than the file holds now" if left_out else ""
        return fitting, trouble


def _stamp(folder: Path) -> Stamp:
    entries = []
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            status = entry.stat(follow_symlinks=False)
            entries.append((entry.name, status.st_mtime_ns, status.st_size))
    return tuple(sorted(entries))


def _named(view: "View", weights: Mapping[int, Path]) -> dict[int, tuple[str, ...]]:
    """The epochs that matter, kept or not, and why."""
    roles: dict[int, list[str]] = {}
    for epoch, role in _mentions(view, weights):
        known = roles.setdefault(epoch, [])
        if role not in known:
            known.append(role)
    return {epoch: tuple(words) for epoch, words in roles.items()}


def _mentions(view: "View", weights: Mapping[int, Path]) -> Iterator[tuple[int, str]]:
    summary, ours = view.summary, bool(weights) or "keep_last" in view.meta.config
    if summary.best is not None and ours:
        yield summary.best.epoch, "best"
    if weights:
        yield max(weights), "last"
    for onset in summary.onsets if ours else ():
        kept = last_healthy_checkpoint(weights, onset)
        epoch = next((epoch for epoch, path in weights.items() if path == kept), onset.last_healthy_epoch)
        if epoch is not None:
            yield epoch, f"last healthy before {SHORT[onset.kind]}"
    for event in view.events[view.events["kind"] == b"rollback"]:
        with suppress(WorkbenchError):
            epoch = RolledBack.checkpoint_in(decode(event["message"]))
            if epoch is not None:
                yield epoch, "gone back to"


def _row(view: "View", epoch: int, path: Path | None, roles: tuple[str, ...], strong: tuple[Evaluation, ...]) -> Row:
    size = None
    if path is not None:
        with suppress(OSError):
            size = path.stat().st_size
    columns = ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy")
    clean, fgsm, pgd = (view.value(column, epoch) for column in columns)
    advice = view.summary.checkpoint
    return Row(
        epoch=epoch,
        path=path,
        size=size,
        accuracies=(clean, fgsm, pgd),
        roles=roles,
        recommended=path is not None and advice.path is not None and advice.path.name == path.name,
        overfitted=tuple(
            SHORT[onset.kind]
            for onset in view.summary.onsets
            if onset.epoch <= epoch and (onset.rolled_back is None or epoch <= onset.rolled_back)
        ),
        evaluations=strong,
    )


def _nothing(view: "View", run_dir: Path | None) -> str:
    """Why there are no checkpoints."""
    if run_dir is None:
        return (
            "This log lies by itself, so that it is not known which checkpoints are its own. Open the run directory"
            " that holds them."
        )
    if "keep_last" not in view.meta.config:
        return (
            "This log was recorded from a loop of its own, whose checkpoints lie where that loop saves them."
            " workbench probe and workbench evaluate take them by name, with --model and --eps."
        )
    if view.num_epochs == 0:
        return "No epoch is finished yet; the first checkpoint comes with it."
    return "The folder checkpoints of this run holds none: they were removed, or it was told to keep none."
