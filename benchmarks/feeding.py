"""What feeding costs a training step: batches gathered from cached device data, against one batch that is at hand.

    python benchmarks/feeding.py [--models small-cnn] [--methods standard,fgsm] [--rounds 9] [--device cuda]

All variants run the loop's own update of one batch, recording included. "Gathered" takes the rows of the epoch's random
order from the data on the device, as a run does, with and without augmentation; "resident" is handed the same images
again and again. Variants take turns in an order that flips; a ratio is that of a round.
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from train_step import LEARNING_RATE, MODELS, NUM_IMAGES
from turns import Run, allocated, begin, in_turn, noise_images, options, peak_memory, ratios, spread

from trainers.loop import _train_batch
from trainers.recipes import complete
from trainers.setup import Parts, epoch_batches, prepare
from trainers.tally import EnergyTally


@dataclass(frozen=True)
class Resident:
    """Stands for a split, and always has the same images at hand."""

    x: Tensor
    y: Tensor

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.x[: len(rows)], self.y[: len(rows)]


def main() -> None:
    parser = options(__doc__.splitlines()[0], steps=16)
    parser.add_argument("--methods", default="standard,fgsm")
    parser.add_argument("--models", default=",".join(MODELS))
    arguments = parser.parse_args()
    device = begin(arguments)
    print()
    print("| model | method | gathered / resident | gathered, crop-flip / resident | ms a step | peak MiB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        images = noise_images(Path(folder), NUM_IMAGES)
        for name in arguments.models.split(","):
            _, own = MODELS[name]
            for method in arguments.methods.split(","):
                settings = {**own, "data": own["data"].format(images=images), "method": method}
                before = allocated(device)
                parts = prepare(complete(settings | {"device": arguments.device}))
                variants = _variants(parts, arguments.steps)
                peak = peak_memory(variants["crop-flip"], device, since=before)
                times = in_turn(variants, arguments.rounds, device, arguments.clock)
                resident = times["resident"]
                print(
                    f"| {name} | {method} | {spread(ratios(times['none'], resident))} |"
                    f" {spread(ratios(times['crop-flip'], resident))} |"
                    f" {statistics.median(resident) / arguments.steps * 1e3:.1f} | {peak} |",
                    flush=True,
                )


def _variants(parts: Parts, steps: int) -> Mapping[str, Run]:
    rows = torch.arange(parts.config.batch_size, device=parts.device)
    x, y = parts.data.train.batch(rows)
    at_hand: Any = Resident(x.contiguous(memory_format=parts.memory_format), y)
    resident = replace(parts, data=replace(parts.data, train=at_hand))
    augmented = replace(parts, config=replace(parts.config, augment="crop-flip"))
    parts.model.train()

    def runner(of: Parts) -> Run:
        order = epochs_of_batches(parts)

        def run() -> None:
            tally = EnergyTally(None, num_recorded=len(parts.data.train), device=parts.device)
            for _ in range(steps):
                _train_batch(of, tally, 0, next(order), LEARNING_RATE, of.config)

        return run

    return {"resident": runner(resident), "none": runner(parts), "crop-flip": runner(augmented)}


def epochs_of_batches(parts: Parts) -> Iterator[Tensor]:
    """The rows of batch after batch, epoch after epoch, as a run takes them."""
    epoch = 0
    while True:
        yield from epoch_batches(parts, epoch)
        epoch += 1


if __name__ == "__main__":
    main()
