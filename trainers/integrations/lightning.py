"""``EnergyCallback``: energies of a Lightning training into a log."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:  # the same under its older name
    from pytorch_lightning import Callback, LightningModule, Trainer  # type: ignore[assignment]

from trainers.integrations.session import Session
from trainers.recorder import EnergyRecorder

Extract = Callable[[Any, Any], Mapping[str, Any]]


class EnergyCallback(Callback):
    """Records what ``training_step`` returns, and commits at the end of every training epoch.

        def training_step(self, batch, batch_idx):
            ...
            return {"loss": loss, "index": index, "y": y, "logits_clean": logits, "logits_adv": logits_adv}

        Trainer(callbacks=[EnergyCallback("run.h5", num_samples=len(data), metrics={"pgd_accuracy": "val_pgd"})])

    The log ends as finished, as stopped (Ctrl-C) or as failed. A trainer that starts from a checkpoint of a later epoch
    goes on with the log that is there; epochs that are trained again are not recorded again. The process of rank zero
    records what it sees; ``fast_dev_run`` and the sanity check are not recorded.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        num_samples: int,
        metrics: Mapping[str, str] | None = None,
        extract: Extract | None = None,
        **options: Any,
    ) -> None:
        """Prepare; the log is made, or gone on with, when training starts.

        Args:
            path: as for ``EnergyRecorder``.
            num_samples: training samples.
            metrics: the name of a logged metric for ``clean_accuracy``, ``fgsm_accuracy``, ``pgd_accuracy`` and
                ``train_pgd_accuracy``, as far as there are any. They are taken at the end of the training epoch, and
                only from epochs in which they were logged.
            extract: makes the dictionary of ``index``, ``y``, ``logits_clean`` and ``logits_adv`` from what
                ``training_step`` returned and from its batch; by default that is the dictionary it returned.
            options: those of ``EnergyRecorder``, ``resume`` excepted.

        Raises:
            WorkbenchError: ``metrics`` names something that the log has no place for.
        """
        self._extract = extract
        self._session = Session(path, metrics, {"num_samples": num_samples, **options})
        self._rate: float | None = None
        self._steps = 0
        self._before: dict[str, Any] = {}
        self._evaluated = False

    @property
    def recorder(self) -> EnergyRecorder | None:
        """The recorder while training goes on in this process, for ``probe`` and ``note``; else None."""
        return self._session.recorder

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the log, or go on with it."""
        if trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False):
            self._session.start(trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the metrics of earlier epochs: they stay where they are until they are logged again."""
        self._before, self._evaluated = dict(trainer.callback_metrics), False

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the learning rate that the step is made with."""
        rates = [group["lr"] for optimizer in trainer.optimizers[:1] for group in optimizer.param_groups[:1]]
        self._rate = float(rates[0]) if rates else None
        self._steps = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take in what the step returned; nothing if it returned None, which skips it."""
        if not self._session.is_recording or outputs is None or (isinstance(outputs, Mapping) and not outputs):
            return
        part = outputs if self._extract is None else self._extract(outputs, batch)
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        scaled = None if loss is None else loss * trainer.accumulate_grad_batches
        self._session.add(part if isinstance(part, Mapping) else {"loss": part}, scaled)
        if trainer.global_step > self._steps:
            self._session.step(self._rate)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that there was an evaluation in this epoch."""
        self._evaluated = self._evaluated or not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Commit the epoch."""
        found = {name: value for name, value in trainer.callback_metrics.items() if value is not self._before.get(name)}
        self._session.end_epoch(found, evaluated=self._evaluated)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the log as finished."""
        self._session.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the log as stopped or failed."""
        self._session.close(exception)
