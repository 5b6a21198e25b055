"""SVHN, cropped digits (Netzer et al. 2011), as it is downloaded: train_32x32.mat and test_32x32.mat."""

from pathlib import Path

import numpy as np

from trainers.data.labelled import Labelled, Part
from trainers.errors import WorkbenchError

MOST_IMAGES = 1_000_000
"""The largest part, "extra", has 531,131."""


def read_svhn(path: Path, part: Part) -> Labelled:
    """A part of SVHN; the file's label 10 is the digit 0.

    Raises:
        WorkbenchError: it is not there, or damaged.
    """
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    file = path / f"{part}_32x32.mat"
    if not file.is_file():
        raise WorkbenchError(
            f"no SVHN in {path}: put train_32x32.mat and test_32x32.mat from"
            " http://ufldl.stanford.edu/housenumbers/ there"
        )
    try:
        held = {name: (shape, kind) for name, shape, kind in whosmat(file)}  # before anything is unpacked
        shape, kind = held.get("X", ((), ""))
        if len(shape) != 4 or shape[:3] != (32, 32, 3) or not 0 < shape[3] <= MOST_IMAGES or kind != "uint8":
            raise WorkbenchError(f"{file} is not SVHN's: its X is {shape} of {kind or 'nothing'}")
        num_labels, label_kind = held.get("y", ((), ""))
        if num_labels != (shape[3], 1) or not label_kind.startswith(("uint", "int", "single", "double")):
            raise WorkbenchError(f"{file} is damaged: it has no label for each of its {shape[3]} images")
        content = loadmat(file, variable_names=("X", "y"))
    except (MatReadError, OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, ArithmeticError) as error:
        raise WorkbenchError(f"{file} is damaged ({type(error).__name__}: {error}); download it again") from None
    given = content["y"].reshape(-1)
    if not np.isin(given, range(1, 11)).all():
        raise WorkbenchError(f"{file} is damaged: its labels are not whole numbers in 1..10")
    labels = given.astype(np.int64) % 10
    return Labelled(np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1)), labels, tuple("0123456789"))
