"""EnergyTrainerCallback in the real Trainer of transformers."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainingArguments

from tests.integrations.task import CLASSES, NUM, Points, Witness, fgsm
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from trainers.integrations.huggingface import EnergyTrainerCallback

PASSES = 3
"""Batches per epoch."""
METRICS = {"pgd_accuracy": "eval_pgd"}

pytestmark = pytest.mark.filterwarnings("ignore")


class Network(torch.nn.Module):
    """A linear model that answers as a Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Linear(5, CLASSES)

    def forward(self, x: torch.Tensor, y: torch.Tensor, index: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.model(x)
        return {"loss": torch.nn.functional.cross_entropy(logits, y), "logits": logits}


class Adversarial(Trainer):
    """FGSM training that hands every pass over, those of evaluation too."""

    energies: EnergyTrainerCallback
    witness: Witness
    trouble: Callable[[int], None] | None = None

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        if model.training and self.trouble is not None:
            self.trouble(self.state.global_step)
        x, y = inputs["x"], inputs["y"]
        net = self.accelerator.unwrap_model(model).model
        outputs, adversarial = model(**inputs), net(fgsm(net, x, y))
        loss = torch.nn.functional.cross_entropy(adversarial, y)
        self.energies.record(inputs["index"], y, outputs["logits"], adversarial, loss=loss)
        if model.training:
            self.witness.saw(inputs["index"], y, outputs["logits"], adversarial)
        return (loss, outputs) if return_outputs else loss


@pytest.fixture
def witness() -> Witness:
    return Witness()


def adversarial(folder: Path, energies: EnergyTrainerCallback, witness: Witness, epochs: int, **options: Any) -> Any:
    quiet = {"report_to": [], "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no"}
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        use_cpu=True,
        num_train_epochs=epochs,
        per_device_train_batch_size=4,
        learning_rate=0.5,
        optim="sgd",
        label_names=["y"],
        dataloader_pin_memory=False,
        **{**quiet, **options},
    )
    made = Adversarial(
        model=Network(),
        args=arguments,
        train_dataset=Points(),
        eval_dataset=Points(),
        callbacks=[energies],
        compute_metrics=lambda _: {"pgd": 0.1 * (1 + round(made.state.epoch))},
    )
    made.energies, made.witness = energies, witness
    return made


def callback(path: Path, **options: Any) -> EnergyTrainerCallback:
    return EnergyTrainerCallback(path, num_samples=NUM, **options)


def test_epochs_are_logged_with_the_metrics_of_their_evaluation(tmp_path: Path, witness: Witness) -> None:
    with callback(tmp_path, metrics=METRICS, attack="fgsm") as energies:
        adversarial(tmp_path, energies, witness, 3, eval_strategy="epoch").train()
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed, log.meta.train_attack) == ("finished", 3, "fgsm")
        np.testing.assert_allclose(log.epochs()["pgd_accuracy"], [0.2, 0.3, 0.4])
        steps = log.steps()
    assert steps["step"].tolist() == list(range(9))
    np.testing.assert_allclose(steps["learning_rate"], 0.5 * (1 - np.arange(9) / 9))
    _, y, _, logits = witness.passes[4]
    assert steps["loss"][4] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5)


def test_epochs_without_an_evaluation_are_committed_when_the_next_begins(tmp_path: Path, witness: Witness) -> None:
    """Evaluated at step 5, in the second epoch, and at the last one."""
    energies = callback(tmp_path, metrics=METRICS)
    options = {"eval_strategy": "steps", "eval_steps": 5}
    adversarial(tmp_path, energies, witness, 3, **options).train()
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == ("finished", 3)
        np.testing.assert_allclose(log.epochs()["pgd_accuracy"], [math.nan, 0.3, 0.4])


