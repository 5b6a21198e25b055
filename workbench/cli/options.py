"""Options that commands share which measure one checkpoint, wherever it was made."""

from typing import Annotated

import typer

from trainers.dataname import DATA_WORDS
from trainers.recipes import MODEL_WIDTHS

Data = Annotated[
    str | None,
    typer.Option(
        metavar="D", help=f"{DATA_WORDS}. [default: what our own checkpoint was trained on]", show_default=False
    ),
]
Epoch = Annotated[
    str | None,
    typer.Option(metavar="best|last|N", help="Which checkpoint of a run. [default: best]", show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="M",
        help=f"Of checkpoints made elsewhere, as in workbench probe: {', '.join(MODEL_WIDTHS)},"
        " package.module:factory, torchscript, export, or a program's file. Of our own only such a factory, which no"
        " file may ask for by itself.",
        show_default=False,
    ),
]
Mean = Annotated[str | None, typer.Option(help="With --model: the normaliser, as in probe.", show_default=False)]
Std = Annotated[str | None, typer.Option(help="Likewise.", show_default=False)]
InputRange = Annotated[
    str | None,
    typer.Option(metavar="LOW,HIGH", help="Likewise: pixels that the network takes.", show_default=False),
]
ImageMode = Annotated[
    str | None, typer.Option(metavar="grey|rgb", help="Convert the images first.", show_default=False)
]
Shortcut = Annotated[
    str | None,
    typer.Option(metavar="auto|activated|raw", help="With --model, as in probe. [default: auto]", show_default=False),
]
State = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Entry of files with several state dicts, as in probe.", show_default=False),
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Images at a time; halved when memory runs out. [default: 512]", show_default=False),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps. [default: auto]", show_default=False)]
