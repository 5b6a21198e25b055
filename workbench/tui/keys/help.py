"""What keys do while the help is open; letters are typed into its search line."""

from workbench.tui.keys.common import quit_key_beside_text
from workbench.tui.keys.table import Key, KeyTable

HELP_KEYS = KeyTable(
    scope="help",
    rows=(
        Key(
            name="close",
            keys=("escape", "question_mark", "f1"),
            action="close",
            caps="Esc",
            help="Drop what was typed, then close",
            group="Help",
            priority=True,
        ),
        Key(name="accept", keys=("enter",), action="close", caps="Enter", help="Close", group="Help"),
        Key(
            name="scroll-up",
            keys=("up",),
            action="scroll(-1)",
            caps="↑",
            help="Scroll up",
            group="Help",
            priority=True,
        ),
        Key(
            name="scroll-down",
            keys=("down",),
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
            keys=("pagedown",),
            action="turn_page(1)",
            caps="PgDn",
            help="Scroll a page down",
            group="Help",
            priority=True,
        ),
        quit_key_beside_text("Help"),
    ),
)
