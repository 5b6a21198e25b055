"""What keys do in the pane of energies."""

from workbench.tui.keys.table import Key, KeyTable

ENERGIES_KEYS = KeyTable(
    scope="energies",
    target="focused",
    rows=(
        Key(
            name="picture",
            keys=("m",),
            action="picture",
            caps="m",
            help="E(x) against E(x*), E(x) against E(x,y), or both where they fit",
            group="Energies",
            footer="picture",
        ),
        Key(
            name="fit",
            keys=("f",),
            action="fit",
            caps="f",
            help="Fit the axes to this epoch, or to the whole run",
            group="Energies",
            footer="fit",
        ),
    ),
)
