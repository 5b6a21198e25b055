"""The table of training methods and the defaults of each data set: data, no code per method."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args

from trainers.dataname import KINDS, absolute_data, data_kind, parse_data
from trainers.errors import WorkbenchError
from trainers.factories import FORM, is_factory
from trainers.method import MethodSpec
from trainers.rows import ROWS
from trainers.spec import Norm, TrainConfig, normalise

DELTA_ENERGY = "delta-energy"
DER_SUFFIX = "-der"
DER_SOURCE = "Mirza et al. 2025, arXiv 2505.22486 (our reading of the regularizer, not verified against the paper)"


def _with_der(method: MethodSpec) -> MethodSpec:
    return replace(
        method,
        name=method.name + DER_SUFFIX,
        summary=f"{method.name} + β·mean φ(ΔE)",
        source=DER_SOURCE,
        formula=(*method.formula, "loss += β·mean φ(ΔE), ΔE = E(x) − E(x*); β, φ and which energy are --der-..."),
        regularizers=(*method.regularizers, DELTA_ENERGY),
    )


METHODS: Mapping[str, MethodSpec] = {
    method.name: method for base in ROWS for method in ((base,) if base.attack is None else (base, _with_der(base)))
}
"""Every training method by name; a ``-der`` row for each that has natural and adversarial logits."""

OPTIONS: tuple[str, ...] = tuple(dict.fromkeys(name for row in ROWS for name in row.options))
"""Settings that only some methods have; in a configuration they are 0 elsewhere."""

MODEL_WIDTHS: Mapping[str, int] = {
    "small-cnn": 24,
    "preact-resnet18": 64,
    "resnet18": 64,
    "wide-resnet-28-10": 160,
    "wide-resnet-34-10": 160,
}
"""Default width (channels of the first stage) of each model."""

_IMAGES: Mapping[str, Any] = {
    "model": "preact-resnet18",
    "eps": 8 / 255,
    "epochs": 30,
    "lr": 0.1,
    "schedule": "triangular",
    "batch_size": 128,
    "weight_decay": 5e-4,
    "der_beta": 1.0,
    "channels_last": "auto",
    "probe_size": 1000,
    "train_probe_size": 1000,
}

DATA_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "digits": {
        "model": "small-cnn",
        "eps": 0.28,
        "epochs": 40,
        "lr": 0.1,
        "schedule": "triangular",
        "batch_size": 64,
        "weight_decay": 1e-3,
        "der_beta": 15.0,
        "der_penalty": "abs",
        "probe_size": 300,
        "train_probe_size": 150,
    },
    **{kind: _IMAGES for kind in KINDS if kind != "digits"},
}
"""Default settings by kind of data: the word before the colon of ``--data``.

