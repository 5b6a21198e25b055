"""Cost of a training step of every method, as ratios to its bare passes in the same minute on the same batch.

    python benchmarks/train_step.py --models small-cnn
    python benchmarks/train_step.py --models preact-resnet18 --methods fgsm,fgsm-der --steps 4 --rounds 9
    python benchmarks/train_step.py --models preact-resnet18 --width 64 --device cuda --precision bf16-mixed

Each round times every variant of a method and of its ``-der`` row once, and a step of fgsm, in an order that flips from
round to round; a ratio is the median over rounds of the round's own. Bare passes are those of ``bare_passes.py``: for
fgsm two forward passes, one backward pass to the input and one to the weights. "Recorded / bare" counts the pass that
recording E(x) costs a method that never forwards x among the bare ones, and on the other side data feeding, the record
and the commit of every ``--steps`` steps to the log.
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bare_passes import bare_passes, recording_pass
from turns import Run, allocated, begin, in_turn, noise_images, options, peak_memory, ratios, spread

from trainers.data import Split
from trainers.energylog import LogWriter, SampleKeys
from trainers.loop import _train_batch
from trainers.provenance import describe_run
from trainers.recipes import DER_SUFFIX, METHODS, complete
from trainers.seeding import seeded_generator
from trainers.setup import Parts, find_device, prepare
from trainers.steps import train_step
from trainers.tally import EnergyTally

MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "small-cnn": ("digits 8×8", {"data": "digits"}),
    "preact-resnet18": ("32×32×3", {"data": "npz:{images}", "model": "preact-resnet18", "width": 16, "probe_size": 32}),
}
NUM_IMAGES = 1056
LEARNING_RATE = 1e-4
"""So low that the weights hardly move: hundreds of steps on one batch must not end in other arithmetic."""

COLUMNS = (
    "method",
    "step / bare",
    "recorded / bare, recorded",
    "step / fgsm step",
    "step / base step",
    "recording adds",
    "ms a step",
    "images/s",
    "peak MiB",
)


def main() -> None:
    parser = options(__doc__.splitlines()[0], steps=16)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--width", type=int, help="channels of the first stage [default: 24 and 16]")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    arguments = parser.parse_args()
    begin(arguments)
    given = {"device": arguments.device, "precision": arguments.precision}
    given |= {"width": arguments.width} if arguments.width else {}
    with tempfile.TemporaryDirectory() as folder:
        images = noise_images(Path(folder), NUM_IMAGES)
        for name in arguments.models.split(","):
            title, own = MODELS[name]
            settings = {**own, "data": own["data"].format(images=images), "lr": LEARNING_RATE, **given}
            ordinary = complete(settings)
            batch, width = ordinary.batch_size, ordinary.width
            print(f"\n{name} width {width}, {title}, batch {batch}, {ordinary.precision}\n")
            print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
            for _, group in groupby(arguments.methods.split(","), key=lambda method: method.removesuffix(DER_SUFFIX)):
                methods = list(group)
                for row in _rows(methods, settings, arguments.rounds, arguments.steps, arguments.clock):
                    print(f"| {' | '.join(row)} |", flush=True)


def _rows(
    methods: Sequence[str], settings: Mapping[str, Any], rounds: int, steps: int, clock: str
) -> Iterator[tuple[str, ...]]:
    """The rows of methods that take turns."""
    variants: dict[str, Run] = {}
    peaks: dict[str, str] = {}
    device = find_device(settings["device"])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for method in dict.fromkeys(("fgsm", *methods)):
            before = allocated(device)
            parts = prepare(complete({**settings, "method": method}))
            writer = stack.enter_context(open_log(parts, folder / f"{method}.h5", steps))
            own = _variants(parts, writer, steps)
            own = own if method in methods else {"step": own["step"]}
            peaks[method] = peak_memory(own["step"], device, since=before)
            variants |= {f"{method} {name}": run for name, run in own.items()}
        times = in_turn(variants, rounds, device, clock)
    for method in methods:
        bare, step, recorded = (times[f"{method} {name}"] for name in ("bare", "step", "recorded"))
        passes = [a + b for a, b in zip(bare, times.get(f"{method} recording pass", [0.0] * rounds), strict=True)]
        base = times.get(f"{method.removesuffix(DER_SUFFIX)} step") if method.endswith(DER_SUFFIX) else None
        seconds = statistics.median(step) / steps
        yield (
            method,
            spread(ratios(step, bare)),
            spread(ratios(recorded, passes)),
            f"{statistics.median(ratios(step, times['fgsm step'])):.2f}",
            f"{statistics.median(ratios(step, base)):.2f}" if base else "",
            f"{statistics.median(ratios(recorded, step)) - 1:+.1%}",
            f"{seconds * 1e3:.1f}",
            f"{parts.config.batch_size / seconds:.0f}",
            peaks[method],
        )


def _variants(parts: Parts, writer: LogWriter, steps: int) -> dict[str, Run]:
    """What is timed of one method, each of ``steps`` steps: bare passes, the step, the step with all around it."""
    split, model = parts.data.train, parts.module
    tally = EnergyTally(writer, num_recorded=len(split), device=parts.device)
    rows = torch.arange(parts.config.batch_size, device=parts.device)
    x, y = split.batch(rows)
    x = x.contiguous(memory_format=parts.memory_format)
    model.train()

    def bare() -> None:
        with parts.fabric.autocast():
            for _ in range(steps):
                bare_passes(model, x, y, parts.method, parts.config)

    def recording() -> None:
        with parts.fabric.autocast():
            for _ in range(steps):
                recording_pass(model, x)

    def step() -> None:
        for _ in range(steps):
            train_step(
                parts.fabric,
                parts.model,
                parts.optimizer,
                x,
                y,
                method=parts.method,
                config=parts.config,
                generator=seeded_generator(parts.device, 0, "attack"),
                record=False,
            )

    def recorded() -> None:
        for _ in range(steps):
            _train_batch(parts, tally, writer.committed, rows, LEARNING_RATE, parts.config)
        tally.end_epoch({"epoch": writer.committed}, None)

    variants: dict[str, Run] = {"bare": bare, "step": step, "recorded": recorded}
    return variants | ({"recording pass": recording} if parts.method.recording_passes else {})


def open_log(parts: Parts, path: Path, steps: int) -> LogWriter:
    """A new log of epochs of so many steps."""
    meta = describe_run(parts.config, parts.method, parts.data)
    train = parts.data.train.first(parts.config.num_recorded(len(parts.data.train)))
    probe = parts.data.probe
    return LogWriter.create(path, meta, train=_keys(train), probe=_keys(probe), steps_per_epoch=steps)


def _keys(split: Split) -> SampleKeys:
    return SampleKeys(index=split.index.cpu().numpy(), label=split.labels.cpu().numpy().astype(np.int32))


if __name__ == "__main__":
    main()
