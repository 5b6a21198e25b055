"""The rules that SWMR rests on are asserted where they could be broken, not remembered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import layout
from trainers.energylog.layout import create_file
from trainers.energylog.rules import assert_ready_for_swmr
from trainers.energylog.sinks import LiveFile


def new_attribute(file: h5py.File) -> None:
    file["train"].attrs["late"] = 1


def new_dataset(file: h5py.File) -> None:
    file.create_dataset("late", shape=(1,), chunks=(1,), dtype="i8", fletcher32=True)


def new_group(file: h5py.File) -> None:
    file.create_group("train/late")


def new_attribute_of_a_dataset(file: h5py.File) -> None:
    file["histogram/edges"].attrs["late"] = 1


@pytest.mark.parametrize("make", [new_attribute, new_dataset, new_group, new_attribute_of_a_dataset])
def test_nothing_is_made_after_swmr_is_on(tmp_path: Path, make: Callable[[h5py.File], None]) -> None:
    log = runs.create(tmp_path / "run.h5")
    runs.append(log, 2)
    make(log._sink.file)
    with pytest.raises(AssertionError, match="made after SWMR was switched on"):
        runs.append(log, 1)
    log._sink.file.close()


def test_nothing_is_counted_before_it_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = runs.create(tmp_path / "run.h5")
    runs.append(log, 1)
    with monkeypatch.context() as patch:
        patch.setattr(LiveFile, "_flush", lambda _: None)
        with pytest.raises(AssertionError, match=r"/state/committed_events before .*/events.* flushed"):
            log.append_event(kind="note", epoch=0, step=0, message="")
    log.close("failed")


def test_a_file_that_is_not_in_swmr_mode_is_no_live_one(tmp_path: Path) -> None:
    keys = {split: runs.keys(split) for split in ("train", "probe")}
    with create_file(tmp_path / "run.h5", runs.meta(), keys, 35) as file, pytest.raises(AssertionError):
        LiveFile(file)


def variable_attribute(file: h5py.File) -> None:
    file.create_group("g").attrs["x"] = "text"


def variable_field(file: h5py.File) -> None:
    dtype = np.dtype([("a", "i8"), ("text", h5py.string_dtype())])
    file.create_dataset("g/x", shape=(1,), chunks=(1,), dtype=dtype, fletcher32=True)


def no_checksum(file: h5py.File) -> None:
    file.create_dataset("g/x", shape=(1,), chunks=(1,), dtype="i8")


def not_chunked(file: h5py.File) -> None:
    file.create_dataset("x", shape=(1,), dtype="i8")


@pytest.mark.parametrize("make", [variable_attribute, variable_field, no_checksum, not_chunked])
def test_what_readers_could_not_read_or_trust_is_not_written(tmp_path: Path, make: Callable[[h5py.File], None]) -> None:
    with h5py.File(tmp_path / "bad.h5", "w", libver=layout.LIBVER) as file:
        assert_ready_for_swmr(file)
        make(file)
        with pytest.raises(AssertionError, match=r"chunked|checksum|variable length"):
            assert_ready_for_swmr(file)


@pytest.mark.parametrize("segments", [False, True])
def test_every_log_is_checked_when_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segments: bool) -> None:
    checked: list[Any] = []
    monkeypatch.setattr(layout, "assert_ready_for_swmr", checked.append)
    keys = {split: runs.keys(split) for split in ("train", "probe")}
    with create_file(tmp_path / "run.h5", runs.meta(), keys, 35, segments=segments) as file:
        assert checked == [file]
