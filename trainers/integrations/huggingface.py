"""``EnergyTrainerCallback``: energies of a Hugging Face ``Trainer`` into a log."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import ArrayLike
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainers.integrations.session import Session
from trainers.recorder import EnergyRecorder


class EnergyTrainerCallback(TrainerCallback):
    """Records what ``compute_loss`` hands to ``record``; a context manager.

        class AdversarialTrainer(Trainer):
            def compute_loss(self, model, inputs, **_):
                ...
                energies.record(inputs["index"], y, logits, logits_adv, loss=loss)
                return loss

        metrics = {"pgd_accuracy": "eval_pgd_accuracy"}
        with EnergyTrainerCallback("run.h5", num_samples=len(data), metrics=metrics) as energies:
            AdversarialTrainer(..., callbacks=[energies]).train()

    An epoch is committed as soon as it has ended and what ``metrics`` names was evaluated in it, at the latest when the
    next one begins or training ends. The micro-batches of gradient accumulation are one step of the log. Without the
    ``with`` block a run that ends by an exception is "failed" when the process ends: a trainer tells its callbacks
    nothing of exceptions. Training that resumes from a checkpoint goes on with the log that is there; epochs that are
    trained again are not recorded again. The process of rank zero records what it sees.
    """

    def __init__(
        self, path: str | Path, *, num_samples: int, metrics: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Prepare; the log is made, or gone on with, when training starts.

        Args:
            path: as for ``EnergyRecorder``.
            num_samples: training samples.
            metrics: the name of an evaluated metric for ``clean_accuracy``, ``fgsm_accuracy``, ``pgd_accuracy`` and
                ``train_pgd_accuracy``, as far as there are any.
            options: those of ``EnergyRecorder``, ``resume`` excepted.

        Raises:
            WorkbenchError: ``metrics`` names something that the log has no place for.
        """
        self._session = Session(path, metrics, {"num_samples": num_samples, **options})
        self._in_step = self._has_ended = self._evaluated = False
        self._rate: float | None = None
        self._found: dict[str, Any] = {}

    @property
    def recorder(self) -> EnergyRecorder | None:
        """The recorder while training goes on in this process, for ``probe`` and ``note``; else None."""
        return self._session.recorder

    def record(
        self,
        index: ArrayLike | Tensor,
        y: ArrayLike | Tensor,
        logits_clean: Tensor | None = None,
        logits_adv: Tensor | None = None,
        *,
        loss: Tensor | float | None = None,
    ) -> None:
        """Take in one micro-batch of training; arguments and errors as for ``EnergyRecorder.batch``.

        ``compute_loss`` is used for evaluation too: what comes then is passed over.
        """
        if self._in_step:
            part = {"index": index, "y": y, "logits_clean": logits_clean, "logits_adv": logits_adv}
            self._session.add(part, loss)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Make the log, or go on with it."""
        self._in_step = self._has_ended = False
        if state.is_world_process_zero:
            self._session.start(math.floor((state.epoch or 0.0) + 1e-6))

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Commit the epoch before, if that still waits for its metrics."""
        if self._has_ended:
            self._commit()
        self._found, self._evaluated = {}, False

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, optimizer: Any = None, **_: Any
    ) -> None:
        """A step of the optimizer begins, of one or more micro-batches."""
        self._in_step = True
        self._rate = None if optimizer is None else float(optimizer.param_groups[0]["lr"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """It is done."""
        self._in_step = False
        self._session.step(self._rate)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Commit, if all metrics are there."""
        self._has_ended, self._in_step = True, False
        self._commit_if_complete()

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Take in metrics, of one of perhaps several evaluation sets, and commit if all are there."""
        self._evaluated = True
        self._found |= metrics or {}
        if self._has_ended:
            self._commit_if_complete()

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Commit what still waits, and end the log as finished."""
        if self._has_ended:
            self._commit()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close(kind)

    def _commit_if_complete(self) -> None:
        if all(name in self._found for name in self._session.metrics.values()):
            self._commit()

    def _commit(self) -> None:
        self._has_ended = False
        self._session.end_epoch(self._found, evaluated=self._evaluated)
