"""Reading a safetensors file with numpy alone: the app shows what other commands made, without their libraries.

The format (https://github.com/huggingface/safetensors#format): 8 bytes, the length N of the header, little-endian; N
bytes of JSON, ``{name: {"dtype", "shape", "data_offsets"}}``; the values, row-major and little-endian.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.errors import WorkbenchError
from workbench.foreign import open_foreign, read_foreign
from workbench.tui.look.text import plain

_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
LARGEST = 1 << 30
"""Bytes beyond which a file is not read."""

LARGEST_HEADER = 100_000_000
LARGEST_FACTS = 4_000_000


def read_tensors(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a file, by name; those of types other than float32, float64 and int64 are left out.

    Raises:
        WorkbenchError: it cannot be read, or is no safetensors file.
    """
    try:
        content = read_foreign(path, LARGEST)
    except OSError as error:
        raise WorkbenchError(f"cannot read {plain(str(path))} ({error.strerror or error})") from None
    try:
        length = int.from_bytes(content[:8], "little")
        if length > min(LARGEST_HEADER, len(content) - 8):
            raise ValueError("its header is cut off")
        header, values = json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
        return {
            name: _array(values, entry["dtype"], entry["shape"], entry["data_offsets"])
            for name, entry in header.items()
            if name != "__metadata__" and entry["dtype"] in _DTYPES
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkbenchError(f"{plain(str(path))} is damaged: {plain(str(error))}") from None


def read_facts(path: Path, expected_format: str) -> dict[str, object]:
    """The facts in the header of one of our files, as JSON values.

    Raises:
        WorkbenchError: it cannot be read, is no safetensors file, or of another format.
    """
    try:
        with os.fdopen(open_foreign(path), "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LARGEST_FACTS:
                raise ValueError("its header is too long")
            metadata = json.loads(file.read(length))["__metadata__"]
        facts = json.loads(metadata["facts"])
        if metadata["format"] != expected_format or not isinstance(facts, dict):
            raise ValueError(f"it is not of format {expected_format}")
    except OSError as error:
        raise WorkbenchError(f"cannot read {plain(str(path))} ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WorkbenchError(f"{plain(str(path))} is damaged: {plain(str(error))}") from None
    return facts


def _array(values: memoryview, dtype: str, shape: list[int], offsets: list[int]) -> NDArray[np.generic]:
    start, end = offsets
    kind = np.dtype(_DTYPES[dtype])
    if not 0 <= start <= end <= len(values) or end - start != math.prod(shape) * kind.itemsize:
        raise ValueError("its arrays do not fit its length")
    return np.frombuffer(values[start:end], kind).reshape(shape)
