"""What keys do while a form is open; letters are typed."""

from workbench.tui.keys.table import Key, KeyTable

FORM_KEYS = KeyTable(
    scope="form",
    rows=(
        Key(
            name="accept",
            keys=("enter",),
            action="accept",
            caps="Enter",
            help="Generate; on the checkpoint, open the list",
            group="Form",
            footer="generate",
        ),
        Key(
            name="next-field",
            keys=("tab",),
            action="step(1)",
            caps="Tab",
            help="Next field",
            group="Form",
            footer="next field",
            priority=True,
        ),
        Key(
            name="previous-field",
            keys=("shift+tab",),
            action="step(-1)",
            caps="⇧Tab",
            help="Previous field",
            group="Form",
            priority=True,
        ),
        Key(name="down", keys=("down",), action="step(1)", caps="↓", help="Next field", group="Form"),
        Key(name="up", keys=("up",), action="step(-1)", caps="↑", help="Previous field", group="Form"),
        Key(name="close", keys=("escape",), action="close", caps="Esc", help="Back", group="Form", footer="back"),
        Key(
            name="quit",
            keys=("ctrl+c", "ctrl+q"),
            action="quit",
            caps="^C",
            help="Quit",
            group="Form",
            footer="quit",
            priority=True,
        ),
    ),
)
