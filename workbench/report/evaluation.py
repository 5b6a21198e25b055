"""Strong evaluations as tables, readable in 80 columns and in a pipe."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from workbench.evaluation import Evaluation, Found, Group, Inputs, Stored, Tally
from workbench.report.text import MISSING, epsilon, nats, percent, plain, unbroken, visible

MOST_CLASSES = 20
WORST_CLASSES = 10
MOST_ROWS = 12

_VAST = 1e5


def evaluation_report(stored: Stored) -> RenderableType:
    """One evaluation: accuracies with their intervals, then for each attack its classes with their energies."""
    evaluation = stored.evaluation
    heading = unbroken((visible(f"Strong evaluation of {evaluation.checkpoint}"), "bold"))
    parts: list[RenderableType] = [heading, plain(_facts(evaluation)), Text(), _accuracies(evaluation)]
    for attack in evaluation.attacks:
        parts += [Text(), *_by_class(evaluation, attack)]
    parts += [Text(), *(plain(remark) for remark in _remarks(evaluation))]
    return Lines(*parts, unbroken("Kept in ", visible(str(stored.path))))


def evaluations_report(found: Found, most: int | None = MOST_ROWS) -> RenderableType:
    """All evaluations of a run or checkpoint, a row for each attack, the latest ``most`` of them."""
    rows = [row for stored in found.stored for row in _rows(stored.evaluation)]
    shown = rows if most is None else rows[-most:]
    table = _table()
    for name in ("epoch", "images", "ε"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("attack", overflow="fold")
    for name in ("clean", "robust", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in shown:
        table.add_row(*row)
    lines: list[RenderableType] = [plain("Strong evaluations", "bold")]
    if shown:
        lines.append(table)
    if len(shown) < len(rows):
        lines.append(plain(f"The latest {len(shown)} of {len(rows)} rows; workbench evaluate RUN --list shows all."))
    if not rows:
        lines.append(plain("None is kept; workbench evaluate RUN makes one."))
    return Lines(*lines, *(unbroken(visible(trouble)) for trouble in found.troubles))


def interval_text(tally: Tally) -> str:
    """The confidence interval of an accuracy, in percent."""
    if tally.interval is None:
        return MISSING
    low, high = tally.interval
    return f"{100 * low:.1f}–{100 * high:.1f}%"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))


def _facts(evaluation: Evaluation) -> str:
    epoch = [] if evaluation.epoch is None else [f"epoch {evaluation.epoch}"]
    images = f"{evaluation.num} {evaluation.split} images of {evaluation.data}"
    settings = (f"ε = {epsilon(evaluation.eps)}", f"seed {evaluation.seed}", evaluation.device, evaluation.created)
    return " · ".join((*epoch, images, *settings))


def _accuracies(evaluation: Evaluation) -> Table:
    table = _table()
    table.add_column("", overflow="fold", min_width=12)
    for name in ("accuracy", "95 % interval", "right", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for inputs in evaluation.inputs:
        seconds = f"{inputs.seconds:.1f}" if inputs.seconds else MISSING
        table.add_row(plain(inputs.name), *_accuracy(inputs.overall), seconds)
    if len(evaluation.attacks) > 1:
        table.add_row("worst of all", *_accuracy(evaluation.worst[0]), "")
    return table


def _accuracy(tally: Tally) -> tuple[str, str, str]:
    return percent(tally.accuracy), interval_text(tally), f"{tally.correct}/{tally.num}"


def _by_class(evaluation: Evaluation, attack: Inputs) -> Iterator[RenderableType]:
    """A table: all images, then each class, or those that suffer most."""
    chosen = _chosen(attack.classes)
    fewer = "" if len(chosen) == len(attack.classes) else f", the {len(chosen)} least robust of {len(attack.classes)}"
    yield plain(f"{attack.name} by class{fewer}; energies in nats, means and quantiles of ΔE = E(x) − E(x*)", "dim")
    table = _table()
    table.add_column("class", overflow="fold")
    for name in ("clean", "robust", "E(x)", "E(x*)", "E(x,y)", "E(x*,y)", "ΔE 5 %", "50 %", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("all", *_cells(evaluation.natural.overall, attack.overall))
    for label in chosen:
        class_name = plain(evaluation.class_names[label])
        table.add_row(class_name, *_cells(evaluation.natural.classes[label], attack.classes[label]))
    yield table


def _chosen(classes: Sequence[Group]) -> list[int]:
    if len(classes) <= MOST_CLASSES:
        return list(range(len(classes)))
    return sorted(range(len(classes)), key=lambda label: (classes[label].accuracy or 0.0, label))[:WORST_CLASSES]


def _cells(natural: Group, attacked: Group) -> list[str]:
    delta = attacked.delta_energy or {}
    energies = (natural.energy, attacked.energy, natural.joint_energy, attacked.joint_energy)
    means = (energy["mean"] for energy in energies)
    quantiles = (delta.get(name) for name in ("q05", "q50", "q95"))
    return [percent(natural.accuracy), percent(attacked.accuracy), *map(_nats, (*means, *quantiles))]


def _nats(value: float | None) -> str:
    """An energy in nats; that of a network that has diverged in powers of ten, so that the table keeps its width."""
    return nats(value) if value is None or abs(value) < _VAST else f"{value:.0e}"


def _remarks(evaluation: Evaluation) -> Iterator[str]:
    missing = [name for name in evaluation.asked if name not in {inputs.name for inputs in evaluation.attacks}]
    if missing:
        yield f"Not measured, for it was stopped before: {', '.join(missing)}."
    for attack in evaluation.attacks:
        if attack.overall.num_energies < evaluation.num - evaluation.num_broken:
            num = attack.overall.num_energies
            yield f"Energies under {attack.name} are of the {num} images for which it has an x*."
    if evaluation.num_broken:
        yield f"{evaluation.num_broken} images with logits that are not finite count as wrong."
    if evaluation.split != "test":
        yield f"These are {evaluation.split} images: what a paper reports is of the test split."


def _rows(evaluation: Evaluation) -> Iterator[tuple[str | Text, ...]]:
    epoch = MISSING if evaluation.epoch is None else str(evaluation.epoch)
    images = f"{evaluation.num} {visible(evaluation.split)[:8]}"
    clean = percent(evaluation.natural.overall.accuracy)
    for attack in evaluation.attacks:
        robust = percent(attack.overall.accuracy), interval_text(attack.overall)
        yield epoch, images, epsilon(evaluation.eps), plain(attack.name), clean, *robust
    if len(evaluation.attacks) > 1:
        robust = percent(evaluation.worst[0].accuracy), interval_text(evaluation.worst[0])
        yield epoch, images, epsilon(evaluation.eps), "worst of all", clean, *robust
