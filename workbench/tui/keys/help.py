"""What keys do while the help is open."""

from workbench.tui.keys.table import Key, KeyTable

HELP_KEYS = KeyTable(
    scope="help",
    rows=(
        Key(
            name="close",
            keys=("escape", "question_mark", "f1", "q", "enter"),
            action="close",
            caps="Esc",
            help="Close",
            group="Help",
            priority=True,
        ),
        Key(
            name="scroll-up",
            keys=("up", "k"),
            action="scroll(-1)",
            caps="↑",
            help="Scroll up",
            group="Help",
            priority=True,
        ),
        Key(
            name="scroll-down",
            keys=("down", "j"),
            action="scroll(1)",
            caps="↓",
            help="Scroll down",
            group="Help",
            priority=True,
        ),
        Key(
            name="page-up",
            keys=("pageup",),
            action="turn_page(-1)",
            caps="PgUp",
            help="Scroll a page up",
            group="Help",
            priority=True,
        ),
        Key(
            name="page-down",
            keys=("pagedown", "space"),
            action="turn_page(1)",
            caps="PgDn",
            help="Scroll a page down",
            group="Help",
            priority=True,
        ),
        Key(name="quit", keys=("ctrl+c", "ctrl+q"), action="quit", caps="^C", help="Quit", group="Help", priority=True),
    ),
)
