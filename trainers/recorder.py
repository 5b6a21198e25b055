"""Energies of any training loop into a log that every command reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from trainers.callbacks import EpochCallback, EpochReport, Notebook, StartReport
from trainers.energylog import EVENT_DTYPE, SAMPLE_COLUMNS, STEP_DTYPE, EnergyLog, LogWriter, SampleKeys
from trainers.errors import WorkbenchError
from trainers.provenance import UNKNOWN, describe_loop, plain_config
from trainers.rundir import LOG_NAME, find_weights
from trainers.spec import BatchNormMode, LogMode
from trainers.tally import EnergyTally, batch_energies, to_table

_UNLABELLED = -1
_PROBE_ROWS = [column.name for column in SAMPLE_COLUMNS]


class EnergyRecorder:
    """Records the energies of a training loop that is not ours; a context manager.

        with EnergyRecorder("run.h5", num_samples=len(data), config=vars(args)) as recorder:
            for epoch in range(epochs):
                for index, x, y in loader:                     # index: which sample of the data set
                    ...
                    recorder.batch(index, y, logits_clean, logits_adv)
                recorder.end_epoch(clean_accuracy=..., pgd_accuracy=...)

    Energies stay on the device of the logits; they are read back after every 64 batches and after every epoch. Without
    ``labels`` the log appears with its first epoch, since its table of labels cannot change afterwards. One process
    records; with several, let one of them do it.

    Attributes:
        path: the log's file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        num_samples: int,
        config: Mapping[str, Any] | None = None,
        labels: ArrayLike | Tensor | None = None,
        class_names: Sequence[str] | None = None,
        attack: str | None = None,
        batch_norm: BatchNormMode = "train",
        num_probe: int = 0,
        probe_attack: str | None = None,
        steps_per_epoch: int | None = None,
        callbacks: Sequence[EpochCallback] = (),
        resume: bool = False,
        log_mode: LogMode = "auto",
    ) -> None:
        """Make the log, or the preparations for it.

        Args:
            path: a directory, which gets a ``run.h5``, or a file; folders are made.
            num_samples: training samples; ``batch`` takes their numbers, 0 to ``num_samples`` - 1.
            config: settings of the run, kept in the log; what JSON cannot hold is kept as text. ``method``, ``data``
                (or ``dataset``), ``seed``, ``epochs``, ``eps``, ``model`` and ``attack`` are shown by every command.
            labels: class of every training sample, shape (num_samples,).
            class_names: a name for each class; their numbers by default.
            attack: what made ``logits_adv``, such as "fgsm" or "pgd-10"; ``config["attack"]`` by default. Robust
                overfitting is judged by accuracy under a multi-step attack only.
            batch_norm: the mode of the forward passes that made the logits.
            num_probe: samples that ``probe`` takes after every epoch.
            probe_attack: what makes the probe's ``logits_adv``. From "pgd..." and "fgsm" the probe's accuracies follow.
            steps_per_epoch: batches per epoch, if known; the log is a little smaller then.
            callbacks: asked after every epoch, such as ``workbench.onset.monitor.OnsetMonitor``; what they answer is
                left to the loop.
            resume: go on with the log that is there, if there is one.
            log_mode: how the log is written; see ``LogWriter.create``.

        Raises:
            WorkbenchError: there is a log and ``resume`` is not set, it is of other samples, or it cannot be written.
        """
        given = Path(path)
        self.path = given / LOG_NAME if given.is_dir() or not given.suffix else given
        self._num_samples, self._num_probe = _count("num_samples", num_samples), _count("num_probe", num_probe)
        self._config = plain_config(config or {})
        self._class_names = None if class_names is None else tuple(class_names)
        self._attack = attack or str(self._config.get("attack") or UNKNOWN)
        self._probe_attack = probe_attack
        self._batch_norm = batch_norm
        self._steps_per_epoch = steps_per_epoch
        self._callbacks = tuple(callbacks)
        self._log_mode: LogMode = log_mode
        self._num_classes = 0
        self._labels = {"train": _unlabelled(self._num_samples), "probe": _unlabelled(self._num_probe)}
        self._seen: dict[str, Tensor] = {}
        self._probe: Tensor | None = None
        self._tally: EnergyTally | None = None
        self._writer: LogWriter | None = None
        if labels is not None:
            self._labels["train"] = _labels(labels, self._num_samples)
        if self.path.exists():
            if not resume:
                raise WorkbenchError(f"{self.path} exists; record elsewhere, or go on with it by resume=True")
            self._go_on()
        elif labels is not None and not num_probe:
            self._create()

    @property
    def epoch(self) -> int:
        """The epoch that is being recorded: as many are on disk."""
        return 0 if self._writer is None else self._writer.committed

    def batch(
        self,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: Tensor | None = None,
        logits_adv: Tensor | None = None,
        *,
        loss: Tensor | float | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Take in one batch of training; nothing waits for the device, and no gradient is kept.

        Args:
            index: number of each sample, shape (B,); one that comes twice in an epoch keeps its last energies.
            y: class of each sample, shape (B,).
            logits_clean: f(x), shape (B, K); None where x was not forwarded.
            logits_adv: f(x*), shape (B, K); None where there was no x*.
            loss: mean training loss of the batch.
            learning_rate: learning rate of the step.

        Raises:
            WorkbenchError: shapes do not fit, or an index (if it is not on an accelerator) is out of range.
        """
        rows, targets = self._aligned("train", index, y, logits_clean, logits_adv)
        if self._tally is None:
            self._tally = EnergyTally(self._writer, num_recorded=self._num_samples, device=rows.device)
        missing = torch.full((), torch.nan, device=rows.device)
        self._tally.batch(
            epoch=self.epoch,
            learning_rate=float("nan") if learning_rate is None else learning_rate,
            rows=rows,
            y=targets,
            clean_logits=None if logits_clean is None else logits_clean.detach(),
            adv_logits=None if logits_adv is None else logits_adv.detach(),
            loss=missing if loss is None else torch.as_tensor(loss, device=rows.device).detach(),
            regularizer=missing,
        )

    def probe(
        self,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: Tensor | None = None,
        logits_adv: Tensor | None = None,
    ) -> None:
        """Take in one batch of the probe set, 0 to ``num_probe`` - 1; arguments and errors as for ``batch``."""
        rows, targets = self._aligned("probe", index, y, logits_clean, logits_adv)
        if self._probe is None:
            self._probe = torch.full((len(_PROBE_ROWS), self._num_probe + 1), torch.nan, device=rows.device)
        clean, adversarial = (None if logits is None else logits.detach() for logits in (logits_clean, logits_adv))
        self._probe[:, rows] = batch_energies(targets, clean, adversarial)

    def end_epoch(
        self,
        *,
        clean_accuracy: float | None = None,
        fgsm_accuracy: float | None = None,
        pgd_accuracy: float | None = None,
        train_pgd_accuracy: float | None = None,
        train_seconds: float | None = None,
        evaluation_seconds: float | None = None,
    ) -> np.void:
        """Commit the epoch to the log and ask the callbacks; training accuracies come from the batches.

        Args:
            clean_accuracy: accuracy on x of held-out samples, a fraction; by default that of ``probe``.
            fgsm_accuracy: under FGSM from zero; by default that of ``probe`` if its attack is "fgsm".
            pgd_accuracy: under the strongest attack that is run; by default that of ``probe`` if its attack is a PGD.
            train_pgd_accuracy: of training samples under the same attack in the same mode; needed to tell robust
                overfitting, unless training itself uses a multi-step attack.
            train_seconds: wall time of the epoch's training.
            evaluation_seconds: wall time of its evaluation.

        Returns:
            The row of the log's ``/epoch``, with the statistics of ΔE.

        Raises:
            WorkbenchError: an accuracy is no fraction, or the log cannot be written.
        """
        given = {
            "clean_accuracy": clean_accuracy,
            "fgsm_accuracy": fgsm_accuracy,
            "pgd_accuracy": pgd_accuracy,
            "train_pgd_accuracy": train_pgd_accuracy,
        }
        accuracies = self._probe_accuracies() | {
            name: _fraction(name, value) for name, value in given.items() if value is not None
        }
        seconds = {"train_seconds": train_seconds, "evaluation_seconds": evaluation_seconds}
        writer = self._create() if self._writer is None else self._writer
        if self._tally is None:
            self._tally = EnergyTally(writer, num_recorded=self._num_samples, device=torch.device("cpu"))
        epoch = writer.committed
        self._tally.flush(epoch)
        steps = self._tally.steps
        measures = {"epoch": epoch, **accuracies, **{name: v for name, v in seconds.items() if v is not None}}
        row = self._tally.end_epoch(measures, None if self._probe is None else to_table(self._probe[:, :-1]))
        assert row is not None
        self._probe = None
        for callback in self._callbacks:
            callback.on_epoch(EpochReport(row=row, steps=steps, notebook=self._notebook(writer)))
        return row

    def note(self, message: str) -> None:
        """Add an event of kind "note" to the log; from the first epoch on, if there were no labels to begin with."""
        if self._writer is None:
            raise WorkbenchError(f"{self.path} does not exist before its first epoch; give labels= to have it at once")
        self._note("note", self.epoch, message)

    def close(self, status: str = "finished") -> None:
        """End the log as finished, stopped or failed; batches of an epoch that was not ended are given up."""
        if self._writer is not None:
            self._writer.close(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.close("stopped" if issubclass(kind, KeyboardInterrupt) else "failed")

    def _go_on(self) -> None:
        """Take up the log that is there."""
        train = self._labels["train"]
        with EnergyLog.open(self.path) as log:
            keys = {split: log.keys(split) for split in ("train", "probe")}
            rows, steps, events = log.epochs(), log.steps(), log.events()
        sizes = (len(keys["train"]), len(keys["probe"]))
        labelled = (train != _UNLABELLED).any()
        if sizes != (self._num_samples, self._num_probe) or (labelled and not (keys["train"].label == train).all()):
            raise WorkbenchError(
                f"{self.path} is of {sizes[0]} training and {sizes[1]} probe samples, or of other labels: "
                "record this run elsewhere"
            )
        self._writer = LogWriter.resume(self.path, mode=self._log_mode)
        self._note("restart", self._writer.committed, "resumed")
        self._start(self._writer, rows, steps[steps["epoch"] < len(rows)], events)

    def _create(self) -> LogWriter:
        """Make the log with the labels that are known by now."""
        for split, seen in self._seen.items():
            found = seen[:-1].cpu().numpy().astype(np.int32)
            self._labels[split] = np.where(found == _UNLABELLED, self._labels[split], found)
        self._seen.clear()
        num_classes = max(self._num_classes, *(int(labels.max(initial=-1)) + 1 for labels in self._labels.values()))
        names = self._class_names or tuple(str(number) for number in range(num_classes))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = LogWriter.create(
            self.path,
            describe_loop(
                self._config,
                class_names=names,
                train_attack=self._attack,
                probe_attack=self._probe_attack,
                batch_norm=self._batch_norm,
            ),
            train=_keys(self._labels["train"]),
            probe=_keys(self._labels["probe"]),
            steps_per_epoch=self._steps_per_epoch,
            mode=self._log_mode,
        )
        nothing = self._writer.epochs()
        self._start(self._writer, nothing, np.empty(0, dtype=STEP_DTYPE), np.empty(0, dtype=EVENT_DTYPE))
        return self._writer

    def _start(
        self, writer: LogWriter, rows: NDArray[np.void], steps: NDArray[np.void], events: NDArray[np.void]
    ) -> None:
        if self._tally is not None:
            self._tally.attach(writer)
        report = StartReport(
            config=None,
            train_attack=None if self._attack == UNKNOWN else self._attack,
            adversarial=True,
            rows=rows,
            steps=steps,
            events=events,
            notebook=self._notebook(writer),
        )
        for callback in self._callbacks:
            callback.on_start(report)

    def _notebook(self, writer: LogWriter) -> Notebook:
        """What a callback may do here; which weights are kept is the loop's own business."""
        return Notebook(note=self._note, keep=lambda _: None, kept=lambda: find_weights(writer.path.parent))

    def _note(self, kind: str, epoch: int, message: str) -> None:
        assert self._writer is not None
        self._writer.append_event(kind=kind, epoch=epoch, step=self._writer.num_steps, message=message)

    def _aligned(
        self,
        split: str,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: Tensor | None,
        logits_adv: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Rows and classes on the logits' device; a row that is out of range becomes the one behind the last."""
        present = [logits for logits in (logits_clean, logits_adv) if logits is not None]
        if not present:
            raise WorkbenchError("give logits_clean, logits_adv or both")
        rows, targets = torch.as_tensor(index), torch.as_tensor(y)
        shapes = [tuple(tensor.shape) for tensor in (rows, targets, *present)]
        if (
            rows.ndim != 1
            or targets.shape != rows.shape
            or any(logits.ndim != 2 or len(logits) != len(rows) for logits in present)
        ):
            raise WorkbenchError(f"index and y are (B,), logits are (B, K); got {', '.join(map(str, shapes))}")
        size = len(self._labels[split])
        if rows.device.type == "cpu" and len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < size:
            raise WorkbenchError(
                f"{split} samples are numbered 0 to {size - 1}; got index {int(rows.min())} to {int(rows.max())}"
            )
        device = present[0].device
        rows, targets = rows.to(device, torch.int64), targets.to(device, torch.int64)
        rows = torch.where((rows < 0) | (rows >= size), size, rows)
        if self._writer is None:
            self._learn_labels(split, rows, targets, present[0].shape[1])
        return rows, targets

    def _learn_labels(self, split: str, rows: Tensor, targets: Tensor, num_classes: int) -> None:
        """Remember labels, on the device, until the log is made: in the first epoch only."""
        self._num_classes = num_classes
        if split not in self._seen:
            self._seen[split] = torch.full((len(self._labels[split]) + 1,), _UNLABELLED, device=rows.device)
        self._seen[split][rows] = targets

    def _probe_accuracies(self) -> dict[str, float]:
        """What the probe's flags say, by the name of its attack; flags that were not recorded are left out."""
        if self._probe is None:
            return {}
        means = torch.nanmean(self._probe[_PROBE_ROWS.index("correct") :, :-1], dim=1).tolist()
        kind = next((kind for kind in ("fgsm", "pgd") if (self._probe_attack or "").startswith(kind)), None)
        found = {"clean_accuracy": means[0]} | ({} if kind is None else {f"{kind}_accuracy": means[1]})
        return {name: value for name, value in found.items() if np.isfinite(value)}


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise WorkbenchError(f"{name} is a number of samples; got {value!r}")
    return int(value)


def _fraction(name: str, value: float) -> float:
    if not (np.isnan(value) or 0 <= value <= 1):
        raise WorkbenchError(f"{name} is a fraction from 0 to 1; got {float(value):g} (divide a percentage by 100)")
    return float(value)


def _labels(labels: ArrayLike | Tensor, num_samples: int) -> NDArray[np.int32]:
    values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if values.shape != (num_samples,) or values.dtype.kind not in "iu" or values.min(initial=0) < 0:
        raise WorkbenchError(
            f"labels are {num_samples} classes from 0, one for each sample; got {values.dtype} of shape {values.shape}"
        )
    return values.astype(np.int32)


def _unlabelled(num_samples: int) -> NDArray[np.int32]:
    return np.full(num_samples, _UNLABELLED, dtype=np.int32)


def _keys(labels: NDArray[np.int32]) -> SampleKeys:
    return SampleKeys(index=np.arange(len(labels), dtype=np.int64), label=labels)
