"""Evaluations as files: whole or absent, and read with distrust."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainers.errors import WorkbenchError
from workbench.evaluation import Evaluation, find_evaluations, save_evaluation, to_json
from workbench.evaluation import store as module

Change = Callable[[dict[str, Any]], object]


def test_what_is_written_is_read(evaluation: Evaluation, tmp_path: Path) -> None:
    path = save_evaluation(tmp_path / "e", evaluation)
    assert path.name.startswith("epoch-000007-test-pgd-5+fgsm-")
    found = find_evaluations(tmp_path / "e")
    assert [one.path for one in found.stored] == [path]
    assert found.stored[0].evaluation == evaluation
    assert not found.troubles
    value = json.loads(path.read_text())
    assert value["inputs"][1]["overall"]["accuracy"] == evaluation.attacks[0].overall.accuracy
    assert value["inputs"][1]["overall"]["interval"] == list(evaluation.attacks[0].overall.interval or ())
    assert value["worst"]["overall"]["num"] == value["num"] == 60


def test_only_the_same_question_is_replaced(evaluation: Evaluation, tmp_path: Path) -> None:
    others = (replace(evaluation, seed=4), replace(evaluation, eps=0.09), replace(evaluation, digest="0" * 64))
    for one in (evaluation, *others, replace(evaluation, created="2027-01-01T00:00:00+00:00")):
        save_evaluation(tmp_path, one)
    found = find_evaluations(tmp_path)
    assert len(found.stored) == 4
    assert found.stored[-1].evaluation.created.startswith("2027"), "the latest comes last"


def test_those_of_another_run_are_named(evaluation: Evaluation, tmp_path: Path) -> None:
    save_evaluation(tmp_path, replace(evaluation, run_id="mine"))
    save_evaluation(tmp_path, replace(evaluation, run_id="theirs", seed=9))
    found = find_evaluations(tmp_path, "mine")
    assert [one.evaluation.run_id for one in found.stored] == ["mine"]
    assert "it is of another run, theirs" in found.troubles[0]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert find_evaluations(tmp_path / "none") == module.Found()
    (tmp_path / "file").touch()
    assert "cannot look into" in find_evaluations(tmp_path / "file").troubles[0]


SPOILED: dict[str, Change] = {
    "it is no evaluation": lambda value: value.update(format="other"),
    "another version": lambda value: value.update(schema_version=2),
    "it has no digest": lambda value: value.pop("digest"),
    "no proper eps": lambda value: value.update(eps="0.1"),
    "no proper seed": lambda value: value.update(seed=True),
    "no proper epoch": lambda value: value.update(epoch=-1),
    "no proper class_names": lambda value: value.update(class_names=["a"] * 20_001),
    "no proper data": lambda value: value.update(data="x" * 5_000),
    "it makes no sense": lambda value: value.update(eps=0.0),
    "no proper inputs": lambda value: value.update(inputs={}),
    "other attacks than were asked for": lambda value: value["inputs"][1].update(name="apgd-100"),
    "more are right than there are": lambda value: value["inputs"][1]["overall"].update(correct=61),
    "do not add up": lambda value: value["inputs"][1]["classes"][3].update(correct=0, num=0),
    "classes do not add up": lambda value: value["worst"]["classes"].pop(),
    "no proper mean": lambda value: value["inputs"][0]["overall"]["energy"].update(mean=[1]),
    "no proper q05": lambda value: value["inputs"][0]["overall"]["energy"].update(q05=10**400),
    "no proper overall": lambda value: value["worst"].update(overall=[]),
}


@pytest.mark.parametrize("trouble", SPOILED)
def test_a_file_that_makes_no_sense_is_said_and_hides_no_other(
    evaluation: Evaluation, tmp_path: Path, trouble: str
) -> None:
    good = save_evaluation(tmp_path, evaluation)
    value = to_json(evaluation)
    value = json.loads(json.dumps(value))
    SPOILED[trouble](value)
    (tmp_path / "spoiled.json").write_text(json.dumps(value))
    found = find_evaluations(tmp_path)
    assert [one.path for one in found.stored] == [good]
    assert len(found.troubles) == 1
    assert trouble in found.troubles[0]


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "it is no JSON"),
        (b"[1, 2", "it is no JSON"),
        (b'{"format": NaN}', "it is no JSON (NaN is no number)"),
        (b"[" * 100_000, "it is no JSON"),
        (b"9" * 10_000, "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[]", "it is no evaluation"),
    ],
    ids=["empty", "cut", "nan", "deep", "huge", "bytes", "list"],
)
def test_a_file_of_anything(tmp_path: Path, content: bytes, trouble: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = find_evaluations(tmp_path)
    assert not found.stored
    assert trouble in found.troubles[0]


def test_what_is_read_is_bounded(evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        os.utime(save_evaluation(tmp_path, replace(evaluation, seed=seed)), (seed, seed))
    (tmp_path / ".left.json.1.tmp").write_text("half")
    (tmp_path / "folder.json").mkdir()
    os.utime(tmp_path / "folder.json", (9, 9))
    monkeypatch.setattr(module, "MOST_FILES", 3)
    found = find_evaluations(tmp_path)
    assert {one.evaluation.seed for one in found.stored} == {2, 3}
    assert [trouble.split(": ")[-1] for trouble in found.troubles[1:]] == ["it is no file"]
    assert "holds 5 evaluations; the latest 3 are read" in found.troubles[0]
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    assert not find_evaluations(tmp_path).stored
    with pytest.raises(WorkbenchError, match="more than is read again"):
        save_evaluation(tmp_path, evaluation)


def test_a_place_that_cannot_be_written_to(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkbenchError, match="cannot write"):
        save_evaluation(tmp_path / "file" / "e", evaluation)
