"""What keys do while it is asked where a view is exported to; letters are typed."""

from workbench.tui.keys.common import quit_key_beside_text
from workbench.tui.keys.table import Key, KeyTable

EXPORT_KEYS = KeyTable(
    scope="export",
    rows=(
        Key(
            name="write",
            keys=("enter",),
            action="write",
            caps="Enter",
            help="Write the file",
            group="Export",
            footer="write",
        ),
        Key(
            name="next-format",
            keys=("tab", "down"),
            action="turn(1)",
            caps="Tab",
            help="The next format: CSV, PNG, HTML, SVG",
            group="Export",
            footer="format",
            priority=True,
        ),
        Key(
            name="previous-format",
            keys=("shift+tab", "up"),
            action="turn(-1)",
            caps="⇧Tab",
            help="The previous format",
            group="Export",
            priority=True,
        ),
        Key(
            name="close",
            keys=("escape",),
            action="close",
            caps="Esc",
            help="Write nothing",
            group="Export",
            footer="back",
            priority=True,
        ),
        quit_key_beside_text("Export"),
    ),
)
