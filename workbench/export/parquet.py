"""Parquet: typed columns with unit and meaning, the run's facts in the file, a row group per block."""

import json
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.schema import Column
from workbench.export.facts import facts_of
from workbench.export.source import Source
from workbench.export.tables import TABLES, TEXT
from workbench.export.values import missing


def write_parquet(name: str, source: Source, stream: BinaryIO) -> None:
    """Write one table with the types of the log; missing values are null. Blocks are written as they are read."""
    import pyarrow
    from pyarrow import parquet

    table = TABLES[name]
    schema = pyarrow.schema(
        [
            pyarrow.field(column.name, _type(column), metadata={"unit": column.unit, "meaning": column.meaning})
            for column in table.columns
        ],
        metadata={"workbench.table": name, "workbench.run": json.dumps(facts_of(source, [name]), allow_nan=False)},
    )
    repeating = [column.name for column in table.columns if column.dtype[0] != "f" and column.name != "index"]
    # Of values that hardly repeat a dictionary is larger than the values: a third of the file, in a table of samples.
    with parquet.ParquetWriter(stream, schema, compression="zstd", use_dictionary=repeating) as writer:
        for block in table.read(source):
            arrays = [_array(block[column.name], column) for column in table.columns]
            rows = pyarrow.Table.from_arrays(arrays, schema=schema)
            if rows.num_rows:
                writer.write_table(rows, row_group_size=rows.num_rows)


def _type(column: Column) -> Any:
    import pyarrow

    return pyarrow.string() if column.dtype == TEXT else pyarrow.from_numpy_dtype(np.dtype(column.dtype))


def _array(values: NDArray[Any] | list[Any], column: Column) -> Any:
    import pyarrow

    mask = None if isinstance(values, list) else missing(values, column)
    return pyarrow.array(values, type=_type(column), mask=mask)
