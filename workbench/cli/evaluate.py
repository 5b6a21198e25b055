"""``workbench evaluate``: how robust a kept checkpoint is under strong attacks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.spec import parse_fraction
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


def evaluate(
    path: Annotated[Path, typer.Argument(metavar="RUN|CHECKPOINT", help="A run directory, or a checkpoint file.")],
    attack: Annotated[
        str | None,
        typer.Option(
            metavar="A,...",
            help="pgd-K-R (K steps, R restarts), apgd-K, autoattack (needs the autoattack extra), fgsm, pgd-K,"
            " targeted-pgd-K, trades-kl-K, random-noise. [default: pgd-50-10]",
            show_default=False,
        ),
    ] = None,
    epoch: Epoch = None,
    split: Annotated[
        str | None, typer.Option(metavar="test|probe|train", help="Which images. [default: test]", show_default=False)
    ] = None,
    num: Annotated[
        int | None,
        typer.Option(metavar="N", help="So many images, classes in proportion. [default: all]", show_default=False),
    ] = None,
    eps: Annotated[
        str | None,
        typer.Option(
            help="Radius of the l-infinity ball, such as 8/255. [default: our own checkpoint's]", show_default=False
        ),
    ] = None,
    data: Data = None,
    seed: Annotated[
        int | None, typer.Option(help="Of random starts and targets. [default: 0]", show_default=False)
    ] = None,
    batch_size: BatchSize = None,
    device: Device = None,
    model: Model = None,
    mean: Mean = None,
    std: Std = None,
    input_range: InputRange = None,
    image_mode: ImageMode = None,
    shortcut: Shortcut = None,
    state: State = None,
    listed: Annotated[bool, typer.Option("--list", help="Measure nothing; show what was measured before.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Evaluate a checkpoint under strong attacks, on test images: accuracies with intervals, energies, class by class.

    What is measured is kept in RUN/evaluation (or beside the checkpoint), and inspect shows it.

    Example:  workbench evaluate demo/pgd --attack pgd-50-10,apgd
    """
    measuring: dict[str, Any] = {
        "attacks": attack,
        "epoch": epoch,
        "split": split,
        "num": num,
        "eps": None if eps is None else parse_fraction(eps),
        "data": data,
        "seed": seed,
        "batch_size": batch_size,
        "device": device,
        "model": model,
        "mean": mean,
        "std": std,
        "input_range": input_range,
        "image_mode": image_mode,
        "shortcut": shortcut,
        "state": state,
    }
    given = {name: value for name, value in measuring.items() if value is not None}
    if listed:
        from workbench.cli.evaluations import list_evaluations

        list_evaluations(path, given, as_json=json)
        return
    from workbench.cli.evaluating import run_evaluation

    run_evaluation(path, given, as_json=json)
