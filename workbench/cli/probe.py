"""``workbench probe``: energies of checkpoints made elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.dataname import DATA_WORDS
from trainers.recipes import MODEL_WIDTHS
from trainers.spec import parse_fraction
from workbench.cli.hints import default_of


def probe(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(metavar="CHECKPOINT...", help="Files of torch.save, safetensors, TorchScript or torch.export."),
    ],
    out: Annotated[Path, typer.Option(metavar="RUN.H5", help="The energy log; a folder gets a run.h5.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="M",
            help=f"{', '.join(MODEL_WIDTHS)}, package.module:factory (imports your code), torchscript or export (runs"
            " the program in the file), or the file of such a program. [default: our own checkpoints say it]",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help=f"{DATA_WORDS}. [default: what our own checkpoints were trained on]",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(metavar="probe|train|test", help="Which images; probe ones are taken out of the training images."),
    ] = "probe",
    num: Annotated[
        int | None, typer.Option(metavar="N", help="So many images, classes in proportion. [default: all]")
    ] = None,
    eps: Annotated[
        str | None,
        typer.Option(help=f"Radius of the l-infinity ball, such as 8/255. {default_of('eps')}", show_default=False),
    ] = None,
    attack: Annotated[
        str,
        typer.Option(
            metavar="A,...",
            help="fgsm, pgd-K, pgd-K-R (R restarts), targeted-pgd-K, trades-kl-K, apgd-K, random-noise. The first fills"
            " the log's PGD columns; several are also laid side by side in RUN.attacks.h5.",
        ),
    ] = "pgd-10",
    order: Annotated[str, typer.Option(metavar="given|name|number|time", help="The order of the epochs.")] = "given",
    mean: Annotated[
        str | None,
        typer.Option(
            help="Numbers per channel, or a name that stands for the std too: cifar10, engstrom, svhn, imagenet,"
            " pm1 (2x-1), none. [default: the checkpoint's own, if it has one]",
            show_default=False,
        ),
    ] = None,
    std: Annotated[str | None, typer.Option(help="Likewise.", show_default=False)] = None,
    input_range: Annotated[
        str | None,
        typer.Option(metavar="LOW,HIGH", help="Pixels that the network takes. [default: 0,1]", show_default=False),
    ] = None,
    image_mode: Annotated[str | None, typer.Option(metavar="grey|rgb", help="Convert the images first.")] = None,
    shortcut: Annotated[
        str,
        typer.Option(
            metavar="auto|activated|raw",
            help="What projecting shortcuts of a PreActResNet take: relu(bn(x)) or x; auto goes by clean accuracy.",
        ),
    ] = "auto",
    state: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Entry of files with several state dicts, such as last or ema. [default: best]",
            show_default=False,
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="What the log says of how they were trained.")] = "probe",
    seed: Annotated[int, typer.Option(help="Seed of random starts and targets.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images at a time; halved when memory runs out.")] = 512,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the energies under each attack, last checkpoint.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a probe that was stopped.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, as inspect --json does.")] = False,
) -> None:
    """Measure energies and accuracies of checkpoints made elsewhere: each becomes an epoch of an ordinary log.

    Nothing in a checkpoint is run; a model of your own and a program are.

    Example:  workbench probe e*.pth --model preact-resnet18 --data folder:cifar --split test --eps 8/255 --out run.h5
    """
    radius = None if eps is None else parse_fraction(eps)
    from workbench.cli.probing import run_probe
    from workbench.probe import ModelOptions, ProbeSpec, in_order, parse_normaliser

    options = ModelOptions(
        name=model, normaliser=parse_normaliser(mean, std, input_range), shortcut=shortcut, state=state
    )
    spec = ProbeSpec(
        checkpoints=tuple(in_order(checkpoints, order)),
        model=options,
        data=data,
        split=split,
        num=num,
        eps=radius,
        attacks=attack,
        image_mode=image_mode,
        method=method,
        seed=seed,
        batch_size=batch_size,
        device=device,
    )
    run_probe(spec, out, resume=resume, figure=figure, as_json=json)
