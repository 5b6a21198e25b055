"""``--data`` to a data set."""

from pathlib import Path

from trainers.data.digits import load_digits
from trainers.data.folder import load_folder
from trainers.data.npz import load_npz
from trainers.data.split import Data
from trainers.errors import WorkbenchError


def load_data(name: str, *, train_size: int = 0, probe_size: int = 300) -> Data:
    """Load ``digits``, ``folder:DIR`` or ``npz:FILE``; ``train_size`` 0 takes all that the probe split leaves.

    Raises:
        WorkbenchError: unknown, missing or broken data, or too few samples.
    """
    kind, _, where = name.partition(":")
    try:
        path = Path(where).expanduser()
    except RuntimeError as error:
        raise WorkbenchError(f"cannot find {where}: {error}") from None
    if kind == "digits" and not where:
        return load_digits(train_size, probe_size)
    if kind == "folder" and where:
        return load_folder(path, train_size, probe_size)
    if kind == "npz" and where:
        return load_npz(path, train_size, probe_size)
    raise WorkbenchError(f"unknown data {name!r}; known are digits, folder:DIR and npz:FILE")
