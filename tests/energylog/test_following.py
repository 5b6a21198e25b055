"""Readers that follow a growing log: a small ``benchmarks/live.py``."""

from pathlib import Path

import pytest

from tests.energylog.following import follow
from trainers.spec import LogMode


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_readers_keep_up_without_an_error_or_a_wrong_row(tmp_path: Path, mode: LogMode) -> None:
    followed = follow(tmp_path, mode, num_epochs=25, most_seconds=0.15, num_readers=2, poll_seconds=0.02, seed=1)
    assert (followed.errors, followed.wrong, followed.missed) == ([], [], 0)
    assert len(followed.lags) > 10
