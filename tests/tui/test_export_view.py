"""Copy, picture and export of what is open: the numbers are the log's, nothing is overwritten unasked."""

import csv
import errno
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.tui.conftest import Opened, settled, text_of
from tests.tui.runs import NOW, NUM_TRAIN, write
from trainers.atomic import write_atomically
from trainers.energylog import EnergyLog
from trainers.errors import WorkbenchError
from workbench.tui.acts.copying import MOST_BYTES, bounded
from workbench.tui.acts.exporting import csv_chunks
from workbench.tui.acts.files import stem, write_beside
from workbench.tui.application import WorkbenchApp
from workbench.tui.facts.numbers import Table
from workbench.tui.screens.export import ExportScreen
from workbench.tui.screens.workspace import WorkspaceScreen

REPORT = "import pathlib, sys; pathlib.Path(sys.argv[2].removeprefix('--out=')).write_text(' '.join(sys.argv[3:]))"
"""Stands in for the command line."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written to the current directory."""
    monkeypatch.chdir(tmp_path)


def said(pilot: Pilot[None]) -> list[str]:
    return [note.message for note in pilot.app._notifications]


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


async def until_said(pilot: Pilot[None], words: str) -> None:
    for _ in range(3000):
        if any(words in note for note in said(pilot)):
            return
        await pilot.pause(0.01)
    raise AssertionError(said(pilot))


async def ask(pilot: Pilot[None], name: str) -> str:
    """Open the dialogue and type a name; what it says."""
    await pilot.press("X")
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, ExportScreen)
    screen.query_one("Input").value = name
    await pilot.pause()
    return text_of(pilot)


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(name).read_text())))


