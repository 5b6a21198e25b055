"""CSV and JSON against plain h5py and numpy."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.export import runs
from tests.export.conftest import Export
from trainers.energylog.schema import EPOCH_COLUMNS, EVENT_COLUMNS, STEP_COLUMNS
from workbench.export.values import text_cell


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) if row[name] else math.nan for row in rows])


def strictly(text: str) -> Any:
    """JSON as the standard has it: NaN and Infinity are errors."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def log(run: Path) -> h5py.File:
    with h5py.File(run / "run.h5") as file:
        yield file


def test_csv_has_every_number_of_the_log(export: Export, log: h5py.File) -> None:
    out = export("csv", "epochs", "steps")
    epochs, steps = rows_of(out / "epochs.csv"), rows_of(out / "steps.csv")
    assert list(epochs[0]) == [column.name for column in EPOCH_COLUMNS]
    assert list(steps[0]) == [column.name for column in STEP_COLUMNS]
    for name in log["epoch"].dtype.names:
        np.testing.assert_array_equal(numbers(epochs, name), log["epoch"][name])
    real = log["step/step"][:] >= 0
    for name in log["step"]:
        np.testing.assert_array_equal(numbers(steps, name), log[f"step/{name}"][:][real])
    assert epochs[1]["train_delta_energy_mean"] == ""
    assert epochs[0]["epoch"] == "0"  # a whole number, no 0.0


def test_csv_samples_restore_every_float32(export: Export, log: h5py.File) -> None:
    rows = rows_of(export("csv", "samples", splits=("train",), first=2, stop=4) / "samples.csv")
    assert {row["split"] for row in rows} == {"train"}
    size = runs.SIZES["train"]
    for part, epoch in enumerate((2, 3)):
        block = rows[part * size : (part + 1) * size]
        assert {row["epoch"] for row in block} == {str(epoch)}
        np.testing.assert_array_equal(numbers(block, "index"), log["train/index"][:])
        np.testing.assert_array_equal(numbers(block, "label"), log["train/label"][:])
        for name in ("energy", "energy_adv", "joint_energy", "joint_energy_adv"):
            np.testing.assert_array_equal(numbers(block, name).astype(np.float32), log[f"train/{name}"][epoch])
        delta = log["train/energy"][epoch] - log["train/energy_adv"][epoch]
        np.testing.assert_array_equal(numbers(block, "delta_energy").astype(np.float32), delta)
        assert [row["correct_adv"] for row in block[:5]] == [
            "" if flag == 255 else str(flag) for flag in log["train/correct_adv"][epoch][:5].tolist()
        ]
        assert (block[3]["energy_adv"], block[3]["delta_energy"], block[4]["energy"]) == ("", "", "inf")
    assert max(len(row["joint_energy"]) for row in rows) <= 15  # the digits of a float32, no more


def test_histograms_count_the_samples_in_their_bins(export: Export, log: h5py.File) -> None:
    rows = rows_of(export("csv", "histograms") / "histograms.csv")
    for split in ("train", "probe"):
        for epoch in range(runs.NUM_EPOCHS):
            delta = log[f"{split}/energy"][epoch].astype(float) - log[f"{split}/energy_adv"][epoch]
            delta = delta[np.isfinite(delta)]
            mine = [row for row in rows if (row["split"], row["epoch"]) == (split, str(epoch))]
            for row in mine:
                inside = (delta >= float(row["lower"])) & (delta < float(row["upper"]))
                assert abs(int(row["count"]) - inside.sum()) <= 1  # float32 differences may fall on the other side
            assert sum(int(row["count"]) for row in mine) == len(delta)


def test_the_facts_lie_beside_the_tables(export: Export) -> None:
    facts = strictly((export("csv", "epochs", "onsets") / "run.json").read_text())
    assert facts["run"]["status"] == "finished"
    assert facts["run"]["num_samples"] == runs.SIZES
    assert facts["run"]["config"] == {"eps": 0.3, "lr": None, "record": "all", "keep_bits": None}
    assert facts["run"]["class_names"] == ["zero", "zwölf"]
    assert facts["columns"]["epochs"]["train_loss"]["unit"] == "nat"
    assert list(facts["columns"]) == ["epochs", "onsets"]


