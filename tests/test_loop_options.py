"""Settings that change how a run trains: what they do to a step, and that stopping and going on changes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.test_loop import StopAt, assert_same_run, tiny
from trainers import loop
from trainers.checkpoints import load_weights
from trainers.data import load_data
from trainers.energylog import EnergyLog
from trainers.loop import Outcome, fit, resume
from trainers.seeding import seeded_generator
from trainers.steps import StepResult

SMALL = {"train_size": 70, "probe_size": 30, "train_probe_size": 20, "batch_size": 16}
NUM_SMALL = 5
"""Batches in an epoch of SMALL."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def assert_stop_changes_nothing(folder: Path, *stops: int, **settings: Any) -> None:
    """Stopped after each of the numbers of batches and resumed, a run ends where an uninterrupted one does."""
    config = tiny(**SMALL, **settings)
    assert fit(config, folder / "whole") is Outcome.FINISHED
    for num_batches in stops:
        out = folder / f"stopped-{num_batches}"
        assert fit(config, out, [StopAt(num_batches)]) is Outcome.STOPPED
        assert resume(out) is Outcome.FINISHED
        assert_same_run(folder / "whole", out)


def test_an_augmented_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    assert_stop_changes_nothing(tmp_path, 3, NUM_SMALL, NUM_SMALL + 4, method="rs-fgsm-der", augment="crop-flip")


def test_batches_are_augmented_by_position_and_keep_their_indices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reaches the step, against images shifted one by one; what is evaluated is not augmented."""
    seen: list[tuple[Tensor, Tensor]] = []
    step = loop.train_step

    def watched(fabric: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor, **settings: Any) -> StepResult:
        seen.append((x.clone(), y))
        return step(fabric, model, optimizer, x, y, **settings)

    monkeypatch.setattr(loop, "train_step", watched)
    config = tiny(method="rs-fgsm", augment="crop-flip", **SMALL | {"epochs": 2}, seed=5)
    fit(config, tmp_path / "run")
    data = load_data("digits", train_size=70, probe_size=30)
    for number, (x, y) in enumerate(seen):
        epoch, batch = divmod(number, NUM_SMALL)
        order = torch.randperm(70, generator=seeded_generator(torch.device("cpu"), 5, "order", epoch))
        images, labels = data.train.batch(order[16 * batch : 16 * (batch + 1)])
        assert torch.equal(y, labels)
        generator = seeded_generator(torch.device("cpu"), 5, "augment", number)
        corners = torch.randint(0, 9, (2, len(x)), generator=generator)
        flips = torch.randint(0, 2, (len(x),), generator=generator)
        for image, before, top, left, flip in zip(x, images, *corners.tolist(), flips.tolist(), strict=True):
            cut = np.pad(before.numpy(), [(0, 0), (4, 4), (4, 4)])[:, top : top + 8, left : left + 8]
            np.testing.assert_array_equal(image.numpy(), cut[:, :, ::-1] if flip else cut)
    assert len(seen) == 2 * NUM_SMALL
    with EnergyLog.open(tmp_path / "run") as log:
        np.testing.assert_array_equal(log.keys("train").index, data.train.index.numpy())
        assert log.meta.config["augment"] == "crop-flip"
        model, _ = load_weights(tmp_path / "run" / "checkpoints" / "epoch-000001.safetensors")
        x, _ = data.probe.batch(torch.arange(30))
        energy = -model(x).detach().logsumexp(1)
        np.testing.assert_allclose(log.samples("probe", "energy", 1), energy.numpy(), rtol=1e-4, atol=1e-4)
