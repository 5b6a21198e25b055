"""Images in the idx files of MNIST (LeCun et al. 1998), Fashion-MNIST, KMNIST, EMNIST; gzipped or not.

EMNIST's images lie on their sides in its files and are left as they are.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.labelled import Labelled, Part
from trainers.errors import WorkbenchError

NAMES = {"train": "train", "test": "t10k"}
"""What the files of a part are called; EMNIST says "test"."""

MOST_BYTES = 4 << 30


def read_idx(path: Path, part: Part) -> Labelled:
    """A part of a data set of grey images; classes are named by their numbers.

    Raises:
        WorkbenchError: it is not there, or damaged.
    """
    images = _array(_file(path, part, "images-idx3"), dimensions=3)
    labels = _array(_file(path, part, "labels-idx1"), dimensions=1).astype(np.int64)
    if len(images) != len(labels) or not images.size:
        raise WorkbenchError(f"{path}: {len(images)} images but {len(labels)} labels in the {part} files")
    num_classes = int(labels.max()) + 1
    if part == "test":  # named as the training labels are
        num_classes = max(num_classes, int(_array(_file(path, "train", "labels-idx1"), dimensions=1).max()) + 1)
    return Labelled(images[:, None], labels, tuple(map(str, range(num_classes))))


def _file(path: Path, part: Part, kind: str) -> Path:
    """The file of a part: ``train-images-idx3-ubyte``, also with a prefix, a dot for the last dash, or .gz."""
    words = {NAMES[part], part}
    found = sorted(
        file
        for pattern in (f"*{kind}*", f"*{kind.replace('-idx', '.idx')}*")
        for file in (path.glob(pattern) if path.is_dir() else ())
        if any(f"{word}-" in file.name for word in words) and file.is_file()
    )
    if not found:
        raise WorkbenchError(
            f"no {NAMES[part]}-{kind}-ubyte or {NAMES[part]}-{kind}-ubyte.gz in {path}: put the files of MNIST,"
            " Fashion-MNIST or the like there"
        )
    if len({file.name.removesuffix(".gz") for file in found}) > 1:
        names = ", ".join(file.name for file in found[:3])
        raise WorkbenchError(f"{path} holds several data sets ({names}); give each a folder of its own")
    return found[0]


def _array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of an idx file in the shape that its header says, which is not believed before they are there."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions or header[:4] != bytes((0, 0, 8, dimensions)):
                raise WorkbenchError(f"{path} is no idx file of bytes with {dimensions} dimensions")
            shape = struct.unpack(f">{dimensions}I", header[4:])
            size = math.prod(shape)
            if size > MOST_BYTES:
                raise WorkbenchError(f"{path} says that it holds {size:,} bytes; at most {MOST_BYTES:,} are read")
            content = file.read(size + 1)
    except FileNotFoundError:
        raise WorkbenchError(f"no such file: {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise WorkbenchError(f"{path} is damaged ({error}); download it again") from None
    if len(content) != size:
        raise WorkbenchError(f"{path} is damaged: its header says {size:,} bytes, it holds {len(content):,} or more")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
