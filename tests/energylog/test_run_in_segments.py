"""A training run where SWMR cannot work: every command takes it while it goes on, stopped, resumed and finished."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from trainers.callbacks import Answer, BatchReport, EpochReport, StartReport
from trainers.energylog import EnergyLog, start
from trainers.loop import Outcome, fit, resume
from trainers.recipes import complete
from workbench.cli.main import main

SETTINGS: dict[str, Any] = {
    "method": "fgsm-der",
    "data": "digits",
    "model": "small-cnn",
    "width": 4,
    "epochs": 3,
    "train_size": 150,
    "probe_size": 40,
    "train_probe_size": 30,
    "device": "cpu",
}


class StopAfter:
    """Stops after an epoch, which is read by another look at the log first."""

    def __init__(self, epoch: int, path: Path) -> None:
        self._epoch = epoch
        self._path = path
        self.seen: list[int] = []

    def on_start(self, report: StartReport) -> None:
        pass

    def on_batch(self, report: BatchReport) -> Answer:
        return Answer.CONTINUE

    def on_epoch(self, report: EpochReport) -> Answer:
        with EnergyLog.open(self._path) as log:
            assert log.status == "running"
            self.seen.append(log.committed)
        return Answer.STOP if report.row["epoch"] == self._epoch else Answer.CONTINUE


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run where SWMR works."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("ordinary") / "run"
    fit(complete(SETTINGS), out)
    return out


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert ended.value.code in (0, None), output.err
    return output.out


def of_the_run(text: str) -> list[Any]:
    """What ``inspect --json`` says of the epochs, but for times."""
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in json.loads(text)["epochs"]]


def test_a_run_on_a_remote_file_system(
    ordinary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Unable to start swmr writing")

    monkeypatch.setattr(h5py.File, "swmr_mode", property(lambda _: False, refuse))
    monkeypatch.setattr(start, "swmr_works", lambda directory: False)
    out = tmp_path / "run"
    stop = StopAfter(1, out)
    assert fit(complete(SETTINGS), out, [stop]) is Outcome.STOPPED
    assert stop.seen == [1, 2]
    assert sorted(entry.name for entry in (out / "run.h5.d").glob("*.h5")) == ["000000.h5", "000001.h5"]

    expected = of_the_run(said(capsys, "inspect", "--json", ordinary))
    assert of_the_run(said(capsys, "inspect", "--json", out)) == expected[:2]
    assert json.loads(said(capsys, "onset", "--json", out))
    assert "run" in said(capsys, "compare", out, ordinary)
    assert "2 of 3 epochs" in said(capsys, "inspect", out)
    assert json.loads(said(capsys, "check", "--json", out))
    csv = tmp_path / "csv"
    said(capsys, "export", out, "--format", "csv", "--out", csv, "--tables", "epochs,samples")
    assert len((csv / "samples.csv").read_text().splitlines()) == 1 + 2 * (150 + 40)
    assert "2/3" in said(capsys, "runs", tmp_path)

    assert resume(out) is Outcome.FINISHED
    assert not (out / "run.h5.d").exists()
    assert of_the_run(said(capsys, "inspect", "--json", out)) == expected
    said(capsys, "check", out)
    with EnergyLog.open(out) as one, EnergyLog.open(ordinary) as other:
        for epoch in range(3):
            for column in ("energy", "energy_adv", "joint_energy_adv", "correct"):
                np.testing.assert_array_equal(
                    one.samples("train", column, epoch), other.samples("train", column, epoch)
                )


def test_the_option_forces_segments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items() if name != "epochs"]
    out = tmp_path / "run"
    said(capsys, "train", *options, "--epochs=2", "--log-mode=segments", f"--out={out}")
    assert 'log_mode = "segments"' in (out / "config.toml").read_text()
    assert sorted(entry.name for entry in out.iterdir()) == ["checkpoints", "config.toml", "run.h5"]
    with EnergyLog.open(out) as log:
        assert (log.status, log.committed) == ("finished", 2)
        assert log.meta.config["log_mode"] == "segments"
