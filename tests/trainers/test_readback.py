"""Blocks of steps that arrive late, as from a GPU: what a batch waits for, and in which order things are written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainers import EnergyRecorder, readback, tally
from trainers.energylog import EnergyLog
from trainers.energylog.schema import STEP_BLOCK

ROWS = torch.arange(4)


class Slow:
    """A copy that is ready when the test says so; asking for its rows before is a wait."""

    def __init__(self, block: torch.Tensor, waits: list[int]) -> None:
        self.block, self.waits, self.arrived = block, waits, False

    def ready(self) -> bool:
        return self.arrived

    def rows(self) -> list[list[float]]:
        if not self.arrived:
            self.waits.append(len(self.block))
        rows: list[list[float]] = self.block.tolist()
        return rows


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Slow], list[int]]:
    """The copies that were begun, and the sizes of those that were waited for."""
    copies: list[Slow] = []
    waits: list[int] = []

    def read_later(block: torch.Tensor) -> Slow:
        copies.append(Slow(block, waits))
        return copies[-1]

    monkeypatch.setattr(tally, "read_later", read_later)
    return copies, waits


def feed(recorder: EnergyRecorder, num_steps: int) -> None:
    for _ in range(num_steps):
        recorder.batch(ROWS, ROWS, torch.eye(4), torch.eye(4), loss=float(recorder_steps(recorder)))


def recorder_steps(recorder: EnergyRecorder) -> int:
    made = recorder._tally
    return 0 if made is None else made.next_step


def on_disk(path: Path) -> int:
    with EnergyLog.open(path) as log:
        return int((log.steps()["step"] >= 0).sum())


def test_no_batch_waits_and_steps_keep_their_order(tmp_path: Path, device: Any) -> None:
    copies, waits = device
    with EnergyRecorder(tmp_path, num_samples=4, labels=range(4), steps_per_epoch=2 * STEP_BLOCK) as recorder:
        feed(recorder, 2 * STEP_BLOCK + 10)
        assert [len(copy.block) for copy in copies] == [STEP_BLOCK, STEP_BLOCK]
        assert (waits, on_disk(tmp_path)) == ([], 0)
        copies[1].arrived = True  # the later block first: it must not be written before the earlier one
        feed(recorder, 1)
        assert (waits, on_disk(tmp_path)) == ([], 0)
        copies[0].arrived = True
        feed(recorder, 1)
        assert (waits, on_disk(tmp_path)) == ([], 2 * STEP_BLOCK)
        recorder.end_epoch()
        assert waits == [12]
        feed(recorder, 3)
        recorder.end_epoch()
        assert waits == [12, 3]
    total = 2 * STEP_BLOCK + 12 + 3
    with EnergyLog.open(tmp_path) as log:
        steps = log.steps()[log.steps()["step"] >= 0]
        assert log.epochs()["last_step"].tolist() == [total - 3, total]
    assert steps["step"].tolist() == list(range(total))
    assert steps["epoch"].tolist() == [0] * (total - 3) + [1] * 3
    np.testing.assert_array_equal(steps["loss"], np.arange(total))


def test_without_a_log_nothing_is_read_before_the_epoch_ends(tmp_path: Path, device: Any) -> None:
    copies, waits = device
    with EnergyRecorder(tmp_path, num_samples=4) as recorder:
        feed(recorder, 3 * STEP_BLOCK)
        assert copies == []
        recorder.end_epoch()
    assert waits == [3 * STEP_BLOCK]
    assert on_disk(tmp_path) == 3 * STEP_BLOCK


class FakeEvent:
    """In place of ``torch.cuda.Event``: keeps what happened, in order."""

    log: tuple[str, ...] = ()

    def record(self, stream: object) -> None:
        FakeEvent.log += (f"record on {stream}",)

    def query(self) -> bool:
        FakeEvent.log += ("query",)
        return False

    def synchronize(self) -> None:
        FakeEvent.log += ("synchronize",)


def test_a_copy_from_cuda_is_queued_then_marked_then_waited_for_only_by_its_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a GPU: page-locked memory, the event and the stream are stand-ins; only the order is shown."""
    FakeEvent.log = ()
    empty, copy = torch.empty, torch.Tensor.copy_

    def pinned(*shape: Any, pin_memory: bool, **options: Any) -> torch.Tensor:
        FakeEvent.log += (f"pinned {pin_memory}",)
        return empty(*shape, **options)

    def queued(self: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        FakeEvent.log += (f"copy non_blocking={non_blocking}",)
        return copy(self, source)

    monkeypatch.setattr(torch, "empty", pinned)
    monkeypatch.setattr(torch.Tensor, "copy_", queued)
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the stream of {device}")
    read = readback._FromCuda(torch.tensor([[1.0, 2.0]]))
    assert FakeEvent.log == ("pinned True", "copy non_blocking=True", "record on the stream of cpu")
    assert not read.ready()
    assert read.rows() == [[1.0, 2.0]]
    assert FakeEvent.log[3:] == ("query", "synchronize")


def test_on_a_cpu_a_block_is_there_at_once() -> None:
    read = readback.read_later(torch.tensor([[1.0, 2.0]]))
    assert read.ready()
    assert read.rows() == [[1.0, 2.0]]
