"""TensorBoard's own reader finds in the event file what is in the log."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.export import runs
from tests.export.conftest import Export

TABLES = ("epochs", "steps", "events", "onsets", "histograms")
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()


def read(folder: Path) -> Any:
    everything = dict.fromkeys(("scalars", "histograms", "tensors", "compressedHistograms"), 0)
    events = EventAccumulator(str(folder), size_guidance=everything)
    events.Reload()
    return events


@pytest.fixture
def events(export: Export) -> Any:
    return read(export("tensorboard", *TABLES))


def test_scalars_of_epochs(events: Any, run: Path) -> None:
    with h5py.File(run / "run.h5") as log:
        rows = log["epoch"][:]
    for tag, name in (
        ("epoch/pgd_accuracy", "pgd_accuracy"),
        ("probe_delta_energy/q95", "probe_delta_energy_q95"),
        ("train_delta_energy/mean", "train_delta_energy_mean"),
    ):
        known = np.isfinite(rows[name])
        found = events.Scalars(tag)
        assert [scalar.step for scalar in found] == rows["last_step"][known].tolist()
        np.testing.assert_array_equal([scalar.value for scalar in found], rows[name][known].astype(np.float32))
    assert [scalar.wall_time - CREATED for scalar in events.Scalars("epoch/pgd_accuracy")] == [
        40.0 * (epoch + 1) for epoch in range(runs.NUM_EPOCHS)
    ]
    assert "epoch/train_loss" not in events.Tags()["scalars"]  # never recorded


def test_scalars_of_steps(events: Any) -> None:
    found = events.Scalars("step/loss")
    num = runs.NUM_EPOCHS * runs.STEPS
    assert [scalar.step for scalar in found] == list(range(num))
    np.testing.assert_allclose([scalar.value for scalar in found], 1.0 / (1 + np.arange(num)), rtol=1e-6)
    # 30 s of training, 10 s of evaluation: the three steps of an epoch end 10, 20 and 30 s after it began.
    times = [40.0 * epoch + 10.0 * (step + 1) for epoch in range(runs.NUM_EPOCHS) for step in range(runs.STEPS)]
    np.testing.assert_allclose([scalar.wall_time - CREATED for scalar in found], times, atol=1e-3)


@pytest.mark.parametrize("split", ["train", "probe"])
def test_histograms(events: Any, run: Path, split: str) -> None:
    found = events.Histograms(f"delta_energy/{split}")
    epochs = [epoch for epoch in range(runs.NUM_EPOCHS) if (split, epoch) != ("train", 1)]
    assert [event.step for event in found] == [runs.STEPS * (epoch + 1) for epoch in epochs]
    with h5py.File(run / "run.h5") as log:
        for event, epoch in zip(found, epochs, strict=True):
            delta = (log[f"{split}/energy"][epoch] - log[f"{split}/energy_adv"][epoch]).astype(float)
            delta = delta[np.isfinite(delta)]
            histogram = event.histogram_value
            assert histogram.num == len(delta) == sum(histogram.bucket)
            assert histogram.sum == pytest.approx(delta.sum(), rel=1e-6)
            assert histogram.sum_squares == pytest.approx((delta**2).sum(), rel=1e-6)
            assert histogram.min <= delta.min()
            assert histogram.max >= delta.max()
            edges = np.array([histogram.min, *histogram.bucket_limit])
            np.testing.assert_array_equal(histogram.bucket, np.histogram(delta, edges)[0])


def test_texts(events: Any) -> None:
    def texts(tag: str) -> list[str]:
        return [event.tensor_proto.string_val[0].decode() for event in events.Tensors(tag)]

    [config], [facts], [note], [onset] = (texts(tag) for tag in ("config", "run", "events", "onsets"))
    assert '    "eps": 0.3,' in config.replace("      ", "    ")
    assert all(line.startswith("    ") for line in config.splitlines())  # a code block: shown as it is
    assert '"method": "fgsm"' in facts
    assert note.startswith("epoch 2, note: =cmd|")
    assert note.isprintable()
    assert onset.startswith("catastrophic overfitting since epoch 3, ")
    assert events.Tensors("events")[0].step == 6
    assert events.summary_metadata["config"].plugin_data.plugin_name == "text"


def test_a_log_that_counted_no_steps_lies_on_its_epochs(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    with runs.start(folder, created="yesterday") as writer:
        for epoch in range(3):
            writer.append_epoch({"epoch": epoch, "pgd_accuracy": 0.5}, None, None)
    found = read(export("tensorboard", *TABLES, path=folder)).Scalars("epoch/pgd_accuracy")
    assert [scalar.step for scalar in found] == [0, 1, 2]
    assert [scalar.wall_time for scalar in found] == [0.0, 0.0, 0.0]


def test_steps_of_an_epoch_that_is_not_done(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "running"
    folder.mkdir()
    with runs.start(folder) as writer:
        runs.append(writer, 1)
        for _ in range(runs.STEPS):
            writer.append_step({"loss": 0.5})
    found = read(export("tensorboard", *TABLES, path=folder)).Scalars("step/loss")
    assert [scalar.step for scalar in found] == list(range(6))
    assert [scalar.wall_time - CREATED for scalar in found[3:]] == [40.0] * 3


def test_a_log_without_epochs(export: Export, tmp_path: Path) -> None:
    events = read(export("tensorboard", *TABLES, path=runs.write(tmp_path / "empty", num_epochs=0)))
    assert events.Tags()["scalars"] == []
    assert set(events.Tags()["tensors"]) == {"run", "config", "events"}


def test_neither_torch_nor_tensorflow_is_loaded(run: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom workbench.cli.main import main\n"
        "try:\n    main(['export', sys.argv[1], '--format', 'tensorboard', '--out', sys.argv[2]])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print('LOADED', *[n for n in ('torch', 'tensorflow', 'pandas', 'pyarrow', 'scipy') if n in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(run), str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert result.stdout.splitlines()[-1].split() == ["LOADED"]


def test_absurd_numbers_are_no_error(export: Export, tmp_path: Path) -> None:
    folder = runs.write(tmp_path / "absurd")
    with h5py.File(folder / "run.h5", "r+") as log:
        rows = log["epoch"][:]
        for name in rows.dtype.names[2:]:
            rows[name] = [1e308, -1e308, np.inf, -np.inf, np.nan, 5e-324]
        log["epoch"][:] = rows
        log["step/loss"][:5] = [1e308, -np.inf, np.inf, np.nan, 0.0]
        log["events"][0] = (np.nan, 2, 2**62, b"\xff" * 24, b"\x00\xff")
    events = read(export("tensorboard", *TABLES, path=folder))
    assert [scalar.value for scalar in events.Scalars("probe_delta_energy/std")][2] == np.inf
    assert len(events.Histograms("delta_energy/probe")) == runs.NUM_EPOCHS
