"""What can befall a log while it is looked at, as data. Needs no numpy."""

from typing import NamedTuple


class Trouble(NamedTuple):
    """Why not everything of a log can be read.

    Attributes:
        what: a sentence.
        since: seconds since 1970-01-01 UTC: when it could last be read as a whole.
        whole: whether nothing of it can be read; else only a part, and the rest is followed.
    """

    what: str
    since: float
    whole: bool


class Replaced(NamedTuple):
    """That another run's log has taken the place of the one that was open.

    Attributes:
        run_id: of the run before.
        at: seconds since 1970-01-01 UTC when that was seen.
    """

    run_id: str
    at: float
