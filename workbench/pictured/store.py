"""The file of pictures: safetensors, its facts as JSON in the header."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from workbench.pictured.values import SCHEMA_VERSION, PictureFacts, Pictures

FORMAT = "workbench-pictures"

_ARRAYS: Mapping[str, tuple[type[np.generic], int]] = {
    **dict.fromkeys(("index", "label", "predicted", "predicted_adv"), (np.int64, 1)),
    **dict.fromkeys(("energy", "energy_adv", "joint_energy", "joint_energy_adv"), (np.float32, 1)),
    **dict.fromkeys(("natural", "adversarial"), (np.float32, 4)),
}
"""Every array of a file with its type and number of axes; the first is that of the samples."""


def save_pictures(path: Path, pictures: Pictures) -> None:
    """Write pictures atomically; folders are made.

    Raises:
        WorkbenchError: they cannot be written; what was there is still there.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(values) for name, values in pictures.arrays().items()}
    content = save(arrays, {"format": FORMAT, "facts": json.dumps(asdict(pictures.facts))})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); give another folder") from error
    write_atomically(path, content)


def load_pictures(path: Path) -> Pictures:
    """Read pictures and check that they are whole.

    Raises:
        WorkbenchError: missing, damaged, of another format, or of a later schema.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(f"it is not of format {FORMAT}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = _parse_facts(metadata["facts"])
        _check_arrays(arrays, facts)
    except FileNotFoundError:
        raise WorkbenchError(f"no such pictures: {path}") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WorkbenchError(f"{path} is not a whole file of pictures: {reason}; remove it") from None
    return Pictures(**arrays, facts=facts)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


_FACT_TYPES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("checkpoint", "checkpoint_digest", "data", "data_digest", "split", "attack", "created"), _is_text),
    "epoch": lambda value: value is None or _is_whole(value),
    "eps": lambda value: isinstance(value, float),
    "seed": _is_whole,
    "class_names": _is_list_of(_is_text),
    "image_shape": _is_list_of(_is_whole),
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "schema_version": _is_whole,
}


def _parse_facts(text: str) -> PictureFacts:
    values = json.loads(text)
    if not isinstance(values, dict) or values.keys() != {field.name for field in fields(PictureFacts)}:
        raise TypeError("its facts are other ones")
    if values["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its schema is {values['schema_version']!r}, known is {SCHEMA_VERSION}")
    wrong = next((name for name, is_right in _FACT_TYPES.items() if not is_right(values[name])), None)
    if wrong is not None:
        raise TypeError(f"its {wrong} has the wrong type")
    lists = {name: tuple(values[name]) for name in ("class_names", "image_shape")}
    return PictureFacts(**{**values, **lists})


def _check_arrays(arrays: Mapping[str, NDArray[Any]], facts: PictureFacts) -> None:
    if arrays.keys() != _ARRAYS.keys():
        raise ValueError(f"its arrays are {', '.join(sorted(arrays)) or 'none'}")
    for name, (dtype, axes) in _ARRAYS.items():
        array = arrays[name]
        shape = (len(arrays["index"]), *(facts.image_shape if axes == 4 else ()))
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
    if len(np.unique(arrays["index"])) < len(arrays["index"]):
        raise ValueError("it holds a sample twice")
