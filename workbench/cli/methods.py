"""``workbench methods``: what can be trained."""

from typing import Annotated

import typer


def methods(json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False) -> None:
    """List the training methods, their cost and their source.

    Cost is in forward passes (a backward pass to the input counts 1, to the weights 2); "+1" is the pass that recording
    E(x) costs where the method never forwards x; --record probe saves it.

    Example:  workbench methods
    """
    from rich.table import Table

    from trainers.recipes import DATA_DEFAULTS, METHODS
    from workbench.report import console, json_text, plain
    from workbench.report.text import epsilon

    if json:
        rows = [
            {
                "name": method.name,
                "summary": method.summary,
                "source": method.source,
                "passes": method.passes,
                "recording_passes": method.recording_passes,
            }
            for method in METHODS.values()
        ]
        default_eps = {kind: defaults["eps"] for kind, defaults in DATA_DEFAULTS.items()}
        typer.echo(json_text({"methods": rows, "default_eps": default_eps}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("method", "cost", "what it does"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what it does")
    sources: dict[str, list[str]] = {}
    for method in METHODS.values():
        cost = f"{method.passes}" + (f"+{method.recording_passes}" if method.recording_passes else "")
        table.add_row(*(plain(text) for text in (method.name, cost, method.summary)))
        sources.setdefault(method.source, []).append(method.name)
    screen = console()
    screen.print(table)
    screen.print()
    for kind, defaults in DATA_DEFAULTS.items():
        screen.print(plain(f"default ε of every method on {kind}: {epsilon(defaults['eps'])}"))
    screen.print()
    for source, names in sources.items():
        screen.print(plain(f"{', '.join(names)}: {source}"))
