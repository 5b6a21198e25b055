"""Run as a program in two processes: steps of every method on shared batches, against the same steps in one process.

Prints a line per method: its name and the largest difference of a weight, a running statistic, a logit or a loss.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from trainers.fabric import Fabric

sys.path.insert(0, str(Path(__file__).parent / "trainers"))
import stepping  # type: ignore[import-not-found]

from trainers.models.synced import synchronise
from trainers.recipes import METHODS, get_method
from trainers.seeding import seeded_generator
from trainers.setup import make_fabric
from trainers.steps import train_step
from trainers.team import ALONE, Team

SIZES = (7, 4, 5, 7)
"""Of the batches: uneven parts, and places that a smaller batch lacks."""


def steps(fabric: Fabric, team: Team, method: str) -> list[Tensor]:
    """What is left after a few steps: logits and losses of each, then weights and running statistics."""
    module = stepping.network()
    if team.size > 1:
        synchronise(module)
    sgd = torch.optim.SGD(module.parameters(), **stepping.SGD)
    model, optimizer = fabric.setup(module, sgd)
    config = stepping.settings(method)
    memory: dict[str, Tensor] = {}
    left: list[Tensor] = []
    for number, size in enumerate(SIZES):
        share = team.share(size)
        x, y = (torch.cat([part, part])[:size] for part in stepping.batch(number))
        result = train_step(
            fabric,
            model,
            optimizer,
            share.of(x),
            share.of(y),
            method=get_method(method),
            config=config,
            generator=seeded_generator(x.device, 3, "attack", number, share),
            record=True,
            memory=memory,
            share=share,
        )
        left += [share.total(result.loss), share.total(result.regularizer)]
        left += [share.whole(logits) for logits in (result.clean_logits, result.adv_logits) if logits is not None]
    if "free_delta" in memory:
        left.append(team.joined(memory["free_delta"]))
    return [*left, *(value.detach().clone() for value in module.state_dict().values())]


def main(methods: Sequence[str]) -> None:
    """Compare and print."""
    torch.set_num_threads(1)
    fabric = make_fabric("cpu", devices=2)
    fabric.launch()
    with Team(fabric) as team:
        for method in methods:
            shared = steps(fabric, team, method)
            if team.leads:
                whole = steps(Fabric(accelerator="cpu", devices=1), ALONE, method)
                gap = max(float((a - b).abs().max()) for a, b in zip(shared, whole, strict=True))
                print(method, gap, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:] or list(METHODS))
