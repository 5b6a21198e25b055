"""The names inside a run directory."""

import re
from pathlib import Path

LOG_NAME = "run.h5"
CONFIG_NAME = "config.toml"
CHECKPOINTS = "checkpoints"
RESUME_NAME = "resume.safetensors"

_WEIGHTS = re.compile(r"epoch-(\d{6,18})\.safetensors")


def weights_name(epoch: int) -> str:
    """File name of the weights after an epoch."""
    return f"epoch-{epoch:06d}.safetensors"


def averaged_name(epoch: int) -> str:
    """File name of the averaged weights after an epoch."""
    return f"ema-{epoch:06d}.safetensors"


def find_weights(run_dir: Path) -> dict[int, Path]:
    """The weights that a run directory holds, by epoch, ascending; empty if there is no such folder."""
    try:
        files = [(_WEIGHTS.fullmatch(path.name), path) for path in (run_dir / CHECKPOINTS).iterdir()]
    except OSError:
        return {}
    return dict(sorted((int(match[1]), path) for match, path in files if match))


def holds_run(run_dir: Path) -> bool:
    """Whether there is a run, or what is left of one, in a directory."""
    if any((run_dir / name).exists() for name in (LOG_NAME, CONFIG_NAME)):
        return True
    return any((run_dir / CHECKPOINTS).glob("*.safetensors"))
