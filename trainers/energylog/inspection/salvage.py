"""What can be kept of the parts of a damaged log that have no epoch axis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.energylog.inspection.findings import Findings
from trainers.energylog.inspection.series import Position, check_events, check_steps, read_events, read_keys, read_steps
from trainers.energylog.inspection.source import Source
from trainers.energylog.schema import EVENT_DTYPE, SPLITS, STEP_DTYPE
from trainers.energylog.tables import SampleKeys


def keep_keys(source: Source, found: Findings) -> dict[str, SampleKeys]:
    """The keys of both splits; one whose keys are lost keeps no samples, since nobody knows whose they are."""
    kept: dict[str, SampleKeys] = {}
    keys = read_keys(source, Findings())
    for split in SPLITS:
        index, label = (keys.get(path) for path in (f"/{split}/index", f"/{split}/label"))
        if index is None or label is None:
            found.add(f"/{split}", "index or label of its samples is lost, so they are not kept")
            index, label = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        kept[split] = SampleKeys(index=index, label=label)
    return kept


def keep_steps(
    source: Source, rows: dict[str, int], data: dict[str, Any], found: Findings
) -> tuple[int, dict[int, int]]:
    """Copy the blocks of steps that are whole in all columns and make sense.

    Returns:
        How many steps there are, and by epoch the step after its last one.
    """
    block = source.sizes["step_block"]
    position, kept, last_by_epoch = Position(), 0, {}
    for part in read_steps(source, rows["step"], Findings()):
        for start in range(0, len(part), block):
            steps, wrong = part[start : start + block], Findings()
            after = check_steps(steps, position, block, rows["epoch"], wrong)
            if wrong.damaged:
                continue
            for name in STEP_DTYPE.names or ():
                data[f"/step/{name}"].resize(kept + block, axis=0)
                data[f"/step/{name}"][kept : kept + block] = steps[name]
            kept, position = kept + block, after
            last_by_epoch[after.epoch] = after.step + 1
    if kept < rows["step"]:
        found.add("/step", f"{rows['step'] - kept} of {rows['step']} rows are unreadable or out of order, not kept")
    return position.num, last_by_epoch


def keep_events(source: Source, num_rows: int, found: Findings) -> NDArray[np.void]:
    """The events that can be read and make sense: EVENT_DTYPE; bytes that are no text become replacement characters."""
    events = read_events(source, num_rows, Findings())
    kept = []
    for event in events:
        wrong = Findings()
        check_events([_as_text(event)], wrong)
        if not wrong.damaged:
            kept.append(_as_text(event))
    if len(kept) < num_rows:
        found.add("/events", f"{num_rows - len(kept)} of {num_rows} are unreadable or make no sense, not kept")
    return np.concatenate(kept) if kept else np.empty(0, dtype=EVENT_DTYPE)


def _as_text(event: NDArray[np.void]) -> NDArray[np.void]:
    clean = event.copy()
    for name in ("kind", "message"):
        text = event[name][0].decode(errors="replace").encode()
        clean[name] = text[: EVENT_DTYPE[name].itemsize].decode(errors="ignore").encode()
    return clean
