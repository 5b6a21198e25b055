"""The detectors as a callback of training: every flag becomes an event of the log while the run goes on."""

from typing import Any

from numpy.typing import NDArray

from trainers.callbacks import Answer, BatchReport, EpochReport
from trainers.recipes import get_method
from trainers.spec import TrainConfig
from workbench.onset.detect import OnsetDetector


class OnsetMonitor:
    """Watches a run with both detectors and notes their flags; it never stops the run."""

    def __init__(self) -> None:
        """Wait for the run to start."""
        self._detector = OnsetDetector()

    def on_start(self, config: TrainConfig, rows: NDArray[Any]) -> None:
        """Start the detectors, and take in the epochs that a resumed run already has; their flags are in its log."""
        attack = get_method(config.method).attack
        self._detector = OnsetDetector(train_attack=attack.name if attack else None, adversarial=attack is not None)
        for row in rows:
            self._detector.update(row)

    def on_batch(self, report: BatchReport) -> Answer:
        """Nothing to do."""
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        """Take in the epoch, and note the flag that it raises."""
        onset = self._detector.update(report.row)
        if onset is not None:
            report.note(onset.kind, onset.epoch, onset.sentence)
        return Answer.CONTINUE
