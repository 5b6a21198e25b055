from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from trainers.energylog.schema import EPOCH_DTYPE

MakeTable = Callable[..., NDArray[np.void]]


@pytest.fixture
def epoch_table() -> MakeTable:
    """A function from columns by name to an epoch table; what is not given is NaN."""

    def make(**columns: ArrayLike) -> NDArray[np.void]:
        arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
        num_epochs = len(next(iter(arrays.values())))
        table = np.empty(num_epochs, dtype=EPOCH_DTYPE)
        for name in EPOCH_DTYPE.names or ():
            table[name] = np.nan if table[name].dtype.kind == "f" else 0
        table["epoch"] = np.arange(num_epochs)
        for name, values in arrays.items():
            table[name] = values
        return table

    return make
