"""``workbench images``: natural and adversarial images of single samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.dataname import DATA_WORDS
from trainers.errors import WorkbenchError
from workbench.cli.naming import OwnModel, trust_model

if TYPE_CHECKING:
    from rich.table import Table

    from workbench.pictured.values import Pictures

LEAST_SIDE = 96
"""Pixels of the shorter side of an image in a picture, at least: small ones are enlarged."""


def images(
    path: Annotated[Path, typer.Argument(metavar="RUN|CHECKPOINT", help="A run directory or a checkpoint file.")],
    sample: Annotated[
        str, typer.Option(metavar="I,J,...", help="Samples by their index in the data.", show_default=False)
    ],
    split: Annotated[str, typer.Option(metavar="train|probe", help="Of which set.")] = "train",
    epoch: Annotated[str, typer.Option(metavar="best|last|N", help="Which checkpoint of a run.")] = "best",
    attack: Annotated[
        str | None,
        typer.Option(
            metavar="A",
            help="fgsm, rs-fgsm, n-fgsm, pgd-K, targeted-pgd-K, trades-kl-K, apgd-K, random-noise. [default: the"
            " training attack; of the probe set pgd-10]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of random starts.")] = 0,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help=f"{DATA_WORDS}. [default: what the checkpoint was trained on]",
            show_default=False,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    model: OwnModel = None,
    remake: Annotated[bool, typer.Option("--remake", help="Make all anew, even those that are there.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Also draw them: natural, adversarial, difference; a row a sample.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Attack single samples of a checkpoint's data, and keep both images of each with their energies.

    In evaluation mode, so energies differ from those that the log recorded while training. What was made is kept in a
    safetensors file in the run, and read from there the next time.

    Example:  workbench images demo/fgsm --sample 17,42 --epoch last --out samples.png
    """
    from workbench.pictured.spec import PictureSpec
    from workbench.report import console, json_text
    from workbench.target import find_target

    if out is not None and out.suffix.lower() != ".png":
        raise WorkbenchError(f"cannot write {out}: its name must end in .png")
    spec = PictureSpec(samples=_indices(sample), split=split, attack=attack, seed=seed)
    target = find_target(path, epoch)
    trust_model(target.checkpoint, model)
    with _progress() as (say, watch):
        from workbench.pictured.make import pictures_for

        say("loading the model")
        made, file, num_made = pictures_for(target, spec, data=data, remake=remake, device=device, say=say, watch=watch)
    limit = None if out is None else _draw(made, out)
    if json:
        typer.echo(json_text(_to_json(made, file, num_made, out)))
        return
    console().print(_table(made), *_remarks(made, file, out, limit), sep="\n")


def _indices(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit() and len(part) < 19)), None)
    if wrong is not None:
        raise WorkbenchError(f"--sample takes indices between commas, such as 3,14; got {wrong!r}")
    return tuple(map(int, parts))


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """What is being done as a status line on a terminal; in a pipe a line each. On stderr."""
    from rich.console import Console

    from workbench.report import plain, visible

    screen = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with screen.status(plain("images")) as status:

        def say(sentence: str) -> None:
            if screen.is_terminal:
                status.update(plain(f"images: {sentence}"))
            else:
                screen.print(visible(f"images  {sentence}"), soft_wrap=True)

        def watch(done: int, total: int) -> None:
            say(f"{done}/{total}  attacking")

        yield say, watch


def _rows(made: "Pictures") -> list[dict[str, Any]]:
    """What there is to say of each sample, in JSON values."""
    names = made.facts.class_names

    def name(label: int) -> str | None:
        return names[label] if 0 <= label < len(names) else None

    rows = []
    for row in range(len(made)):
        label, before, after = (int(values[row]) for values in (made.label, made.predicted, made.predicted_adv))
        energy, energy_adv = float(made.energy[row]), float(made.energy_adv[row])
        rows.append(
            {
                "index": int(made.index[row]),
                "label": label,
                "class": name(label),
                "predicted": before,
                "predicted_class": name(before),
                "predicted_adv": after,
                "predicted_adv_class": name(after),
                "energy": energy,
                "energy_adv": energy_adv,
                "delta_energy": energy - energy_adv,
                "joint_energy": float(made.joint_energy[row]),
                "joint_energy_adv": float(made.joint_energy_adv[row]),
            }
        )
    return rows


def _table(made: "Pictures") -> "Table":
    from rich import box
    from rich.table import Table

    from workbench.report import plain
    from workbench.report.text import MISSING, nats

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    table.add_column("sample", justify="right", no_wrap=True)
    for name in ("class", "x taken for", "x* taken for"):
        table.add_column(name, overflow="fold")
    for name in ("E(x)", "E(x*)", "ΔE"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _rows(made):
        names = (row["class"], row["predicted_class"], row["predicted_adv_class"])
        energies = (row["energy"], row["energy_adv"], row["delta_energy"])
        table.add_row(str(row["index"]), *(plain(name or MISSING) for name in names), *map(nats, energies))
    return table


def _remarks(made: "Pictures", file: Path, out: Path | None, limit: float | None) -> Iterator[Any]:
    from rich.text import Text

    from workbench.report import plain, unbroken, visible
    from workbench.report.text import epsilon

    facts = made.facts
    when = "" if facts.epoch is None else f" of epoch {facts.epoch}"
    yield Text()
    yield plain(f"{facts.attack} at ε = {epsilon(facts.eps)}, evaluation mode, checkpoint{when}, {facts.split} split.")
    yield unbroken(("images   ", "dim"), visible(str(file)))
    if out is not None:
        yield unbroken(("picture  ", "dim"), visible(str(out)))
        yield plain(f"natural, adversarial, difference (full colour: ±{limit:.3g})")


def _to_json(made: "Pictures", file: Path, num_made: int, out: Path | None) -> dict[str, Any]:
    return {
        "path": str(file),
        "made_now": num_made,
        "facts": asdict(made.facts),
        "samples": _rows(made),
        "picture": None if out is None else str(out),
    }


def _draw(made: "Pictures", out: Path) -> float:
    """Draw the pictures; the difference that has the full colour."""
    from workbench.report.pictured import ACROSS, side_by_side
    from workbench.report.pictures import grid, save_png

    pictures, limit = side_by_side(made.natural, made.adversarial)
    zoom = max(1, -(-LEAST_SIDE // min(pictures.shape[2:])))
    save_png(out, grid(pictures, ACROSS, zoom=zoom, gap=4))
    return limit
