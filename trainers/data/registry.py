"""``--data`` to a data set."""

from collections.abc import Mapping
from pathlib import Path

from trainers.data.cifar import read_cifar10, read_cifar100
from trainers.data.digits import load_digits, load_digits_test
from trainers.data.folder import load_folder, load_folder_test
from trainers.data.hub import read_hub
from trainers.data.idx import read_idx
from trainers.data.labelled import Reader, load_labelled, load_labelled_test
from trainers.data.npz import load_npz, load_npz_test
from trainers.data.split import Data, Split
from trainers.data.svhn import read_svhn
from trainers.dataname import DataName, parse_data
from trainers.errors import WorkbenchError

READERS: Mapping[str, Reader] = {
    "cifar10": read_cifar10,
    "cifar100": read_cifar100,
    "svhn": read_svhn,
    "idx": read_idx,
    "hub": read_hub,
}
"""The kinds of data that come as whole arrays."""


def load_data(name: str, *, train_size: int = 0, probe_size: int = 300) -> Data:
    """Load a data set by its name; ``train_size`` 0 takes all that the probe split leaves.

    Args:
        name: as ``--data`` takes it (``dataname.DATA_WORDS``).
        train_size: training images.
        probe_size: images of the probe split.

    Raises:
        WorkbenchError: unknown, missing or broken data, or too few samples.
    """
    data = parse_data(name)
    match data.kind:
        case "digits":
            return load_digits(train_size, probe_size)
        case "folder":
            return load_folder(_path(data), train_size, probe_size, data.size)
        case "npz":
            return load_npz(_path(data), train_size, probe_size)
    return load_labelled(READERS[data.kind], name, _path(data), train_size, probe_size)


def load_test(name: str) -> Split:
    """The test split of a data set by its name: of ``folder:DIR`` DIR/test, of ``npz:FILE`` x_test and y_test.

    Training never opens it: only what measures a finished model or its samples may.

    Raises:
        WorkbenchError: unknown, missing or broken data, or data without a test split.
    """
    data = parse_data(name)
    match data.kind:
        case "digits":
            return load_digits_test()
        case "folder":
            return load_folder_test(_path(data), data.size)
        case "npz":
            return load_npz_test(_path(data))
    return load_labelled_test(READERS[data.kind], _path(data))


def _path(data: DataName) -> Path:
    try:
        return Path(data.where).expanduser()
    except RuntimeError as error:
        raise WorkbenchError(f"cannot find {data.where}: {error}") from None
