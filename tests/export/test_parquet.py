"""Parquet read back with pyarrow, against plain h5py; memory that does not grow with the epochs."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from benchmarks.big_log import write_big_log
from tests.export import runs
from tests.export.conftest import Export
from trainers.energylog.schema import EPOCH_COLUMNS, SAMPLE_COLUMNS


def test_the_epochs_are_those_of_the_log(export: Export, run: Path) -> None:
    table = parquet.read_table(export("parquet", "epochs") / "epochs.parquet")
    assert table.column_names == [column.name for column in EPOCH_COLUMNS]
    with h5py.File(run / "run.h5") as log:
        for name in log["epoch"].dtype.names:
            column = table[name]
            assert column.type == pyarrow.from_numpy_dtype(log["epoch"].dtype[name])
            np.testing.assert_array_equal(column.to_numpy(), log["epoch"][name])
    assert table["train_delta_energy_mean"].null_count == 1  # epoch 1: null, not NaN
    assert table["train_loss"].null_count == runs.NUM_EPOCHS


def test_columns_say_their_unit_and_meaning_and_the_file_its_run(export: Export) -> None:
    schema = parquet.read_schema(export("parquet", "epochs") / "epochs.parquet")
    for column in EPOCH_COLUMNS:
        told = schema.field(column.name).metadata
        assert (told[b"unit"].decode(), told[b"meaning"].decode()) == (column.unit, column.meaning)
    facts = json.loads(schema.metadata[b"workbench.run"])
    assert (facts["method"], facts["committed"], facts["config"]["eps"]) == ("fgsm", runs.NUM_EPOCHS, 0.3)
    assert schema.metadata[b"workbench.table"] == b"epochs"


def test_the_samples_are_those_of_the_log_in_a_row_group_per_epoch(export: Export, run: Path) -> None:
    file = parquet.ParquetFile(export("parquet", "samples") / "samples.parquet")
    assert file.num_row_groups == 2 * runs.NUM_EPOCHS
    groups = [(split, epoch) for split in ("train", "probe") for epoch in range(runs.NUM_EPOCHS)]
    with h5py.File(run / "run.h5") as log:
        for number, (split, epoch) in enumerate(groups):
            rows = file.read_row_group(number)
            assert set(rows["split"].to_pylist()) == {split}
            assert set(rows["epoch"].to_pylist()) == {epoch}
            np.testing.assert_array_equal(rows["index"].to_numpy(), log[f"{split}/index"][:])
            for column in SAMPLE_COLUMNS:
                stored = log[f"{split}/{column.name}"][epoch]
                found = rows[column.name]
                assert found.type == pyarrow.from_numpy_dtype(stored.dtype)
                if column.unit == "flag":
                    assert found.to_pylist() == [None if flag == 255 else flag for flag in stored.tolist()]
                else:
                    np.testing.assert_array_equal(found.to_numpy(), stored)
            delta = log[f"{split}/energy"][epoch] - log[f"{split}/energy_adv"][epoch]
            np.testing.assert_array_equal(rows["delta_energy"].to_numpy(), delta)


def test_text_is_text(export: Export) -> None:
    out = export("parquet", "events", "onsets")
    assert parquet.read_table(out / "events.parquet")["message"].to_pylist() == [runs.HOSTILE]
    onsets = parquet.read_table(out / "onsets.parquet")
    assert onsets["kind"].to_pylist() == ["catastrophic"]
    assert onsets["last_healthy_epoch"].to_pylist() == [2]


def test_tables_without_rows_keep_their_columns(export: Export, tmp_path: Path) -> None:
    out = export("parquet", "epochs", "samples", "onsets", path=runs.write(tmp_path / "empty", num_epochs=0))
    for name in ("epochs", "samples", "onsets"):
        table = parquet.read_table(out / f"{name}.parquet")
        assert table.num_rows == 0
        assert "epoch" in table.column_names


PEAK = """
import re, sys
from pathlib import Path
from trainers.energylog import EnergyLog
from workbench.export import FORMATS, Selection, export_to_folder
path, out, stop = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with EnergyLog.open(path) as log:
    export_to_folder(log, FORMATS["parquet"], ["samples"], Selection(stop=stop), out, force=False, say=str)
assert "torch" not in sys.modules  # pyarrow looks for pandas where that is installed
# Not ru_maxrss: a child that was forked begins with that of its parent, which is larger than all of this.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_big_log(tmp_path_factory.mktemp("long") / "run.h5", epochs=60, num_train=20_000, num_probe=100)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak of a process's memory")
def test_memory_does_not_grow_with_the_epochs(long_run: Path, tmp_path: Path) -> None:
    """60 epochs of 20,000 samples are 66 MB in memory, 50 more than 15.

    HDF5's caches of 12 data sets fill up meanwhile, by some 17 MB; beyond that the peak stays where it is.
    """

    def peak_mb(epochs: int) -> int:
        command = [sys.executable, "-c", PEAK, long_run, tmp_path / str(epochs), str(epochs)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    assert peak_mb(60) - peak_mb(15) < 32
    assert parquet.ParquetFile(tmp_path / "60" / "samples.parquet").metadata.num_rows == 60 * 20_100
