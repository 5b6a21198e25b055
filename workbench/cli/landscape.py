"""``workbench landscape``: how smooth a checkpoint's energy is around its samples."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.errors import WorkbenchError
from trainers.spec import parse_fraction
from workbench.cli.hints import default_of
from workbench.cli.options import (
    BatchSize,
    Data,
    Device,
    Epoch,
    ImageMode,
    InputRange,
    Mean,
    Model,
    Shortcut,
    State,
    Std,
)


def landscape(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN|CHECKPOINT|FILE.h5...", help="What to measure, or what was measured before."),
    ],
    data: Data = None,
    split: Annotated[
        str | None, typer.Option(metavar="probe|train|test", help="Which images. [default: probe]", show_default=False)
    ] = None,
    num: Annotated[
        int | None,
        typer.Option(metavar="N", help="So many samples, classes in proportion. [default: 8]", show_default=False),
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(metavar="I,J,...", help="These samples instead, by their index in the data.", show_default=False),
    ] = None,
    eps: Annotated[
        str | None,
        typer.Option(
            help="Radius of the l-infinity ball, such as 8/255. [default: our own checkpoint's; else "
            + default_of("eps").removeprefix("[default: "),
            show_default=False,
        ),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            metavar="A",
            help="fgsm, pgd-K, targeted-pgd-K, trades-kl-K, apgd-K, random-noise. [default: pgd-10]",
            show_default=False,
        ),
    ] = None,
    energy: Annotated[
        str | None,
        typer.Option(
            metavar="marginal|joint",
            help="E(x), or E(x,y) with y the sample's class. [default: marginal]",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        int | None, typer.Option(help="Points along each axis, an odd number. [default: 41]", show_default=False)
    ] = None,
    reach: Annotated[
        float | None, typer.Option(help="Where the axes end, in units of eps. [default: 1.5]", show_default=False)
    ] = None,
    clip: Annotated[
        bool | None,
        typer.Option(
            "--clip/--no-clip",
            help="Clip the images of the plane to [0, 1], as an input would be. [default: no-clip, so that bends are"
            " the model's]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of the attack's start and the random direction. [default: 0]", show_default=False),
    ] = None,
    epoch: Epoch = None,
    model: Model = None,
    mean: Mean = None,
    std: Std = None,
    input_range: InputRange = None,
    image_mode: ImageMode = None,
    shortcut: Shortcut = None,
    state: State = None,
    batch_size: BatchSize = None,
    device: Device = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.h5",
            help="Where it is kept. [default: in the run or beside the checkpoint]",
            show_default=False,
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw the planes.", show_default=False)
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Also write the figures of every sample.", show_default=False),
    ] = None,
    planes: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Also write E of every point.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Measure E over the plane of the adversarial and a random direction, and how rough it is there.

    For each sample: range, slope, distance from linear, curvature, turns, gradient. What is measured is kept in a small
    HDF5 file, which the command shows again; several checkpoints are laid side by side.

    Example:  workbench landscape demo/fgsm demo/fgsm-der demo/pgd --epoch last --figure landscape.png
    """
    measuring: dict[str, Any] = {
        "data": data,
        "split": split,
        "num": num,
        "samples": samples,
        "eps": eps,
        "attack": attack,
        "energy": energy,
        "grid": grid,
        "reach": reach,
        "clip": clip,
        "seed": seed,
        "epoch": epoch,
        "model": model,
        "mean": mean,
        "std": std,
        "input_range": input_range,
        "image_mode": image_mode,
        "shortcut": shortcut,
        "state": state,
        "batch_size": batch_size,
        "device": device,
        "out": out,
    }
    given = {name: value for name, value in measuring.items() if value is not None}
    if num is not None and samples is not None:
        raise WorkbenchError("--num takes the first samples, --samples names them; give one of them")
    if "eps" in given:
        given["eps"] = parse_fraction(given["eps"])
    if "samples" in given:
        given["samples"] = _indices(given["samples"])
    from workbench.cli.landscaping import run_landscape

    run_landscape(paths, given, figure=figure, csv=csv, planes=planes, as_json=json)


def _indices(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit() and len(part) < 19)), None)
    if wrong is not None:
        raise WorkbenchError(f"--samples takes indices between commas, such as 3,14; got {wrong!r}")
    return tuple(map(int, parts))
