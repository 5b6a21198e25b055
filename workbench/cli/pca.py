"""``workbench pca``: class-wise PCA of a checkpoint's training data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.dataname import DATA_WORDS
from workbench.cli.naming import OwnModel, trust_model

if TYPE_CHECKING:
    from rich.table import Table

    from workbench.pca import ClassPCA


def pca(
    path: Annotated[Path, typer.Argument(metavar="RUN|CHECKPOINT", help="A run directory or a checkpoint file.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help=f"{DATA_WORDS} [default: what the checkpoint was trained on].",
            show_default=False,
        ),
    ] = None,
    epoch: Annotated[
        str, typer.Option(metavar="best|last|N", help="Which checkpoint of a run; matters for features.")
    ] = "best",
    variance: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Keep this share of the variance, in (0, 1] [default: 0.95].", show_default=False
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(metavar="K", help="Keep K components instead.", show_default=False),
    ] = None,
    space: Annotated[
        str, typer.Option(metavar="pixels|features", help="PCA of the images or of the network's penultimate features.")
    ] = "pixels",
    local: Annotated[
        int, typer.Option(metavar="K", help="k-means clusters inside each class, one PCA each; 1 is one PCA per class.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of k-means and of the randomised solver.")] = 0,
    model: OwnModel = None,
    refit: Annotated[bool, typer.Option("--refit", help="Fit even if there is a file that matches.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the file and its figures [default: generation/ in the run, where other commands look].",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Fit a PCA to the training images of every class, or read the one that was fitted before.

    It is kept in a safetensors file with figures (PNG) beside it: scree plot and, of pixels, class means and leading
    components. Sampling starts from it.

    Example:  workbench pca demo/pgd --variance 0.9
    """
    from workbench.pca import PCASpec, class_pca_for, pca_path
    from workbench.report import console, json_text
    from workbench.target import find_target

    spec = PCASpec(variance=variance, components=components, space=space, local=local, seed=seed)
    target = find_target(path, epoch)
    trust_model(target.checkpoint, model)
    folder = target.derived if out is None else out
    with _progress() as (say, note):
        fitted, is_new = class_pca_for(target, data, spec, refit=refit, folder=folder, say=say, note=note)
        file = pca_path(folder, spec)
        say("drawing")
        figures = _draw(fitted, file)
    if json:
        typer.echo(json_text(_to_json(fitted, file, figures, is_new=is_new)))
        return
    screen = console()
    screen.print(_table(fitted), *_remarks(fitted, file, figures, is_new=is_new), sep="\n")
    if screen.is_terminal:
        _show_means(fitted)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """What is being done as a status line on a terminal, nothing in a pipe; and notes, which both get. On stderr."""
    from rich.console import Console

    from workbench.report import plain

    screen = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with screen.status(plain("PCA")) as status:
        yield (
            lambda sentence: status.update(plain(f"PCA: {sentence}")),
            lambda sentence: screen.print(plain(sentence), soft_wrap=True),
        )


def _table(fitted: "ClassPCA") -> "Table":
    from rich import box
    from rich.table import Table

    from workbench.report import plain
    from workbench.report.text import percent

    local = fitted.facts.local > 1
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    table.add_column("class", overflow="fold")
    for name in (*(("weight",) if local else ()), "samples", "components", "explained", "first component"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _groups(fitted):
        weight = (percent(row["weight"]),) if local else ()
        counts = (str(row["samples"]), str(row["components"]))
        shares = (percent(row["explained_variance"]), percent(row["first_component"]))
        table.add_row(plain(row["class"]), *weight, *counts, *shares)
    return table


def _groups(fitted: "ClassPCA") -> list[dict[str, Any]]:
    """What there is to say of every group, in JSON values."""
    rows = []
    for group, label in enumerate(fitted.label):
        share = fitted.explained_variance_ratio[group]
        rows.append(
            {
                "class": fitted.facts.class_names[label],
                "cluster": group - int(fitted.groups_of(int(label))[0]),
                "weight": float(fitted.weight[group]),
                "samples": int(fitted.count[group]),
                "components": len(share),
                "explained_variance": float(share.sum(dtype=float)) if len(share) else None,
                "first_component": float(share[0]) if len(share) else None,
            }
        )
    return rows


def _remarks(fitted: "ClassPCA", file: Path, figures: list[Path], *, is_new: bool) -> Iterator[Any]:
    from rich.text import Text

    from workbench.report import plain, unbroken, visible

    facts = fitted.facts
    yield Text()
    groups = _groups(fitted)
    fewer = ", ".join(f"{groups[group]['class']} ({groups[group]['components']})" for group in fitted.fewer())
    if fewer:
        wanted = facts.num_components or 1
        yield plain(f"Fewer than {wanted} component{'s' * (wanted > 1)}, for want of samples or dimensions: {fewer}.")
    yield plain(f"{'Fitted to' if is_new else 'Fitted before to'} the {facts.space} of {facts.data}, training split.")
    yield unbroken(("PCA      ", "dim"), visible(str(file)))
    for figure in figures:
        yield unbroken(("figure   ", "dim"), visible(str(figure)))


def _to_json(fitted: "ClassPCA", file: Path, figures: list[Path], *, is_new: bool) -> dict[str, Any]:
    return {
        "path": str(file),
        "fitted_now": is_new,
        "facts": asdict(fitted.facts),
        "groups": _groups(fitted),
        "fewer_components": sorted({fitted.facts.class_names[fitted.label[group]] for group in fitted.fewer()}),
        "figures": [str(figure) for figure in figures],
    }


def _draw(fitted: "ClassPCA", file: Path) -> list[Path]:
    """Draw the figures that are missing or older than the file; all their paths."""
    from workbench.cli.pca_figures import FIGURES

    written = file.stat().st_mtime_ns
    paths = []
    for name, (suits, draw) in FIGURES.items():
        path = file.with_name(f"{file.stem}-{name}.png")
        if not suits(fitted):
            continue
        if not path.exists() or path.stat().st_mtime_ns < written:
            from workbench.report.figures import save_figure

            save_figure(path, draw(fitted))
        paths.append(path)
    return paths


def _show_means(fitted: "ClassPCA") -> None:
    from workbench.analysis.levels import to_uint8
    from workbench.cli.pca_figures import MOST_CLASSES_SHOWN, is_of_pictures
    from workbench.report import console, plain
    from workbench.report.pictures import grid, half_cells

    if not is_of_pictures(fitted):
        return
    screen = console()
    facts = fitted.facts
    means = to_uint8(fitted.class_means()[:MOST_CLASSES_SHOWN].reshape(-1, *facts.image_shape))
    across = max(screen.width // (facts.image_shape[2] + 1), screen.width // 16, 1)
    rows = -(-len(means) // across)
    picture = grid(means, -(-len(means) // rows), gap=max(1, facts.image_shape[2] // 16), background=0)
    screen.print()
    screen.print(plain(f"Class means: {', '.join(facts.class_names[: len(means)])}"))
    screen.print(half_cells(picture, screen.width, colour=screen.color_system is not None and not screen.no_color))
