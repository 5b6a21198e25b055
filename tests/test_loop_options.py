"""Settings that change how a run trains: what they do to a step, and that stopping and going on changes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.test_loop import StopAt, assert_same_run, tiny
from trainers import loop
from trainers.checkpoints import CheckpointStore, load_weights
from trainers.data import load_data
from trainers.energylog import EnergyLog, decode
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, resume
from trainers.rollback import roll_back
from trainers.seeding import seeded_generator
from trainers.setup import initial_weights, prepare
from trainers.spec import Ball, RolledBack
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


def averages(run: Path) -> list[str]:
    """What the log says of the averaged weights."""
    with EnergyLog.open(run) as log:
        return [decode(event["message"]) for event in log.events() if event["kind"] == b"note"]


def test_averaged_weights_go_on_as_if_the_run_had_not_stopped(tmp_path: Path) -> None:
    assert_stop_changes_nothing(tmp_path, 3, NUM_SMALL, 2 * NUM_SMALL + 2, ema=0.8, keep_last=2, keep_best=False)
    names = [f"ema-{epoch:06d}.safetensors" for epoch in (1, 2)]
    whole = tmp_path / "whole" / "checkpoints"
    assert sorted(path.name for path in whole.glob("ema-*")) == names, "they go with the raw weights of their epoch"
    for out in tmp_path.glob("stopped-*"):
        for name in names:
            assert_same_weights(out / "checkpoints" / name, whole / name)
        assert averages(out) == averages(tmp_path / "whole")
    assert len(averages(tmp_path / "whole")) == 3


def test_averaged_weights_are_the_sum_that_they_should_be_and_are_evaluated(tmp_path: Path) -> None:
    """One batch an epoch, so that every raw model is kept: the average of all by their weights, in float64."""
    config = tiny(ema=0.5, epochs=4, keep_last=4, train_size=40, probe_size=30, train_probe_size=0, batch_size=40)
    fit(config, tmp_path)
    fit(tiny(**config.to_dict() | {"ema": 0.0}), tmp_path / "without")
    last = "checkpoints/epoch-000003.safetensors"
    assert_same_weights(tmp_path / last, tmp_path / "without" / last)
    expected = {name: value.double() for name, value in initial_weights(prepare(config)).items()}
    for number, decay in enumerate([0.1, 2 / 11, 3 / 12, 4 / 13]):  # (1 + n)/(10 + n) while that is below 0.5
        raw, _ = load_weights(tmp_path / "checkpoints" / f"epoch-{number:06d}.safetensors")
        for name, value in raw.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
        averaged, facts = load_weights(tmp_path / "checkpoints" / f"ema-{number:06d}.safetensors")
        for name, value in averaged.state_dict().items():
            if value.is_floating_point():
                torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6, msg=name)
            else:
                assert torch.equal(value, raw.state_dict()[name])
        x, y = load_data("digits", train_size=40, probe_size=30).probe.batch(torch.arange(30))
        clean = float((averaged(x).argmax(1) == y).double().mean())
        assert facts["clean_accuracy"] == pytest.approx(clean)
        assert (facts["epoch"], facts["ema"]) == (number, 0.5)
        words = f"clean {clean:.2%}, fgsm {facts['fgsm_accuracy']:.2%}, pgd {facts['pgd_accuracy']:.2%}"
        assert averages(tmp_path)[number] == f"averaged weights on the probe set: {words}"


def assert_same_weights(one: Path, two: Path) -> None:
    first, second = (load_weights(path)[0].state_dict() for path in (one, two))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_an_epoch_that_is_trained_again_says_once_what_its_average_is_worth(tmp_path: Path) -> None:
    config = tiny(**SMALL, ema=0.8)
    fit(config, tmp_path / "late", [StopAt(2 * NUM_SMALL + 1)])
    fit(config, tmp_path / "early", [StopAt(2)])
    state = "checkpoints/resume.safetensors"
    (tmp_path / "late" / state).write_bytes((tmp_path / "early" / state).read_bytes())
    resume(tmp_path / "late")
    assert len(averages(tmp_path / "late")) == 3


def test_a_rollback_starts_the_average_again(tmp_path: Path) -> None:
    config = tiny(**SMALL, ema=0.8, on_nan="rollback")
    parts = prepare(config)
    assert parts.average is not None
    with torch.no_grad():
        parts.module.get_parameter("conv1.weight").add_(1.0)
    parts.average.update(parts.module)
    store = CheckpointStore(tmp_path, keep_last=1, keep_best=False)
    roll_back(parts, store, RolledBack(epoch=0, checkpoint=None, changes={"lr": 0.01}))
    state = parts.average.state_dict()
    assert int(state.pop("updates")) == 0
    for name, value in initial_weights(parts).items():
        assert torch.equal(state[f"weights/{name}"], value), name


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "fgsm-der", "precision": "bf16-mixed", "clip_grad": 0.5},
        {"method": "pgd", "channels_last": "on", "clip_grad": 0.5, "model": "preact-resnet18", "width": 2},
        {"method": "free-der", "channels_last": "on", "precision": "bf16-mixed", "replays": 2},
    ],
    ids=lambda settings: str(settings["method"]),
)
def test_precision_memory_format_and_clipping_survive_a_stop(settings: dict[str, Any], tmp_path: Path) -> None:
    assert_stop_changes_nothing(tmp_path, 3, NUM_SMALL + 1, **settings)


@pytest.mark.parametrize(("value", "expected"), [({}, True), ({"channels_last": "off"}, False)])
def test_channels_last_reaches_weights_and_images(
    value: dict[str, str], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the default of images on a CPU."""
    seen: list[bool] = []
    step = loop.train_step

    def watched(fabric: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor, **settings: Any) -> StepResult:
        weights = [value for value in model.parameters() if value.dim() == 4 and min(value.shape[1:3]) > 1]
        seen.extend(value.is_contiguous(memory_format=torch.channels_last) for value in (x, *weights))
        return step(fabric, model, optimizer, x, y, **settings)

    monkeypatch.setattr(loop, "train_step", watched)
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x_train=images, y_train=np.arange(100) % 2)
    small = SMALL | {"epochs": 1, "data": f"npz:{tmp_path / 'data.npz'}"}
    fit(tiny(**small, **value), tmp_path / "run")
    assert len(seen) > 2 * NUM_SMALL
    assert set(seen) == {expected}


