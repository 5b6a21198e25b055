"""``workbench sweep-sampling``: cells once each, whatever ends the process; refusals of one line that leave nothing."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Cli
from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model
from workbench.cli import sweeping
from workbench.cli.main import main
from workbench.sampling.samples import read_samples

Sweep = Callable[..., tuple[int, str, str]]

GRID = ("--start", "pca,noise", "--start-scale", "1", "--steps", "0,3", "--stop", "fixed", "--num", "20")
CELLS = ("pca-t0", "pca-t3", "noise-t0", "noise-t3")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("tiny")
    sizes = ("--width", "2", "--epochs", "1", "--train-size", "200", "--probe-size", "50")
    with pytest.raises(SystemExit) as end:
        main(["train", "--method", "fgsm", *sizes, "--device", "cpu", "--out", str(folder / "run")])
    assert not end.value.code
    return folder / "run"


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another network for digits, untrained."""
    torch.manual_seed(7)
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.3,), std=(0.3,))
    path = tmp_path_factory.mktemp("features") / "network.safetensors"
    save_weights(path, build_model(spec), spec, {"class_names": list("0123456789"), "image_shape": [1, 8, 8]})
    return path


@pytest.fixture
def sweep(
    run: Path, features: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Sweep:
    """Run the command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, base: tuple[object, ...] | None = None) -> tuple[int, str, str]:
        capfd.readouterr()
        known = (run, "--against", "digits", "--features", f"classifier:{features}", "--judge", "svm")
        places = ("--device", "cpu", "--cache", tmp_path / "cache")
        with pytest.raises(SystemExit) as end:
            main(["sweep-sampling", *map(str, known if base is None else base), *map(str, (*places, *arguments))])
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return call


def pictures(out: Path) -> dict[str, int]:
    """Every image of a sweep and when it was written."""
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in sorted(out.rglob("cells/**/*.png"))}


def cells(out: Path) -> dict[str, dict[str, Any]]:
    return {cell["name"]: cell for cell in json.loads((out / "sweep.json").read_text())["cells"]}


def figures(out: Path) -> dict[str, dict[str, Any]]:
    """The cells without what no two runs share."""
    return {name: {k: v for k, v in cell.items() if k != "seconds_per_image"} for name, cell in cells(out).items()}


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, ""), err
    (line,) = [line for line in err.splitlines() if not re.match(r"(training an SVM|digits \()", line)]
    assert line.startswith("workbench: ")
    for word in words:
        assert word in line, line


def test_a_sweep_from_end_to_end_and_again(sweep: Sweep, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, err = sweep(*GRID, "--out", out)
    assert code == 0, err
    assert f"4 cells of 20 chains, 80 chains in all, in {out}" in err
    assert tuple(cells(out)) == CELLS
    for name, cell in cells(out).items():
        assert (cell["status"], cell["images"], cell["diverged"]) == ("done", 20, 0)
        assert cell["passes_per_image"] == (1 if name.endswith("t0") else 4)
        assert read_samples(out / "cells" / name).images.shape == (20, 1, 8, 8)
        assert len(list((out / "cells" / name).glob("score-*.json"))) == 1
        assert f"{cell['fid']:.1f}"[:2] in text
    assert cells(out)["noise-t3"]["settings"]["variance"] is None
    with (out / "sweep.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert {name: float(row["fid"]) for name, row in rows.items()} == {k: v["fid"] for k, v in cells(out).items()}
    assert Image.open(out / "tradeoff.png").size[0] > 800
    assert "not comparable to papers" in text
    assert "\x1b" not in text + err
    table = [line for line in text.splitlines() if re.match(r"\d+ ", line)]
    assert [line.split()[0] for line in table] == ["1", "2", "3", "4"]
    fids = [cells(out)[re.search(r"(pca|noise)-t\d", line)[0]]["fid"] for line in table]  # type: ignore[index]
    assert fids == sorted(fids)
    assert max(map(len, table)) <= 80

    before, times = (out / "sweep.json").read_bytes(), pictures(out)
    assert len(times) == 80
    code, again, err = sweep(*GRID, "--out", out)
    assert code == 0
    assert "4 of 4 cells finished before and are not repeated" in err
    assert "cell 1/4" not in err
    assert ((out / "sweep.json").read_bytes(), pictures(out), again) == (before, times, text)

    code, _, err = sweep("--resume", "--out", out, base=())
    assert code == 0, err
    assert pictures(out) == times
    code, printed, _ = sweep("--resume", "--out", out, "--json", base=())
    assert json.loads(printed) == {"directory": str(out), **json.loads(before)}

    refused(sweep(*GRID, "--out", out, "--seed", 1), "holds another sweep", "seed", "--out", f"--resume --out {out}")
    refused(sweep("--resume", "--out", out, "--steps", 5, base=()), "holds another sweep", "grid")
    assert (out / "sweep.json").read_bytes() == before


def test_scores_are_those_of_the_score_command(sweep: Sweep, features: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = ("--start", "pca", "--start-scale", 1, "--steps", 2, "--stop", "fixed")
    assert sweep(*one, "--num", 30, "--out", out)[0] == 0
    (cell,) = cells(out).values()
    folder = out / "cells" / "pca"
    (file,) = folder.glob("score-*.json")
    mine = json.loads(file.read_text())
    file.unlink()
    alike = ("--against", "digits", "--features", f"classifier:{features}", "--judge", "svm", "--device", "cpu")
    with pytest.raises(SystemExit) as end:
        main(["score", str(folder), *alike, "--cache", str(tmp_path / "cache")])
    assert not end.value.code
    assert json.loads(file.read_text())["scores"] == mine["scores"]
    for name, measure in mine["scores"].items():
        assert cell[name] == measure["value"], name


@pytest.mark.parametrize("cell_and_step", [(0, 1), (1, 0), (1, 9), (3, 2)])
def test_ctrl_c_keeps_what_had_ended(
    cell_and_step: tuple[int, int],
    whole: Path,
    sweep: Sweep,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between cells (step 0) and inside: exit 130, how to go on, and in the end the same figures."""
    out, (stop_cell, stop_step) = tmp_path / "out", cell_and_step
    seen = {"cell": -1, "step": 0}
    begin, chains = sweeping.SweepProgress._begin, sweeping.SweepProgress._chains

    def on_begin(self: sweeping.SweepProgress, number: int, cell: Any) -> None:
        seen.update(cell=number, step=0)
        begin(self, number, cell)
        if (stop_cell, stop_step) == (number, 0):
            raise KeyboardInterrupt

    def on_chains(self: sweeping.SweepProgress, report: Any) -> None:
        seen["step"] += 1
        chains(self, report)
        if (stop_cell, stop_step) == (seen["cell"], seen["step"]):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweeping.SweepProgress, "_begin", on_begin)
        patch.setattr(sweeping.SweepProgress, "_chains", on_chains)
        code, text, err = sweep(*GRID, "--batch-size", 7, "--out", out)
    assert (code, text) == (130, "")
    assert err.splitlines()[-1] == f"stopped; go on with: workbench sweep-sampling --resume --out {out}"
    assert sum(cell["status"] == "done" for cell in cells(out).values()) == stop_cell
    kept = pictures(out)
    assert len(kept) > 20 * stop_cell or stop_step < 4
    code, _, err = sweep(*GRID, "--batch-size", 7, "--out", out)
    assert code == 0, err
    assert {name: when for name, when in pictures(out).items() if name in kept} == kept
    assert ("not repeated" in err) == (stop_cell > 0)
    assert figures(out) == figures(whole)


