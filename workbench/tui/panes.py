"""The panes of a run as data: their keys, their widgets, and which are shown at which size of the terminal."""

from typing import NamedTuple

from workbench.tui.keys.checkpoints import CHECKPOINT_KEYS
from workbench.tui.keys.classes import CLASSES_KEYS
from workbench.tui.keys.curves import CURVES_KEYS
from workbench.tui.keys.energies import ENERGIES_KEYS
from workbench.tui.keys.generated import GENERATED_KEYS
from workbench.tui.keys.heatmap import HEATMAP_KEYS
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.keys.table import KeyTable


class Layout(NamedTuple):
    """Which widgets a pane shows from a size of the terminal on, and the style class that arranges them."""

    columns: int
    rows: int
    arrangement: str
    widgets: tuple[str, ...]


class Pane(NamedTuple):
    """One view of a run.

    Attributes:
        name: of the pane.
        key: that opens it.
        title: in the row of panes.
        short: the same where there is little room.
        help: what it shows, in a sentence.
        layouts: the roomiest first; the first that fits the terminal is taken.
        keys: what its own keys do while it is open: actions of the first of its widgets that can have the focus.
    """

    name: str
    key: str
    title: str
    short: str
    help: str
    layouts: tuple[Layout, ...]
    keys: KeyTable | None = None


PANES: tuple[Pane, ...] = (
    Pane(
        name="overview",
        key="1",
        title="Overview",
        short="Over",
        help="Facts, onset, checkpoint to keep, and every plot that fits",
        layouts=(
            Layout(110, 32, "quarters", ("facts", "accuracy", "histogram", "heatmap")),
            Layout(132, 0, "thirds", ("facts", "accuracy", "histogram")),
            Layout(64, 32, "top-halves", ("facts", "histogram", "heatmap")),
            Layout(64, 0, "halves", ("facts", "histogram")),
            Layout(0, 32, "stack", ("facts", "histogram")),
            Layout(0, 0, "stack", ("facts",)),
        ),
    ),
    Pane(
        name="curves",
        key="2",
        title="Curves",
        short="Curv",
        help="Accuracies, loss, ΔE and learning rate over epochs: zoom, smooth, read off",
        layouts=(Layout(0, 0, "stack", ("curves",)),),
        keys=CURVES_KEYS,
    ),
    Pane(
        name="histogram",
        key="3",
        title="Histogram",
        short="Hist",
        help="ΔE of the epoch under the cursor, with quantiles",
        layouts=(Layout(0, 0, "stack", ("histogram",)),),
    ),
    Pane(
        name="heatmap",
        key="4",
        title="Heat map",
        short="Heat",
        help="ΔE over all epochs",
        layouts=(Layout(0, 0, "stack", ("heatmap",)),),
        keys=HEATMAP_KEYS,
    ),
    Pane(
        name="classes",
        key="5",
        title="Classes",
        short="Class",
        help="ΔE and accuracies of each class, at the cursor and over epochs",
        layouts=(Layout(0, 0, "stack", ("classes",)),),
        keys=CLASSES_KEYS,
    ),
    Pane(
        name="energies",
        key="6",
        title="Energies",
        short="Ener",
        help="E(x) against E(x*) and against E(x,y), as densities",
        layouts=(Layout(0, 0, "stack", ("energies",)),),
        keys=ENERGIES_KEYS,
    ),
    Pane(
        name="samples",
        key="7",
        title="Samples",
        short="Samp",
        help="Samples by |ΔE|, change at the onset or flips; one over epochs; its images",
        layouts=(Layout(0, 0, "stack", ("samples",)),),
        keys=SAMPLE_KEYS,
    ),
    Pane(
        name="checkpoints",
        key="8",
        title="Checkpoints",
        short="Ckpt",
        help="Kept checkpoints: which to keep and why, strong evaluations, generation",
        layouts=(Layout(0, 0, "stack", ("checkpoints",)),),
        keys=CHECKPOINT_KEYS,
    ),
    Pane(
        name="generated",
        key="9",
        title="Generated",
        short="Gen",
        help="Folders of generated images: pictures, energies of each chain, scores",
        layouts=(Layout(0, 0, "stack", ("generated",)),),
        keys=GENERATED_KEYS,
    ),
    Pane(
        name="record",
        key="0",
        title="Record",
        short="Rec",
        help="Onset evidence, events, configuration, provenance",
        layouts=(Layout(120, 0, "halves", ("events", "provenance")), Layout(0, 0, "stack", ("record",))),
    ),
)
