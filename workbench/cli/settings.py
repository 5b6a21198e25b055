"""``workbench settings``: where the settings of the app are, whether they are understood, and all there are."""

from typing import Annotated

import typer

from trainers.errors import WorkbenchError


def settings(
    path: Annotated[bool, typer.Option("--path", help="Print the file's path only.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Say whether the file is understood; exit 2 if not.")] = False,
    example: Annotated[
        bool, typer.Option("--print", help="Print a file with every setting at its default, commented out.")
    ] = False,
) -> None:
    """Where the settings of the terminal app are (themes, images, keys), and what can be set.

    Example:  workbench settings --print > settings.toml
    """
    from workbench.tui.look.text import plain
    from workbench.tui.settings import read_settings, settings_path

    if path + check + example > 1:
        raise WorkbenchError("one of --path, --check and --print at a time")
    where = settings_path()
    if example:
        from workbench.tui.settings.example import example as text

        typer.echo(text(), nl=False)
        return
    if path:
        typer.echo(where)
        return
    there = where.exists()
    try:
        found = read_settings(where)
    except WorkbenchError as error:
        if check:
            raise
        typer.echo(f"{where}: not understood, so everything is at its default: {plain(str(error), 300)}")
        return
    rebound = f"{len(found.keymap)} keys, {len(found.themes)} themes of your own"
    typer.echo(f"{where}: " + (f"understood: {rebound}" if there else "not there; everything is at its default"))
