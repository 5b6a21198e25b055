"""Made-up runs whose samples differ by class and by attack: what the panes of classes and energies are tested on."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from textual.pilot import Pilot
from textual.widget import Widget

from tests.tui.runs import COLLAPSE, measures, meta
from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable

NAMES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NUM_TRAIN, NUM_PROBE = 600, 200
EPOCHS = 30

Change = Callable[[int, SampleTable], SampleTable | None]


def sample_keys(labels: Sequence[int] | np.ndarray) -> SampleKeys:
    """Samples with these labels."""
    return SampleKeys(index=np.arange(len(labels), dtype=np.int64), label=np.asarray(labels, dtype=np.int32))


def sample_table(epoch: int, labels: np.ndarray, seed: int = 0) -> SampleTable:
    """Energies that grow with epoch and class; the adversary is caught up with, and breaks through from COLLAPSE on."""
    rng = np.random.default_rng([seed, epoch])
    size = len(labels)
    energy = -3.0 - 0.15 * epoch - 0.1 * labels + rng.normal(0, 0.8, size)
    fallen = epoch >= COLLAPSE
    delta = rng.normal(-0.05 * labels - (4.0 if fallen else 0.02 * epoch), 1.5 if fallen else 0.4, size)
    entropy, entropy_adv = rng.exponential(0.4, size), rng.exponential(2.0 if fallen else 0.9, size)
    adversarial = energy - delta
    return SampleTable(
        energy=energy.astype(np.float32),
        energy_adv=adversarial.astype(np.float32),
        joint_energy=(energy + entropy).astype(np.float32),
        joint_energy_adv=(adversarial + entropy_adv).astype(np.float32),
        correct=(entropy < 0.7).astype(np.uint8),
        correct_adv=(entropy_adv < 0.7).astype(np.uint8),
    )


def write_recorded(
    folder: Path,
    *,
    epochs: int = EPOCHS,
    facts: RunMeta | None = None,
    labels: Sequence[int] | np.ndarray | None = None,
    train: Change = lambda epoch, table: table,
    status: str = "finished",
) -> Path:
    """Write a run; returns its directory.

    Args:
        folder: where.
        epochs: how many.
        facts: of the run; by default one of ten classes with names.
        labels: of the training samples; by default all classes by turns.
        train: what becomes of the training table of an epoch; None leaves it out.
        status: with which it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    of_train = np.arange(NUM_TRAIN) % 10 if labels is None else np.asarray(labels)
    of_probe = np.arange(NUM_PROBE) % 10
    writer = LogWriter.create(
        folder / "run.h5",
        facts or meta(class_names=NAMES),
        train=sample_keys(of_train),
        probe=sample_keys(of_probe),
        steps_per_epoch=20,
    )
    for epoch in range(epochs):
        table = train(epoch, sample_table(epoch, of_train))
        writer.append_epoch(measures(epoch, collapses=True), table, sample_table(epoch, of_probe, seed=1))
    writer.close(status)
    return folder


async def open_pane(pilot: Pilot[None], key: str, name: str) -> Widget:
    """Open a pane and wait until all of it is read; its widget."""
    await pilot.press(key)
    async with asyncio.timeout(20):
        while not pilot.app.screen.query(f"#{name}"):
            await pilot.pause(0.01)
    return await read(pilot, name)


async def read(pilot: Pilot[None], name: str) -> Widget:
    """Wait until a widget has read all that it wants."""
    widget = pilot.app.screen.query_one(f"#{name}")
    await pilot.pause()
    async with asyncio.timeout(20):
        while not widget.ready:  # type: ignore[attr-defined]
            await pilot.pause(0.01)
    await pilot.pause()
    return widget
