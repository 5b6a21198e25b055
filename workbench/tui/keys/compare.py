"""What keys do where two folders of generated images are compared."""

from workbench.tui.keys.common import quit_key
from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Two folders of images side by side"

COMPARE_KEYS = KeyTable(
    scope="compare",
    rows=(
        Key(
            name="up",
            keys=("up", "k"),
            action="row(-1)",
            caps="↑",
            help="The pair above",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="down",
            keys=("down", "j"),
            action="row(1)",
            caps="↓",
            help="The pair below",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="previous",
            keys=("left", "comma"),
            action="pair(-1)",
            caps="←",
            help="The pair before",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="next",
            keys=("right", "full_stop"),
            action="pair(1)",
            caps="→",
            help="The next pair",
            group=_GROUP,
            footer="pair",
        ),
        Key(
            name="page-up",
            keys=("pageup",),
            action="page(-1)",
            caps="PgUp",
            help="The pairs before; in the differences, scroll up",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="page-down",
            keys=("pagedown", "space"),
            action="page(1)",
            caps="PgDn",
            help="The pairs that follow; in the differences, scroll down",
            group=_GROUP,
            footer="page",
        ),
        Key(
            name="differences",
            keys=("D",),
            action="differences",
            caps="D",
            help="All that differs, without the images; back to the images",
            group=_GROUP,
            footer="differences",
        ),
        Key(
            name="leave",
            keys=("escape",),
            action="leave",
            caps="Esc",
            help="Back to the folders",
            group=_GROUP,
            footer="back",
        ),
        quit_key(_GROUP),
    ),
)
