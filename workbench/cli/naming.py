"""``--model`` of the commands that take our own checkpoints only: the user names the factory that one needs."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError
from trainers.factories import FORM, trust

OwnModel = Annotated[
    str | None,
    typer.Option(
        metavar=FORM,
        help="Of a run that was trained on a model of yours: import its code, which no file may ask for by itself.",
        show_default=False,
    ),
]


def trust_model(checkpoint: Path, model: str | None) -> None:
    """Let the code of a checkpoint's model be imported, if the user has named it.

    Raises:
        WorkbenchError: it is another one that was named.
    """
    from workbench.probe.loading import own_header

    if model is None:
        return
    own = (own_header(checkpoint) or {}).get("model", {}).get("name")
    if model != own:
        raise WorkbenchError(f"{checkpoint} is of the model {own}, not of {model}; drop --model")
    trust(model)
