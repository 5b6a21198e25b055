"""The detectors as a callback of training: every flag becomes an event of the log while the run goes on."""

from collections.abc import Collection

import numpy as np

from trainers.callbacks import Answer, BatchReport, EpochReport, Notebook, StartReport
from trainers.recipes import get_method
from workbench.onset.detect import OnsetDetector


class OnsetMonitor:
    """Watches a run with both detectors, notes their flags and keeps the checkpoints they name; never stops the run."""

    def __init__(self) -> None:
        """Wait for the run to start."""
        self._detector = OnsetDetector()

    def on_start(self, report: StartReport) -> None:
        """Start the detectors and take in the epochs that a resumed run already has.

        A flag that is missing from the log, because the run was killed just when it was raised, is noted now.
        """
        attack = get_method(report.config.method).attack
        self._detector = OnsetDetector(train_attack=attack.name if attack else None, adversarial=attack is not None)
        noted = {bytes(event["kind"]).decode() for event in report.events}
        for row in report.rows:
            self._take(row, report.notebook, noted)

    def on_batch(self, report: BatchReport) -> Answer:
        """Nothing to do."""
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Take in the epoch, and note the flag that it raises."""
        self._take(report.row, report.notebook, frozenset())
        return Answer.CONTINUE

    def _take(self, row: np.void, notebook: Notebook, noted: Collection[str]) -> None:
        onset = self._detector.update(row)
        if onset is None:
            return
        if onset.last_healthy_epoch is not None:
            notebook.keep(onset.last_healthy_epoch)
        if onset.kind not in noted:
            notebook.note(onset.kind, onset.epoch, onset.sentence)
