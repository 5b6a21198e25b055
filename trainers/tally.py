"""Energies of one epoch's batches, kept on the device and written to the log by block and by epoch."""

import math
from collections import deque
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.energy import joint_energy, marginal_energy
from trainers.energylog import LogWriter, SampleTable
from trainers.energylog.schema import (
    DELTA_STATISTICS,
    NOT_RECORDED,
    QUANTILES,
    SAMPLE_COLUMNS,
    STEP_BLOCK,
    STEP_DTYPE,
)
from trainers.readback import Readback, read_later

_TOTALS = ("count", "loss", "regularizer", "correct", "correct_adv")
_STEP_VALUES = ("loss", "adversarial_accuracy", *(f"delta_energy_{name}" for name in DELTA_STATISTICS))
_ENERGY, _ENERGY_ADV, _CORRECT, _CORRECT_ADV = (
    [column.name for column in SAMPLE_COLUMNS].index(name)
    for name in ("energy", "energy_adv", "correct", "correct_adv")
)


def batch_energies(y: Tensor, clean_logits: Tensor | None, adv_logits: Tensor | None) -> Tensor:
    """The per-sample columns of the log for one batch, shape (6, B) float32; NaN where logits are missing.

    Rows follow the log's sample columns: E(x), E(x*), E(x,y), E(x*,y) and the two correct flags.
    """
    given = [logits.float() for logits in (clean_logits, adv_logits) if logits is not None]
    if not given:
        return torch.full((len(SAMPLE_COLUMNS), len(y)), torch.nan, dtype=torch.float32, device=y.device)
    logits, targets = torch.cat(given), y.repeat(len(given))  # one pass over both: small batches cost by the call
    values = torch.stack(
        [marginal_energy(logits), joint_energy(logits, targets), (logits.argmax(1) == targets).float()]
    ).view(3, len(given), len(y))
    if len(given) == 1:
        missing = torch.full_like(values, torch.nan)
        values = torch.cat([values, missing] if adv_logits is None else [missing, values], dim=1)
    return values.flatten(0, 1)


