"""What keys do while a filter is typed; letters are typed."""

from workbench.tui.keys.common import quit_key_beside_text
from workbench.tui.keys.table import Key, KeyTable

FILTER_KEYS = KeyTable(
    scope="filter",
    rows=(
        Key(
            name="drop",
            keys=("escape",),
            action="leave_filter(True)",
            caps="Esc",
            help="Drop the filter",
            group="Filter",
            footer="drop",
            priority=True,
        ),
        Key(
            name="keep",
            keys=("enter",),
            action="leave_filter",
            caps="Enter",
            help="Back to the list",
            group="Filter",
            footer="to the list",
        ),
        quit_key_beside_text("Filter"),
    ),
)
