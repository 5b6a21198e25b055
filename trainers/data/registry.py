"""``--data`` to a data set."""

from pathlib import Path

from trainers.data.digits import load_digits, load_digits_test
from trainers.data.folder import load_folder, load_folder_test
from trainers.data.npz import load_npz, load_npz_test
from trainers.data.split import Data, Split
from trainers.errors import WorkbenchError


def load_data(name: str, *, train_size: int = 0, probe_size: int = 300) -> Data:
    """Load ``digits``, ``folder:DIR`` or ``npz:FILE``; ``train_size`` 0 takes all that the probe split leaves.

    Raises:
        WorkbenchError: unknown, missing or broken data, or too few samples.
    """
    kind, path = _parse(name)
    if kind == "digits":
        return load_digits(train_size, probe_size)
    return load_folder(path, train_size, probe_size) if kind == "folder" else load_npz(path, train_size, probe_size)


def load_test(name: str) -> Split:
    """The test split of ``digits``, ``folder:DIR`` (DIR/test) or ``npz:FILE`` (x_test, y_test).

    Training never opens it: only what measures a finished model or its samples may.

    Raises:
        WorkbenchError: unknown, missing or broken data, or data without a test split.
    """
    kind, path = _parse(name)
    if kind == "digits":
        return load_digits_test()
    return load_folder_test(path) if kind == "folder" else load_npz_test(path)


def _parse(name: str) -> tuple[str, Path]:
    """Kind and path of data; digits have no path."""
    kind, _, where = name.partition(":")
    if (kind == "digits") == bool(where) or kind not in ("digits", "folder", "npz"):
        raise WorkbenchError(f"unknown data {name!r}; known are digits, folder:DIR and npz:FILE")
    try:
        return kind, Path(where).expanduser()
    except RuntimeError as error:
        raise WorkbenchError(f"cannot find {where}: {error}") from None
