"""``workbench score``: how good samples are."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.dataname import DATA_WORDS
from trainers.errors import WorkbenchError


def score(
    samples: Annotated[
        Path, typer.Argument(metavar="SAMPLES", help="A directory of `workbench sample`, or any folder CLASS/*.png.")
    ],
    against: Annotated[str, typer.Option(metavar="D", help=f"Reference images: {DATA_WORDS}.")],
    split: Annotated[
        str,
        typer.Option(help="Reference images: train (all training images, the convention for FID) or test."),
    ] = "train",
    features: Annotated[
        str,
        typer.Option(
            help="Network: inception (needs the fid extra; its weights are downloaded once), inception:WEIGHTS_FILE, or"
            " classifier:CHECKPOINT (a file or a run; offline, not comparable to papers)."
        ),
    ] = "inception",
    judge: Annotated[
        str | None,
        typer.Option(
            help="For class agreement: classifier:CHECKPOINT or svm. [default: the classifier of --features if it is"
            " independent, else svm up to 20,000 training images]"
        ),
    ] = None,
    num: Annotated[
        int | None, typer.Option(help="Score so many samples, classes in proportion. [default: all]")
    ] = None,
    k: Annotated[int, typer.Option(help="Nearest neighbours for precision, recall, density and coverage.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of shuffles and subsets (IS, KID).")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    batch_size: Annotated[int, typer.Option(help="Images per pass through the network.")] = 256,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for statistics of reference sets. [default: the user's cache folder]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score samples: FID, IS, KID, precision, recall, density, coverage, class agreement.

    The scores are also written to SAMPLES/score-NETWORK-DATA-SPLIT-*.json. FID from few samples is biased upwards.

    Example:  workbench score samples/threes --against digits --features classifier:demo/pgd
    """
    for option, value, least in (
        ("--num", num, 2),
        ("--k", k, 1),
        ("--seed", seed, 0),
        ("--batch-size", batch_size, 1),
    ):
        if value is not None and value < least:
            raise WorkbenchError(f"{option} must be at least {least}; got {value}")
    from workbench.cli.scoring import run_scoring

    run_scoring(
        samples,
        against=against,
        split=split,
        features=features,
        judge=judge,
        num=num,
        k=k,
        seed=seed,
        device=device,
        batch_size=batch_size,
        cache=cache,
        as_json=json,
    )
