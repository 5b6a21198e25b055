"""What keys do in the pane of ΔE over epochs."""

from workbench.tui.keys.table import Key, KeyTable

HEATMAP_KEYS = KeyTable(
    scope="heatmap",
    target="focused",
    rows=(
        Key(
            name="ridges",
            keys=("m",),
            action="ridges",
            caps="m",
            help="ΔE over epochs as a heat map, or as ridges",
            group="Heat map",
            footer="ridges",
        ),
    ),
)
