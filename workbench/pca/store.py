"""The file of a class-wise PCA: safetensors, its facts as JSON in the header."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from workbench.pca.spec import PCASpec
from workbench.pca.values import SCHEMA_VERSION, ClassPCA, PCAFacts

FORMAT = "workbench-class-pca"

_ARRAYS: Mapping[str, tuple[type[np.generic], str]] = {
    "label": (np.int64, "g"),
    "count": (np.int64, "g"),
    "weight": (np.float64, "g"),
    "mean": (np.float32, "gd"),
    "num_components": (np.int64, "g"),
    "components": (np.float32, "kd"),
    "std": (np.float32, "k"),
    "explained_variance_ratio": (np.float32, "k"),
    "num_spectrum": (np.int64, "g"),
    "spectrum": (np.float32, "s"),
}
"""Every array of a file with its dtype and axes: g groups, d dimensions; k components and s variances of all groups,
one group after the other."""


def pca_path(derived: Path, spec: PCASpec) -> Path:
    """Where the PCA of a spec lies: ``pca-pixels-v0.95.safetensors``, ``pca-features-k50-local4-seed7.safetensors``.

    The seed is named where it can matter and is not 0.
    """
    kept = f"v{float(spec.variance)!r}" if spec.variance is not None else f"k{spec.components}"
    local = f"-local{spec.local}" if spec.local > 1 else ""
    seed = f"-seed{spec.seed}" if spec.seeded and spec.seed else ""
    return derived / f"pca-{spec.space}-{kept}{local}{seed}.safetensors"


def save_pca(path: Path, pca: ClassPCA) -> None:
    """Write a PCA atomically; folders are made.

    Raises:
        WorkbenchError: it cannot be written; what was there is still there.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {
        "label": pca.label,
        "count": pca.count,
        "weight": pca.weight,
        "mean": pca.mean,
        "num_components": pca.num_components,
        "components": np.concatenate(pca.components),
        "std": np.concatenate(pca.std),
        "explained_variance_ratio": np.concatenate(pca.explained_variance_ratio),
        "num_spectrum": np.array([len(values) for values in pca.spectrum], dtype=np.int64),
        "spectrum": np.concatenate(pca.spectrum),
    }
    content = save(arrays, {"format": FORMAT, "facts": json.dumps(asdict(pca.facts))})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error}); give another folder") from error
    write_atomically(path, content)


def load_pca(path: Path) -> ClassPCA:
    """Read a PCA and check that it is whole.

    Raises:
        WorkbenchError: missing, damaged, of another format, or of a later schema.
    """
    arrays, metadata = _read(path)
    try:
        facts = _parse_facts(metadata["facts"])
        _check_arrays(arrays, facts)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WorkbenchError(f"{path} is not a whole class-wise PCA: {reason}; fit it again") from None
    kept = np.cumsum(arrays["num_components"])[:-1]
    return ClassPCA(
        label=arrays["label"],
        count=arrays["count"],
        weight=arrays["weight"],
        mean=arrays["mean"],
        components=tuple(np.split(arrays["components"], kept)),
        std=tuple(np.split(arrays["std"], kept)),
        explained_variance_ratio=tuple(np.split(arrays["explained_variance_ratio"], kept)),
        spectrum=tuple(np.split(arrays["spectrum"], np.cumsum(arrays["num_spectrum"])[:-1])),
        facts=facts,
    )


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata: dict[str, str] = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise WorkbenchError(f"{path} is not a file of format {FORMAT}; fit it again")
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise WorkbenchError(f"no such PCA: {path}") from None
    except WorkbenchError:
        raise
    except (OSError, SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise WorkbenchError(f"cannot read the PCA {path}: {error}; fit it again") from None


def _parse_facts(text: str) -> PCAFacts:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError("its facts are no JSON object")
    if values.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"its schema is {values.get('schema_version')!r}, known is {SCHEMA_VERSION}")
    for field in fields(PCAFacts):
        if not _FACT_TYPES[field.name](values[field.name]):
            raise TypeError(f"its {field.name} has the wrong type")
    unknown = values.keys() - _FACT_TYPES.keys()
    if unknown:
        raise ValueError(f"unknown facts {', '.join(sorted(unknown))}")
    lists = {name: tuple(values[name]) for name in ("class_names", "image_shape")}
    return PCAFacts(**{**values, **lists})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FACT_TYPES = {
    "data": _is_text,
    "data_source": _is_text,
    "data_digest": _is_text,
    "train_size": lambda value: value is None or _is_whole(value),
    "probe_size": lambda value: value is None or _is_whole(value),
    "class_names": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "image_shape": lambda value: isinstance(value, list) and all(map(_is_whole, value)),
    "space": _is_text,
    "variance": lambda value: value is None or isinstance(value, float),
    "num_components": lambda value: value is None or _is_whole(value),
    "local": _is_whole,
    "seed": _is_whole,
    "checkpoint_digest": lambda value: value is None or _is_text(value),
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "created": _is_text,
    "schema_version": _is_whole,
}


def _check_arrays(arrays: Mapping[str, NDArray[Any]], facts: PCAFacts) -> None:
    """Refuse what a reader would stumble over: missing or extra arrays, types, lengths that disagree, values."""
    if arrays.keys() != _ARRAYS.keys():
        raise ValueError(f"its arrays are {', '.join(sorted(arrays)) or 'none'}")
    lengths: dict[str, int] = {} if facts.dim is None else {"d": facts.dim}
    for name, (dtype, axes) in _ARRAYS.items():
        array = arrays[name]
        if array.dtype != dtype or array.ndim != len(axes):
            raise ValueError(f"{name} is {array.dtype} with {array.ndim} axes")
        for axis, length in zip(axes, array.shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                raise ValueError(f"{name} has shape {array.shape}, which does not fit the rest")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite")
        if axes not in ("gd", "kd") and (array < 0).any():
            raise ValueError(f"{name} holds negative values")
    for counts, total in (("num_components", lengths["k"]), ("num_spectrum", lengths["s"])):
        if (arrays[counts] > total).any() or arrays[counts].sum() != total:
            raise ValueError(f"{counts} does not sum to {total}")
    label = arrays["label"]
    if not np.array_equal(np.unique(label), np.arange(len(facts.class_names))) or (np.diff(label) < 0).any():
        raise ValueError("its groups are not of its classes")
    if (arrays["count"] < 1).any():
        raise ValueError("it has a group without samples")
    if not np.allclose(np.bincount(label, weights=arrays["weight"]), 1.0, atol=1e-6):
        raise ValueError("the weights of a class do not sum to 1")
