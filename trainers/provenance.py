"""Where a run comes from: what its log says of it for ever."""

import platform
import subprocess
import uuid
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trainers.data import Data
from trainers.energylog import RunMeta
from trainers.evaluate import PROBE_PGD_STEPS
from trainers.spec import MethodSpec, TrainConfig, pgd

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
    )


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


def git_revision() -> str | None:
    """Revision of the checkout that this code runs from, with "-dirty" if it is changed; None if it is no checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
