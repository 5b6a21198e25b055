"""What keys do on every screen that is no dialogue, after those of the screen and of the pane."""

from workbench.tui.keys.table import Key, KeyTable

EVERYWHERE_KEYS = KeyTable(
    scope="everywhere",
    target="app",
    rows=(
        Key(
            name="palette",
            keys=("ctrl+p",),
            action="palette",
            caps="^P",
            help="Find a command by name",
            group="App",
        ),
        Key(
            name="jump",
            keys=("apostrophe", "ctrl+o"),
            action="jump",
            caps="' ^O",
            help="Jump: a letter for everything on the screen that can be chosen",
            group="App",
        ),
        Key(
            name="copy",
            keys=("y",),
            action="copy",
            caps="y",
            help="Copy the text of what is open, to the clipboard of your terminal",
            group="App",
        ),
        Key(
            name="picture",
            keys=("ctrl+s",),
            action="picture",
            caps="^S",
            help="Save a picture of the screen (SVG) in the current directory",
            group="App",
        ),
        Key(
            name="export",
            keys=("X",),
            action="export",
            caps="X",
            help="Export what is open: its numbers (CSV), a plot (PNG), a report (HTML), a picture (SVG)",
            group="App",
        ),
        Key(
            name="theme",
            keys=("T",),
            action="theme",
            caps="T",
            help="The next theme: dark, light, and those of your own",
            group="App",
        ),
    ),
)
