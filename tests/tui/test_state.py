"""What the app remembers: it comes back where the user was, and nothing in its file can hurt it."""

import fcntl
import json
import os
import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Opened, settled, text_of
from tests.tui.runs import EPOCHS, NOW, write
from workbench.tui.application import WorkbenchApp
from workbench.tui.look import palette
from workbench.tui.memory import LARGEST_ENTRY, MOST_ENTRIES, Memory, place_of, places_of, state_path
from workbench.tui.screens.workspace import WorkspaceScreen
from workbench.tui.widgets.classes import Classes
from workbench.tui.widgets.histogram import Histogram


async def quit_app(pilot: Pilot[None]) -> None:
    await pilot.press("q")
    await pilot.pause()


def kept(path: Path) -> dict[str, object]:
    return json.loads(state_path().read_text())["runs"][place_of(path)]["kept"]


async def test_a_run_opens_where_it_was_left(written: Path, opened: Opened) -> None:
    run = written / "collapsed"
    async with opened(run) as pilot:
        await pilot.press("s", "3", "b", "home", "right", "right")
        while pilot.app.screen.view.split != "probe":
            await pilot.pause(0.01)
        await quit_app(pilot)
    assert kept(run) == {
        "pane": "histogram",
        "epoch": 2,
        "split": "probe",
        "widgets": {"histogram": {"ghost": False}},
    }
    async with opened(run) as pilot:
        screen = pilot.app.screen
        while screen.view.split != "probe":
            await pilot.pause(0.01)
        assert (screen.pane, screen.epoch) == ("histogram", 2)
        assert not pilot.app.query_one(Histogram).keep()["ghost"]
        assert "epoch 2 " in text_of(pilot)


async def test_a_cursor_at_the_end_is_at_the_end_again_of_a_run_that_grew(tmp_path: Path, opened: Opened) -> None:
    run = write(tmp_path / "run", epochs=3)
    async with opened(run) as pilot:
        await quit_app(pilot)
    assert kept(run)["epoch"] == "last"
    (run / "run.h5").unlink()
    write(run, epochs=5)
    async with opened(run) as pilot:
        assert pilot.app.screen.epoch == 4


async def test_an_epoch_that_is_no_more_is_the_last(tmp_path: Path, opened: Opened) -> None:
    run = write(tmp_path / "run", epochs=9)
    async with opened(run) as pilot:
        await pilot.press("left", "left")
        await quit_app(pilot)
    (run / "run.h5").unlink()
    write(run, epochs=3)
    async with opened(run) as pilot:
        assert pilot.app.screen.epoch == 2


async def test_classes_stand_as_they_were_left(tmp_path: Path, opened: Opened) -> None:
    run = write(tmp_path / "run", epochs=3)

    async def classes(pilot: Pilot[None]) -> Classes:
        await pilot.press("5")
        while not pilot.app.query(Classes):
            await pilot.pause(0.01)
        await pilot.pause()
        return pilot.app.query_one(Classes)

    async with opened(run) as pilot:
        await classes(pilot)
        await pilot.press("o", "m")
        await quit_app(pilot)
    left = kept(run)["widgets"]["classes"]
    assert left["order"] == "median"
    assert left["measure"] != "median"
    async with opened(run) as pilot:
        pane = await classes(pilot)
        assert pane.keep() == left
        pane.restore({"order": ["median"], "measure": 7})
        assert pane.keep() == left


async def test_a_list_opens_as_it_was_left(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name, epochs=2)

    async def read(pilot: Pilot[None]) -> WorkspaceScreen:
        screen = pilot.app.screen
        assert isinstance(screen, WorkspaceScreen)
        while not screen._read_once:
            await pilot.pause(0.01)
        await pilot.pause()
        return screen

    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await read(pilot)
        await pilot.press("slash", *"method:fgsm", "enter")
        await pilot.press("O", "home", "space", "down", "p", "m", "x", "w")
        await quit_app(pilot)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await read(pilot)
        assert screen.order == "-name"
        assert [path.parent.name for path in screen.marked] == ["c"]
        assert [path.parent.name for path in screen.pinned] == ["a"]
        assert screen.cursor is not None
        assert screen.cursor.parent.name == "a"
        assert screen.keep()["measure"] == "fgsm_accuracy"
        assert screen.keep()["axis"] == "step"
        assert screen.keep()["median"] == 3
        assert "filter method:fgsm" in text_of(pilot)


