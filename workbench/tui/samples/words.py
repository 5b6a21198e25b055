"""What the table of samples says of its list."""

from typing import TYPE_CHECKING

from workbench.tui.facts.glance import SAMPLES_OF
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.keys.table import cap_of
from workbench.tui.look.text import plain
from workbench.tui.samples.columns import class_name
from workbench.tui.samples.wish import MARKS, Wish
from workbench.tui.widgets.timeline import FLAGS

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.samples.ranking import Ranker


def caption_of(view: "View", wish: Wish, ranker: "Ranker | None") -> str:
    """What is listed, and whether it is being read."""
    parts = [SAMPLES_OF[wish.split]]
    if ranker is not None:
        from workbench.analysis.ranking import ORDERS

        title = ORDERS[wish.order].title
        parts.append(f"{title}, reversed" if wish.reverse else title)
        if wish.order == "change":
            parts[-1] += f" ({change_of(wish)})"
    if wish.label is not None:
        parts.append(f"class {class_name(wish.label, view.meta.class_names, 24)}")
    if wish.marks != "all":
        parts.append(MARKS[wish.marks])
    if ranker is not None and ranker.problem is not None and ranker.ranking is not None:
        parts.append(f"✗ {plain(ranker.problem)}")
    elif ranker is not None and ranker.urgent:
        counting = ranker.counting if wish.order == "flips" else None
        parts.append("reading …" if counting is None else f"counting flips, epoch {max(counting, 0)}/{wish.epoch} …")
    return " · ".join(parts)


def change_of(wish: Wish) -> str:
    """From when to when the change is counted."""
    kind, epoch = wish.reference
    if kind is None:
        return f"epoch {epoch} − {epoch - 1}" if epoch else "epoch 0 has none before it"
    from workbench.analysis.ranking import epochs_before

    before = epochs_before(epoch)
    span = f"{before[0]}–{before[-1]}" if len(before) > 1 else f"{before[0]}"
    mean = "mean of " if len(before) > 1 else ""
    symbol, short, _ = FLAGS[kind]
    return f"{symbol}{short} {epoch} − {mean}{span}"


def nothing_of(view: "View", wish: Wish, ranker: "Ranker | None") -> str:
    """Why nothing is listed."""
    if not view.num_epochs:
        return "no epoch is committed yet"
    if ranker is not None and ranker.problem is not None:
        return f"✗ {ranker.problem}"
    ranking = None if ranker is None else ranker.ranking
    if ranking is None or ranking.wish != wish:
        return "reading …"
    if not len(ranking.keys):
        return (
            f"the log holds no {SAMPLES_OF[wish.split]} samples; {cap_of(RUN_KEYS, 'train-or-probe')} shows the others"
        )
    classes, marks = cap_of(SAMPLE_KEYS, "all-classes"), cap_of(SAMPLE_KEYS, "marks")
    return f"no sample is so; {classes} lists all classes, {marks} other predictions"
