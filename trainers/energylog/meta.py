"""Everything that is fixed for the life of a run, and how it is kept as attributes of the file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import h5py
import numpy as np

from trainers.energylog.schema import FORMAT, SCHEMA_VERSION, SPLITS
from trainers.errors import WorkbenchError
from trainers.spec import MANTISSA_BITS

_T = TypeVar("_T", list[Any], dict[str, Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMeta:
    """The facts of a run that never change.

    Attributes:
        run_id: Name of the run.
        method: Training method, e.g. "fgsm-der".
        dataset: Data set, e.g. "digits".
        class_names: Name of each class, by label.
        config: The run's configuration, a JSON object; runs made elsewhere may lack any key.
        seed: Random seed, if known.
        planned_epochs: Epochs the run is meant to have, if known.
        train_attack: Attack that made x* of the training tables; None where the method has no x*.
        probe_attack: Attack that made x* of the probe tables; None where there is none.
        train_batch_norm: Batch-norm mode of the training energies, "train" or "eval".
        probe_batch_norm: Batch-norm mode of the probe energies.
        versions: Version of each library that matters.
        git_revision: Revision of the code, if known.
        created: When the run began, ISO 8601 in UTC.
        keep_bits: Bits of the mantissa to which the writer rounds the energies of samples before anything is made of
            them; MANTISSA_BITS where it rounds nothing.
    """

    run_id: str
    method: str
    dataset: str
    class_names: tuple[str, ...]
    config: Mapping[str, Any]
    seed: int | None
    planned_epochs: int | None
    train_attack: str | None
    probe_attack: str | None
    train_batch_norm: str = "train"
    probe_batch_norm: str = "eval"
    versions: Mapping[str, str]
    git_revision: str | None
    created: str
    keep_bits: int = MANTISSA_BITS


SEGMENTS = "segments"
"""The attribute ``storage`` of a log whose tables of each epoch are in files of their own."""

MOST_ATTRIBUTE_BYTES = 4 << 20
"""The largest attribute that is read: parsed as JSON it takes a multiple of that."""

ROOT_ATTRIBUTES = {
    "format": f"the text {FORMAT}",
    "schema_version": f"{SCHEMA_VERSION}",
    "run_id": "name of the run",
    "method": "training method",
    "dataset": "data set",
    "class_names": "class names by label, a JSON list",
    "config": "configuration, a JSON object",
    "seed": "random seed; absent if unknown",
    "planned_epochs": "epochs the run is meant to have; absent if unknown",
    "versions": "versions of the libraries, a JSON object",
    "git_revision": "revision of the code; absent if unknown",
    "created": "when the run began, ISO 8601 UTC",
    "keep_bits": "bits of the mantissa to which the energies of samples were rounded; absent if they were not",
    "storage": "the text segments where the tables of each epoch are in files of their own; absent elsewhere",
}
"""Every attribute of the file's root and what it holds."""

SPLIT_ATTRIBUTES = {
    "attack": "the attack that made x* of these tables; absent where there is no x*",
    "batch_norm": "the batch-norm mode of the forward passes that made the energies: train or eval",
}
"""Every attribute of the groups ``/train`` and ``/probe`` and what it holds."""


def write_meta(file: h5py.File, meta: RunMeta, *, storage: str | None = None) -> None:
    """Write ``meta`` as attributes of the root and of ``/train`` and ``/probe``, which must exist.

    Args:
        file: An empty log.
        meta: The run's facts.
        storage: SEGMENTS, or None for a log that is one file.
    """
    root: dict[str, str | int | None] = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "run_id": meta.run_id,
        "method": meta.method,
        "dataset": meta.dataset,
        "class_names": json.dumps(list(meta.class_names)),
        "config": json.dumps(dict(meta.config)),
        "seed": meta.seed,
        "planned_epochs": meta.planned_epochs,
        "versions": json.dumps(dict(meta.versions)),
        "git_revision": meta.git_revision,
        "created": meta.created,
        "keep_bits": meta.keep_bits if meta.keep_bits < MANTISSA_BITS else None,
        "storage": storage,
    }
    assert list(root) == list(ROOT_ATTRIBUTES)
    write_attributes(file, root)
    write_attributes(file["train"], {"attack": meta.train_attack, "batch_norm": meta.train_batch_norm})
    write_attributes(file["probe"], {"attack": meta.probe_attack, "batch_norm": meta.probe_batch_norm})


def write_attributes(target: Any, values: Mapping[str, str | int | None]) -> None:
    """Write attributes: text at a fixed length (SWMR readers cannot read variable lengths), None not at all."""
    for name, value in values.items():
        if value is not None:
            target.attrs[name] = fixed_text(value) if isinstance(value, str) else np.int64(value)


