"""The detectors as a callback of training: every flag becomes an event of the log, and what was asked for is done."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.callbacks import Answer, BatchReport, EpochReport, Notebook, Rollback, StartReport, Stop
from trainers.recipes import stronger_der
from trainers.spec import RolledBack, TrainConfig
from workbench.onset.detect import steps_of
from workbench.onset.flags import Onset
from workbench.onset.lineage import Lineage

_NAMES = {"catastrophic": "catastrophic overfitting", "robust": "robust overfitting"}
_OPTIONS = {"catastrophic": "on_co", "robust": "on_ro"}


def _nothing(_: object) -> None:
    """Tell nobody."""


class OnsetMonitor:
    """Watches a run with both detectors, notes their flags, keeps the checkpoints they name, and acts on them.

    In ``trainers.fit`` the configuration's ``on_co`` and ``on_ro`` say how: *ignore* notes a flag and no more, *warn*
    says it too, *stop* ends the run, resumable, and *rollback* (CO only) returns to the last healthy checkpoint with
    more DER; the detectors then judge on as if the run had come straight from there. In any other loop, given to
    ``EnergyRecorder(callbacks=...)``, a flag is noted, said, and handed to ``on_flag``, which may do what it likes.
    """

    def __init__(self, *, say: Callable[[str], None] = _nothing, on_flag: Callable[[Onset], None] = _nothing) -> None:
        """Wait for the run to start.

        Args:
            say: takes every sentence that the user should see at once.
            on_flag: takes every flag when it rises. Flags that had risen before a resumed run are not repeated.
        """
        self._say = say
        self._on_flag = on_flag
        self._lineage = Lineage()
        self._rollbacks: list[RolledBack] = []
        self._noted: set[tuple[str, int]] = set()
        self._config: TrainConfig | None = None

    def on_start(self, report: StartReport) -> None:
        """Start the detectors and take in the epochs and the rollbacks that lie behind a resumed run.

        A flag that is missing from the log is noted now; nothing is done about a flag of the past.
        """
        self._config = report.config
        self._noted = {(bytes(event["kind"]).decode(), int(event["epoch"])) for event in report.events}
        self._rollbacks = []
        self._lineage = Lineage(
            train_attack=report.train_attack,
            adversarial=report.adversarial,
            goes_back=bool(report.rollbacks) or (report.config is not None and report.config.on_co == "rollback"),
        )
        behind = {rolled.epoch: rolled for rolled in report.rollbacks if not rolled.is_of_divergence}
        for row in report.rows:
            self._take(row, report.steps, report.notebook)
            if int(row["epoch"]) in behind:
                self._follow(behind[int(row["epoch"])])

    def on_batch(self, report: BatchReport) -> Answer:
        """Nothing to do."""
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Take in the epoch, note the flag that it raises, and answer what the configuration asks for."""
        onset = self._take(report.row, report.steps, report.notebook)
        if onset is None:
            return Answer.CONTINUE
        self._on_flag(onset)
        action = "warn" if self._config is None else getattr(self._config, _OPTIONS[onset.kind])
        if action == "ignore":
            return Answer.CONTINUE
        self._say(f"{_NAMES[onset.kind]} from epoch {onset.epoch}: {onset.sentence}")
        if action == "stop":
            option = _OPTIONS[onset.kind].replace("_", "-")
            return Stop(reason=f"stopped by --{option} stop: {_NAMES[onset.kind]} from epoch {onset.epoch}")
        if action == "rollback":
            return self._heal(onset, report.notebook)
        return Answer.CONTINUE

    def _take(self, row: np.void, steps: NDArray[Any], notebook: Notebook) -> Onset | None:
        onset = self._lineage.update(row, partial(steps_of, steps, int(row["epoch"])))
        if onset is None:
            return None
        if onset.last_healthy_epoch is not None:
            notebook.keep(onset.last_healthy_epoch)
        if (onset.kind, onset.epoch) not in self._noted:
            notebook.note(onset.kind, onset.epoch, onset.sentence)
            self._noted.add((onset.kind, onset.epoch))
        return onset

    def _heal(self, onset: Onset, notebook: Notebook) -> Answer:
        """Ask for a rollback, or say why there is none."""
        assert self._config is not None
        epoch = int(self._lineage.rows[-1]["epoch"])
        if epoch + 1 >= self._config.epochs:
            self._say("no rollback: this was the last epoch")
            return Answer.CONTINUE
        if len(self._rollbacks) >= self._config.max_rollbacks:
            self._say(f"no rollback: the run has had all {self._config.max_rollbacks} of --max-rollbacks")
            return Answer.CONTINUE
        rolled = RolledBack(
            epoch=epoch,
            checkpoint=self._checkpoint(onset, notebook),
            changes=stronger_der(self._config_now()),
        )
        self._say(f"rollback {len(self._rollbacks) + 1} of {self._config.max_rollbacks}: {rolled.sentence}")
        self._follow(rolled)
        return Rollback(checkpoint=rolled.checkpoint, changes=rolled.changes)

    def _checkpoint(self, onset: Onset, notebook: Notebook) -> int | None:
        """The last healthy epoch; if its weights are gone, the best one before the onset; else None, the start."""
        kept = set(notebook.kept())
        if onset.last_healthy_epoch in kept:
            return onset.last_healthy_epoch
        there = [row for row in self._lineage.rows if int(row["epoch"]) in kept and int(row["epoch"]) < onset.epoch]
        best = max(there, key=lambda row: np.nan_to_num(row["pgd_accuracy"], nan=-1.0), default=None)
        return None if best is None else int(best["epoch"])

    def _config_now(self) -> TrainConfig:
        """The configuration that the rollbacks so far have left."""
        assert self._config is not None
        settings: dict[str, Any] = self._config.to_dict()
        for rolled in self._rollbacks:
            settings |= rolled.changes
        return TrainConfig.from_dict(settings)

    def _follow(self, rolled: RolledBack) -> None:
        """Do as the run did."""
        self._rollbacks.append(rolled)
        self._lineage.go_back(rolled.epoch, rolled.checkpoint)