def test_a_clipped_run_that_diverges_says_so(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="training diverged"):
        fit(tiny(**SMALL, lr=1e38, schedule="flat", clip_grad=1e6), tmp_path / "run")


def test_eps_grows_evenly_over_the_warm_up_and_a_stop_does_not_disturb_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    seen: list[float] = []
    step = loop.train_step

    def watched(fabric: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor, **settings: Any) -> StepResult:
        seen.append(settings["config"].ball.eps)
        return step(fabric, model, optimizer, x, y, **settings)

    monkeypatch.setattr(loop, "train_step", watched)
    balls: list[Ball] = []
    evaluated = loop.evaluate

    def evaluating(*arguments: Any, ball: Ball, **settings: Any) -> Any:
        balls.append(ball)
        return evaluated(*arguments, ball=ball, **settings)

    monkeypatch.setattr(loop, "evaluate", evaluating)
    config = tiny(**SMALL, eps_warmup=1.5)
    fit(config, tmp_path / "whole")
    middles = (np.arange(3 * NUM_SMALL) + 0.5) / NUM_SMALL
    np.testing.assert_allclose(seen, 0.27 * np.minimum(middles / 1.5, 1.0), rtol=1e-12)
    assert {ball.eps for ball in balls} == {0.27}, "evaluation is at the whole ε"
    fit(config, tmp_path / "stopped", [StopAt(NUM_SMALL + 2)])
    resume(tmp_path / "stopped")
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