@pytest.fixture
def whole(sweep: Sweep, tmp_path: Path) -> Path:
    """The same sweep without interruption."""
    assert sweep(*GRID, "--batch-size", 7, "--out", tmp_path / "whole")[0] == 0
    return tmp_path / "whole"


def test_kill_9_inside_a_cell(run: Path, features: Path, sweep: Sweep, tmp_path: Path) -> None:
    out = tmp_path / "out"
    grid = ("--start", "pca,noise", "--steps", "20", "--stop", "fixed", "--start-scale", "1", "--num", "40")
    known = (run, "--against", "digits", "--features", f"classifier:{features}", "--judge", "svm")
    small = ("--batch-size", "4", "--device", "cpu", "--out", out)
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "sweep-sampling", *map(str, (*known, *grid, *small))],
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 90
    while not list(out.glob("cells/noise/samples.h5.d/*.h5")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert {name: cell["status"] for name, cell in cells(out).items()} == {"pca": "done", "noise": "pending"}
    kept = {name for name in pictures(out) if (out / name).stat().st_size}
    segments = [path.stat().st_mtime_ns for path in out.glob("cells/noise/samples.h5.d/*.h5")]
    first = pictures(out)
    code, _, err = sweep(*grid, "--batch-size", 4, "--out", out)
    assert code == 0, err
    assert "1 of 2 cells finished before and is not repeated" in err
    assert cells(out)["noise"]["images"] == 40
    now = pictures(out)
    assert {name: now[name] for name in kept if "/pca/" in name} == {n: first[n] for n in kept if "/pca/" in n}
    safe = [name for name in kept if "/noise/" in name and first[name] < min(segments)]
    assert safe
    assert {name: now[name] for name in safe} == {name: first[name] for name in safe}


def test_a_cell_that_fails_is_recorded_and_the_sweep_goes_on(sweep: Sweep, tmp_path: Path) -> None:
    out = tmp_path / "out"
    grid = ("--start", "noise", "--steps", 2, "--stop", "fixed", "--guidance", "joint,1e200*joint")
    arguments = (*grid, "--num", 20, "--out", out)
    code, text, err = sweep(*arguments)
    assert code == 0, err
    assert [cell["status"] for cell in cells(out).values()] == ["done", "failed"]
    (bad,) = [cell for cell in cells(out).values() if cell["status"] == "failed"]
    assert bad["reason"] == "all 20 chains diverged; try a smaller --step-size"
    assert bad["fid"] is None
    assert not any(bad["pareto"].values())
    assert f"{bad['name']}: failed, all 20 chains diverged" in " ".join(text.split())
    code, _, err = sweep(*arguments)
    assert code == 0
    assert "1 failed before and is tried again" in err


def test_without_out_the_same_command_finds_its_sweep_again(sweep: Sweep, run: Path) -> None:
    def places() -> list[str]:
        return sorted(path.name for path in (run / "generation").glob("sweep-*"))

    arguments = ("--start", "noise", "--steps", 0, "--num", 10)
    assert sweep(*arguments)[0] == 0
    assert sweep(*arguments, "--seed", 1)[0] == 0
    assert places() == ["sweep-000", "sweep-001"]
    assert "not repeated" in sweep(*arguments)[2]
    assert "sweep-001" in sweep("--resume", base=(run,))[2]
    assert places() == ["sweep-000", "sweep-001"]


def test_a_sweep_goes_on_from_another_folder(
    sweep: Sweep, run: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All paths were relative to the folder where it began."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (300, 1, 8, 8), dtype=np.uint8), np.arange(300) % 10
    np.savez("mine.npz", x_train=x, y_train=y, class_names=np.array(list("0123456789")))
    shutil.copy(features, "one.safetensors")
    shutil.copy(features, "two.safetensors")
    relative = ("--against", "npz:mine.npz", "--data", "npz:mine.npz", "--features", "classifier:one.safetensors")
    network = ("--judge", "classifier:two.safetensors")
    grid = ("--start", "data", "--steps", 0, "--num", 10)
    code, text, err = sweep(*grid, "--out", "out", base=(os.path.relpath(run), *relative, *network))
    assert code == 0, err
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    code, again, err = sweep("--resume", "--out", tmp_path / "out", base=())
    assert code == 0, err
    assert "1 of 1 cell finished before" in err
    assert again.partition("Written")[0] == text.partition("Written")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--start", "pca,magic"), ("--start must be one of", "magic")),
        (("--start", ""), ("--start", "empty")),
        (("--steps", "10,,20"), ("--steps", "empty")),
        (("--steps", "ten"), ("--steps expects a whole number", "'ten'")),
        (("--variance", "0.8,most"), ("--variance expects a number", "'most'")),
        (("--variance", "0"), ("--variance must be in (0, 1]",)),
        (("--step-size", "inf"), ("--step-size",)),
        (("--guidance", "joint+"), ("guidance",)),
        (("--num", "1"), ("--num must be at least 2",)),
        (("--num", "many"), ("--num",)),
        (("--class", "zebra"), ("no class 'zebra'",)),
        (("--features", "magic"), ("unknown features 'magic'",)),
        (("--judge", "me"), ("unknown judge 'me'",)),
        (("--split", "half"), ("unknown split 'half'",)),
        (("--against", "npz:nowhere.npz"), ("nowhere.npz",)),
        (("--device", "abacus"), ("abacus",)),
        (("--epoch", "99"), ("no checkpoint of epoch",)),
        (("--resume",), ("holds no sweep to go on with",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and value[0].startswith("--") else "",
)
def test_bad_input_writes_nothing(arguments: tuple[str, ...], words: tuple[str, ...], sweep: Sweep) -> None:
    refused(sweep("--out", "out", *arguments), *words)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ((), "give a run directory or a checkpoint"),
        (("nowhere", "--against", "digits"), "no such run or checkpoint: nowhere"),
    ],
)
def test_a_checkpoint_is_needed(base: tuple[str, ...], words: str, sweep: Sweep) -> None:
    refused(sweep("--out", "out", base=base), words)
    assert not Path("out").exists()


def test_a_reference_is_needed(sweep: Sweep, run: Path) -> None:
    refused(sweep("--out", "out", base=(run,)), "--against digits, cifar10:DIR")


def test_a_reference_of_other_classes(sweep: Sweep, run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (40, 1, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "two.npz", x_train=x, y_train=y, class_names=np.array(["cat", "dog"]))
    refused(sweep("--out", "out", "--against", f"npz:{tmp_path / 'two.npz'}"), "class '0'", "--against")
    assert not Path("out").exists()


def test_a_damaged_sweep_is_refused_and_kept(sweep: Sweep) -> None:
    Path("out").mkdir()
    Path("out/sweep.json").write_text("{")
    refused(sweep("--out", "out", *GRID), "sweep.json is damaged", "remove it")
    assert [path.name for path in Path("out").iterdir()] == ["sweep.json"]


def test_out_that_is_a_file(sweep: Sweep) -> None:
    Path("out").write_text("mine")
    refused(sweep("--out", "out", *GRID), "out is no directory")
    assert Path("out").read_text() == "mine"


def test_help_names_an_example_and_loads_no_torch(cli: Cli) -> None:
    result = cli("sweep-sampling", "--help")
    assert result.returncode == 0
    assert "Example:  workbench sweep-sampling" in result.stdout
    program = (
        "import sys, workbench.cli.sweep_sampling; print(sorted({'torch','sklearn','matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
