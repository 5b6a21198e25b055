"""Where the parts of the pane of samples go."""

from typing import NamedTuple

BESIDE = 110
"""Columns from which the sample is shown beside the table."""

WHOLE_TABLE = 78
"""Columns that all of the table takes."""

LEAST_TABLE = 6
"""Lines that the table keeps over what is under it."""

TRAJECTORY_UNDER = 14
IMAGES_UNDER = 24
"""Lines of each under the table, at most."""

ROOMY = 30
"""Lines from which the trajectory is shown under the table without being asked for."""


class Arrangement(NamedTuple):
    """How large the parts are.

    Attributes:
        beside: whether the sample is beside the table; under it otherwise.
        width: columns of what is beside the table, all columns under it.
        trajectory: lines of the trajectory; 0 where it is hidden.
        images: lines of the images; 0 where they are hidden.
    """

    beside: bool
    width: int
    trajectory: int
    images: int


def arrange(width: int, height: int, *, trajectory: bool | None, images: bool) -> Arrangement:
    """The parts in an area.

    Args:
        width: columns.
        height: lines.
        trajectory: whether it is wanted; None if it was not said.
        images: whether they are wanted. Beside the table there is always a place for them.
    """
    if width >= BESIDE:
        upper = 0 if trajectory is False else max(9, height // 2)
        return Arrangement(
            True, min(max(width * 9 // 20, width - WHOLE_TABLE), 110), min(upper, height), max(0, height - upper)
        )
    room = max(0, height - LEAST_TABLE)
    if images:
        under = min(room, IMAGES_UNDER)
        return Arrangement(False, width, 0, under)
    wanted = height >= ROOMY if trajectory is None else trajectory
    return Arrangement(False, width, min(room, TRAJECTORY_UNDER) if wanted else 0, 0)
