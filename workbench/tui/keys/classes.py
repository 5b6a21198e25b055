"""What keys do in the pane of classes."""

from workbench.tui.keys.table import Key, KeyTable

CLASSES_KEYS = KeyTable(
    scope="classes",
    target="focused",
    rows=(
        Key(name="up", keys=("up", "k"), action="choose(-1)", caps="↑", help="The class above", group="Classes"),
        Key(name="down", keys=("down", "j"), action="choose(1)", caps="↓", help="The class below", group="Classes"),
        Key(
            name="page-up", keys=("pageup",), action="choose(-10)", caps="PgUp", help="Ten classes up", group="Classes"
        ),
        Key(
            name="page-down",
            keys=("pagedown",),
            action="choose(10)",
            caps="PgDn",
            help="Ten classes down",
            group="Classes",
        ),
        Key(
            name="order",
            keys=("o",),
            action="order",
            caps="o",
            help="Order by class, median ΔE, its change since the epoch before, or accuracy under attack",
            group="Classes",
            footer="order",
        ),
        Key(
            name="measure",
            keys=("m",),
            action="measure",
            caps="m",
            help="Over epochs: median ΔE, accuracy under attack, or natural accuracy",
            group="Classes",
            footer="measure",
        ),
    ),
)
