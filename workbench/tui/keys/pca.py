"""What keys do on a class-wise PCA."""

from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Class-wise PCA"

PCA_KEYS = KeyTable(
    scope="pca",
    rows=(
        Key(
            name="next-class",
            keys=("n",),
            action="go_to_class(1)",
            caps="n",
            help="To the next class; after the last the means",
            group=_GROUP,
            footer="class",
        ),
        Key(
            name="previous-class",
            keys=("N", "p"),
            action="go_to_class(-1)",
            caps="N",
            help="To the class before",
            group=_GROUP,
        ),
        Key(
            name="generate",
            keys=("g",),
            action="generate",
            caps="g",
            help="Generate images of the class, from this PCA",
            group=_GROUP,
            footer="generate",
        ),
        Key(
            name="refit",
            keys=("f",),
            action="refit",
            caps="f",
            help="Fit another: variance, clusters, pixels or features",
            group=_GROUP,
            footer="fit another",
        ),
    ),
)
