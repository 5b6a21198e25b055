"""What keys do while a command runs, and on what it has made."""

from workbench.tui.keys.table import Key, KeyTable

_GROUP = "While a command runs, and after"

JOB_KEYS = KeyTable(
    scope="job",
    rows=(
        Key(
            name="scroll-up", keys=("up", "k"), action="scroll(-1)", caps="↑", help="Scroll up", group=_GROUP, footer=""
        ),
        Key(
            name="scroll-down",
            keys=("down", "j"),
            action="scroll(1)",
            caps="↓",
            help="Scroll down",
            group=_GROUP,
            footer="scroll",
        ),
        Key(name="page-up", keys=("pageup",), action="scroll(-10)", caps="PgUp", help="Scroll a page up", group=_GROUP),
        Key(
            name="page-down",
            keys=("pagedown", "space"),
            action="scroll(10)",
            caps="PgDn",
            help="Scroll a page down",
            group=_GROUP,
        ),
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
        Key(
            name="quit",
            keys=("q", "ctrl+c", "ctrl+q"),
            action="quit",
            caps="q",
            help="Quit; a command that runs is stopped first and keeps what it has made",
            group=_GROUP,
            footer="quit",
        ),
    ),
)
