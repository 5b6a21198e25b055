"""Reads the pickles of CIFAR-10 and CIFAR-100: dicts of numbers, texts, lists and NumPy arrays, and nothing else.

No class or function that a file names is ever looked up. The few names that NumPy arrays need stand for objects of
this module, so that not even NumPy's own unpickling, which trusts what it is given, sees the file.
"""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError

MOST_BYTES = 512 << 20
"""The largest file of the two data sets has 155 MB."""

_TYPES = {"u1": np.uint8, "i1": np.int8, "i4": np.int32, "i8": np.int64, "f4": np.float32, "f8": np.float64}
"""Element types by their codes; little-endian, as every file is."""


_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    MemoryError,
    RecursionError,
    OverflowError,
)
"""What a broken pickle raises in its reader."""


class _Type:
    """What a file says of an element type."""

    def __init__(self, code: object = None, *rest: object) -> None:
        word = code.decode("latin1") if isinstance(code, bytes) else code
        self.numbers = _TYPES.get(word) if isinstance(word, str) else None

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", "|", b"<", b"|"):
            raise pickle.UnpicklingError("an element type that is not little-endian")


class _Array:
    """An array while its file is read."""

    value: NDArray[Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise pickle.UnpicklingError("an array without shape and bytes")
        _, shape, kind, by_columns, content = state
        dtype = kind.numbers if isinstance(kind, _Type) else None
        sizes = shape if isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape) else None
        if dtype is None or sizes is None or not isinstance(content, bytes):
            raise pickle.UnpicklingError("an array of another kind than numbers")
        if math.prod(sizes) * np.dtype(dtype).itemsize != len(content):
            raise pickle.UnpicklingError("an array whose bytes are not those of its shape")
        self.value = np.frombuffer(content, dtype=dtype).reshape(sizes, order="F" if by_columns else "C")


def _reconstruct(*arguments: object) -> _Array:
    return _Array()


def _encode(text: object, encoding: object = "utf-8") -> bytes:
    """How Python 3 writes bytes in old pickles."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an encoding other than latin1")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _NAMES[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"the name {module_name}.{global_name}") from None

    def persistent_load(self, pid: Any, /) -> Any:
        raise pickle.UnpicklingError("a reference to something outside")


def read_pickled(path: Path) -> dict[str, Any]:
    """A file's dict, its keys as texts; arrays are read-only.

    Raises:
        WorkbenchError: no such file, too large, damaged, or it holds something else than CIFAR's files do.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise WorkbenchError(f"{path} has {size:,} bytes; no file of CIFAR has more than {MOST_BYTES:,}")
        with path.open("rb") as file:
            content = _Reader(file, encoding="bytes").load()
    except FileNotFoundError:
        raise WorkbenchError(f"no such file: {path}") from None
    except pickle.UnpicklingError as error:
        raise WorkbenchError(f"{path} is not one of CIFAR's files: it holds {error}") from None
    except _BROKEN as error:
        raise WorkbenchError(f"{path} is damaged ({type(error).__name__}: {error}); download it again") from None
    if not isinstance(content, dict):
        raise WorkbenchError(f"{path} is not one of CIFAR's files: it holds no dict")
    return {_text(key): value.value if isinstance(value, _Array) else value for key, value in content.items()}


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)[:100]
