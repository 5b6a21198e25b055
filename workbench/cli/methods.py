"""``workbench methods``: what can be trained."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from trainers.method import MethodSpec


def methods(
    name: Annotated[str | None, typer.Argument(help="A method, to see all about it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """List the training methods with cost and source, or show one: formula, settings, deviations.

    Cost is in forward passes (a backward pass to the input counts 1, to the weights 2); "+1" is the pass that recording
    E(x) costs where the method never forwards x; --record probe saves it.

    Example:  workbench methods trades
    """
    from trainers.recipes import DATA_DEFAULTS, METHODS, get_method
    from workbench.report import console, json_text, plain
    from workbench.report.text import epsilon

    if name is not None:
        _show(get_method(name), json=json)
        return
    if json:
        default_eps = {kind: defaults["eps"] for kind, defaults in DATA_DEFAULTS.items()}
        typer.echo(json_text({"methods": [_values(method) for method in METHODS.values()], "default_eps": default_eps}))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("method", "cost", "what it does"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what it does")
    sources: dict[str, list[str]] = {}
    for method in METHODS.values():
        table.add_row(*(plain(text) for text in (method.name, _cost(method), _summary(method))))
        sources.setdefault(method.source, []).append(method.name)
    screen = console()
    screen.print(table)
    screen.print()
    kinds: dict[str, list[str]] = {}
    for kind, defaults in DATA_DEFAULTS.items():
        kinds.setdefault(epsilon(defaults["eps"]), []).append(kind)
    for eps, names in kinds.items():
        screen.print(plain(f"default ε of every method on {', '.join(names)}: {eps}"))
    screen.print()
    for source, names in sources.items():
        screen.print(plain(f"{', '.join(names)}: {source}"))


_DER_SETTINGS = ("der_beta", "der_energy", "der_penalty", "der_gradient", "der_margin", "der_warmup")


def _show(method: MethodSpec, *, json: bool) -> None:
    """Everything about one method."""
    from workbench.report import console, json_text, plain

    if json:
        typer.echo(json_text(_values(method)))
        return
    screen = console()
    for line in _lines(method):
        screen.print(plain(line), soft_wrap=True)


def _lines(method: MethodSpec) -> Iterator[str]:
    from trainers.recipes import DELTA_ENERGY
    from trainers.rows import OPTION_MEANINGS
    from workbench.cli.hints import default_of

    settings = [f"--{name.replace('_', '-')} {text}: {OPTION_MEANINGS[name]}" for name, text in _defaults(method)]
    if DELTA_ENERGY in method.regularizers:
        settings += [f"--{name.replace('_', '-')} {default_of(name)}" for name in _DER_SETTINGS]
    yield f"{method.name}: {method.summary}"
    yield ""
    yield from (f"  {line}" for line in method.formula)
    yield ""
    yield f"source      {method.source}"
    yield f"cost        {_cost(method)} forward passes a step: {_passes(method)}"
    yield f"attack      {_attack(method)}"
    yield f"balls       {', '.join(method.norms)}"
    yield f"published   {method.schedule}"
    for heading, entries in (("settings", settings), ("differs", list(method.deviations))):
        for number, entry in enumerate(entries):
            yield f"{heading if number == 0 else '':<12}{entry}"


def _defaults(method: MethodSpec) -> list[tuple[str, str]]:
    return [(name, "by ε" if callable(default) else f"{default:g}") for name, default in method.options.items()]


def _summary(method: MethodSpec) -> str:
    """With the defaults of the settings that are its own."""
    own = ", ".join(f"{name.replace('_', '-')} {text}" for name, text in _defaults(method))
    return f"{method.summary} [{own}]" if own and not method.name.endswith("-der") else method.summary


def _cost(method: MethodSpec) -> str:
    return f"{method.passes}" + (f"+{method.recording_passes}" if method.recording_passes else "")


def _passes(method: MethodSpec) -> str:
    forward, to_input, to_weights = method.cost
    record = ", 1 more forward to record E(x)" if method.recording_passes else ""
    return f"{forward} forward, {to_input} backward to the input, {to_weights} backward to the weights{record}"


def _attack(method: MethodSpec) -> str:
    if method.attack is None:
        return "none"
    return f"{method.attack.name}, its gradients in {method.attack.batch_norm} mode"


def _values(method: MethodSpec) -> dict[str, Any]:
    """What JSON says of a method."""
    return {
        "name": method.name,
        "summary": method.summary,
        "source": method.source,
        "formula": list(method.formula),
        "passes": method.passes,
        "recording_passes": method.recording_passes,
        "forward": method.cost.forward,
        "backward_to_input": method.cost.to_input,
        "backward_to_weights": method.cost.to_weights,
        "attack": method.attack.name if method.attack else None,
        "attack_batch_norm": method.attack.batch_norm if method.attack else None,
        "norms": list(method.norms),
        "settings": {name: None if callable(default) else default for name, default in method.options.items()},
        "published": method.schedule,
        "deviations": list(method.deviations),
    }
