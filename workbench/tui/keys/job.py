"""What keys do while a command runs, and on what it has made."""

from workbench.tui.keys.common import quit_key, scroll_keys
from workbench.tui.keys.table import Key, KeyTable

_GROUP = "While a command runs, and after"

JOB_KEYS = KeyTable(
    scope="job",
    rows=(
        *scroll_keys(_GROUP),
        Key(
            name="stop",
            keys=("c",),
            action="stop",
            caps="c",
            help="Stop the command, which keeps what it has made; once more ends it at once",
            group=_GROUP,
            footer="stop",
        ),
        Key(
            name="leave",
            keys=("escape",),
            action="leave",
            caps="Esc",
            help="Back; a command that runs goes on",
            group=_GROUP,
            footer="back",
        ),
        quit_key(_GROUP, "Quit; a command that runs is stopped first and keeps what it has made"),
    ),
)