def to_table(columns: Tensor) -> SampleTable:
    """Columns (6, N) as ``batch_energies`` makes them, to a table of the log on the host."""
    energy, energy_adv, joint, joint_adv, correct, correct_adv = columns.cpu().numpy()

    def flags(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        return np.where(np.isnan(values), NOT_RECORDED, values).astype(np.uint8)

    return SampleTable(
        energy=energy,
        energy_adv=energy_adv,
        joint_energy=joint,
        joint_energy_adv=joint_adv,
        correct=flags(correct),
        correct_adv=flags(correct_adv),
    )


class EnergyTally:
    """Collects one epoch of batches on the device and writes it to the log.

    Samples are addressed by their row in the training split; rows beyond the recorded ones are counted in the
    accuracies but not stored. Steps and epochs that the log already holds are not written again: a run that
    resumes before the end of its log repeats them, and what is committed stays as it is.

    Attributes:
        diverged: the first step whose loss was infinite or not a number, as far as steps have been written; else None.
    """

    def __init__(
        self, writer: LogWriter | None, *, num_recorded: int, device: torch.device, first_step: int = 0
    ) -> None:
        """Begin an epoch without batches.

        Args:
            writer: the log, or None until one is attached.
            num_recorded: rows of the training split that are recorded: the first ones.
            device: where batches come from.
            first_step: the optimizer step of the first batch.
        """
        self._writer: LogWriter | None = None
        self._device = device
        self._num_recorded = num_recorded
        self._steps_on_disk = 0
        self.diverged: int | None = None
        self._quantiles = torch.tensor(list(QUANTILES.values()), dtype=torch.float32, device=device)
        self._begin(first_step)
        if writer is not None:
            self.attach(writer)

    def attach(self, writer: LogWriter) -> None:
        """Write to this log from now on, the batches so far included."""
        self._writer = writer
        self._steps_on_disk = writer.num_steps

    def _begin(self, first_step: int) -> None:
        self._steps: list[Tensor] = []
        self._rates: list[float] = []
        self._rows: list[dict[str, float]] = []
        self._first_step = first_step
        self._given_up = 0
        self._reading: deque[Readback] = deque()
        self._asked_for = 0
        self._written = 0
        self._forget_samples()

    @torch.inference_mode(False)
    def _forget_samples(self) -> None:
        # One column more than is recorded takes what falls outside, so that no batch needs a data-dependent shape.
        self._columns = torch.full(
            (len(SAMPLE_COLUMNS), self._num_recorded + 1), torch.nan, dtype=torch.float32, device=self._device
        )
        self._totals = torch.zeros(len(_TOTALS), dtype=torch.float64, device=self._device)

    @property
    def next_step(self) -> int:
        """The optimizer step that the next batch belongs to."""
        return self._first_step + len(self._steps)

    def batch(
        self,
        *,
        epoch: int,
        learning_rate: float,
        rows: Tensor,
        y: Tensor,
        clean_logits: Tensor | None,
        adv_logits: Tensor | None,
        loss: Tensor,
        regularizer: Tensor,
    ) -> None:
        """Take in one batch: ``rows`` (B,) of the training split, labels, detached logits (B, K), scalar losses.

        Nothing waits for a CUDA device: blocks of steps are copied aside and written when they have arrived.
        """
        values = batch_energies(y, clean_logits, adv_logits)
        self._columns[:, rows.clamp(max=self._num_recorded)] = values
        delta = values[_ENERGY] - values[_ENERGY_ADV]
        self._steps.append(
            torch.cat(
                [
                    torch.stack([loss.float(), values[_CORRECT_ADV].mean(), delta.mean(), delta.std(correction=0)]),
                    torch.quantile(delta, self._quantiles),
                ]
            )
        )
        self._rates.append(learning_rate)
        size = torch.full_like(loss, len(y))
        self._totals += torch.stack(
            [size, loss * size, regularizer * size, values[_CORRECT].sum(), values[_CORRECT_ADV].sum()]
        )
        if self._writer is not None:
            if len(self._steps) - self._asked_for >= STEP_BLOCK:
                self._ask()
            self._write(epoch, wait=False)

    def latest(self) -> tuple[float, float, float]:
        """Loss, adversarial accuracy and mean ΔE of the last batch; waits for the device."""
        loss, accuracy, delta = self._steps[-1][:3].tolist()
        return loss, accuracy, delta

    def flush(self, epoch: int) -> None:
        """Write the steps so far, if there is a log to write to; waits for the device."""
        if self._writer is None:
            return
        self._ask()
        self._write(epoch, wait=True)

    def give_up(self, epoch: int) -> None:
        """The epoch begins anew at the next step; the steps so far stay on record, what they measured does not."""
        self.flush(epoch)
        self._given_up = len(self._steps)
        self._forget_samples()
        self.diverged = None

    def _ask(self) -> None:
        """Begin to read the steps that were not yet asked for."""
        block = self._steps[self._asked_for :]
        if block:
            self._reading.append(read_later(torch.stack(block)))
            self._asked_for = len(self._steps)

    def _write(self, epoch: int, *, wait: bool) -> None:
        """Write the steps that have arrived, in order; with ``wait`` all that were asked for."""
        while self._reading and (wait or self._reading[0].ready()):
            for values in self._reading.popleft().rows():
                self._write_step(epoch, values)

    def _write_step(self, epoch: int, values: list[float]) -> None:
        assert self._writer is not None
        step, rate = self._first_step + self._written, self._rates[self._written]
        row = {"step": step, "epoch": epoch, "learning_rate": rate, **dict(zip(_STEP_VALUES, values, strict=True))}
        self._rows.append(row)
        if step >= self._steps_on_disk:
            self._writer.append_step(row)
        if self.diverged is None and self._written >= self._given_up and not math.isfinite(row["loss"]):
            self.diverged = step
        self._written += 1

    @property
    def steps(self) -> NDArray[np.void]:
        """The epoch's steps as far as they have been written: STEP_DTYPE."""
        names = STEP_DTYPE.names or ()
        return np.array([tuple(row[name] for name in names) for row in self._rows], dtype=STEP_DTYPE)

    def end_epoch(self, measures: Mapping[str, float], probe: SampleTable | None) -> np.void | None:
        """Write the epoch: its steps, its row and its tables. The recorder adds what the training passes measured.

        Returns:
            The row as committed to ``/epoch``, or None if the log already held this epoch.
        """
        assert self._writer is not None
        epoch = int(measures["epoch"])
        self.flush(epoch)
        count, loss, regularizer, correct, correct_adv = self._totals.tolist()
        count = count or np.nan  # an epoch without batches has nothing to tell of training
        row = {
            "last_step": self.next_step,
            "learning_rate": self._rates[-1] if self._rates else np.nan,
            "train_loss": loss / count,
            "train_regularizer": regularizer / count,
            "train_clean_accuracy": correct / count,
            "train_robust_accuracy": correct_adv / count,
        }
        committed: np.void | None = None
        if epoch >= self._writer.committed:
            train = to_table(self._columns[:, :-1]) if self._num_recorded else None
            committed = self._writer.append_epoch(row | dict(measures), train, probe)
        self._begin(self.next_step)
        return committed

    def state_dict(self) -> dict[str, Tensor]:
        """The epoch so far, as tensors; with ``load_state_dict`` it goes on as if it had never stopped."""
        steps = torch.stack(self._steps) if self._steps else torch.empty(0, len(_STEP_VALUES))
        return {
            "columns": self._columns,
            "steps": steps,
            "rates": torch.tensor(self._rates, dtype=torch.float64),
            "first_step": torch.tensor(self._first_step),
            "given_up": torch.tensor(self._given_up),
            "totals": self._totals,
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up the state that ``state_dict`` gave."""
        self._begin(int(state["first_step"]))
        self._given_up = int(state.get("given_up", 0))
        self._columns.copy_(state["columns"])
        self._totals.copy_(state["totals"])
        self._steps = list(state["steps"].to(self._device))
        self._rates = state["rates"].tolist()
