"""``workbench compare``: several runs on one axis, as text, JSON, table and plot."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_import_hygiene import loaded_by
from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable
from workbench.analysis.alignment import common_grid, on_grid
from workbench.cli.main import main

# Collapses at epoch 3: a third of the best PGD accuracy is left, FGSM accuracy stays.
COLLAPSING = [(0.5, 0.4), (0.6, 0.5), (0.6, 0.5), (0.7, 0.15), (0.8, 0.05), (0.8, 0.0)]
HEALTHY = [(0.5, 0.40 + 0.01 * epoch) for epoch in range(9)]


def write_run(
    folder: Path,
    curves: Sequence[tuple[float, float]],
    *,
    steps: int | None = 10,
    method: str = "fgsm",
    status: str = "finished",
    delta: bool = True,
    **facts: Any,
) -> Path:
    """A run with FGSM and PGD accuracies, ``steps`` steps an epoch, and ΔE of epoch + 1 for every sample."""
    folder.mkdir(parents=True)
    keys = SampleKeys(index=np.arange(2), label=np.zeros(2, dtype=np.int32))
    known: dict[str, Any] = {
        "run_id": "r",
        "dataset": "digits",
        "class_names": ("0",),
        "config": {"eps": 8 / 255},
        "seed": 7,
        "planned_epochs": 9,
        "train_attack": "fgsm",
        "probe_attack": "pgd-10",
        "versions": {},
        "git_revision": None,
        "created": "2026-01-01T00:00:00+00:00",
    }
    meta = RunMeta(**{**known, "method": method, **facts})
    with LogWriter.create(folder / "run.h5", meta, train=keys, probe=keys) as writer:
        for epoch, (fgsm, pgd) in enumerate(curves):
            table = SampleTable.empty(2)
            table.energy[:], table.energy_adv[:] = epoch + 1.0, 0.0
            measures = {"epoch": epoch, "clean_accuracy": 0.9, "fgsm_accuracy": fgsm, "pgd_accuracy": pgd}
            measures |= {"train_pgd_accuracy": pgd}
            measures |= {} if steps is None else {"last_step": steps * (epoch + 1)}
            writer.append_epoch(measures, table if delta else None, None)
        writer.close(status)
    return folder


@pytest.fixture
def workbench(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch) -> list[str]:
    """Two runs by relative paths: one collapses at epoch 3 of 6, the other is healthy, slower and longer."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "bad", COLLAPSING)
    write_run(tmp_path / "good", HEALTHY, steps=20, method="fgsm-der", seed=3)
    return ["bad", "good"]


def test_side_by_side_in_80_columns(workbench, runs) -> None:
    code, out, err = workbench("compare", *runs)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "1 bad fgsm 8/255 7 6 CO at 3, step 30" in lines
    assert "2 good fgsm-der 8/255 3 9 none" in lines
    assert "1 1 90.0% 60.0% 50.0% 5 90.0% 80.0% 0.0% 6.00±0.00" in lines
    assert any(line.startswith("CO in 1 bad since epoch 3 (step 30), seen at epoch 3, confidence") for line in lines)
    assert "None in 2 good." in lines
    assert "PGD accuracy by epoch, 0 to 8" in lines
    curve = next(line for line in out.splitlines() if line.startswith("1 bad") and "…" in line)
    assert curve.endswith("0.0% … 50.0%")
    mark = out.splitlines()[out.splitlines().index(curve) + 1]
    assert mark.index("▲") == 18 + 3  # under the fourth cell
    assert len(curve[18:27].rstrip()) == 6  # six epochs of nine


def result_of(workbench, *arguments: object) -> dict[str, Any]:
    code, out, err = workbench("compare", "--json", *arguments)
    assert (code, err) == (0, "")
    value: dict[str, Any] = json.loads(out)
    return value


def test_json_by_epoch(workbench, runs) -> None:
    result = result_of(workbench, *runs)
    assert result["align"] == "epoch"
    bad, good = result["runs"]
    assert (bad["name"], bad["run"]["method"], bad["run"]["status"]) == ("bad", "fgsm", "finished")
    assert bad["pgd_accuracy"] == [0.4, 0.5, 0.5, 0.15, 0.05, 0.0]
    assert bad["delta_energy_mean"] == [1, 2, 3, 4, 5, 6]
    assert bad["position"] == bad["epoch"] == [0, 1, 2, 3, 4, 5]
    assert [(onset["kind"], onset["epoch"], onset["step"]) for onset in bad["onsets"]] == [("catastrophic", 3, 30)]
    assert good["onsets"] == []
    assert good["left_out"] is None


def test_by_onset_zero_is_the_onset_and_runs_without_one_are_listed(workbench, runs) -> None:
    bad, good = result_of(workbench, *runs, "--align", "onset")["runs"]
    assert bad["position"] == [-3, -2, -1, 0, 1, 2]
    assert (good["position"], good["left_out"]) == (None, "it has no onset")
    _, out, _ = workbench("compare", *runs, "--align", "onset")
    assert "PGD accuracy by epochs since onset, -3 to 2" in out
    assert "Not on this axis: 2 good, because it has no onset." in out


def test_by_step_epochs_lie_where_they_were_evaluated(workbench, runs, tmp_path) -> None:
    write_run(tmp_path / "foreign", HEALTHY, steps=None)
    bad, good, foreign = result_of(workbench, *runs, "foreign", "--align", "step")["runs"]
    assert bad["position"] == [10, 20, 30, 40, 50, 60]
    assert good["position"] == [20 * epoch for epoch in range(1, 10)]
    assert (foreign["position"], foreign["step"], foreign["left_out"]) == (None, None, "its log has no steps")
    _, out, _ = workbench("compare", *runs, "foreign", "--align", "step")
    assert "PGD accuracy by optimizer step, 0 to 180" in out
    short = next(line for line in out.splitlines() if line.startswith("1 bad") and "…" in line)
    assert len(short[18:60].rstrip()) == 14  # a third of the axis


