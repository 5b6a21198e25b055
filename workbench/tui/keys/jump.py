"""What keys do while it is asked where to jump to; letters choose."""

from workbench.tui.keys.table import Key, KeyTable

JUMP_KEYS = KeyTable(
    scope="jump",
    rows=(
        Key(
            name="leave",
            keys=("escape", "apostrophe", "ctrl+o"),
            action="leave",
            caps="Esc",
            help="Stay where you are",
            group="Jump",
            footer="back",
        ),
        Key(name="quit", keys=("ctrl+c", "ctrl+q"), action="quit", caps="^C", help="Quit", group="Jump", footer="quit"),
    ),
)
