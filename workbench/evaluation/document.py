"""An evaluation as JSON values, and back with distrust."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from trainers.errors import WorkbenchError
from workbench.evaluation.values import NATURAL, STATISTICS, Evaluation, Group, Inputs, Statistics, Tally

FORMAT = "workbench-evaluation"
SCHEMA_VERSION = 1

MOST_CLASSES, MOST_ATTACKS, LONGEST_TEXT = 20_000, 64, 4_096
_MOST = 2**53

_T = TypeVar("_T")


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON values (the shape of its file); missing values are None, never NaN."""
    facts = {name: value for name, value in asdict(evaluation).items() if name not in ("inputs", "worst")}
    overall, *classes = map(_tally_json, evaluation.worst)
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        **facts,
        "num": evaluation.num,
        "inputs": [_inputs_json(inputs) for inputs in evaluation.inputs],
        "worst": {"overall": overall, "classes": classes},
    }


def from_text(text: bytes) -> Evaluation:
    """What ``to_json`` gave, from the text of its file; shares and intervals are reckoned anew.

    Raises:
        WorkbenchError: it is something else, or makes no sense.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WorkbenchError(f"it is no JSON ({error})") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise WorkbenchError("it is no evaluation")
    if value.get("schema_version") != SCHEMA_VERSION:
        raise WorkbenchError(f"it has another version of the format; this program reads {SCHEMA_VERSION}")
    names = _list(value, "class_names", _text, MOST_CLASSES)
    inputs = _list(value, "inputs", lambda entry: _inputs(entry, len(names)), MOST_ATTACKS + 1)
    worst = _field(value, "worst", _mapping)
    evaluation = Evaluation(
        checkpoint=_field(value, "checkpoint", _text),
        digest=_field(value, "digest", _text),
        epoch=_field(value, "epoch", _or_none(_count)),
        run_id=_field(value, "run_id", _or_none(_text)),
        data=_field(value, "data", _text),
        split=_field(value, "split", _text),
        class_names=names,
        eps=_field(value, "eps", _number),
        seed=_field(value, "seed", _count),
        batch_size=_field(value, "batch_size", _count),
        device=_field(value, "device", _text),
        image_mode=_field(value, "image_mode", _or_none(_text)),
        notes=_list(value, "notes", _text, 1_000),
        asked=_list(value, "asked", _text, MOST_ATTACKS),
        num_broken=_field(value, "num_broken", _count),
        inputs=inputs,
        worst=(_field(worst, "overall", _tally), *_list(worst, "classes", _tally, MOST_CLASSES)),
        created=_field(value, "created", _text),
        versions={_text(name): _text(entry) for name, entry in list(_field(value, "versions", _mapping).items())[:100]},
        git_revision=_field(value, "git_revision", _or_none(_text)),
    )
    _check(evaluation)
    return evaluation


def _check(evaluation: Evaluation) -> None:
    """See to it that the parts fit each other."""
    measured = [inputs.name for inputs in evaluation.inputs]
    if (
        measured[:1] != [NATURAL]
        or not set(measured[1:]) <= set(evaluation.asked)
        or len(set(measured)) < len(measured)
    ):
        raise WorkbenchError("it has other attacks than were asked for")
    if not 0 < evaluation.eps <= 1 or not evaluation.class_names:
        raise WorkbenchError("it makes no sense")
    sizes = [group.num for group in (evaluation.natural.overall, *evaluation.natural.classes)]
    tables = [(inputs.overall, *inputs.classes) for inputs in evaluation.inputs]
    for groups in (*tables, evaluation.worst):
        parts = groups[1:]
        fits = [group.num for group in groups] == sizes
        if not fits or sizes[0] != sum(sizes[1:]) or groups[0].correct != sum(part.correct for part in parts):
            raise WorkbenchError("its classes do not add up")


def _inputs_json(inputs: Inputs) -> dict[str, Any]:
    return {
        "name": inputs.name,
        "seconds": inputs.seconds,
        "overall": _group_json(inputs.overall),
        "classes": [_group_json(group) for group in inputs.classes],
    }


def _tally_json(tally: Tally) -> dict[str, Any]:
    interval = None if tally.interval is None else list(tally.interval)
    return {"num": tally.num, "correct": tally.correct, "accuracy": tally.accuracy, "interval": interval}


def _group_json(group: Group) -> dict[str, Any]:
    energies = {name: getattr(group, name) for name in ("energy", "joint_energy", "delta_energy")}
    return {**_tally_json(group), "num_energies": group.num_energies, **energies}


def _inputs(value: object, num_classes: int) -> Inputs:
    entry = _mapping(value)
    classes = _list(entry, "classes", _group, MOST_CLASSES)
    if len(classes) != num_classes:
        raise WorkbenchError("its classes do not add up")
    return Inputs(
        name=_field(entry, "name", _text),
        seconds=_field(entry, "seconds", _number),
        overall=_field(entry, "overall", _group),
        classes=classes,
    )


def _tally(value: object) -> Tally:
    entry = _mapping(value)
    num, correct = (_field(entry, name, _count) for name in ("num", "correct"))
    if correct > num:
        raise WorkbenchError("more are right than there are")
    return Tally(num=num, correct=correct)


def _group(value: object) -> Group:
    entry, tally = _mapping(value), _tally(value)
    return Group(
        num=tally.num,
        correct=tally.correct,
        num_energies=_field(entry, "num_energies", _count),
        energy=_field(entry, "energy", _statistics),
        joint_energy=_field(entry, "joint_energy", _statistics),
        delta_energy=_field(entry, "delta_energy", _or_none(_statistics)),
    )


def _statistics(value: object) -> Statistics:
    entry = _mapping(value)
    return {name: _field(entry, name, _or_none(_number)) for name in STATISTICS}


def _field(value: Mapping[str, Any], name: str, read: Callable[[object], _T]) -> _T:
    if name not in value:
        raise WorkbenchError(f"it has no {name}")
    try:
        return read(value[name])
    except TypeError:
        raise WorkbenchError(f"it has no proper {name}") from None


def _list(value: Mapping[str, Any], name: str, read: Callable[[object], _T], most: int) -> tuple[_T, ...]:
    entries = value.get(name)
    if not isinstance(entries, list) or len(entries) > most:
        raise WorkbenchError(f"it has no proper {name}")
    return tuple(_field({name: entry}, name, read) for entry in entries)


def _or_none(read: Callable[[object], _T]) -> Callable[[object], _T | None]:
    return lambda value: None if value is None else read(value)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise TypeError
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise TypeError
    return value


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise TypeError
    assert isinstance(value, int | float)
    if not abs(value) < _MOST or not math.isfinite(value):
        raise TypeError
    return float(value)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")
