"""``workbench serve``: the terminal app in a browser, on this machine's loopback only."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.errors import WorkbenchError

PORT = 8765


def serve(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run directories, run.h5 files, or directories with runs below them."),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any that is free.")] = PORT,
) -> None:
    """Show the terminal app in a browser, on 127.0.0.1 only and to nobody without the printed address.

    Prints the SSH command for a tunnel from your own machine. Jobs go on when a tab is closed. Needs the extra "serve".

    Example:  workbench serve demo
    """
    for run in runs:
        if not run.exists():
            raise WorkbenchError(f"no such run or directory: {run}")
    try:
        import textual_serve  # noqa: F401
    except ImportError:
        raise WorkbenchError(
            "workbench serve needs textual-serve; install it with: pip install 'workbench[serve]'"
        ) from None
    from workbench.cli.serving import Door, free_port, serve_app, tunnel

    door = Door(port=free_port(port))
    typer.echo(f"Open         {door.address}", err=True)
    typer.echo(f"from afar    {tunnel(door.port)}   and then open that address there", err=True)
    typer.echo("The address is the key: give it to nobody. Ctrl-C ends this.", err=True)
    serve_app(runs, door)