def test_nobody_has_an_onset(workbench, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write_run(tmp_path / name, HEALTHY)
    code, out, _ = workbench("compare", "a", "b", "--align", "onset")
    assert code == 0
    assert "--align epoch shows the curves" in " ".join(out.split())
    code, out, err = workbench("compare", "a", "b", "--align", "onset", "--out", "x.png")
    assert (code, out) == (2, "")
    assert "x.png" in err
    assert not (tmp_path / "x.png").exists()


def test_missing_values_are_dashes_and_null(workbench, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    nan = float("nan")
    write_run(tmp_path / "empty", [], status="stopped", config={}, seed=None)
    write_run(tmp_path / "blind", [(nan, nan), (0.4, nan)], delta=False)
    code, out, _ = workbench("compare", "empty", "blind")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert any(line.startswith("1 empty fgsm – – 0") for line in lines)
    assert "1 – – – – – – – – –" in lines
    assert "2 – – – – 1 90.0% 40.0% – –" in lines
    assert "Not on this axis: 1 empty, because no epoch is finished yet." in lines
    assert any(line.startswith("2 blind: CO cannot be told") for line in lines)
    empty, blind = result_of(workbench, "empty", "blind")["runs"]
    assert (empty["epoch"], empty["pgd_accuracy"], empty["run"]["last"]) == ([], [], None)
    assert blind["pgd_accuracy"] == [None, None]
    assert blind["fgsm_accuracy"] == [None, 0.4]
    assert blind["delta_energy_mean"] == [None, None]
    assert workbench("compare", "empty", "empty")[0] == 0


def test_the_aligned_curves_as_a_table(workbench, runs, tmp_path) -> None:
    assert workbench("compare", *runs, "--align", "onset", "--out", "new/c.csv")[0] == 0
    with (tmp_path / "new" / "c.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["run"], row["position"], row["epoch"], row["step"]) for row in rows][:2] == [
        ("bad", "-3", "0", "10"),
        ("bad", "-2", "1", "20"),
    ]
    assert [float(row["pgd_accuracy"]) for row in rows] == [pgd for _, pgd in COLLAPSING]
    assert [float(row["delta_energy_mean"]) for row in rows] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("align", ["epoch", "step", "onset"])
def test_the_aligned_curves_as_a_plot(workbench, runs, tmp_path, align) -> None:
    assert workbench("compare", *runs, "--align", align, "--out", "c.png")[0] == 0
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bad"], ["two runs or more", "inspect"]),
        (["bad", "nowhere"], ["nowhere"]),
        (["bad", "good", "--align", "time"], ["time", "onset"]),
        (["bad", "good", "--out", "c.pdf"], ["c.pdf", ".png"]),
        (["bad", "good", "--out", "bad/run.h5/c.csv"], ["bad/run.h5"]),
    ],
    ids=str,
)
def test_bad_usage_is_said_in_one_line(workbench, runs, arguments, words) -> None:
    code, out, err = workbench("compare", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    for word in words:
        assert word in err


def test_hostile_names_are_plain_text(workbench, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil = "[red]x\x1b[31m$y^2$" + "z" * 60
    write_run(tmp_path / evil, COLLAPSING, method="[bold]m\x1b[0m", run_id="\x1b]0;t\x07")
    write_run(tmp_path / "b", HEALTHY)
    code, out, _ = workbench("compare", evil, "b", "--out", "c.png")
    assert code == 0
    assert "\x1b" not in out
    assert "[red]x\\x1b" in out
    assert all(len(line) <= 80 for line in out.splitlines() if "run.h5" not in line and "safetensors" not in line)
    assert json.loads(workbench("compare", evil, "b", "--json")[1])["runs"][0]["name"] == evil


def test_it_loads_nothing_heavy(runs) -> None:
    assert loaded_by("compare", *runs) == []
    assert loaded_by("compare", "--help") == []


@settings(max_examples=60, deadline=None)
@given(
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    start=st.integers(-6, 6),
    cells=st.integers(1, 9),
    data=st.data(),
)
def test_a_curve_on_a_grid_is_its_mean_over_fine_points(widths, start, cells, data) -> None:
    """Reference: the curve as a function, looked up at many points of each cell."""
    edges = start + np.concatenate([[0], np.cumsum(widths)]).astype(float)
    values = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, np.nan]), min_size=len(widths), max_size=12)))
    values = values[: len(widths)]
    grid = np.linspace(-8.0, 20.0, cells + 1)
    got = on_grid(edges, values, grid)
    for cell in range(cells):
        points = np.linspace(grid[cell], grid[cell + 1], 4001)
        inside = points[(points > edges[0]) & (points < edges[-1])]
        seen = values[np.searchsorted(edges, inside, side="right") - 1]
        seen = seen[np.isfinite(seen)]
        if seen.size > 3:
            assert got[cell] == pytest.approx(seen.mean(), abs=0.02 if seen.size > 100 else 0.5)
        elif np.isfinite(got[cell]):
            assert 0.0 <= got[cell] <= 1.0


def test_the_common_grid_covers_all_and_has_no_cell_under_one() -> None:
    grid = common_grid([np.array([0.0, 3.0]), np.array([-2.0, 1.0])], 40)
    assert list(grid) == [-2, -1, 0, 1, 2, 3]
    assert len(common_grid([np.array([0.0, 1000.0])], 40)) == 41
