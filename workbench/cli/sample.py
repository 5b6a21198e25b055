"""``workbench sample``: images out of a robust classifier."""

import itertools
import shlex
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.dataname import DATA_WORDS, absolute_data
from trainers.errors import WorkbenchError
from trainers.spec import parse_fraction
from workbench.cli.naming import OwnModel, trust_model
from workbench.sampling.spec import (
    DATA_DEFAULTS,
    GUIDANCE_NAMES,
    STARTS,
    STOPS,
    SamplingSpec,
    defaults_for,
    parse_classes,
    refuse_idle,
)

if TYPE_CHECKING:
    from workbench.sampling.job import Tally
    from workbench.sampling.settings import Settings
    from workbench.target import Target

_FIXED = {field.name: field.default for field in fields(SamplingSpec)}
GRID_IMAGES = 100


def _default(name: str) -> str:
    """The default of a setting as a help text, by kind of data where they differ."""
    values = {kind: table.get(name, _FIXED.get(name)) for kind, table in DATA_DEFAULTS.items()}
    if len(set(values.values())) == 1:
        return f"[default: {values['digits']}]"
    return f"[default: {values['digits']} for digits, {values['folder']} for other images]"


def sample(
    path: Annotated[
        Path | None, typer.Argument(metavar="RUN|CHECKPOINT", help="A run directory or a checkpoint file.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--class", metavar="K|all", help="Class by name or number, several with commas. [default: all]"),
    ] = None,
    num: Annotated[int | None, typer.Option(help="Images in all, spread over the classes. [default: 16]")] = None,
    start: Annotated[str | None, typer.Option(help=f"{', '.join(STARTS)}. {_default('start')}")] = None,
    start_scale: Annotated[
        float | None,
        typer.Option(help=f"Spread of a start around its class's mean, 1 as the data's. {_default('start_scale')}"),
    ] = None,
    start_noise: Annotated[
        float | None, typer.Option(help=f"Standard deviation of pixel noise added to starts. {_default('start_noise')}")
    ] = None,
    variance: Annotated[
        float | None, typer.Option(help=f"Share of the variance that the PCA keeps. {_default('variance')}")
    ] = None,
    local: Annotated[int | None, typer.Option(help=f"Clusters a class of local-pca. {_default('local')}")] = None,
    steps: Annotated[int | None, typer.Option(help=f"Most steps of a chain. {_default('steps')}")] = None,
    min_steps: Annotated[
        int | None, typer.Option(help=f"Steps before stopping is thought of. {_default('min_steps')}")
    ] = None,
    step_size: Annotated[str | None, typer.Option(help=f"Step size η. {_default('step_size')}")] = None,
    momentum: Annotated[float | None, typer.Option(help=f"Momentum ζ. {_default('momentum')}")] = None,
    noise: Annotated[float | None, typer.Option(help=f"Noise s of a step, times √(2η). {_default('noise')}")] = None,
    guidance: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(GUIDANCE_NAMES)}, or a sum as joint+0.3*marginal. {_default('guidance')}"),
    ] = None,
    stop: Annotated[str | None, typer.Option(help=f"{', '.join(STOPS)}. {_default('stop')}")] = None,
    stop_tol: Annotated[
        float | None,
        typer.Option(help=f"τ: nats² of adaptive, share of the descent of plateau. {_default('stop_tol')}"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of starts and noise. [default: 0]")] = None,
    data: Annotated[
        str | None,
        typer.Option(help=f"{DATA_WORDS}. [default: what the checkpoint was trained on]"),
    ] = None,
    epoch: Annotated[
        str | None, typer.Option(metavar="best|last|N", help="Which checkpoint of a run. [default: best]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where samples go. [default: generation/samples-NNN in the run]")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Go on with the samples in DIR; --num and --steps may grow."),
    ] = None,
    model: OwnModel = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices on each node, a process each.")] = 1,
    num_nodes: Annotated[int, typer.Option(min=1, help="Nodes.")] = 1,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Chains at once on a device; changes no image. [default: by device]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Generate images of a class: start from its PCA, descend its energy, stop when the energy says so.

    Every image is a chain of its own, determined by seed and number. Images (PNG) and one HDF5 file with the energies
    of every step are written as chains end; a run that was killed goes on with --resume.

    Example:  workbench sample demo/pgd --class 3 --num 16
    """
    given = {
        "start": start,
        "start_scale": start_scale,
        "start_noise": start_noise,
        "variance": variance,
        "local": local,
        "min_steps": min_steps,
        "step_size": None if step_size is None else parse_fraction(step_size),
        "momentum": momentum,
        "noise": noise,
        "guidance": guidance,
        "stop": stop,
        "stop_tol": stop_tol,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if resume is not None:
        unwanted = [
            *given,
            *(n for n, v in (("class", classes), ("data", data), ("epoch", epoch), ("out", out)) if v is not None),
        ]
        if unwanted or path is not None:
            flags = ", ".join("--" + name.replace("_", "-") for name in unwanted) or "RUN"
            raise WorkbenchError(f"--resume reads its settings from {resume}/sampling.toml; drop {flags}")
    elif path is None:
        raise WorkbenchError("give a run directory or a checkpoint to sample from (see workbench sample --help)")
    else:
        given |= {name: value for name, value in (("num", num), ("steps", steps)) if value is not None}
        refuse_idle(SamplingSpec.from_dict({"labels": [0], "num": 16, **given}), given)  # before seconds of loading
    from workbench.cli.sampling import go_on, run_sampling
    from workbench.target import find_target

    if resume is not None:
        folder, settings, target = go_on(resume, num=num, steps=steps)
        trust_model(target.checkpoint, model)
    else:
        assert path is not None
        target = find_target(path, epoch or "best")
        trust_model(target.checkpoint, model)
        folder, settings = _new(target, "all" if classes is None else classes, given, data, out)
    try:
        result = run_sampling(
            target, settings, folder, device=device, devices=devices, num_nodes=num_nodes, batch_size=batch_size
        )
    except WorkbenchError:
        with suppress(OSError):
            folder.rmdir()  # one that is still empty
        raise
    if result is not None:  # only the first of several processes has one
        _show(folder, settings, result, json=json)


def _new(
    target: "Target", classes: str, given: dict[str, Any], data: str | None, out: Path | None
) -> tuple[Path, "Settings"]:
    """Folder and settings of new samples; a folder of these very settings is taken up again."""
    from trainers.checkpoints import load_weights
    from workbench.sampling.settings import SETTINGS_NAME, Settings, read_settings, refuse_taken
    from workbench.training_data import load_training_data

    facts = load_weights(target.checkpoint)[1]
    names = facts.get("class_names") or load_training_data(facts, data).class_names
    labels = parse_classes(classes, [str(name) for name in names])
    data = None if data is None else absolute_data(data)
    defaults = dict(defaults_for(data or facts.get("data")))
    defaults["min_steps"] = min(defaults["min_steps"], given.get("steps", defaults["steps"]) // 2)
    spec = SamplingSpec.from_dict({"num": 16, **defaults, **given, "labels": list(labels)})
    settings = Settings(
        checkpoint=target.checkpoint.absolute(), checkpoint_digest=target.digest(), data=data, spec=spec
    )
    folder = out or _free(target.derived)
    if not ((folder / SETTINGS_NAME).exists() and read_settings(folder) == settings):
        refuse_taken(folder)
    return folder, settings


def _free(derived: Path) -> Path:
    """A folder that nobody else has, made now."""
    for number in itertools.count():
        folder = derived / f"samples-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise WorkbenchError(f"cannot make {folder} ({error.strerror or error}); give another with --out") from None
        return folder
    raise AssertionError("there are infinitely many numbers")


def _show(folder: Path, settings: "Settings", result: "Tally", *, json: bool) -> None:
    """Print what the run came to, and draw its images."""
    from workbench.report import console, json_text, plain
    from workbench.report.pictures import grid, half_cells, save_png
    from workbench.sampling.samples import read_samples

    counts = {why.name.lower(): number for why, number in result.reasons.items()}
    diverged = counts.get("diverged", 0)
    if diverged == result.chains:
        raise WorkbenchError(f"all {diverged} chains diverged and were dropped; lower --step-size or --noise")
    samples = read_samples(folder)
    images = samples.images[:GRID_IMAGES]
    columns = _columns(len(images), len(settings.spec.labels))
    save_png(folder / "grid.png", grid(images, columns, zoom=max(1, 64 // images.shape[-1])))
    if json:
        values = {"samples": str(folder), "chains": result.chains, "ended": counts, "ties": result.ties}
        typer.echo(json_text({**values, "median_stop_step": result.median_stop, "passes": result.passes}))
        return
    screen = console()
    if sys.stdout.isatty():
        small = grid(images[: columns * 4], columns, background=64)
        screen.print(half_cells(small, min(screen.width, small.width), colour=screen.color_system is not None))
    ended = ", ".join(f"{number} {_WORDS[why]}" for why, number in counts.items())
    screen.print(plain(f"{result.chains - diverged} images in {folder}: {ended}"))
    screen.print(plain(f"Median stop at step {result.median_stop:g} of {settings.spec.steps}; {result.passes} passes"))
    if result.ties:
        screen.print(
            plain(f"{result.ties} stopped so close to the threshold that another batch size may shift them a step")
        )
    data = samples.facts.get("data") or "D"
    for command in (
        ("score", folder, "--against", data, "--features", "classifier:CHECKPOINT"),
        ("sample", "--resume", folder, "--num", 2 * result.chains),
    ):
        screen.print(plain("  workbench " + shlex.join(map(str, command))))


def _columns(num_images: int, num_classes: int) -> int:
    """A column per class where that looks well, else a grid half as wide again as it is high."""
    if 1 < num_classes <= 20 and num_images >= num_classes:
        return num_classes
    return max(1, min(num_images, int((1.5 * num_images) ** 0.5)))


_WORDS = {
    "energy": "reached their class's mean energy",
    "passed": "are below their class's mean energy",
    "plateau": "no longer fell",
    "steps": "made all steps",
    "diverged": "diverged and were dropped",
}
