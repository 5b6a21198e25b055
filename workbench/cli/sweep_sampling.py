"""``workbench sweep-sampling``: diversity against quality, over settings of the sampler."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.dataname import DATA_WORDS
from trainers.errors import WorkbenchError
from workbench.cli.naming import OwnModel
from workbench.sampling.spec import GUIDANCE_NAMES, STARTS, STOPS
from workbench.sweep.grid import AXES, parse_list


def sweep_sampling(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(metavar="RUN|CHECKPOINT", help="A run directory or a checkpoint file.")
    ] = None,
    against: Annotated[str | None, typer.Option(metavar="D", help=f"Reference images: {DATA_WORDS}.")] = None,
    start: Annotated[str | None, typer.Option(help=f"Of {', '.join(STARTS)}. [default: pca,noise]")] = None,
    variance: Annotated[
        str | None, typer.Option(help="Shares of the variance that a PCA start keeps. [default: 0.95]")
    ] = None,
    local: Annotated[str | None, typer.Option(help="Clusters a class of local-pca.")] = None,
    start_scale: Annotated[
        str | None, typer.Option(help="Spreads of a start around its class's mean, 1 as the data's. [default: 0.35,1]")
    ] = None,
    start_noise: Annotated[str | None, typer.Option(help="Standard deviations of pixel noise added to starts.")] = None,
    steps: Annotated[str | None, typer.Option(help="Most steps; 0 is the start itself. [default: 0,60]")] = None,
    stop: Annotated[str | None, typer.Option(help=f"Of {', '.join(STOPS)}. [default: adaptive,fixed]")] = None,
    min_steps: Annotated[str | None, typer.Option(help="Steps before stopping is thought of. [default: 0,10]")] = None,
    stop_tol: Annotated[str | None, typer.Option(help="τ of adaptive (nats²) and plateau (share).")] = None,
    guidance: Annotated[
        str | None, typer.Option(help=f"Of {', '.join(GUIDANCE_NAMES)}, or sums as joint+0.3*marginal.")
    ] = None,
    step_size: Annotated[str | None, typer.Option(help="Step sizes η.")] = None,
    momentum: Annotated[str | None, typer.Option(help="Momentums ζ.")] = None,
    noise: Annotated[str | None, typer.Option(help="Noises s of a step, times √(2η).")] = None,
    classes: Annotated[
        str | None,
        typer.Option("--class", metavar="K|all", help="Class by name or number, several with commas. [default: all]"),
    ] = None,
    num: Annotated[
        int | None, typer.Option(help="Images of each cell, spread over the classes. [default: 500]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all cells alike. [default: 0]")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="What starts come from. [default: what the checkpoint was trained on]"),
    ] = None,
    epoch: Annotated[
        str | None, typer.Option(metavar="best|last|N", help="Which checkpoint of a run. [default: best]")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Reference images: train or test. [default: train]")] = None,
    features: Annotated[
        str | None,
        typer.Option(help="inception, inception:WEIGHTS_FILE or classifier:CHECKPOINT. [default: inception]"),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="classifier:CHECKPOINT or svm. [default: as in score]"),
    ] = None,
    k: Annotated[
        int | None, typer.Option(help="Nearest neighbours for precision, recall, density, coverage. [default: 5]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where it all goes. [default: generation/sweep-NNN in the run]")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Take what is not given from the sweep in --out, or the run's last, and go on."),
    ] = False,
    model: OwnModel = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Chains at once; changes no image. [default: by device]")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for statistics of reference sets. [default: the user's cache folder]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Sweep sampler settings: FID, IS, diversity and cost of every cell of a grid.

    Settings that are lists (values with commas) make the grid: their product, without cells that would be the same.
    Every cell is a directory of samples in DIR/cells; results are in DIR/sweep.json, sweep.csv and tradeoff.png.
    The same command again goes on where it was.

    Example:  workbench sweep-sampling demo/pgd --against digits --features classifier:demo/fgsm --judge svm
    """
    given = {name: value for name, value in context.params.items() if value is not None}
    lists = {name: parse_list(name, str(given.pop(name))) for name in AXES if name in given}
    if path is None and not (resume and out is not None):
        raise WorkbenchError(
            "give a run directory or a checkpoint to sample from (see workbench sweep-sampling --help)"
        )
    if against is None and not resume:
        raise WorkbenchError(f"give the reference images: --against {DATA_WORDS}")
    options = {name: str(value) if name == "path" else value for name, value in given.items() if name not in _PLACES}
    from workbench.cli.sweeping import sweep

    sweep(
        options,
        lists,
        out=out,
        resume=resume,
        model=model,
        device=device,
        batch_size=batch_size,
        cache=cache,
        as_json=json,
    )


_PLACES = frozenset({"out", "resume", "model", "device", "batch_size", "cache", "json"})
