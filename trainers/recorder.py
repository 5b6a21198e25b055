"""Energies of any training loop into a log that every command reads."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from trainers import intake
from trainers.callbacks import EpochCallback, EpochReport, Notebook, StartReport
from trainers.energylog import SAMPLE_COLUMNS, SPLITS, STEP_DTYPE, EnergyLog, LogWriter, SampleKeys
from trainers.energylog.schema import STATUSES
from trainers.errors import WorkbenchError
from trainers.provenance import UNKNOWN, describe_loop, plain_config
from trainers.recipes import METHODS
from trainers.rundir import find_weights
from trainers.spec import MANTISSA_BITS, BatchNormMode, LogMode
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

    Energies stay on the device of the logits; blocks of 64 steps are read back while the next ones are computed, the
    rest after the epoch. Without ``labels`` the log appears with its first epoch, since its table of labels cannot
    change afterwards. One process records; with several, let one of them do it.

    Leaving the block ends the log: as finished, as stopped after Ctrl-C or ``sys.exit``, as failed after any other
    exception. Batches of an epoch that was not ended are given up.

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
        probe_labels: ArrayLike | Tensor | None = None,
        probe_attack: str | None = None,
        steps_per_epoch: int | None = None,
        callbacks: Sequence[EpochCallback] = (),
        resume: bool = False,
        keep_bits: int | None = None,
        log_mode: LogMode = "auto",
    ) -> None:
        """Make the log, or the preparations for it.

        Args:
            path: a directory, which gets a ``run.h5``, or a file (.h5, .hdf5, .hdf); folders are made.
            num_samples: training samples; ``batch`` takes their numbers, 0 to ``num_samples`` - 1.
            config: settings of the run, kept in the log; what JSON cannot hold is kept as text. ``method``, ``data``
                (or ``dataset``), ``seed``, ``epochs``, ``eps``, ``model`` and ``attack`` are shown by every command.
                Of more than 64 KiB the largest settings are left out; an event of the log names them.
            labels: class of every training sample, shape (num_samples,). With them (and ``probe_labels``, if there is a
                probe) the log is there at once, and a batch whose classes are other ones is refused.
            class_names: a name for each class; their numbers by default.
            attack: what made ``logits_adv``, such as "fgsm" or "pgd-10"; ``config["attack"]`` by default. Robust
                overfitting is judged by accuracy under a multi-step attack only.
            batch_norm: the mode of the forward passes that made the logits.
            num_probe: samples that ``probe`` takes after every epoch.
            probe_labels: class of every probe sample, shape (num_probe,).
            probe_attack: what makes the probe's ``logits_adv``. From "pgd..." and "fgsm" the probe's accuracies follow.
            steps_per_epoch: batches per epoch, if known; the log is a little smaller then.
            callbacks: asked after every epoch, such as ``workbench.onset.monitor.OnsetMonitor``; what they answer is
                left to the loop.
            resume: go on with the log that is there, if there is one; what it says of the run stays as it is.
            keep_bits: bits of the mantissa, 1 to 23, that sample energies are rounded to for a smaller log; None: all.
            log_mode: how the log is written; see ``LogWriter.create``.

        Raises:
            WorkbenchError: there is a log and ``resume`` is not set, it is of other samples or cannot be written, or
                an argument makes no sense.
        """
        self.path = intake.log_file(path)
        self._num_samples = intake.count("num_samples", num_samples)
        self._num_probe = intake.count("num_probe", num_probe)
        self._config, self._left_out = intake.fitted(plain_config(config or {}))
        self._class_names = None if class_names is None else tuple(map(str, class_names))
        self._attack = str(attack or self._config.get("attack") or UNKNOWN).lower()
        self._probe_attack = None if probe_attack is None else probe_attack.lower()
        self._batch_norm: BatchNormMode = _one_of("batch_norm", batch_norm, get_args(BatchNormMode))
        self._steps_per_epoch = None if steps_per_epoch is None else intake.count("steps_per_epoch", steps_per_epoch)
        self._callbacks = _callbacks(callbacks)
        self._keep_bits = MANTISSA_BITS if keep_bits is None else intake.count("keep_bits", keep_bits, least=1)
        if self._keep_bits > MANTISSA_BITS:
            raise WorkbenchError(f"keep_bits is from 1 to {MANTISSA_BITS}; got {keep_bits}")
        self._log_mode: LogMode = _one_of("log_mode", log_mode, get_args(LogMode))
        self._num_classes = 0
        self._labels = {"train": _unlabelled(self._num_samples), "probe": _unlabelled(self._num_probe)}
        self._seen: dict[str, Tensor] = {}
        self._probe: Tensor | None = None
        self._tally: EnergyTally | None = None
        self._writer: LogWriter | None = None
        self._closed = False
        if labels is not None:
            self._labels["train"] = intake.labels(labels, self._num_samples)
        if probe_labels is not None:
            self._labels["probe"] = intake.labels(probe_labels, self._num_probe)
        if self.path.exists():
            if not resume:
                raise WorkbenchError(f"{self.path} exists; record elsewhere, or go on with it by resume=True")
            self._go_on()
        elif labels is not None and (probe_labels is not None or not num_probe):
            self._create()

    @property
    def epoch(self) -> int:
        """The epoch that is being recorded: as many are on disk."""
        return 0 if self._writer is None else self._writer.committed

    def batch(
        self,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: ArrayLike | Tensor | None = None,
        logits_adv: ArrayLike | Tensor | None = None,
        *,
        loss: ArrayLike | Tensor | None = None,
        learning_rate: ArrayLike | Tensor | None = None,
    ) -> None:
        """Take in one batch of training; nothing waits for the device, and no gradient is kept.

        Args:
            index: number of each sample, shape (B,); one that comes twice in an epoch keeps its last energies.
            y: class of each sample, shape (B,).
            logits_clean: f(x), shape (B, K); None where x was not forwarded.
            logits_adv: f(x*), shape (B, K); None where there was no x*.
            loss: mean training loss of the batch, one number.
            learning_rate: learning rate of the step, one number.

        Raises:
            WorkbenchError: types or shapes do not fit, an index or a class is out of range (those on an accelerator are
                not looked at, which would wait for it: such samples are not recorded), or the log cannot be written.
        """
        batch = self._take("train", index, y, logits_clean, logits_adv)
        rate = float("nan") if learning_rate is None else intake.number("learning_rate", learning_rate)
        if batch is None:
            return
        if self._tally is None:
            self._tally = self._new_tally(batch.rows.device)
        self._tally.batch(
            epoch=self.epoch,
            learning_rate=rate,
            rows=batch.rows,
            y=batch.y,
            clean_logits=batch.clean,
            adv_logits=batch.adversarial,
            loss=intake.scalar("loss", loss, batch.rows.device),
            regularizer=intake.scalar("regularizer", None, batch.rows.device),
        )

    def probe(
        self,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: ArrayLike | Tensor | None = None,
        logits_adv: ArrayLike | Tensor | None = None,
    ) -> None:
        """Take in one batch of the probe set, 0 to ``num_probe`` - 1; arguments and errors as for ``batch``."""
        batch = self._take("probe", index, y, logits_clean, logits_adv)
        if batch is None:
            return
        if self._probe is None:
            self._probe = _table(len(_PROBE_ROWS), self._num_probe + 1, torch.nan, batch.rows.device)
        self._probe[:, batch.rows] = batch_energies(batch.y, batch.clean, batch.adversarial)

    def end_epoch(
        self,
        *,
        clean_accuracy: ArrayLike | Tensor | None = None,
        fgsm_accuracy: ArrayLike | Tensor | None = None,
        pgd_accuracy: ArrayLike | Tensor | None = None,
        train_pgd_accuracy: ArrayLike | Tensor | None = None,
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
            WorkbenchError: an accuracy is no fraction, or the log cannot be written. What is wrong with an argument is
                said before anything is written, and the call may be repeated.
        """
        given = {
            "clean_accuracy": clean_accuracy,
            "fgsm_accuracy": fgsm_accuracy,
            "pgd_accuracy": pgd_accuracy,
            "train_pgd_accuracy": train_pgd_accuracy,
        }
        accuracies = self._probe_accuracies() | {
            name: intake.fraction(name, value) for name, value in given.items() if value is not None
        }
        seconds = {"train_seconds": train_seconds, "evaluation_seconds": evaluation_seconds}
        durations = {name: intake.number(name, value) for name, value in seconds.items() if value is not None}
        self._check_open()
        writer = self._create() if self._writer is None else self._writer
        tally = self._new_tally(torch.device("cpu")) if self._tally is None else self._tally
        epoch = writer.committed
        tally.flush(epoch)
        steps = tally.steps
        probe = None if self._probe is None else to_table(self._probe[:, :-1])
        row = tally.end_epoch({"epoch": epoch, **accuracies, **durations}, probe)
        assert row is not None
        self._probe = None
        for callback in self._callbacks:
            callback.on_epoch(EpochReport(row=row, steps=steps, notebook=self._notebook(writer)))
        return row

    def note(self, message: str) -> None:
        """Add an event of kind "note" to the log; from the first epoch on, if there were no labels to begin with."""
        self._check_open()
        if self._writer is None:
            raise WorkbenchError(
                f"{self.path} does not exist before its first epoch; "
                "give labels= (and probe_labels=) to have it at once"
            )
        self._note("note", self.epoch, message)

    def close(self, status: str = "finished") -> None:
        """End the log as finished, stopped or failed; batches of an epoch that was not ended are given up.

        Raises:
            WorkbenchError: there is no such status, or the log could not be written.
        """
        _one_of("status", status, STATUSES[1:])
        self._closed = True
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
            with suppress(WorkbenchError):  # what ended the block says more
                self.close("stopped" if issubclass(kind, KeyboardInterrupt | SystemExit) else "failed")

    def _go_on(self) -> None:
        """Take up the log that is there."""
        with EnergyLog.open(self.path) as log:
            labels = {split: log.keys(split).label for split in SPLITS}
            rows, steps, events, meta = log.epochs(), log.steps(), log.events(), log.meta
        sizes = tuple(map(len, labels.values()))
        train = self._labels["train"]
        known = (train != _UNLABELLED) & (labels["train"] != _UNLABELLED) if sizes[0] == len(train) else []
        if sizes != (self._num_samples, self._num_probe) or (labels["train"] != train)[known].any():
            raise WorkbenchError(
                f"{self.path} is of {sizes[0]} training and {sizes[1]} probe samples, or of other labels: "
                "record this run elsewhere"
            )
        self._labels = labels
        self._writer = LogWriter.resume(self.path, mode=self._log_mode)
        self._note("restart", self._writer.committed, "resumed")
        given = {"attack": self._attack, "probe_attack": self._probe_attack, "batch_norm": self._batch_norm}
        logged = {"attack": meta.train_attack, "probe_attack": meta.probe_attack, "batch_norm": meta.train_batch_norm}
        for name, value in given.items():
            if value not in (logged[name], None, UNKNOWN):
                self._note(
                    "note", self._writer.committed, f"{name} stays {logged[name]}, as the log began, not {value}"
                )
        self._attack, self._probe_attack = meta.train_attack or UNKNOWN, meta.probe_attack
        self._start(self._writer, meta.method, rows, steps[steps["epoch"] < len(rows)], events)

    def _create(self) -> LogWriter:
        """Make the log with the labels that are known by now."""
        for split, seen in self._seen.items():
            self._labels[split] = seen[:-1].cpu().numpy().astype(np.int32)
        self._seen.clear()
        num_classes = max(self._num_classes, *(int(labels.max(initial=-1)) + 1 for labels in self._labels.values()))
        names = self._class_names or tuple(str(number) for number in range(num_classes))
        if num_classes > len(names):
            raise WorkbenchError(f"there are {len(names)} class_names for {num_classes} classes")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkbenchError(f"cannot make the folder {self.path.parent} ({error.strerror})") from error
        meta = describe_loop(
            self._config,
            class_names=names,
            train_attack=self._attack,
            probe_attack=self._probe_attack,
            batch_norm=self._batch_norm,
            keep_bits=self._keep_bits,
        )
        self._writer = LogWriter.create(
            self.path,
            meta,
            train=_keys(self._labels["train"]),
            probe=_keys(self._labels["probe"]),
            steps_per_epoch=self._steps_per_epoch,
            mode=self._log_mode,
        )
        if self._left_out is not None:
            self._note("note", 0, self._left_out)
        nothing = self._writer.epochs()
        self._start(self._writer, meta.method, nothing, np.empty(0, dtype=STEP_DTYPE), self._writer.events())
        return self._writer

    def _start(
        self,
        writer: LogWriter,
        method: str,
        rows: NDArray[np.void],
        steps: NDArray[np.void],
        events: NDArray[np.void],
    ) -> None:
        if self._tally is not None:
            self._tally.attach(writer)
        report = StartReport(
            config=None,
            train_attack=None if self._attack == UNKNOWN else self._attack,
            adversarial=method not in METHODS or METHODS[method].attack is not None,
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

    def _take(
        self,
        split: str,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: ArrayLike | Tensor | None,
        logits_adv: ArrayLike | Tensor | None,
    ) -> intake.Batch | None:
        """Check a batch, and remember its labels, on the device, as long as the log is not made."""
        self._check_open()
        size = len(self._labels[split])
        batch = intake.batch(split, size, index=index, y=y, logits_clean=logits_clean, logits_adv=logits_adv)
        if batch is None:
            return batch
        intake.same_classes(self._labels[split], index, y)
        if self._writer is not None:
            return batch
        if self._class_names is not None and batch.num_classes > len(self._class_names):
            raise WorkbenchError(f"there are {len(self._class_names)} class_names for {batch.num_classes} logits")
        self._num_classes = batch.num_classes
        if (self._labels[split] != _UNLABELLED).any():
            return batch
        if split not in self._seen:
            self._seen[split] = _table(1, size + 1, _UNLABELLED, batch.rows.device)[0]
        self._seen[split][batch.rows] = batch.y
        return batch

    def _new_tally(self, device: torch.device) -> EnergyTally:
        first_step = 0 if self._writer is None else self._writer.num_steps
        return EnergyTally(self._writer, num_recorded=self._num_samples, device=device, first_step=first_step)

    def _check_open(self) -> None:
        if self._closed:
            raise WorkbenchError(f"the recorder of {self.path} is closed; record within its with block")

    def _probe_accuracies(self) -> dict[str, float]:
        """What the probe's flags say, by the name of its attack; flags that were not recorded are left out."""
        if self._probe is None:
            return {}
        means = torch.nanmean(self._probe[_PROBE_ROWS.index("correct") :, :-1], dim=1).tolist()
        kind = next((kind for kind in ("fgsm", "pgd") if (self._probe_attack or "").startswith(kind)), None)
        found = {"clean_accuracy": means[0]} | ({} if kind is None else {f"{kind}_accuracy": means[1]})
        return {name: value for name, value in found.items() if np.isfinite(value)}


def _callbacks(given: Any) -> tuple[EpochCallback, ...]:
    """A sequence of things that can be asked after an epoch."""
    found = tuple(given) if isinstance(given, Sequence) else (given,)
    if not all(hasattr(one, "on_start") and hasattr(one, "on_epoch") for one in found):
        raise WorkbenchError("callbacks are objects with on_start and on_epoch, such as OnsetMonitor(on_flag=...)")
    return found


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise WorkbenchError(f"{name} is one of {', '.join(choices)}; got {value!r}")
    return value


@torch.inference_mode(False)
def _table(rows: int, columns: int, fill: float, device: torch.device) -> Tensor:
    """A table that may be filled in any mode of autograd."""
    dtype = torch.int64 if isinstance(fill, int) else torch.float32
    return torch.full((rows, columns), fill, dtype=dtype, device=device)


def _unlabelled(num_samples: int) -> NDArray[np.int32]:
    return np.full(num_samples, _UNLABELLED, dtype=np.int32)


def _keys(labels: NDArray[np.int32]) -> SampleKeys:
    return SampleKeys(index=np.arange(len(labels), dtype=np.int64), label=labels)