async def test_a_run_opened_from_the_list_is_remembered_when_it_is_left(tmp_path: Path) -> None:
    run = write(tmp_path / "a", epochs=3)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(2):
            while not isinstance(pilot.app.screen, WorkspaceScreen) or not pilot.app.screen._read_once:
                await pilot.pause(0.01)
            await pilot.press("enter")
            while isinstance(pilot.app.screen, WorkspaceScreen):
                await pilot.pause(0.01)
            screen = await settled(pilot)
            await pilot.press("3", "escape")
            await pilot.pause()
        assert screen.pane == "histogram"
        assert app.memory.recall("runs", place_of(run))["pane"] == "histogram"


async def test_the_theme_is_remembered(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        assert palette.in_use().name == "dark"
        await pilot.press("T")
        await quit_app(pilot)
    async with opened(written / "healthy"):
        assert palette.in_use().name == "light"


HOSTILE = (
    "",
    "{",
    "[]",
    "null",
    '{"version": 2, "runs": {"PLACE": {"at": 1, "kept": {"pane": "curves"}}}}',
    '{"version": 1, "runs": 3, "lists": null, "app": []}',
    '{"version": 1, "runs": {"PLACE": {"at": "x", "kept": {}}}}',
    '{"version": 1, "runs": {"PLACE": {"at": 1, "kept": {"pane": [1], "epoch": 1e99, "split": {}, "widgets": 7}}}}',
    '{"version": 1, "runs": {"PLACE": {"at": 1, "kept": {"pane": "x\\u001b[2J", "epoch": true, "split": "probe2"}}}}',
    '{"version": 1, "runs": {"PLACE": {"at": NaN, "kept": {"epoch": -5, "widgets": {"histogram": {"ghost": []}}}}}}',
    '{"version": 1, "runs": {"/a": {"at": true, "kept": {}}, "/b": {"at": Infinity, "kept": {}}}}',
    '{"version": 1, "app": {"theme": {"at": 1, "kept": {"name": "no such theme"}}}}',
    "[" * 100_000,
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_damaged_or_foreign_file_is_ignored(written: Path, opened: Opened, content: str) -> None:
    run = written / "healthy"
    state_path().write_text(content.replace("PLACE", place_of(run)))
    async with opened(run) as pilot:
        assert pilot.app.screen.pane == "overview"
        assert pilot.app.screen.epoch in (0, EPOCHS - 1)
        assert not pilot.app._notifications
        await pilot.press("2", "left")
        await quit_app(pilot)
    assert kept(run)["pane"] == "curves"


def test_apps_at_the_same_time_keep_each_others_entries() -> None:
    memories = [Memory(state_path()) for _ in range(8)]
    for number, memory in enumerate(memories):
        memory.note("runs", f"/run/{number}", {"epoch": number})
    threads = [threading.Thread(target=memory.save) for memory in memories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = Memory(state_path())
    assert [fresh.recall("runs", f"/run/{number}") for number in range(8)] == [{"epoch": n} for n in range(8)]


def test_only_the_last_entries_are_kept_and_none_that_is_large() -> None:
    clock = iter(range(10_000))
    memory = Memory(state_path(), lambda: next(clock))
    for number in range(MOST_ENTRIES + 50):
        memory.note("runs", str(number), {"epoch": number})
        memory.save()
    memory.note("runs", "large", {"text": "x" * LARGEST_ENTRY})
    memory.save()
    runs = json.loads(state_path().read_text())["runs"]
    assert list(runs) == [str(number) for number in range(50, MOST_ENTRIES + 50)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    memory = Memory(tmp_path / "state.json")
    memory.note("runs", "a", {"epoch": 1})
    memory.save()
    tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = Memory(tmp_path / "file" / "state.json")
    memory.note("runs", "a", {"epoch": 1})
    memory.save()
    assert memory.recall("runs", "a") == {"epoch": 1}


def test_what_could_not_be_written_is_written_next_time() -> None:
    memory = Memory(state_path())
    with state_path().with_suffix(".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        memory.note("runs", "a", {"epoch": 1})
        memory.note("runs", "b", {"epoch": 1})
        memory.save()
    assert memory.is_changed
    memory.note("runs", "a", {"epoch": 2})
    memory.save()
    fresh = Memory(state_path())
    assert [fresh.recall("runs", name) for name in "ab"] == [{"epoch": 2}, {"epoch": 1}]


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of(Path("run")) == place_of(Path("./x/../run/run.h5")) == str(tmp_path / "run")
    assert places_of([Path("run")]) == place_of(Path("run"))
    assert places_of([Path("a"), Path("b")]) == places_of([tmp_path / "a", Path("b/run.h5")])
    assert places_of([Path("a"), Path("b")]) != places_of([Path("b"), Path("a")])
