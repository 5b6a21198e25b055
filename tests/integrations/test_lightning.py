"""EnergyCallback in the real Lightning."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from tests.integrations.task import CLASSES, NUM, Points, Witness, fgsm
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.integrations.lightning import EnergyCallback

BATCH = 4
PASSES = 3
"""Batches per epoch."""


@pytest.fixture
def witness() -> Witness:
    return Witness()


pytestmark = pytest.mark.filterwarnings("ignore")


class Module(LightningModule):
    """FGSM training of a linear model; ``trouble`` is called with the epoch and the batch number."""

    def __init__(self, witness: Witness, trouble: Callable[[int, int], None] | None = None) -> None:
        super().__init__()
        self.model = torch.nn.Linear(5, CLASSES)
        self.witness, self.trouble = witness, trouble
        self.losses: list[float] = []

    def training_step(self, batch: dict[str, torch.Tensor], number: int) -> Any:
        if self.trouble is not None:
            self.trouble(self.current_epoch, number)
        x, y = batch["x"], batch["y"]
        clean, adversarial = self.model(x), self.model(fgsm(self.model, x, y))
        loss = torch.nn.functional.cross_entropy(adversarial, y)
        self.witness.saw(batch["index"], y, clean, adversarial)
        self.losses.append(loss.item())
        return {"loss": loss, "index": batch["index"], "y": y, "logits_clean": clean, "logits_adv": adversarial}

    def validation_step(self, batch: dict[str, torch.Tensor], number: int) -> None:
        self.log("val_pgd", 0.5 if self.trainer.sanity_checking else 0.1 * (1 + self.current_epoch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.5)
        halving = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": halving, "interval": "step"}}


def trainer(callback: EnergyCallback, epochs: int, **options: Any) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
    return Trainer(
        accelerator="cpu", devices=1, logger=False, callbacks=[callback], max_epochs=epochs, **{**quiet, **options}
    )


def loader(shuffle: bool = True) -> DataLoader[Any]:
    return DataLoader(Points(), batch_size=BATCH, shuffle=shuffle)


def callback(path: Path, **options: Any) -> EnergyCallback:
    return EnergyCallback(path, num_samples=NUM, **options)


def test_epochs_are_logged_with_the_metrics_of_their_own_evaluation(tmp_path: Path, witness: Witness) -> None:
    module = Module(witness)
    energies = callback(tmp_path, metrics={"pgd_accuracy": "val_pgd"}, attack="fgsm", config={"epochs": 3})
    fit = trainer(energies, 3, check_val_every_n_epoch=2, num_sanity_val_steps=1)
    fit.fit(module, loader(), DataLoader(Points(), batch_size=NUM))
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed, log.meta.train_attack) == ("finished", 3, "fgsm")
        np.testing.assert_array_equal(log.epochs()["pgd_accuracy"], [math.nan, np.float32(0.2), math.nan])
        steps = log.steps()
        assert log.epochs()["train_loss"][2] == pytest.approx(np.mean(module.losses[6:]), rel=1e-5)
    assert steps["step"].tolist() == list(range(9))
    np.testing.assert_allclose(steps["loss"], module.losses, rtol=1e-5)
    np.testing.assert_allclose(steps["learning_rate"], 0.5 ** np.arange(1, 10))
    assert energies.recorder is None


def test_micro_batches_are_one_step(tmp_path: Path, witness: Witness) -> None:
    module = Module(witness)
    trainer(callback(tmp_path), 2, accumulate_grad_batches=2).fit(module, loader())
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert log.epochs()["last_step"].tolist() == [2, 4]
        losses = np.array(module.losses)
        wanted = [losses[:2].mean(), losses[2], losses[3:5].mean(), losses[5]]
        steps = log.steps()
        np.testing.assert_allclose(steps["loss"][steps["step"] >= 0], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [(KeyboardInterrupt, SystemExit, "stopped"), (ZeroDivisionError, ZeroDivisionError, "failed")],
)
def test_a_run_that_is_cut_off_says_how(tmp_path: Path, witness: Witness, error: Any, raised: Any, status: str) -> None:
    def trouble(epoch: int, number: int) -> None:
        if (epoch, number) == (1, 1):
            raise error

    with pytest.raises(raised):
        trainer(callback(tmp_path), 3).fit(Module(witness, trouble), loader())
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == (status, 1)


@pytest.mark.parametrize("saved_after", [1, 2])
def test_training_from_a_checkpoint_goes_on_with_the_log(tmp_path: Path, witness: Witness, saved_after: int) -> None:
    """A checkpoint may be older than the log: the epoch that is trained again is not recorded again."""
    first = trainer(callback(tmp_path), saved_after)
    first.fit(Module(witness), loader())
    first.save_checkpoint(tmp_path / "weights.ckpt")
    if saved_after == 1:
        (tmp_path / "run.h5").unlink()
        witness.passes.clear()
        trainer(callback(tmp_path), 2).fit(Module(witness), loader())
    before = EnergyLog.open(tmp_path)
    wanted = before.epochs().tobytes(), before.samples("train", "energy", 1).tobytes()
    before.close()
    again = Witness()
    trainer(callback(tmp_path), 3).fit(Module(again), loader(), ckpt_path=tmp_path / "weights.ckpt")
    witness.passes += again.passes[-PASSES:]
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == ("finished", 3)
        assert (log.epochs()[:2].tobytes(), log.samples("train", "energy", 1).tobytes()) == wanted
        assert log.steps()["step"].tolist() == list(range(9))
    (tmp_path / "run.h5").unlink()
    with pytest.raises(WorkbenchError, match=rf"goes on with epoch {saved_after}, but .*run.h5 has 0"):
        trainer(callback(tmp_path), 4).fit(Module(again), loader(), ckpt_path=tmp_path / "weights.ckpt")


def test_a_finished_log_is_not_written_over(tmp_path: Path, witness: Witness) -> None:
    trainer(callback(tmp_path), 1).fit(Module(witness), loader())
    with pytest.raises(WorkbenchError, match="exists; record elsewhere"):
        trainer(callback(tmp_path), 1).fit(Module(witness), loader())


def test_a_step_without_the_keys_is_refused_in_one_line(tmp_path: Path, witness: Witness) -> None:
    class Plain(Module):
        def training_step(self, batch: Any, number: int) -> Any:
            return {"loss": super().training_step(batch, number)["loss"], "preds": batch["y"]}

    with pytest.raises(WorkbenchError) as caught:
        trainer(callback(tmp_path, labels=Points().y), 1).fit(Plain(witness), loader())
    assert str(caught.value) == ("a training step gives index, y and logits_clean, logits_adv or both; got loss, preds")
    with EnergyLog.open(tmp_path) as log:
        assert log.status == "failed"


def test_extract_takes_what_the_step_and_its_batch_have(tmp_path: Path, witness: Witness) -> None:
    class Other(Module):
        def training_step(self, batch: Any, number: int) -> Any:
            if number == 1:
                return None  # skipped
            step = super().training_step(batch, number)
            return {"loss": step["loss"], "both": torch.stack([step["logits_clean"], step["logits_adv"]])}

    def extract(outputs: Any, batch: Any) -> dict[str, Any]:
        clean, adversarial = outputs["both"]
        return {"index": batch["index"], "y": batch["y"], "logits_clean": clean, "logits_adv": adversarial}

    trainer(callback(tmp_path, extract=extract), 2).fit(Other(witness), loader(shuffle=False))
    with EnergyLog.open(tmp_path) as log:
        assert log.epochs()["last_step"].tolist() == [2, 4]
        assert np.isnan(log.samples("train", "energy", 1)[4:8]).all()
        logits = witness.passes[2][2]
        np.testing.assert_allclose(
            log.samples("train", "energy", 1)[:4], -torch.logsumexp(logits.double(), 1), rtol=1e-5
        )


def test_a_metric_that_is_never_logged_is_named(tmp_path: Path, witness: Witness) -> None:
    energies = callback(tmp_path, metrics={"pgd_accuracy": "val_pdg"})
    with pytest.raises(WorkbenchError, match=r"no metric 'val_pdg' was logged; there are val_pgd"):
        trainer(energies, 1).fit(Module(witness), loader(), DataLoader(Points(), batch_size=NUM))
    with pytest.raises(WorkbenchError, match=r"metrics gives names to clean_accuracy, .*; got 'val_pgd'"):
        callback(tmp_path, metrics={"val_pgd": "pgd_accuracy"})
    with pytest.raises(WorkbenchError, match="leave resume out"):
        callback(tmp_path, resume=True)


def test_other_ranks_and_dry_runs_record_nothing(
    tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(callback(tmp_path), 1, fast_dev_run=True).fit(Module(witness), loader())
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda _: False))
    trainer(callback(tmp_path), 1).fit(Module(witness), loader())
    assert list(tmp_path.iterdir()) == []
