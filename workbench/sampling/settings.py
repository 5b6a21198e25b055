"""``sampling.toml``: what a directory of samples was asked for, so that it can be gone on with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError
from trainers.spec import read_toml
from workbench.sampling.files import files_of
from workbench.sampling.spec import SamplingSpec

SETTINGS_NAME = "sampling.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A sampling run to the last setting.

    Attributes:
        checkpoint: the weights that guide, by absolute path.
        checkpoint_digest: their SHA-256.
        data: the data set that starts and class energies come from; None for the one that the checkpoint names.
        spec: all else.
    """

    checkpoint: Path
    checkpoint_digest: str
    data: str | None
    spec: SamplingSpec


def write_settings(out: Path, settings: Settings) -> None:
    """Write the settings of a new directory, or new settings of an old one.

    Raises:
        WorkbenchError: the directory cannot be written.
    """
    content: dict[str, Any] = {"checkpoint": str(settings.checkpoint), "checkpoint_digest": settings.checkpoint_digest}
    if settings.data is not None:
        content["data"] = settings.data
    content["sampling"] = settings.spec.to_dict()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot make {out} ({error.strerror or error}); choose another --out") from None
    write_atomically(out / SETTINGS_NAME, tomli_w.dumps(content).encode())


def read_settings(out: Path) -> Settings:
    """The settings of a directory of samples.

    Raises:
        WorkbenchError: there are none, or they are damaged.
    """
    if not (out / SETTINGS_NAME).exists():
        raise WorkbenchError(f"{out} holds no samples to go on with (no {SETTINGS_NAME})")
    return settings_of(out, read_toml(out / SETTINGS_NAME))


def settings_of(out: Path, content: Mapping[str, Any]) -> Settings:
    """The settings that the table of a directory's file holds.

    Raises:
        WorkbenchError: they are damaged.
    """
    checkpoint, digest, data, values = (content.get(k) for k in ("checkpoint", "checkpoint_digest", "data", "sampling"))
    texts = isinstance(checkpoint, str) and isinstance(digest, str) and isinstance(data, str | None)
    if not (texts and isinstance(values, dict)):
        raise WorkbenchError(f"{out / SETTINGS_NAME} is damaged; restore it, or sample into another --out")
    return Settings(
        checkpoint=Path(str(checkpoint)),
        checkpoint_digest=str(digest),
        data=data,
        spec=SamplingSpec.from_dict(values),
    )


def extended(settings: Settings, *, num: int | None, steps: int | None) -> Settings:
    """The same run with more chains or more steps.

    Raises:
        WorkbenchError: fewer than there were.
    """
    spec = settings.spec
    for name, wanted in (("num", num), ("steps", steps)):
        if wanted is not None and wanted < getattr(spec, name):
            raise WorkbenchError(f"--{name} may grow with --resume, not shrink: it was {getattr(spec, name)}")
    return replace(settings, spec=replace(spec, num=num or spec.num, steps=steps or spec.steps))


def refuse_taken(out: Path) -> None:
    """Refuse a directory that holds samples already.

    Raises:
        WorkbenchError: it does.
    """
    if (out / SETTINGS_NAME).exists() or files_of(out):
        raise WorkbenchError(f"{out} holds samples already; choose another --out, or go on with --resume {out}")
