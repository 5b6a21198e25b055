"""All files or none; nothing is replaced unasked; names that are safe."""

import re
from pathlib import Path

import h5py
import pytest

from tests.export import runs
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from workbench.export import FORMATS, Selection, export_to_folder, folder_names


def export(run: Path, folder: Path, *, force: bool = False) -> list[Path]:
    with EnergyLog.open(run) as log:
        return export_to_folder(log, FORMATS["csv"], ["epochs", "samples"], Selection(), folder, force=force, say=str)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_log_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    run = runs.write(tmp_path / "run")
    with h5py.File(run / "run.h5") as log:
        place = log["probe/energy"].id.get_chunk_info_by_coord((4, 0))
    content = bytearray((run / "run.h5").read_bytes())
    content[place.byte_offset + 9] ^= 0xFF
    (run / "run.h5").write_bytes(content)
    with pytest.raises(WorkbenchError, match="probe/energy"):
        export(run, tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "epochs.csv").write_text("precious")
    with pytest.raises(WorkbenchError, match="probe/energy"):
        export(run, tmp_path / "old", force=True)
    assert listing(tmp_path / "old") == ["epochs.csv"]
    assert (tmp_path / "old" / "epochs.csv").read_text() == "precious"


def test_nothing_is_replaced_unasked_and_only_its_own_when_asked(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    assert [path.name for path in export(run, out)] == ["epochs.csv", "samples.csv", "run.json"]
    first = (out / "samples.csv").read_bytes()
    (out / "samples.csv").write_text("old")
    with pytest.raises(WorkbenchError, match=re.escape("epochs.csv exists")):
        export(run, out)
    assert (out / "samples.csv").read_text() == "old"
    export(run, out, force=True)
    assert (out / "samples.csv").read_bytes() == first
    assert listing(out) == ["epochs.csv", "mine.txt", "run.json", "samples.csv"]
    assert (out / "mine.txt").read_text() == "precious"


def test_a_link_is_replaced_not_followed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere.csv").write_text("precious")
    (tmp_path / "out" / "epochs.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(WorkbenchError, match="exists"):
        export(run, tmp_path / "out")
    export(run, tmp_path / "out", force=True)
    assert (tmp_path / "elsewhere.csv").read_text() == "precious"
    assert not (tmp_path / "out" / "epochs.csv").is_symlink()


def test_folder_names_are_safe_and_unique(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b/a", "x\x1b[31m y", "..b", "~", "CON A", "con a", "z" * 200):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "run.h5").touch()
        paths.append(folder)
    (tmp_path / "one.h5").touch()
    names = folder_names([*paths, tmp_path / "one.h5", tmp_path / "a" / "run.h5", tmp_path / "a" / ".." / "a"])
    expected = ["a", "a-2", "x_31m_y", "b", "run", "CON_A", "con_a-2", "z" * 64, "one", "a-3", "a-4"]
    assert names == expected
