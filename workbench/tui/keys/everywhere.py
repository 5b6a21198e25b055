"""What keys do on every screen that is no dialogue, after those of the screen and of the pane."""

from workbench.tui.keys.table import Key, KeyTable

EVERYWHERE_KEYS = KeyTable(
    scope="everywhere",
    target="app",
    rows=(
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