async def test_the_histogram_as_csv_is_the_logs(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        await pilot.press("3", "n", "X")
        await pilot.pause()
        assert "collapsed-histogram-22.csv" in text_of(pilot)
        await pilot.press("enter")
        await until_said(pilot, "Wrote ")
    rows = rows_of("collapsed-histogram-22.csv")
    with EnergyLog.open(written / "collapsed") as log:
        counts = log.histogram("train")[22]
    assert [int(row["count"]) for row in rows] == counts[counts > 0].tolist()
    assert sum(int(row["count"]) for row in rows) == NUM_TRAIN
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
    assert all(float(row["lower"]) < float(row["upper"]) for row in rows)


async def test_the_heat_map_and_the_curves_as_csv(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press("4")
        await ask(pilot, "map.csv")
        await pilot.press("enter")
        await until_said(pilot, "map.csv")
        await pilot.press("2")
        await ask(pilot, "curves.csv")
        await pilot.press("enter")
        await until_said(pilot, "Wrote " + str(Path("curves.csv").absolute()))
    with EnergyLog.open(written / "healthy") as log:
        counts, table = log.histogram("train"), log.epochs()
    assert len(rows_of("map.csv")) == np.count_nonzero(counts)
    rows = rows_of("curves.csv")
    assert {"epoch", "train_loss"} < set(rows[0]) < set(table.dtype.names), "the lines that are seen"
    assert [float(row["pgd_accuracy"]) for row in rows] == table["pgd_accuracy"].tolist()


async def test_plots_as_png(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        for pane in ("2", "3", "4"):
            await pilot.press(pane)
            await ask(pilot, f"{pane}.png")
            await pilot.press("enter")
            await until_said(pilot, f"Wrote {Path(pane).absolute()}.png")
    for pane in ("2", "3", "4"):
        with Image.open(f"{pane}.png") as image:
            assert image.size == (1080, 640)
            assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 20


async def test_the_report_is_made_by_the_command_line(written: Path) -> None:
    run = written / "healthy"
    app = WorkbenchApp(run, clock=lambda: NOW, command=(sys.executable, "-c", REPORT))
    async with app.run_test() as pilot:
        await ask(pilot, "r.html")
        await pilot.press("enter")
        await until_said(pilot, "Wrote ")
    assert Path("r.html").read_text() == f"-- {run}"


async def test_a_report_that_fails_leaves_nothing(written: Path) -> None:
    fails = (sys.executable, "-c", "import sys; sys.exit('workbench: no room')")
    app = WorkbenchApp(written / "healthy", clock=lambda: NOW, command=fails)
    async with app.run_test() as pilot:
        await ask(pilot, "r.html")
        await pilot.press("enter")
        await until_said(pilot, "Nothing written: workbench report: workbench: no room")
    assert not Path("r.html").exists()


async def test_a_file_that_is_there_is_replaced_only_when_asked_twice(written: Path, opened: Opened) -> None:
    Path("there.csv").write_text("mine")
    Path("other.csv").write_text("mine")
    async with opened(written / "healthy") as pilot:
        await ask(pilot, "there.csv")
        await pilot.press("enter")
        await pilot.pause()
        assert "there.csv is there; Enter once more replaces it" in text_of(pilot)
        pilot.app.screen.query_one("Input").value = "other.csv"
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert "other.csv is there" in text_of(pilot)
        await pilot.press("enter")
        await until_said(pilot, "Wrote ")
    assert Path("there.csv").read_text() == "mine"
    assert Path("other.csv").read_text().startswith("epoch,")


async def test_formats_come_round_and_what_cannot_be_is_said(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press("0", "X")
        await pilot.pause()
        field = pilot.app.screen.query_one("Input")
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            seen.append(Path(field.value).suffix)
            await pilot.press(key)
        assert seen == [".csv", ".html", ".svg", ".csv"]
        for name, words in (
            ("x", "the name ends in .csv, .png, .html, .svg"),
            ("x.png", "there is nothing here for a PNG file"),
            ("no/where.csv", "there is no folder no"),
            ("x\x1b[2J.exe", "the name ends in"),
            (f"{'x' * 300}.csv", "cannot look at xxx"),
            (f"{'x' * 300}/a.csv", "(File name too long)"),
        ):
            field.value = name
            await pilot.pause()
            assert words in text_of(pilot)
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(pilot.app.screen, ExportScreen)
        await pilot.press("escape")
        await pilot.pause()
    assert names() == []


async def test_a_picture_never_overwrites(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        await pilot.press("4", "ctrl+s")
        await until_said(pilot, "collapsed-heatmap-39.svg")
        await pilot.press("ctrl+s")
        await until_said(pilot, "collapsed-heatmap-39-2.svg")
    assert names() == ["collapsed-heatmap-39-2.svg", "collapsed-heatmap-39.svg"]
    assert "<svg" in Path("collapsed-heatmap-39.svg").read_text()


async def test_a_picture_has_nothing_that_was_said_in_passing(written: Path) -> None:
    app = WorkbenchApp(written / "collapsed", clock=lambda: NOW)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settled(pilot)
        app.notify("passing", timeout=60, markup=False)
        while "passing" not in text_of(pilot):
            await pilot.pause(0.02)
        await pilot.press("ctrl+s")
        await until_said(pilot, "collapsed-overview-39.svg")
    assert "passing" not in Path("collapsed-overview-39.svg").read_text()


async def test_a_folder_that_is_gone_is_said(written: Path, opened: Opened, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    async with opened(written / "collapsed") as pilot:
        os.chdir(gone)
        gone.rmdir()
        await pilot.press("ctrl+s")
        await until_said(pilot, "No picture: ")
        os.chdir(tmp_path)


async def test_copy_takes_the_whole_text_of_a_page(written: Path, opened: Opened, monkeypatch) -> None:
    async with opened(written / "collapsed", size=(60, 14)) as pilot:
        await pilot.press("y")
        assert "Catastrophic overfitting from epoch 22" in pilot.app.clipboard
        assert "digits-fgsm-0" in pilot.app.clipboard
        assert "digits-fgsm-0" not in text_of(pilot)
        assert said(pilot)[-1].startswith("Copied Overview: ")
        await pilot.press("3", "y")
        await pilot.pause()
        assert "ΔE of training samples under fgsm" in pilot.app.clipboard
        assert len(pilot.app.clipboard.splitlines()) == pilot.app.query_one("#histogram").size.height


async def test_the_list_is_copied_and_exported_whole(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / "runs" / f"run-{number:02d}", epochs=1)
    app = WorkbenchApp(tmp_path / "runs", clock=lambda: NOW)
    async with app.run_test(size=(80, 10)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, WorkspaceScreen)
        while not screen._read_once:
            await pilot.pause(0.01)
        await pilot.press("y")
        assert all(f"run-{number:02d}\t" in app.clipboard for number in range(12))
        await ask(pilot, "list.csv")
        await pilot.press("enter")
        await until_said(pilot, "Wrote ")
    assert [row["name"] for row in rows_of("list.csv")] == [f"run-{number:02d}" for number in range(12)]


async def test_no_epoch(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "empty", epochs=0)
    async with opened(tmp_path / "empty") as pilot:
        for pane, name in (("2", "a.csv"), ("3", "b.csv"), ("4", "c.csv"), ("3", "d.png"), ("4", "e.png")):
            await pilot.press(pane)
            await ask(pilot, name)
            await pilot.press("enter")
            await until_said(pilot, name)
            await until_said(pilot, f"Wrote {Path(name).absolute()}")
    assert len(Path("a.csv").read_text().splitlines()) == 1


def test_text_is_cut_at_a_line() -> None:
    text = "\n".join(["ΔE" * 40] * 5_000)
    cut = bounded(text)
    assert MOST_BYTES - 200 < len(cut.encode()) <= MOST_BYTES
    assert text.startswith(cut + "\n")
    assert len(bounded("é" * MOST_BYTES).encode()) <= MOST_BYTES
    assert bounded("a\ud800b") == "a?b"


def test_csv_holds_what_spreadsheets_obey_as_text() -> None:
    rows = [["=1+1", float("nan"), 1.5], ["@x", None, -2], ["a,b\n", float("inf"), 0]]
    table = Table("t", ("a", "b", "c"), lambda: rows)
    assert b"".join(csv_chunks(table)).decode() == "a,b,c\n'=1+1,,1.5\n'@x,,-2\n\"a,b\n\",inf,0\n"


def test_names_of_files() -> None:
    assert stem("../../etc/passwd", "over view", 3) == "etc-passwd-over-view-3"
    assert stem("\x1b[2J", "名") == "2J"
    assert stem("...") == "workbench"
    assert len(stem("x" * 10_000)) == 100


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    def chunks():
        yield b"half"
        raise WorkbenchError("the log is gone")

    with pytest.raises(WorkbenchError):
        write_atomically(tmp_path / "a", chunks(), exclusive=True)
    assert names() == []
    assert write_beside(tmp_path, "a", ".svg", b"1").name == "a.svg"
    assert write_beside(tmp_path, "a", ".svg", b"2").name == "a-2.svg"
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a.svg", [b"3"], exclusive=True)
    assert (tmp_path / "a.svg").read_bytes() == b"1"
    with pytest.raises(WorkbenchError, match="cannot write"):
        write_atomically(tmp_path / "no" / "a", [b"3"], exclusive=True)


def test_a_file_system_without_hard_links_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert write_beside(tmp_path, "a", ".svg", b"1").name == "a.svg"
    assert write_beside(tmp_path, "a", ".svg", b"2").name == "a-2.svg"
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "a.svg", b"3", exclusive=True)
    assert names() == ["a-2.svg", "a.svg"]
    assert (tmp_path / "a.svg").read_bytes() == b"1"
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(WorkbenchError, match="cannot write"):
        write_atomically(tmp_path / "b.svg", b"3", exclusive=True)
    assert names() == ["a-2.svg", "a.svg"], "no empty file is left"
