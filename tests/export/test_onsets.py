"""What is known of an onset is in every export: whether it was rolled back, its healthy weights, what is unknown."""

import csv
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.export import runs
from tests.export.conftest import Export
from trainers.spec import RolledBack

CHECKPOINT = "checkpoints/epoch-000001.safetensors"


@pytest.fixture
def returned(tmp_path: Path) -> Path:
    """A run that collapsed at epoch 3 and went back to epoch 1 after epoch 5."""
    folder = tmp_path / "returned"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / CHECKPOINT).touch()
    with runs.start(folder) as writer:
        runs.append(writer, runs.NUM_EPOCHS)
        back = RolledBack(epoch=5, checkpoint=1, changes={})
        writer.append_event(kind="rollback", epoch=5, step=18, message=back.sentence)
    return folder


def test_in_tables_of_any_format(export: Export, returned: Path, tmp_path: Path) -> None:
    with (export("csv", "onsets", path=returned) / "onsets.csv").open() as stream:
        [text] = csv.DictReader(stream)
    (tmp_path / "out" / "run.json").unlink()
    [typed] = parquet.read_table(export("parquet", "onsets", path=returned) / "onsets.parquet").to_pylist()
    (tmp_path / "out" / "run.json").unlink()
    [plain] = json.loads((export("json", "onsets", path=returned) / "run.json").read_text())["onsets"]
    assert (text["rolled_back"], typed["rolled_back"], plain["rolled_back"]) == ("5", 5, 5)
    for row in (text, typed, plain):
        assert row["last_healthy_checkpoint"] == str(returned / CHECKPOINT)
        assert row["rule"] == "collapse"


def test_what_is_missing_is_empty(export: Export) -> None:
    [line] = csv.DictReader((export("csv", "onsets") / "onsets.csv").read_text().splitlines())
    assert (line["rolled_back"], line["last_healthy_checkpoint"], line["last_healthy_epoch"]) == ("", "", "2")


def test_what_cannot_be_told_is_said_beside_the_table(export: Export, tmp_path: Path) -> None:
    unsure = runs.write(tmp_path / "unsure", num_epochs=1)
    facts = json.loads((export("csv", "onsets", path=unsure) / "run.json").read_text())["run"]
    assert set(facts["cannot_tell"]) == {"robust"}
    assert all(facts["cannot_tell"].values())


def test_as_text_for_tensorboard(export: Export, returned: Path) -> None:
    content = next(export("tensorboard", "onsets", path=returned).iterdir()).read_bytes()
    assert b"Rolled back after epoch 5." in content
    assert f"Last healthy checkpoint: {returned / CHECKPOINT}.".encode() in content
