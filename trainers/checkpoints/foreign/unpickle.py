"""Read a file of torch.save or safetensors without running anything that is in it."""

import pickle
import re
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.serialization import safe_globals

from trainers.checkpoints.foreign.sniff import FileKind
from trainers.errors import WorkbenchError

_SETTINGS, _VALUES, _PATHS = "argparse settings", "NumPy values", "paths"
HARMLESS = {
    "argparse.Namespace": _SETTINGS,
    "numpy.core.multiarray.scalar": _VALUES,
    "numpy._core.multiarray.scalar": _VALUES,
    "numpy.core.multiarray._reconstruct": _VALUES,
    "numpy._core.multiarray._reconstruct": _VALUES,
    "numpy.ndarray": _VALUES,
    "numpy.dtype": _VALUES,
    "pathlib.Path": _PATHS,
    "pathlib.PosixPath": _PATHS,
    "pathlib.WindowsPath": _PATHS,
    "pathlib._local.Path": _PATHS,
    "pathlib._local.PosixPath": _PATHS,
    "pathlib._local.WindowsPath": _PATHS,
}
"""What training scripts save beside the weights, and what to call it. Each is replaced by an object of ours that takes
any arguments and does nothing with them; the named code is not even looked up."""

_ERRORS = (
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    struct.error,
)
"""What a broken pickle can raise in the reader, apart from the error made for it."""

_REFUSED_GLOBAL = re.compile(r"GLOBAL ([^\s]+) was not an allowed global|unsupported GLOBAL ([^\s]+)")


def read(path: Path, kind: FileKind) -> tuple[Any, tuple[str, ...]]:
    """What a file holds, on the CPU, and what harmless objects in it were set aside.

    Raises:
        WorkbenchError: damaged, or it would have to run code to be read.
    """
    if kind is FileKind.SAFETENSORS:
        try:
            return load_file(path), ()
        except (SafetensorError, OSError, ValueError, RuntimeError) as error:
            raise WorkbenchError(f"{path} is damaged ({_first_line(error)}); copy or download it again") from None
    seen: list[str] = []
    try:
        with safe_globals([(_stand_in(words, seen), name) for name, words in HARMLESS.items()]):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WorkbenchError(f"{path} {_refusal(str(error))}") from None
    except _ERRORS as error:
        raise WorkbenchError(f"{path} is damaged ({_first_line(error)}); copy or download it again") from None
    return loaded, tuple(dict.fromkeys(seen))


def _stand_in(words: str, seen: list[str]) -> type:
    """A class that takes any arguments and state, keeps none, and notes in ``seen`` that it was used."""

    def new(cls: type, *arguments: object) -> Any:
        seen.append(words)
        return object.__new__(cls)

    def ignore(self: object, *arguments: object) -> None:
        """Take anything, keep nothing."""

    return type("SetAside", (), {"__new__": new, "__init__": ignore, "__setstate__": ignore})


def _refusal(said: str) -> str:
    """Why a pickle was not read, and the way out."""
    match = _REFUSED_GLOBAL.search(said)
    if match is None:
        return f"is refused: reading it would run what is in it, or it is damaged ({_shorten(said)})"
    return (
        f"is refused: reading it would run {match[1] or match[2]}, which weights do not need; where you trust the file,"
        " load it yourself and save the state dict alone"
    )


def _shorten(said: str) -> str:
    """The part of torch's message that says what happened, without its advice to load the file unsafely."""
    _, marker, what = said.partition("WeightsUnpickler error:")
    return _first_line(ValueError(what if marker else said))


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:200]
