"""What keys do in the pane of generated images."""

from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Generated images"

GENERATED_KEYS = KeyTable(
    scope="generated",
    target="focused",
    rows=(
        Key(
            name="up",
            keys=("up", "k"),
            action="choose(-1)",
            caps="↑",
            help="The folder above; among the images, a row up",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="down",
            keys=("down", "j"),
            action="choose(1)",
            caps="↓",
            help="The folder below; among the images, a row down",
            group=_GROUP,
            footer="folder",
        ),
        Key(
            name="page-up",
            keys=("pageup",),
            action="page(-1)",
            caps="PgUp",
            help="Ten folders up; among the images, a page up; in the record, scroll up",
            group=_GROUP,
        ),
        Key(
            name="page-down",
            keys=("pagedown",),
            action="page(1)",
            caps="PgDn",
            help="Ten folders down; among the images, a page down; in the record, scroll down",
            group=_GROUP,
        ),
        Key(
            name="browse",
            keys=("enter",),
            action="browse",
            caps="Enter",
            help="Browse the images, without the list; back to the list",
            group=_GROUP,
            footer="browse",
        ),
        Key(
            name="previous-chain",
            keys=("comma",),
            action="chain(-1)",
            caps=",",
            help="The image before",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="next-chain",
            keys=("full_stop",),
            action="chain(1)",
            caps=".",
            help="The next image",
            group=_GROUP,
            footer="image",
        ),
        Key(
            name="score",
            keys=("v",),
            action="score",
            caps="v",
            help="Score the images: FID, IS, KID, agreement",
            group=_GROUP,
            footer="score",
        ),
        Key(
            name="resume",
            keys=("R",),
            action="resume",
            caps="R",
            help="Go on with a folder: what is not done, or more images or steps",
            group=_GROUP,
            footer="go on",
        ),
        Key(
            name="record",
            keys=("D",),
            action="record",
            caps="D",
            help="All settings, versions and scores; back to the energies",
            group=_GROUP,
            footer="record",
        ),
        Key(
            name="copy-path", keys=("y",), action="copy('path')", caps="y", help="Copy the folder's path", group=_GROUP
        ),
        Key(
            name="copy-command",
            keys=("Y",),
            action="copy('command')",
            caps="Y",
            help="Copy the command that makes the same images",
            group=_GROUP,
        ),
    ),
)
