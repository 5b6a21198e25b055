"""What keys do on the list of jobs, on a job of the past, and in the questions about them."""

from workbench.tui.keys.common import help_key, quit_key, scroll_keys
from workbench.tui.keys.table import Key, KeyTable

_GROUP = "List of jobs"

JOBS_KEYS = KeyTable(
    scope="jobs",
    rows=(
        Key(
            name="previous-job",
            keys=("up", "k"),
            action="move(-1)",
            caps="↑",
            help="Previous job",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="next-job", keys=("down", "j"), action="move(1)", caps="↓", help="Next job", group=_GROUP, footer="job"
        ),
        Key(name="page-up", keys=("pageup",), action="move(-10)", caps="PgUp", help="Ten jobs up", group=_GROUP),
        Key(name="page-down", keys=("pagedown",), action="move(10)", caps="PgDn", help="Ten jobs down", group=_GROUP),
        Key(name="newest", keys=("home",), action="move(-1000000)", caps="Home", help="The newest job", group=_GROUP),
        Key(name="oldest", keys=("end",), action="move(1000000)", caps="End", help="The oldest job", group=_GROUP),
        Key(
            name="open",
            keys=("enter",),
            action="open",
            caps="Enter",
            help="Show the job: what it makes, or what it wrote and how it ended",
            group=_GROUP,
            footer="show",
        ),
        Key(
            name="stop",
            keys=("c",),
            action="stop",
            caps="c",
            help="Stop the job, which keeps what it has made; once more ends it at once",
            group=_GROUP,
            footer="stop",
        ),
        Key(
            name="copy",
            keys=("y",),
            action="copy",
            caps="y",
            help="Copy the job's command line",
            group=_GROUP,
            footer="copy",
        ),
        Key(
            name="remove",
            keys=("delete",),
            action="remove",
            caps="Del",
            help="Remove the record of a job that has ended, not what it made; asks first",
            group=_GROUP,
            footer="remove",
        ),
        Key(
            name="back",
            keys=("escape", "J"),
            action="back",
            caps="Esc",
            help="Back; jobs go on",
            group=_GROUP,
            footer="back",
        ),
        help_key(_GROUP),
        quit_key(_GROUP),
    ),
)

PAST_KEYS = KeyTable(
    scope="past-job",
    rows=(
        *scroll_keys(_GROUP),
        Key(
            name="copy",
            keys=("y",),
            action="copy",
            caps="y",
            help="Copy the job's command line",
            group=_GROUP,
            footer="copy command",
        ),
        Key(name="back", keys=("escape",), action="back", caps="Esc", help="Back", group=_GROUP, footer="back"),
        quit_key(_GROUP),
    ),
)

REMOVE_KEYS = KeyTable(
    scope="remove-job",
    rows=(
        Key(
            name="remove",
            keys=("enter", "y"),
            action="answer(True)",
            caps="Enter",
            help="Remove the record",
            group=_GROUP,
            footer="remove it",
        ),
        Key(
            name="keep",
            keys=("escape", "n"),
            action="answer(False)",
            caps="Esc",
            help="Keep the record",
            group=_GROUP,
            footer="keep it",
        ),
    ),
)

LEAVE_KEYS = KeyTable(
    scope="leave",
    rows=(
        Key(
            name="stop",
            keys=("s",),
            action="stop",
            caps="s",
            help="Stop the jobs and quit; once more ends them at once",
            group="Quitting while jobs run",
            footer="stop them and quit",
        ),
        Key(
            name="leave",
            keys=("l",),
            action="leave",
            caps="l",
            help="Quit and leave the jobs running",
            group="Quitting while jobs run",
            footer="leave them running",
        ),
        Key(
            name="stay",
            keys=("escape",),
            action="stay",
            caps="Esc",
            help="Do not quit",
            group="Quitting while jobs run",
            footer="stay",
        ),
    ),
)
