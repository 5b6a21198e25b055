"""Where a run comes from: what its log says of it for ever."""

import math
import platform
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from trainers.data import Data
from trainers.energylog import RunMeta
from trainers.errors import WorkbenchError
from trainers.evaluate import PROBE_PGD_STEPS
from trainers.method import MethodSpec
from trainers.revision import git_revision
from trainers.spec import BatchNormMode, TrainConfig, pgd

UNKNOWN = "unknown"
"""What is said of a foreign run where it says nothing itself."""

_LIBRARIES = ("workbench", "torch", "lightning-fabric", "numpy", "h5py")


def describe_run(config: TrainConfig, method: MethodSpec, data: Data) -> RunMeta:
    """The facts of a new run, with a fresh id."""
    return RunMeta(
        run_id=f"{config.method}-{config.data.partition(':')[0]}-s{config.seed}-{uuid.uuid4().hex[:8]}",
        method=config.method,
        dataset=data.name,
        class_names=data.class_names,
        config=config.to_dict(),
        seed=config.seed,
        planned_epochs=config.epochs,
        train_attack=method.attack.name if method.attack else None,
        probe_attack=pgd(PROBE_PGD_STEPS).name,
        train_batch_norm=method.attack.batch_norm if method.attack else "train",
        probe_batch_norm="eval",
        versions=versions(),
        git_revision=git_revision(),
        created=now(),
        keep_bits=config.keep_bits,
    )


def describe_loop(
    config: Mapping[str, Any],
    *,
    class_names: tuple[str, ...],
    train_attack: str | None,
    probe_attack: str | None,
    batch_norm: BatchNormMode,
    keep_bits: int,
) -> RunMeta:
    """The facts of a run that a foreign loop makes, with a fresh id.

    Args:
        config: its settings as ``plain_config`` gives them; ``method``, ``data`` (or ``dataset``), ``seed`` and
            ``epochs`` are facts of every run.
        class_names: by label.
        train_attack: what makes x* in training.
        probe_attack: what makes x* of the probe set.
        batch_norm: mode of the forward passes in training.
        keep_bits: bits of the mantissa that energies are rounded to.
    """
    method = _name(config, "method")
    return RunMeta(
        run_id=f"{method}-{uuid.uuid4().hex[:8]}",
        method=method,
        dataset=_name(config, "dataset", "data"),
        class_names=class_names,
        config=config,
        seed=_whole(config.get("seed")),
        planned_epochs=_whole(config.get("epochs")),
        train_attack=train_attack,
        probe_attack=probe_attack,
        train_batch_norm=batch_norm,
        probe_batch_norm="eval",
        versions=versions(),
        git_revision=None,
        created=now(),
        keep_bits=keep_bits,
    )


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON can hold them; whatever it cannot (paths, infinities, objects) as text.

    Raises:
        WorkbenchError: They are no mapping, or refer to themselves.
    """
    if not isinstance(config, Mapping):
        raise WorkbenchError(f"config is a mapping, such as vars(arguments); got {type(config).__name__}")
    try:
        return {str(key): _plain(value) for key, value in config.items()}
    except RecursionError as error:
        raise WorkbenchError("config refers to itself; give plain settings") from error


def _plain(value: Any) -> Any:
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a number of numpy or torch
        value = value.item()
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return plain_config(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _name(config: Mapping[str, Any], *keys: str) -> str:
    return next((str(config[key]) for key in keys if config.get(key)), UNKNOWN)


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 2**63 else None


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that matter."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES}


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
