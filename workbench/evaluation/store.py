"""Where evaluations are kept: one JSON file each, beside what they are of; whole or absent, and read with distrust."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from trainers.atomic import write_atomically
from trainers.dataname import absolute_data
from trainers.errors import WorkbenchError
from workbench.evaluation.document import from_text, to_json
from workbench.evaluation.values import Evaluation
from workbench.foreign import read_foreign
from workbench.target import Target

FOLDER = "evaluation"

MOST_BYTES = 16 * 2**20
"""Of one file: a thousand classes under twenty attacks."""

MOST_FILES = 200
"""So many are read of a folder, the latest."""

MOST_BYTES_IN_ALL = 64 * 2**20

_UNSAFE = re.compile(r"[^A-Za-z0-9.+_-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """An evaluation and its file."""

    path: Path
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a folder holds: evaluations, the oldest first, and why others cannot be shown."""

    stored: tuple[Stored, ...] = ()
    troubles: tuple[str, ...] = ()


def evaluation_folder(target: Target) -> Path:
    """Where evaluations of a checkpoint are kept: in its run, or beside it."""
    if target.run_dir is not None:
        return target.run_dir / FOLDER
    return target.checkpoint.with_name(f"{target.checkpoint.stem}.{FOLDER}")


def save_evaluation(folder: Path, evaluation: Evaluation) -> Path:
    """Write an evaluation; it replaces one of the same question, and no other.

    The name says checkpoint, split and attacks (``epoch-000039-test-pgd-50-10-1a2b3c4d.json``); its last digits stand
    for all that makes two evaluations differ.

    Returns:
        The file.

    Raises:
        WorkbenchError: it cannot be written, or is too large.
    """
    question = {
        "digest": evaluation.digest,
        "data": absolute_data(evaluation.data),
        **{name: getattr(evaluation, name) for name in ("split", "num", "eps", "seed", "image_mode", "asked")},
    }
    mark = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:8]
    stem = Path(evaluation.checkpoint).stem
    name = _UNSAFE.sub("_", f"{stem[:60]}-{evaluation.split}-{'+'.join(evaluation.asked)[:60]}")
    content = json.dumps(to_json(evaluation), indent=1, allow_nan=False).encode() + b"\n"
    if len(content) > MOST_BYTES:
        raise WorkbenchError(f"the evaluation takes {len(content):,} bytes, more than is read again; ask fewer attacks")
    path = folder / f"{name}-{mark}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot write {path} ({error.strerror or error})") from error
    write_atomically(path, content)
    return path


def find_evaluations(folder: Path, run_id: str | None = None) -> Found:
    """The evaluations in a folder, none if it is not there; of a given run no others.

    A damaged file does not keep anybody from the rest: its trouble is said instead.
    """
    try:
        files = [path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith(".")]
        latest = sorted(files, key=lambda path: path.lstat().st_mtime_ns)[-MOST_FILES:]
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(troubles=(f"cannot look into {folder} ({error.strerror or error})",))
    stored, troubles, room = [], [], MOST_BYTES_IN_ALL
    if len(files) > len(latest):
        troubles.append(f"{folder} holds {len(files):,} evaluations; the latest {MOST_FILES} are read")
    for path in reversed(latest):
        try:
            content = _read(path, min(room, MOST_BYTES))
            evaluation = from_text(content)
            if run_id is not None and evaluation.run_id != run_id:
                raise WorkbenchError(f"it is of another run, {evaluation.run_id}")
        except WorkbenchError as error:
            troubles.append(f"{path} cannot be shown: {error}")
        else:
            room -= len(content)
            stored.append(Stored(path=path, evaluation=evaluation))
    return Found(
        stored=tuple(sorted(stored, key=lambda one: (one.evaluation.created, one.path.name))), troubles=tuple(troubles)
    )


def _read(path: Path, most: int) -> bytes:
    """A file of at most ``most`` bytes.

    Raises:
        WorkbenchError: it is no ordinary file, cannot be read, or is longer.
    """
    try:
        return read_foreign(path, most)
    except OSError as error:
        raise WorkbenchError(f"it cannot be read ({error.strerror})" if error.strerror else str(error)) from None
