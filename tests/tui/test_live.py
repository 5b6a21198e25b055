"""A log that grows, is damaged, vanishes or is replaced while the app looks at it."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Opened, facts_of, text_of
from tests.tui.runs import COLLAPSE, NOW, append, meta, start, write
from trainers.energylog import LogWriter
from workbench.tui.screens import run as run_screen
from workbench.tui.widgets.classes import Classes
from workbench.tui.widgets.explorer import Explorer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the log as often as the design allows."""
    monkeypatch.setattr(run_screen, "POLL_SECONDS", 0.25)


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, text_of(pilot)
        await pilot.pause(0.02)
    await pilot.pause()


async def test_a_cursor_at_the_end_follows_the_run(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        append(writer)
        async with opened(tmp_path / "run", clock=time.time) as pilot:
            screen = pilot.app.screen
            assert "● live · 1/40 epochs" in text_of(pilot)
            for epochs in (2, 3):
                append(writer)
                await until(pilot, lambda epochs=epochs: screen.view.num_epochs == epochs)
                assert screen.epoch == epochs - 1
                assert f"ΔE train, fgsm, epoch {epochs - 1}" in text_of(pilot)
            writer.close("finished")
            await until(pilot, lambda: "✓ finished · 3/40 epochs" in text_of(pilot))


async def test_a_cursor_elsewhere_stays(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        for _ in range(3):
            append(writer)
        async with opened(tmp_path / "run", clock=time.time) as pilot:
            await pilot.press("left")
            append(writer)
            await until(pilot, lambda: pilot.app.screen.view.num_epochs == 4)
            assert pilot.app.screen.epoch == 1
            await pilot.press("end")
            append(writer)
            await until(pilot, lambda: pilot.app.screen.view.num_epochs == 5)
            assert pilot.app.screen.epoch == 4


async def test_under_a_dialogue_it_waits_and_then_catches_up(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        append(writer)
        async with opened(tmp_path / "run", clock=time.time) as pilot:
            screen = pilot.app.screen
            await pilot.press("question_mark")
            await until(pilot, lambda: pilot.app.screen is not screen)
            append(writer)
            await asyncio.sleep(0.6)
            assert screen.view.num_epochs == 1
            await pilot.press("escape")
            await until(pilot, lambda: "● live · 2/40 epochs" in text_of(pilot))


async def test_a_run_that_begins_while_it_is_watched(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        async with opened(tmp_path / "run", size=(120, 40), clock=time.time) as pilot:
            assert "no epoch is committed yet" in text_of(pilot)
            append(writer)
            append(writer)
            await until(pilot, lambda: pilot.app.screen.view.num_epochs == 2)
            assert pilot.app.screen.epoch == 1
            assert "no epoch is committed yet" not in text_of(pilot)


async def test_an_onset_appears_when_it_is_found(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        for _ in range(COLLAPSE):
            append(writer, collapses=True)
        async with opened(tmp_path / "run", size=(120, 40), clock=time.time) as pilot:
            assert "CO" not in text_of(pilot)
            append(writer, collapses=True)
            await until(pilot, lambda: len(re.findall("▲CO|CO▲", text_of(pilot))) == 3)
            assert f"Catastrophic overfitting from epoch {COLLAPSE}" in facts_of(pilot)


async def test_an_event_appears_before_its_epoch_ends(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        append(writer)
        async with opened(tmp_path / "run", clock=time.time) as pilot:
            await pilot.press("0")
            writer.append_event(kind="note", epoch=1, step=25, message="saw something")
            await until(pilot, lambda: "note: saw something" in text_of(pilot))


async def test_it_shows_how_stale_the_data_are_and_when_the_writer_is_lost(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        append(writer)
        now = [time.time()]
        async with opened(tmp_path / "run", clock=lambda: now[0]) as pilot:
            assert "● live · 1/40 epochs · 0 s old" in text_of(pilot)
            now[0] += 30
            await until(pilot, lambda: "● live · 1/40 epochs · 3" in text_of(pilot))
            now[0] += 600
            await until(pilot, lambda: "✗ crashed · 1/40 epochs · 10 min old" in text_of(pilot))
            assert "no sign of life for 10 min" in facts_of(pilot)


async def test_a_vanished_log_is_missed_and_welcomed_back(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "run", epochs=3)
    async with opened(tmp_path / "run", size=(120, 40), clock=time.time) as pilot:
        (tmp_path / "run" / "run.h5").rename(tmp_path / "aside.h5")
        await until(pilot, lambda: "✗ unreadable" in text_of(pilot))
        assert "run.h5 is gone" in facts_of(pilot)
        await pilot.press("left")
        assert pilot.app.screen.epoch == 1, "what was read can still be looked at"
        (tmp_path / "aside.h5").rename(tmp_path / "run" / "run.h5")
        await until(pilot, lambda: "✓ finished" in text_of(pilot))


async def test_a_log_replaced_by_a_resumed_run_is_taken_up(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "run", epochs=2, status="stopped")
    async with opened(tmp_path / "run", clock=time.time) as pilot:
        with LogWriter.resume(tmp_path / "run" / "run.h5") as writer:
            append(writer)
            await until(pilot, lambda: pilot.app.screen.view.num_epochs == 3)
            assert pilot.app.screen.epoch == 2
            assert "● live · 3/40 epochs" in text_of(pilot)


async def test_a_log_replaced_by_a_shorter_one(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "run", epochs=8)
    write(tmp_path / "other", epochs=2)
    async with opened(tmp_path / "run", clock=time.time) as pilot:
        (tmp_path / "other" / "run.h5").replace(tmp_path / "run" / "run.h5")
        await until(pilot, lambda: pilot.app.screen.view.num_epochs == 2)
        assert pilot.app.screen.epoch == 1


@pytest.mark.parametrize("in_place", [False, True], ids=["moved there", "written over it"])
async def test_another_runs_log_in_its_place_is_told_and_nothing_of_the_first_is_kept(
    tmp_path: Path, opened: Opened, in_place: bool
) -> None:
    log, other = tmp_path / "run" / "run.h5", tmp_path / "other" / "run.h5"
    write(log.parent, epochs=8)
    write(other.parent, epochs=7, facts=meta(run_id="another", method="pgd"))
    async with opened(log.parent, clock=time.time) as pilot:
        screen = pilot.app.screen
        await pilot.press("2", "plus", "5", "left", "left", "left")
        await until(pilot, lambda: screen.epoch == 4 and screen.query_one(Classes).ready)
        kept = {*screen.query(Classes), *screen.query(Explorer)}
        if in_place:
            log.write_bytes(other.read_bytes())
        else:
            other.replace(log)
        await until(pilot, lambda: "⇄ other run since" in text_of(pilot))
        assert "pgd" in text_of(pilot).splitlines()[0]
        assert screen.epoch == 6, "an epoch of the other run means nothing in this one"
        (told,) = [note.message for note in pilot.app._notifications if note.title == "Another run"]
        assert "another in the place of digits-fgsm-0" in told
        await until(pilot, lambda: any(new.ready for new in screen.query(Classes) if new not in kept))
        assert not kept & {*screen.query(Classes), *screen.query(Explorer)}
        await pilot.press("2", "1")
        assert "before, it was that of digits-fgsm-0" in facts_of(pilot)


async def test_a_log_resumed_in_its_place_keeps_what_was_chosen(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "run", epochs=4, status="stopped")
    async with opened(tmp_path / "run", clock=time.time) as pilot:
        await pilot.press("5", "left")
        await until(pilot, lambda: bool(pilot.app.screen.query(Classes)))
        classes, data = pilot.app.screen.query_one(Classes), pilot.app.screen.view.data
        with LogWriter.resume(tmp_path / "run" / "run.h5") as writer:
            append(writer)
            await until(pilot, lambda: pilot.app.screen.view.num_epochs == 5)
        assert pilot.app.screen.epoch == 2
        assert pilot.app.screen.query_one(Classes) is classes
        assert pilot.app.screen.view.data is data, "the same epochs need not be read again"


async def test_a_log_replaced_by_rubbish(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "run", epochs=3)
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 100)
    async with opened(tmp_path / "run", size=(120, 40), clock=time.time) as pilot:
        (tmp_path / "rubbish").replace(tmp_path / "run" / "run.h5")
        await until(pilot, lambda: "✗ unreadable" in text_of(pilot))
        assert "is not an HDF5 file" in facts_of(pilot)
        assert "trying again" in facts_of(pilot)


async def test_a_log_cut_short_is_told_over_every_pane_until_it_is_whole(tmp_path: Path, opened: Opened) -> None:
    log = tmp_path / "run" / "run.h5"
    write(log.parent, epochs=3)
    content = log.read_bytes()
    async with opened(log.parent, clock=lambda: NOW) as pilot:
        os.truncate(log, len(content) * 9 // 10)
        for key in "1234567890":
            await pilot.press(key)
            await until(pilot, lambda: "✗ log unreadable since 15:06 UTC · shown: 3 epochs" in text_of(pilot))
            assert " run.h5 is truncated or damaged (" in text_of(pilot)
        log.write_bytes(content)
        await until(pilot, lambda: "✓ finished" in text_of(pilot))
        assert "unreadable" not in text_of(pilot)


async def test_damage_that_one_pane_meets_is_told_over_every_pane(tmp_path: Path, opened: Opened) -> None:
    log = tmp_path / "run" / "run.h5"
    write(log.parent, epochs=3)
    with h5py.File(log) as file:
        offset = file["/train/energy"].id.get_chunk_info_by_coord((1, 0)).byte_offset
    content = log.read_bytes()
    log.write_bytes(content[:offset] + b"\xff\xff\xff\xff" + content[offset + 4 :])
    async with opened(log.parent, clock=time.time) as pilot:
        assert "damaged" not in text_of(pilot)
        await pilot.press("6", "left")
        await until(pilot, lambda: "✗ log damaged in part" in text_of(pilot))
        await pilot.press("3")
        await until(pilot, lambda: "under fgsm, epoch 1" in text_of(pilot))
        assert "✗ log damaged in part" in text_of(pilot)
        assert "✓ finished" in text_of(pilot)
        log.write_bytes(content)
        await until(pilot, lambda: "damaged in part" not in text_of(pilot))


async def test_a_log_lost_between_the_first_frame_and_the_first_reading(tmp_path: Path) -> None:
    from workbench.tui.application import WorkbenchApp

    write(tmp_path / "run", epochs=3)
    app = WorkbenchApp(tmp_path / "run", clock=time.time)
    (tmp_path / "run" / "run.h5").unlink()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "holds no run.h5" in facts_of(pilot))
        await pilot.press("left", "n", "s", "1", "2", "3", "4", "5", "question_mark")


async def test_live_redraws_are_at_most_four_a_second(tmp_path: Path, opened: Opened) -> None:
    with start(tmp_path / "run") as writer:
        append(writer)
        async with opened(tmp_path / "run", clock=time.time) as pilot:
            taken: list[float] = []
            screen = pilot.app.screen
            take = screen._take
            screen._take = lambda view: (taken.append(time.monotonic()), take(view))
            end = time.monotonic() + 1.2
            while time.monotonic() < end:
                append(writer)
                await asyncio.sleep(0.02)
        assert 1 <= len(taken) <= 6
