"""What keys do on the curves of a run, beside those of the run screen."""

from workbench.tui.keys.table import Key, KeyTable

_GROUP = "Curves"

CURVES_KEYS = KeyTable(
    scope="curves",
    target="focused",
    rows=(
        Key(
            name="zoom-in",
            keys=("plus", "equals_sign"),
            action="zoom(0.5)",
            caps="+",
            help="Half as many epochs, around the cursor; also the wheel, around the pointer",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="zoom-out",
            keys=("minus",),
            action="zoom(2)",
            caps="-",
            help="Twice as many epochs",
            group=_GROUP,
            footer="zoom",
        ),
        Key(
            name="whole",
            keys=("z",),
            action="whole",
            caps="z",
            help="All epochs of the run again",
            group=_GROUP,
            footer="all",
        ),
        Key(
            name="pan-back",
            keys=("less_than_sign", "comma"),
            action="pan(-1)",
            caps="<",
            help="To earlier epochs; also a drag with the right button, or with Shift",
            group=_GROUP,
            footer="",
        ),
        Key(
            name="pan-on",
            keys=("greater_than_sign", "full_stop"),
            action="pan(1)",
            caps=">",
            help="To later epochs; a drag with the left button selects what to zoom into",
            group=_GROUP,
            footer="pan",
        ),
        Key(
            name="smooth",
            keys=("w",),
            action="smooth",
            caps="w",
            help="Smooth by a running median of 3, 5, 9 epochs, or not at all",
            group=_GROUP,
            footer="smooth",
        ),
        Key(
            name="scale",
            keys=("L",),
            action="scale",
            caps="L",
            help="Upright axes: logit for accuracies, log for loss and rate, asinh for ΔE; or linear",
            group=_GROUP,
            footer="log",
        ),
        Key(
            name="lower-plot",
            keys=("d",),
            action="lower",
            caps="d",
            help="Lower plot: loss, ΔE, learning rate",
            group=_GROUP,
            footer="loss/ΔE/rate",
        ),
        Key(
            name="fit",
            keys=("f",),
            action="fit",
            caps="f",
            help="Upright axes from the lowest to the highest value that is seen, or from 0",
            group=_GROUP,
        ),
    ),
)
