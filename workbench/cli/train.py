"""``workbench train``: make a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.dataname import DATA_WORDS, data_kind
from trainers.errors import WorkbenchError
from trainers.factories import FORM, trust
from trainers.presets import PRESETS, get_preset
from trainers.recipes import METHODS, MODEL_WIDTHS, complete
from trainers.spec import TrainConfig, check_keys, parse_fraction, read_toml
from workbench.cli.hints import default_of, option_help, shown

_OF_RESUMING = ("devices", "num_nodes", "model")
_NOT_SETTINGS = ("out", "config", "resume", "preset")


def train(
    context: typer.Context,
    method: Annotated[str | None, typer.Option(help=f"One of {', '.join(METHODS)}. [default: fgsm-der]")] = None,
    data: Annotated[str | None, typer.Option(help=f"{DATA_WORDS}. [default: digits]")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(MODEL_WIDTHS)}, or {FORM} (imports your code; to be named again with --resume). "
            f"{default_of('model')}"
        ),
    ] = None,
    width: Annotated[int | None, typer.Option(help=f"Channels of the first stage. {default_of('width')}")] = None,
    eps: Annotated[str | None, typer.Option(help=f"Radius ε, as 0.03 or 8/255. {default_of('eps')}")] = None,
    eps_warmup: Annotated[
        float | None, typer.Option(help=f"Epochs over which ε grows from 0 in training. {default_of('eps_warmup')}")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help=f"Epochs. {default_of('epochs')}")] = None,
    lr: Annotated[float | None, typer.Option(help=f"Peak learning rate. {default_of('lr')}")] = None,
    schedule: Annotated[
        str | None, typer.Option(help=f"flat, stepped, triangular, cosine or one-cycle. {default_of('schedule')}")
    ] = None,
    lr_peak: Annotated[
        float | None, typer.Option(help=f"Where a triangular schedule turns, as a share. {default_of('lr_peak')}")
    ] = None,
    lr_drops: Annotated[
        str | None, typer.Option(help=f"Where a stepped schedule falls to a tenth. {default_of('lr_drops')}")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help=f"Images per step. {default_of('batch_size')}")] = None,
    momentum: Annotated[float | None, typer.Option(help=f"SGD momentum. {default_of('momentum')}")] = None,
    weight_decay: Annotated[float | None, typer.Option(help=f"Weight decay. {default_of('weight_decay')}")] = None,
    seed: Annotated[int | None, typer.Option(help=f"Seed of weights, order and noise. {default_of('seed')}")] = None,
    der_beta: Annotated[float | None, typer.Option(help=f"Weight β of DER. {default_of('der_beta')}")] = None,
    der_energy: Annotated[
        str | None, typer.Option(help=f"ΔE that DER acts on: marginal, joint or both. {default_of('der_energy')}")
    ] = None,
    der_penalty: Annotated[
        str | None, typer.Option(help=f"φ of DER: squared, abs or hinge. {default_of('der_penalty')}")
    ] = None,
    der_gradient: Annotated[
        str | None,
        typer.Option(
            help=f"Through which energies DER trains: both, or adversarial (of x* alone). {default_of('der_gradient')}"
        ),
    ] = None,
    der_margin: Annotated[
        float | None, typer.Option(help=f"Margin of hinge, in nats. {default_of('der_margin')}")
    ] = None,
    der_warmup: Annotated[
        float | None, typer.Option(help=f"Epochs over which β grows from 0. {default_of('der_warmup')}")
    ] = None,
    norm: Annotated[str | None, typer.Option(help=f"The ball of radius ε: linf or l2. {default_of('norm')}")] = None,
    kl_beta: Annotated[float | None, typer.Option(help=option_help("kl_beta"))] = None,
    replays: Annotated[int | None, typer.Option(help=option_help("replays"))] = None,
    align_lambda: Annotated[float | None, typer.Option(help=option_help("align_lambda"))] = None,
    elle_lambda: Annotated[float | None, typer.Option(help=option_help("elle_lambda"))] = None,
    elle_decay: Annotated[float | None, typer.Option(help=option_help("elle_decay"))] = None,
    aaer_lambda1: Annotated[float | None, typer.Option(help=option_help("aaer_lambda1"))] = None,
    aaer_lambda2: Annotated[float | None, typer.Option(help=option_help("aaer_lambda2"))] = None,
    aaer_lambda3: Annotated[float | None, typer.Option(help=option_help("aaer_lambda3"))] = None,
    awp_gamma: Annotated[float | None, typer.Option(help=option_help("awp_gamma"))] = None,
    awp_warmup: Annotated[int | None, typer.Option(help=option_help("awp_warmup"))] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            help="Training images as they are (none), shifted by up to 4 pixels over zeros (crop), mirrored too "
            f"(crop-flip), or that over their own reflection (reflect-crop-flip). {default_of('augment')}"
        ),
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(help=f"Decay of averaged weights, kept beside the others, as 0.999; 0: none. {default_of('ema')}"),
    ] = None,
    clip_grad: Annotated[
        float | None,
        typer.Option(
            help=f"Shorten the gradient of all weights to this l2 length; 0: never. {default_of('clip_grad')}"
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help=f"Of training: 32-true, or bf16-mixed (autocast, weights in float32). {default_of('precision')}"
        ),
    ] = None,
    channels_last: Annotated[
        str | None,
        typer.Option(
            help=f"Channels last in memory: on, off, or auto, which is on for a CPU. {default_of('channels_last')}"
        ),
    ] = None,
    train_size: Annotated[
        int | None, typer.Option(help=f"Use so many training images; 0: all. {default_of('train_size')}")
    ] = None,
    probe_size: Annotated[
        int | None, typer.Option(help=f"Held-out images evaluated each epoch. {default_of('probe_size')}")
    ] = None,
    train_probe_size: Annotated[
        int | None,
        typer.Option(help=f"Training images evaluated in the same way; 0: none. {default_of('train_probe_size')}"),
    ] = None,
    record: Annotated[
        str | None, typer.Option(help=f"Energies to record: all, subset:N or probe. {default_of('record')}")
    ] = None,
    keep_last: Annotated[int | None, typer.Option(help=f"Checkpoints to keep. {default_of('keep_last')}")] = None,
    keep_best: Annotated[
        bool | None,
        typer.Option(
            "--keep-best/--no-keep-best", help=f"Keep the best by probe PGD accuracy too. {default_of('keep_best')}"
        ),
    ] = None,
    on_co: Annotated[
        str | None,
        typer.Option(
            help="On catastrophic overfitting: ignore, warn, stop (resumable), or rollback: back to the last healthy "
            f"checkpoint, and on with more DER. {default_of('on_co')}"
        ),
    ] = None,
    on_ro: Annotated[
        str | None, typer.Option(help=f"On robust overfitting: ignore, warn or stop. {default_of('on_ro')}")
    ] = None,
    on_nan: Annotated[
        str | None,
        typer.Option(
            help="On a loss that is not finite: stop, or rollback: the epoch begins anew at half the learning rate. "
            f"{default_of('on_nan')}"
        ),
    ] = None,
    max_rollbacks: Annotated[
        int | None, typer.Option(help=f"Rollbacks at most; then warn. {default_of('max_rollbacks')}")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", "--accelerator", help=f"auto, cpu, cuda or mps. {default_of('device')}"),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(help=f"Devices on each node, a process each, which share every batch. {default_of('devices')}"),
    ] = None,
    num_nodes: Annotated[int | None, typer.Option(help=f"Nodes. {default_of('num_nodes')}")] = None,
    sync_batchnorm: Annotated[
        bool | None,
        typer.Option(
            "--sync-batchnorm/--no-sync-batchnorm",
            help=f"Batch norm over the whole batch, not each device's part. {default_of('sync_batchnorm')}",
        ),
    ] = None,
    log_mode: Annotated[
        str | None,
        typer.Option(
            help="How the energy log is written: swmr (one live file), segments (a closed file per epoch, for NFS and "
            f"the like), or auto by the file system. {default_of('log_mode')}"
        ),
    ] = None,
    keep_bits: Annotated[
        int | None,
        typer.Option(
            help=f"Round recorded energies to so many bits of mantissa, for smaller logs. {default_of('keep_bits')}"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory. [default: runs/METHOD-DATA-sSEED]")] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"Published settings: {', '.join(PRESETS)}. Options given here win.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; options given here win.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the run in this directory; needs nothing else.")] = None,
) -> None:
    """Train a run: checkpoints and an energy log, flagged while it grows. Ctrl-C stops it, resumable.

    Example:  workbench train --method fgsm-der --data digits --eps 8/255 --out runs/first
    """
    given = {name: value for name, value in context.params.items() if value is not None and name not in _NOT_SETTINGS}
    if resume is not None:
        others = {"out": out, "config": config, "preset": preset}
        unwanted = [
            *(name for name in given if name not in _OF_RESUMING),
            *(name for name, value in others.items() if value is not None),
        ]
        if unwanted:
            flags = ", ".join("--" + name.replace("_", "-") for name in unwanted)
            raise WorkbenchError(f"--resume reads its settings from {resume}/config.toml; drop {flags}")
        _execute(resume, model=model, devices=devices, num_nodes=num_nodes)
        return
    if model is not None:
        trust(model)
    settings = _settings(config, given, preset)
    run_config = complete(settings)
    kind = data_kind(run_config.data)
    _execute(out or Path("runs") / f"{run_config.method}-{kind}-s{run_config.seed}", run_config)


def _settings(config: Path | None, given: dict[str, Any], preset: str | None) -> dict[str, Any]:
    """Settings of the preset, overridden by those of the file, overridden by those of the command line."""
    settings = read_toml(config) if config else {}
    check_keys(settings)
    settings |= given
    if preset is not None:
        settings = _with_preset(preset, settings)
    if isinstance(settings.get("eps"), str):
        settings["eps"] = parse_fraction(settings["eps"])
    return settings


def _with_preset(name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """The settings of a preset under those that were chosen; what it sets is said on stderr."""
    preset = get_preset(name)
    if "data" not in chosen:
        raise WorkbenchError(f"--preset {name} needs --data, such as cifar10:DIR")
    settings = {**preset.settings, **chosen}
    own = {key: value for key, value in preset.settings.items() if key not in chosen}
    words = ", ".join(f"{key} {shown(key, value)}" for key, value in own.items())
    typer.echo(f"preset {name} ({preset.source}): {words}", err=True)
    return settings


def _execute(out: Path, config: TrainConfig | None = None, **resuming: Any) -> None:
    """Train a new run, or resume the one in ``out``, and say how it ended."""
    from workbench.cli.training import run_training
    from workbench.report import console, run_report
    from workbench.summary import summarize_path

    code = run_training(out, config, **resuming)
    if code is not None:
        console().print(run_report(summarize_path(out)))
    raise typer.Exit(code or 0)
