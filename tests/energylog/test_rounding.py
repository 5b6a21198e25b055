"""Bit rounding against float64 arithmetic, and a log that is written with it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra

from tests.energylog import runs
from trainers.energylog import EnergyLog, LogWriter, RunMeta
from trainers.energylog.rounding import round_bits, round_table
from trainers.energylog.statistics import delta_statistics, histogram_counts

NORMAL = st.floats(width=32, allow_subnormal=False, allow_nan=False, allow_infinity=False)


def reference(values: np.ndarray, keep_bits: int) -> np.ndarray:
    """Scale the mantissa to a whole number in float64, round it half to even, scale back."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(mantissa, keep_bits + 1)), exponent - keep_bits - 1)


@given(values=extra.arrays(np.float32, 20, elements=NORMAL), keep_bits=st.integers(1, 22))
def test_it_is_rounding_half_to_even(values: np.ndarray, keep_bits: int) -> None:
    expected = reference(values, keep_bits)
    stays = np.abs(expected) > np.finfo(np.float32).max  # would become infinite
    np.testing.assert_array_equal(round_bits(values, keep_bits), np.where(stays, values, expected))


def test_ties_go_to_the_even_neighbour() -> None:
    values = np.array([1.0625, 1.1875, -1.0625, 1.25], dtype=np.float32)  # steps of 1/8 with three bits
    np.testing.assert_array_equal(round_bits(values, 3), np.array([1.0, 1.25, -1.0, 1.25], dtype=np.float32))


@pytest.mark.parametrize("keep_bits", [1, 7, 22, 23])
def test_what_is_no_number_stays(keep_bits: int) -> None:
    payloads = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0x7F800001], dtype=np.uint32).view(np.float32)
    assert np.isnan(round_bits(payloads, keep_bits)).all()
    others = np.array([np.inf, -np.inf, 0.0, -0.0, np.finfo(np.float32).max], dtype=np.float32)
    assert round_bits(others, keep_bits).tobytes() == others.tobytes()


@pytest.mark.parametrize("mode", ["swmr", "segments"])
def test_a_log_says_that_it_is_rounded_and_is_made_of_rounded_energies(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "run.h5"
    keys = {split: runs.keys(split) for split in ("train", "probe")}
    writer = LogWriter.create(path, runs.meta(keep_bits=9), **keys, mode=mode)  # type: ignore[arg-type]
    append(writer, 1)
    writer.close("stopped")
    writer = LogWriter.resume(path, mode=mode)  # type: ignore[arg-type]
    append(writer, 1)
    writer.close("finished")
    with EnergyLog.open(path) as log:
        assert log.meta.keep_bits == 9
        for split in ("train", "probe"):
            for epoch in range(2):
                whole = runs.table(epoch, split)
                found = {name: log.samples(split, name, epoch) for name in (*runs.ENERGIES, *runs.FLAGS)}
                for name in runs.ENERGIES:
                    np.testing.assert_array_equal(found[name], reference(getattr(whole, name), 9))
                for name in runs.FLAGS:
                    np.testing.assert_array_equal(found[name], getattr(whole, name))
                delta = found["energy"] - found["energy_adv"]
                assert log.epochs()[epoch][f"{split}_delta_energy_std"] == delta_statistics(delta)["std"]
                np.testing.assert_array_equal(log.histogram(split)[epoch], histogram_counts(delta))


def append(writer: LogWriter, num_epochs: int) -> None:
    for _ in range(num_epochs):
        epoch = writer.committed
        writer.append_epoch({"epoch": epoch}, runs.table(epoch, "train"), runs.table(epoch, "probe"))


def test_nothing_is_rounded_by_default(tmp_path: Path) -> None:
    table = runs.table(0, "train")
    assert round_table(table, RunMeta.__dataclass_fields__["keep_bits"].default) is table
    runs.create(tmp_path / "run.h5").close("finished")
    with h5py.File(tmp_path / "run.h5") as file:
        assert "keep_bits" not in file.attrs


def test_a_log_with_absurd_bits_is_refused(tmp_path: Path) -> None:
    runs.create(tmp_path / "run.h5").close("finished")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file.attrs["keep_bits"] = np.int64(99)
    with pytest.raises(ValueError, match="keep_bits is 99"):
        EnergyLog.open(tmp_path / "run.h5")
