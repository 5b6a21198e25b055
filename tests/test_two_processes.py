"""A run in two processes is the run in one: the same log, the same weights, and nothing lost when a process dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainers.checkpoints import load_weights
from trainers.energylog import SAMPLE_COLUMNS, SPLITS, EnergyLog
from trainers.errors import WorkbenchError
from trainers.loop import Outcome, fit, resume
from trainers.recipes import complete
from trainers.setup import prepare
from trainers.team import Share

SETTINGS: dict[str, Any] = {
    "method": "fgsm-der",
    "data": "digits",
    "eps": 0.27,
    "model": "small-cnn",
    "width": 4,
    "epochs": 3,
    "train_size": 203,
    "probe_size": 61,
    "train_probe_size": 40,
    "batch_size": 64,
    "augment": "crop",
    "ema": 0.9,
    "lr": 0.05,
    "device": "cpu",
}
"""The last batch of an epoch has 11 samples, the probe set an odd number."""

ENERGY_NATS, WEIGHT = 0.02, 5e-3
"""Most by which an energy of the log and a weight may differ between one process and two after three epochs in float32.

Seen: 1e-6 and 4e-7 where no gradient's component and no ReLU's input crosses 0 by rounding, about 1e-3 where one does;
0.6 nats where each process normalises by its own part. The methods' steps are compared in float64, where none does.
"""

FORMULAS = 1e-9
"""Most by which anything may after four steps in float64; seen: 7e-12."""


def start(out: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", "train", *map(str, arguments)],
        cwd=out.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def options(**settings: Any) -> Iterator[str]:
    for name, value in (SETTINGS | settings).items():
        yield f"--{name.replace('_', '-')}"
        yield str(value)


def begin(out: Path) -> subprocess.Popen[str]:
    return start(out, *options(), "--devices", 2, "--sync-batchnorm", "--out", out)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        printed, said = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, printed, said


def await_epoch(process: subprocess.Popen[str]) -> None:
    """Until the first epoch is told."""
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch 0" in line:
            return
    raise AssertionError("the run ended before its first epoch")


def child_of(process: subprocess.Popen[str]) -> int:
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    (child,) = found.stdout.split()
    return int(child)


def weights(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = load_weights(run / "checkpoints" / "epoch-000002.safetensors")[0].state_dict()
    return state


def assert_same(one: Path, two: Path, *, nats: float, weight: float) -> None:
    with EnergyLog.open(one) as first, EnergyLog.open(two) as second:
        assert first.committed == second.committed == SETTINGS["epochs"]
        for split in SPLITS:
            np.testing.assert_array_equal(first.keys(split).index, second.keys(split).index)
            for epoch in range(first.committed):
                for column in SAMPLE_COLUMNS[:4]:
                    values = first.samples(split, column.name, epoch), second.samples(split, column.name, epoch)
                    assert np.isfinite(values[0]).all()
                    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=nats, err_msg=column.name)
                    assert epoch or np.median(np.abs(values[1] - values[0])) <= min(nats, 1e-4)
        assert list(first.steps()["step"]) == list(second.steps()["step"]) == list(range(12))
        np.testing.assert_allclose(second.steps()["loss"], first.steps()["loss"], rtol=0, atol=nats)
        np.testing.assert_allclose(
            second.epochs()["pgd_accuracy"], first.epochs()["pgd_accuracy"], rtol=0, atol=2.001 / 61 if nats else 0
        )
    others = weights(two)
    for name, value in weights(one).items():
        assert float((others[name].double() - value.double()).abs().max()) <= weight, name


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "one"
    assert fit(complete(SETTINGS), out) is Outcome.FINISHED
    return out


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "two"
    code, printed, said = finish(begin(out))
    assert code == 0, said
    assert printed.count("finished, 3 of 3 epochs") == 1, "one process reports"
    assert len(said.splitlines()) == SETTINGS["epochs"], said
    return out


def test_the_log_and_the_weights_are_those_of_one_process(alone: Path, together: Path) -> None:
    assert_same(alone, together, nats=ENERGY_NATS, weight=WEIGHT)
    assert sorted(path.name for path in (together / "checkpoints").iterdir()) == sorted(
        path.name for path in (alone / "checkpoints").iterdir()
    )


def test_a_killed_process_loses_nothing_and_the_run_goes_on_bit_for_bit(together: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = begin(out)
    await_epoch(process)
    os.kill(child_of(process), signal.SIGKILL)
    killed = time.monotonic()
    code, _, said = finish(process)
    assert time.monotonic() - killed < 20
    assert code == 2
    (line,) = [line for line in said.splitlines() if line.startswith("workbench: ")]
    assert "number 1 of 2 ended by SIGKILL" in line
    assert "Traceback" not in said
    with EnergyLog.open(out) as log:
        assert log.status == "failed"
        assert log.committed >= 1
    code, _, said = finish(start(out, "--resume", out))
    assert code == 0, said
    assert_same(together, out, nats=0.0, weight=0.0)


def test_ctrl_c_stops_all_and_one_process_goes_on(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = begin(out)
    await_epoch(process)
    os.killpg(process.pid, signal.SIGINT)
    code, _, said = finish(process)
    assert code == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("stopped; continue with")
    with EnergyLog.open(out) as log:
        assert log.status == "stopped"
    assert resume(out, devices=1) is Outcome.FINISHED
    assert_same(alone, out, nats=ENERGY_NATS, weight=WEIGHT)


def test_steps_of_the_methods_are_those_of_one_process() -> None:
    """Without a difference, to float64's rounding: noise, group means, memory, moved weights and uneven parts."""
    methods = ["fgsm-der", "pgd", "free", "grad-align", "aaer", "pgd-awp"]
    program = Path(__file__).with_name("shared_steps.py")
    result = subprocess.run(
        [sys.executable, program, *methods],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(program.parents[1])},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    gaps = dict(line.split() for line in result.stdout.splitlines())
    assert list(gaps) == methods
    for method, gap in gaps.items():
        assert float(gap) < FORMULAS, method


@pytest.mark.parametrize("num", [1, 2, 7, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_are_the_batch(num: int, size: int) -> None:
    values = torch.randn(num, 3, dtype=torch.float64)
    shares = [Share(rank, size, num) for rank in range(size)]
    assert sorted(torch.cat([share.of(torch.arange(num)) for share in shares]).tolist()) == list(range(num))
    mean = sum(share.mean(share.of(values)[:, 0]) for share in shares)
    assert float(mean) == pytest.approx(float(values[:, 0].mean()))
    places = torch.arange(num)
    for smaller in range(1, num):
        for share in shares:
            kept = Share(share.rank, size, smaller).of(places[:smaller])
            assert torch.equal(kept, share.of(places)[: len(kept)]), "a place stays with its process"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"device": "cuda", "devices": 99}, ("--devices 99", "cuda")),
        ({"devices": 10_000}, ("--devices 10000", "cores")),
        ({"devices": 2, "batch_size": 50}, ("3 of 203 images", "2 processes", "--batch-size")),
        ({"devices": 0}, ("devices must be at least 1",)),
        ({"num_nodes": -1}, ("num_nodes must be at least 1",)),
    ],
)
def test_what_cannot_be_shared_is_refused_before_anything_begins(
    tmp_path: Path, settings: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(WorkbenchError) as refused:
        fit(complete(SETTINGS | settings), tmp_path / "run")
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_one_device_is_no_team() -> None:
    parts = prepare(complete(SETTINGS))
    assert parts.team.leads
    assert parts.team.size == 1
