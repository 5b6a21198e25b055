"""What keys do in the pane of checkpoints."""

from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Checkpoints"

CHECKPOINT_KEYS = KeyTable(
    scope="checkpoints",
    target="focused",
    rows=(
        Key(name="up", keys=("up", "k"), action="choose(-1)", caps="↑", help="The checkpoint above", group=_GROUP),
        Key(name="down", keys=("down", "j"), action="choose(1)", caps="↓", help="The checkpoint below", group=_GROUP),
        Key(
            name="page-up",
            keys=("pageup",),
            action="choose(-10)",
            caps="PgUp",
            help="Ten checkpoints up",
            group=_GROUP,
        ),
        Key(
            name="page-down",
            keys=("pagedown",),
            action="choose(10)",
            caps="PgDn",
            help="Ten checkpoints down",
            group=_GROUP,
        ),
        Key(
            name="go",
            keys=("enter",),
            action="go",
            caps="Enter",
            help="Epoch cursor to the checkpoint's epoch",
            group=_GROUP,
            footer="to its epoch",
        ),
        Key(
            name="evaluate",
            keys=("v",),
            action="evaluate",
            caps="v",
            help="Evaluate it under strong attacks, on test images",
            group=_GROUP,
            footer="evaluate",
        ),
        Key(
            name="generate",
            keys=("g",),
            action="generate",
            caps="g",
            help="Generate images from it",
            group=_GROUP,
        ),
        Key(
            name="copy",
            keys=("y",),
            action="copy",
            caps="y",
            help="Copy its path",
            group=_GROUP,
            footer="copy path",
        ),
    ),
)
