"""The facts of a run, and what the columns of its tables mean, as JSON values."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from trainers.energylog import SPLITS
from trainers.errors import WorkbenchError
from workbench.export.source import Source
from workbench.export.tables import TABLES
from workbench.export.values import json_value
from workbench.summary import summarize


def facts_of(source: Source, tables: Sequence[str] = ()) -> dict[str, Any]:
    """What is fixed for the life of the run, its status and its size; missing values are None.

    Beside a table of onsets also which kinds of them cannot be told, and why: without a row there is none to say so.

    Raises:
        WorkbenchError: The configuration in the log is nested too deeply.
    """
    log = source.log
    try:
        meta: dict[str, Any] = json_value(asdict(log.meta))
        json.dumps(meta)
    except RecursionError:
        raise WorkbenchError(f"the configuration in {log.path} is nested too deeply to be exported") from None
    doubts = {"cannot_tell": dict(summarize(log).cannot_tell)} if "onsets" in tables else {}
    return {
        **meta,
        "status": log.status,
        "committed": log.committed,
        "num_samples": {split: len(log.keys(split)) for split in SPLITS},
        **doubts,
    }


def columns_of(tables: Iterable[str]) -> dict[str, dict[str, dict[str, str]]]:
    """Unit and meaning of every column, by table and name."""
    return {
        name: {column.name: {"unit": column.unit, "meaning": column.meaning} for column in TABLES[name].columns}
        for name in tables
    }