def fixed_text(text: str) -> np.ndarray[Any, Any]:
    """``text`` as a fixed-length UTF-8 scalar, at least one byte long."""
    data = text.encode(errors="replace")
    return np.array(data, dtype=h5py.string_dtype("utf-8", max(1, len(data))))


def read_meta(file: h5py.File) -> RunMeta:
    """The facts of the run in ``file``.

    Raises:
        WorkbenchError: An attribute is missing or is not what it should be.
    """
    root = _attributes(file, ROOT_ATTRIBUTES)
    train, probe = (_attributes(file[split], SPLIT_ATTRIBUTES) for split in SPLITS)
    class_names = _json(root, "class_names", list)
    versions = _json(root, "versions", dict)
    return RunMeta(
        run_id=_text(root, "run_id"),
        method=_text(root, "method"),
        dataset=_text(root, "dataset"),
        class_names=tuple(str(name) for name in class_names),
        config=_json(root, "config", dict),
        seed=_integer(root, "seed") if "seed" in root else None,
        planned_epochs=_integer(root, "planned_epochs") if "planned_epochs" in root else None,
        train_attack=_text(train, "attack") if "attack" in train else None,
        probe_attack=_text(probe, "attack") if "attack" in probe else None,
        train_batch_norm=_text(train, "batch_norm"),
        probe_batch_norm=_text(probe, "batch_norm"),
        versions={str(name): str(version) for name, version in versions.items()},
        git_revision=_text(root, "git_revision") if "git_revision" in root else None,
        created=_text(root, "created"),
        keep_bits=_bits(root) if "keep_bits" in root else MANTISSA_BITS,
    )


def read_text(target: Any, name: str) -> str:
    """One attribute as text; no other is read.

    Raises:
        WorkbenchError: It is missing, larger than an attribute may be, or no text.
    """
    return _text(_attributes(target, (name,)), name)


def check_format(file: h5py.File) -> None:
    """Raise WorkbenchError unless ``file`` says that it is an energy log of a version this program knows."""
    name = file.filename
    root = _attributes(file, ("format", "schema_version"))
    if "format" not in root or _text(root, "format") != FORMAT:
        raise WorkbenchError(f"{name} is HDF5 but no energy log; give a run directory or the run.h5 in it")
    version = _integer(root, "schema_version")
    if version > SCHEMA_VERSION:
        raise WorkbenchError(
            f"{name} has schema version {version}, this program knows {SCHEMA_VERSION}; update workbench to read it"
        )


def is_in_segments(file: h5py.File) -> bool:
    """Whether the tables of each epoch are in files of their own."""
    root = _attributes(file, ("storage",))
    return "storage" in root and _text(root, "storage") == SEGMENTS


def decode(value: bytes) -> str:
    """Text from the file; bytes that are not UTF-8 become replacement characters."""
    return value.decode(errors="replace")


def _attributes(target: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named attributes that there are; any others may be of any size and are not read."""
    found: dict[str, Any] = {}
    for name in names:
        if name in target.attrs:
            if target.attrs.get_id(name).get_storage_size() > MOST_ATTRIBUTE_BYTES:
                raise WorkbenchError(f"its attribute {name} is larger than {MOST_ATTRIBUTE_BYTES >> 20} MiB")
            found[name] = target.attrs[name]
    return found


def _attribute(attributes: Mapping[str, Any], name: str) -> Any:
    if name not in attributes:
        raise WorkbenchError(f"its attribute {name} is missing")
    return attributes[name]


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = _attribute(attributes, name)
    if isinstance(value, bytes):
        return decode(value)
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    raise WorkbenchError(f"its attribute {name} is no text")


def _integer(attributes: Mapping[str, Any], name: str) -> int:
    value = _attribute(attributes, name)
    if not isinstance(value, np.integer):
        raise WorkbenchError(f"its attribute {name} is no whole number")
    return int(value)


def _bits(attributes: Mapping[str, Any]) -> int:
    bits = _integer(attributes, "keep_bits")
    if not 1 <= bits <= MANTISSA_BITS:
        raise WorkbenchError(f"its attribute keep_bits is {bits}")
    return bits


def _json(attributes: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    text = _text(attributes, name)
    if len(text) > MOST_ATTRIBUTE_BYTES:  # text of variable length is stored elsewhere
        raise WorkbenchError(f"its attribute {name} is larger than {MOST_ATTRIBUTE_BYTES >> 20} MiB")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorkbenchError(f"its attribute {name} is no JSON") from error
    if not isinstance(value, kind):
        raise WorkbenchError(f"its attribute {name} is no JSON {kind.__name__}")
    return value