def test_micro_batches_are_one_step(tmp_path: Path, witness: Witness) -> None:
    adversarial(tmp_path, callback(tmp_path), witness, 2, gradient_accumulation_steps=2).train()
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert log.epochs()["last_step"].tolist() == [2, 4]
        losses = [torch.nn.functional.cross_entropy(logits, y).item() for _, y, _, logits in witness.passes]
        steps = log.steps()
        wanted = [np.mean(losses[:2]), losses[2], np.mean(losses[3:5]), losses[5]]
        np.testing.assert_allclose(steps["loss"][steps["step"] >= 0], wanted, rtol=1e-5)


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "stopped"), (ZeroDivisionError, "failed")])
def test_a_run_that_is_cut_off_says_how(tmp_path: Path, witness: Witness, error: Any, status: str) -> None:
    def trouble(step: int) -> None:
        if step == 4:
            raise error

    energies = callback(tmp_path)
    trainer = adversarial(tmp_path, energies, witness, 3)
    trainer.trouble = trouble
    with pytest.raises(error), energies:
        trainer.train()
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == (status, 1)


@pytest.mark.parametrize("saved_after", [1, 2])
def test_training_from_a_checkpoint_goes_on_with_the_log(tmp_path: Path, witness: Witness, saved_after: int) -> None:
    """A checkpoint may be older than the log: the epoch that is trained again is not recorded again."""
    saving = {"save_strategy": "epoch", "eval_strategy": "epoch"}
    adversarial(tmp_path, callback(tmp_path, metrics=METRICS), witness, 2, **saving).train()
    with EnergyLog.open(tmp_path) as log:
        wanted = log.epochs().tobytes(), log.samples("train", "energy", 1).tobytes()
    again = Witness()
    checkpoint = str(tmp_path / "trainer" / f"checkpoint-{PASSES * saved_after}")
    more = adversarial(tmp_path, callback(tmp_path, metrics=METRICS), again, 3, **saving)
    more.train(resume_from_checkpoint=checkpoint)
    witness.passes += again.passes[-PASSES:]
    witness.assert_logged(tmp_path, PASSES)
    with EnergyLog.open(tmp_path) as log:
        assert (log.status, log.committed) == ("finished", 3)
        assert (log.epochs()[:2].tobytes(), log.samples("train", "energy", 1).tobytes()) == wanted
        assert log.steps()["step"].tolist() == list(range(9))
    (tmp_path / "run.h5").unlink()
    with pytest.raises(WorkbenchError, match=rf"goes on with epoch {saved_after}, but .*run.h5 has 0"):
        adversarial(tmp_path, callback(tmp_path), again, 3).train(resume_from_checkpoint=checkpoint)


def test_a_metric_that_is_never_evaluated_is_named(tmp_path: Path, witness: Witness) -> None:
    energies = callback(tmp_path, metrics={"pgd_accuracy": "eval_pdg"})
    with pytest.raises(WorkbenchError, match=r"no metric 'eval_pdg' was logged; there are .*eval_pgd"):
        adversarial(tmp_path, energies, witness, 2, eval_strategy="epoch").train()
    with pytest.raises(WorkbenchError, match=r"metrics gives names to clean_accuracy, .*; got 'eval_pgd'"):
        callback(tmp_path, metrics={"eval_pgd": "pgd_accuracy"})


def test_metrics_of_several_sets_are_waited_for(tmp_path: Path, witness: Witness) -> None:
    metrics = {"clean_accuracy": "eval_one_pgd", "pgd_accuracy": "eval_two_pgd"}
    with callback(tmp_path, metrics=metrics) as energies:
        trainer = adversarial(tmp_path, energies, witness, 2, eval_strategy="epoch")
        trainer.eval_dataset = {"one": Points(), "two": Points()}
        trainer.train()
    with EnergyLog.open(tmp_path) as log:
        np.testing.assert_allclose(log.epochs()["clean_accuracy"], [0.2, 0.3])
        np.testing.assert_allclose(log.epochs()["pgd_accuracy"], [0.2, 0.3])


def test_other_processes_record_nothing(tmp_path: Path, witness: Witness) -> None:
    trainer = adversarial(tmp_path, callback(tmp_path / "run"), witness, 1)
    trainer.state.is_world_process_zero = False
    trainer.is_world_process_zero = lambda: False
    trainer.train()
    assert not (tmp_path / "run").exists()
