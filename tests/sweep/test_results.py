"""What a sweep writes: JSON and CSV that agree, and JSON that is read again."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from trainers.errors import WorkbenchError
from workbench.sweep.grid import AXES, make_cells
from workbench.sweep.results import FIGURES, Result, Sweep, read_sweep, save_sweep, to_csv, to_json


def make_sweep() -> Sweep:
    cells = make_cells({"start": ("pca", "noise"), "steps": (2, 4)}, labels=(0,), num=3, seed=0)
    pending = [Result.pending(cell) for cell in cells]
    figures = {name: 0.1 * i for i, name in enumerate(FIGURES)}
    better = {**figures, "fid": 0.05, "recall": 0.9999999999999999, "agreement": None, "images": 3}
    results = (
        replace(pending[0], status="done", figures=figures, notes=('Few, "too" few.',)),
        replace(pending[1], status="done", figures=better),
        replace(pending[2], status="failed", reason="all 3 chains diverged;\ntry, perhaps, less"),
        pending[3],
    )
    return Sweep(identity={"a": [1, 2]}, options={"num": 3}, facts={"device": "cpu"}, results=results)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    sweep = make_sweep()
    save_sweep(tmp_path / "new" / "folder", sweep)
    assert read_sweep(tmp_path / "new" / "folder") == sweep
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["sweep.csv", "sweep.json"]


def test_csv_and_json_agree() -> None:
    cells = json.loads(json.dumps(to_json(make_sweep())))["cells"]
    rows = list(csv.DictReader(io.StringIO(to_csv(make_sweep()))))
    assert len(rows) == len(cells) == 4
    for row, cell in zip(rows, cells, strict=True):
        flat = {**cell, **cell["settings"], **{f"pareto_{name}": int(on) for name, on in cell["pareto"].items()}}
        assert set(row) == {"name", "status", "reason", *AXES, *FIGURES, "pareto_fid_cost", "pareto_quality_diversity"}
        for name, text in row.items():
            assert text == ("" if flat[name] is None else str(flat[name])), name


def test_marks_are_of_lower_fid_fewer_passes_and_more_precision_and_recall() -> None:
    first, second, *others = to_json(make_sweep())["cells"]
    assert (first["pareto"], second["pareto"]) == (
        {"fid_cost": False, "quality_diversity": False},
        {"fid_cost": True, "quality_diversity": True},
    )
    assert not any(mark for cell in others for mark in cell["pareto"].values())


def test_no_sweep_is_none(tmp_path: Path) -> None:
    assert read_sweep(tmp_path) is None
    assert read_sweep(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"format": "workbench-sweep-1"}', "\udcff", "[" * 100_000],
    ids=lambda text: text[:9],
)
def test_damage_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "sweep.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(WorkbenchError, match=r"sweep\.json is damaged; remove it"):
        read_sweep(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkbenchError, match="cannot make"):
        save_sweep(tmp_path / "file" / "out", make_sweep())