def test_hostile_text_does_nothing_in_a_table(export: Export) -> None:
    out = export("csv", "events")
    content = (out / "events.csv").read_bytes()
    assert not set(content) & (set(range(32)) - {10})
    assert content.count(b"\n") == 2
    [row] = rows_of(out / "events.csv")
    assert list(row) == [column.name for column in EVENT_COLUMNS]
    assert row["message"] == "'=cmd|' /C calc'!A0\\x1b]0;t\\x07\\n[red]x\\u202e, \"quoted\""
    assert b"\x1b" not in (out / "run.json").read_bytes()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\r@"])
def test_a_formula_is_text(start: str) -> None:
    cell = text_cell(f"{start}1+1")
    assert cell.isprintable()
    assert cell[0] not in "=+-@ \t\r"


@pytest.mark.parametrize("text", ["plain", "a=b", "ΔE ≤ 3", ""])
def test_plain_text_is_left_alone(text: str) -> None:
    assert text_cell(text) == text


def test_the_json_document_has_it_all(export: Export, log: h5py.File) -> None:
    out = export("json", "epochs", "steps", "events", "onsets", "histograms")
    document = strictly((out / "run.json").read_text())
    assert list(document) == ["run", "columns", "epochs", "steps", "events", "onsets", "histograms"]
    for name in log["epoch"].dtype.names:
        found = np.array([row[name] for row in document["epochs"]], dtype=float)
        np.testing.assert_array_equal(found, log["epoch"][name])
    assert document["epochs"][1]["train_delta_energy_mean"] is None
    assert document["events"][0]["message"] == runs.HOSTILE
    [onset] = document["onsets"]
    assert (onset["kind"], onset["epoch"]) == ("catastrophic", 3)
    assert onset["evidence"]["pgd_accuracy_after"] < 0.2
    assert len(document["steps"]) == runs.NUM_EPOCHS * runs.STEPS
    assert sum(row["count"] for row in document["histograms"] if row["split"] == "probe") == 6 * (40 - 2)


def test_samples_are_json_lines(export: Export, log: h5py.File) -> None:
    lines = (export("json", "samples", first=5) / "samples.jsonl").read_text().splitlines()
    rows = [strictly(line) for line in lines]
    assert len(rows) == sum(runs.SIZES.values())
    found = np.array([row["energy_adv"] for row in rows[: runs.SIZES["train"]]], dtype=float)
    np.testing.assert_array_equal(found.astype(np.float32), log["train/energy_adv"][5])
    assert (rows[4]["energy"], rows[3]["correct_adv"]) == (None, None)  # infinite; not recorded


def test_a_range_of_epochs(export: Export) -> None:
    tables = ("epochs", "steps", "events", "onsets", "histograms")
    document = strictly((export("json", *tables, first=1, stop=3) / "run.json").read_text())
    assert [row["epoch"] for row in document["epochs"]] == [1, 2]
    assert {row["epoch"] for row in document["steps"]} == {1, 2}
    assert {row["epoch"] for row in document["histograms"]} == {1, 2}
    assert [row["epoch"] for row in document["events"]] == [2]
    assert document["onsets"] == []  # it set in at epoch 3


def test_a_log_without_epochs(export: Export, tmp_path: Path) -> None:
    empty = runs.write(tmp_path / "empty", num_epochs=0)
    tables = ("epochs", "steps", "events", "onsets", "histograms", "samples")
    out = export("json", *tables, path=empty)
    document = strictly((out / "run.json").read_text())
    assert [len(document[name]) for name in tables[:-1]] == [0, 0, 1, 0, 0]
    assert (out / "samples.jsonl").read_bytes() == b""
