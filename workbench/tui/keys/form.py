"""What keys do while a form is open; letters are typed."""

from workbench.tui.keys.common import quit_key_beside_text
from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Form"

FORM_KEYS = KeyTable(
    scope="form",
    rows=(
        Key(
            name="accept",
            keys=("enter",),
            action="accept",
            caps="Enter",
            help="Do it, with what stands there",
            group=_GROUP,
            footer="start",
        ),
        Key(
            name="next-field",
            keys=("tab",),
            action="step(1)",
            caps="Tab",
            help="Next question",
            group=_GROUP,
            footer="next",
            priority=True,
        ),
        Key(
            name="previous-field",
            keys=("shift+tab",),
            action="step(-1)",
            caps="⇧Tab",
            help="Previous question",
            group=_GROUP,
            priority=True,
        ),
        Key(name="down", keys=("down",), action="step(1)", caps="↓", help="Next question", group=_GROUP),
        Key(name="up", keys=("up",), action="step(-1)", caps="↑", help="Previous question", group=_GROUP),
        Key(
            name="copy",
            keys=("ctrl+y",),
            action="copy",
            caps="^Y",
            help="Copy the command that does the same",
            group=_GROUP,
            footer="copy command",
            priority=True,
        ),
        Key(name="close", keys=("escape",), action="close", caps="Esc", help="Back", group=_GROUP, footer="back"),
        quit_key_beside_text(_GROUP),
    ),
)

CHOICE_KEYS = KeyTable(
    scope="choice",
    target="focused",
    rows=(
        Key(
            name="previous",
            keys=("left",),
            action="choose(-1)",
            caps="←",
            help="Previous choice of the question",
            group=_GROUP,
        ),
        Key(
            name="next",
            keys=("right", "space"),
            action="choose(1)",
            caps="→",
            help="Next choice of the question",
            group=_GROUP,
        ),
    ),
)
