"""Claim 5: what attacks do to the energy of images, on standard and on robust models."""

from collections.abc import Sequence

from reproduce import figures
from reproduce.grid import Scale
from reproduce.tables import Record, spread, table
from workbench.report.text import epsilon

TITLE = "Energies of attacks"
EXPECTED = (
    "On a standard model untargeted attacks on the cross-entropy (FGSM, PGD, APGD) find x\\* of much lower energy than "
    "x, so ΔE > 0; targeted ones and TRADES' KL do so less or the other way; noise moves little. On robust models all "
    "differences are small."
)


def shown(scale: Scale, records: Sequence[Record]) -> list[str]:
    """ΔE and accuracy under each attack, a row for each model."""
    evaluations = [
        (record, evaluation)
        for record in records
        for evaluation in record["evaluations"]
        if _is_of_energies(evaluation)
    ]
    if not evaluations:
        return ["No energies of attacks are recorded yet."]
    attacks = [name for name in evaluations[0][1]["inputs"] if name != "natural"]
    headings = ["model", "ε", "seed", "E(x)", *attacks]
    delta, accuracy = [], []
    for record, evaluation in evaluations:
        settings, inputs = record["settings"], evaluation["inputs"]
        who = [settings["method"], epsilon(settings["eps"]), str(settings["seed"])]
        delta.append(
            [*who, _number(inputs["natural"]["energy"]), *(_number(inputs[a]["delta_energy"]) for a in attacks)]
        )
        accuracy.append([*who, *(f"{100 * inputs[a]['accuracy']:.1f}" for a in ("natural", *attacks))])
    num = evaluations[0][1]["num"]
    return [
        f"{num} test images, last epoch, nats: E(x), and ΔE(x) = E(x) − E(x\\*) under each attack, as mean (standard "
        "deviation over images). ΔE > 0: the adversarial image has the lower energy.",
        table(headings, delta),
        "Accuracy in percent.",
        table(["model", "ε", "seed", "natural", *attacks], accuracy),
    ]


def drawn(scale: Scale, records: Sequence[Record]) -> dict[str, figures.Drawing]:
    """ΔE under each attack from the 5 to the 95 % quantile, a panel for each model."""
    groups = {}
    for record in records:
        for evaluation in filter(_is_of_energies, record["evaluations"]):
            inputs = evaluation["inputs"]
            name = f"{record['settings']['method']}, ε {epsilon(record['settings']['eps'])}"
            groups[name] = {
                attack: tuple(inputs[attack]["delta_energy"][q] for q in ("q05", "q50", "q95"))
                for attack in inputs
                if attack != "natural"
            }
    return {"attacks": figures.intervals(groups, "ΔE, nats")} if groups else {}


def _is_of_energies(evaluation: Record) -> bool:
    return "random-noise" in evaluation["inputs"]


def _number(statistics: Record) -> str:
    return f"{spread([statistics['mean']], 2)} ({spread([statistics['std']], 2)})"
