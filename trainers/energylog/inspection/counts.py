"""How many rows a log has along each growing axis, by its counters, as far as those agree with what is on disk."""

from trainers.energylog.inspection.findings import Findings
from trainers.energylog.inspection.rows import rows_on_disk
from trainers.energylog.inspection.source import Source
from trainers.energylog.schema import COUNTER_OF, DATASETS
from trainers.energylog.segments import TABLE_PATHS

_UNITS = {"epoch": "epochs", "step": "rows of steps", "event": "events"}


def count_rows(source: Source, found: Findings) -> dict[str, int]:
    """Rows along each growing axis: the counter's, or those on disk where the counter is lost or cannot be right.

    A writer raises the counter last. So while it lives, or after it was killed, there may be one row (one block of
    steps) more than are counted; a log that was closed has exactly those.
    """
    rows: dict[str, int] = {}
    for axis, counter in COUNTER_OF.items():
        stored = _stored(source, axis)
        counted = source.state.get(counter.removeprefix("/state/"))
        if counted is None:
            rows[axis] = stored
            continue
        rows[axis] = int(counted)
        slack = (
            0
            if source.status in ("finished", "stopped")
            else source.sizes.get("step_block", 0)
            if axis == "step"
            else 1
        )
        if not stored - slack <= counted <= stored:
            found.add(counter, f"it counts {counted:.0f} {_UNITS[axis]}, but {stored} are on disk")
            rows[axis] = stored
    return rows


def _stored(source: Source, axis: str) -> int:
    """Rows on disk along an axis: the most that any of its data sets has, since single ones may have lost some."""
    paths = [dataset.path for dataset in DATASETS if dataset.axes[0] == axis and dataset.path in source.data]
    kept = [source.data[path] for path in paths if not (source.in_segments and path in TABLE_PATHS)]
    stored = [rows_on_disk(dataset) for dataset in kept]
    # Where the index of the chunks is damaged, the length is all there is to go by.
    return max((int(d.shape[0]) if num is None else num for d, num in zip(kept, stored, strict=True)), default=0)