What other energies, penalties and weights of the delta-energy term do is in docs/results/form.md, as far as it was run.
"""


def get_method(name: str) -> MethodSpec:
    """The row of a training method.

    Raises:
        WorkbenchError: no such method; the message lists all.
    """
    try:
        return METHODS[name]
    except KeyError:
        raise WorkbenchError(f"unknown method {name!r}; known are {', '.join(METHODS)}") from None


def complete(settings: Mapping[str, Any]) -> TrainConfig:
    """A whole configuration from the settings a user gave: theirs first, then the defaults of their data and model.

    Raises:
        WorkbenchError: an unknown method, data set or model, an unknown key, or a value out of range.
    """
    given: dict[str, Any] = {"method": "fgsm-der", "data": "digits", **settings}
    method = get_method(str(given["method"]))
    kind = parse_data(str(given["data"])).kind
    merged = {**DATA_DEFAULTS[kind], **given}
    model = str(merged["model"])
    if model not in MODEL_WIDTHS and not is_factory(model):
        raise WorkbenchError(f"unknown model {model!r}; known are {', '.join(MODEL_WIDTHS)}, or {FORM}")
    merged.setdefault("width", MODEL_WIDTHS.get(model, 0))
    merged = normalise(merged)
    _check_norm(method, given, merged)
    _check_schedule(merged)
    _fill_options(method, merged)
    merged["data"] = absolute_data(str(given["data"]))
    _check_der(method, kind, given, merged)
    _check_rollback(method, kind, merged)
    return TrainConfig.from_dict(merged)


def _check_norm(method: MethodSpec, given: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
    """The method is meaningful in the ball, and its radius is not that of another one."""
    norm = merged.get("norm", "linf")
    if norm not in get_args(Norm):
        return  # TrainConfig says so
    if norm not in method.norms:
        usable = ", ".join(row.name for row in ROWS if norm in row.norms)
        raise WorkbenchError(f"method {method.name} is of the linf ball; --norm {norm} is for {usable} and their -der")
    if norm != "linf" and "eps" not in given:
        raise WorkbenchError(f"the default eps is of the linf ball; give --eps for --norm {norm}, such as 128/255")


def _check_schedule(merged: Mapping[str, Any]) -> None:
    """No turn of a schedule may be chosen and then ignored."""
    for name, owner in (("lr_peak", "triangular"), ("lr_drops", "stepped")):
        ordinary = {field.name: field.default for field in fields(TrainConfig)}[name]
        if merged.get(name, ordinary) != ordinary and merged["schedule"] != owner:
            option = f"--{name.replace('_', '-')}"
            raise WorkbenchError(f"{option} is of --schedule {owner}; give that with it, or drop it")


def _fill_options(method: MethodSpec, merged: dict[str, Any]) -> None:
    """The method's own settings where they were not given; those of other methods may not be given."""
    for name in OPTIONS:
        if name in method.options:
            if name not in merged:
                default = method.options[name]
                merged[name] = default(float(merged["eps"])) if callable(default) else default
            if name == "replays" and merged[name] == 0:
                raise WorkbenchError(f"--replays must be at least 1 for {method.name}")
        elif merged.setdefault(name, 0):
            owners = ", ".join(row.name for row in ROWS if name in row.options)
            raise WorkbenchError(f"method {method.name} has no --{name.replace('_', '-')}; it is of {owners}")


def stronger_der(config: TrainConfig) -> dict[str, Any]:
    """The settings that give a run more DER: its β doubled, or DER switched on with the defaults of its data.

    Raises:
        WorkbenchError: the method has no adversary, so there is no DER for it.
    """
    if DELTA_ENERGY in get_method(config.method).regularizers and config.der_beta > 0:
        return {"der_beta": 2.0 * config.der_beta}
    method = get_method(config.method.removesuffix(DER_SUFFIX) + DER_SUFFIX)
    ordinary = _ordinary(data_kind(config.data))
    return {"method": method.name} | {name: value for name, value in ordinary.items() if name in _SWITCHED_ON}


_SWITCHED_ON = ("der_beta", "der_energy", "der_penalty", "der_gradient", "der_margin")
"""What a rollback that switches DER on sets; β then grows as after any rollback, not by ``der_warmup``."""


def _ordinary(kind: str) -> dict[str, Any]:
    """Every setting that has a default for a kind of data, with it."""
    return {field.name: field.default for field in fields(TrainConfig)} | dict(DATA_DEFAULTS[kind])


def _check_rollback(method: MethodSpec, kind: str, merged: Mapping[str, Any]) -> None:
    """A rollback must have something to switch on, and its bound something to bound."""
    rollback = merged.get("on_co") == "rollback"
    if rollback and method.attack is None:
        raise WorkbenchError(f"method {method.name} has no DER that --on-co rollback could switch on; drop that option")
    ordinary = _ordinary(kind)["max_rollbacks"]
    if not rollback and merged.get("on_nan") != "rollback" and merged.get("max_rollbacks", ordinary) != ordinary:
        raise WorkbenchError("--max-rollbacks is of --on-co rollback and --on-nan rollback; give one, or drop it")


def _check_der(method: MethodSpec, kind: str, given: Mapping[str, Any], merged: dict[str, Any]) -> None:
    """No DER setting may be chosen and then ignored; one that is what it would be anyway is no choice."""
    ordinary = _ordinary(kind)
    chosen = [name for name in given if name.startswith("der_") and given[name] not in (0, ordinary[name])]
    if DELTA_ENERGY not in method.regularizers:
        merged["der_beta"] = 0.0
        if chosen:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
            has_der = method.name + DER_SUFFIX in METHODS
            advice = f"use {method.name}{DER_SUFFIX}" if has_der else "use an adversarial method with -der"
            raise WorkbenchError(f"method {method.name} has no delta-energy term for {options}; {advice}")
    elif "der_margin" in chosen and merged.get("der_penalty") != "hinge":
        raise WorkbenchError("--der-margin is of the hinge; give --der-penalty hinge with it, or drop it")
