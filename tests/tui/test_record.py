"""The record: everything that a log says of its run is there, as plain text, however much or little that is."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.tui.conftest import Opened, Pictured, text_of
from tests.tui.looks import Look, every_look
from tests.tui.recorded import NUM_PROBE, NUM_TRAIN, open_pane, read, write_recorded
from tests.tui.runs import COLLAPSE, NOW, meta
from workbench.tui.facts.provenance import MOST_KEYS, OTHER, LogFacts, group_of, log_facts, provenance
from workbench.tui.facts.source import Source
from workbench.tui.widgets.page import Page

CONFIG = {
    "method": "fgsm-der",
    "data": "digits",
    "model": "small-cnn",
    "eps": 0.25,
    "lr": 0.1,
    "der_beta": 15.0,
    "keep_best": True,
    "of its own": {"nested": [1, 2, {"deep": "x" * 10_000}]},
    "[red]x[/]\x1b[31m": "\x1b]0;title\x07\nbreak",
    "none": None,
}
FACTS = meta(
    config=CONFIG,
    versions={"python": "3.11.7", "torch": "2.13.0+cpu"},
    git_revision="8dd515a3793a6a7c3cd4336466b7167245200d82",
    keep_bits=12,
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a full record, as written at NOW."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        return write_recorded(tmp_path_factory.mktemp("recorded") / "run", facts=FACTS)


def words(page: Page) -> str:
    """Labels and texts, line by line."""
    return "\n".join(f"{entry.label} {entry.text}".strip() for entry in page.entries)


async def test_all_that_the_log_says_is_there(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(80, 24)) as pilot:
        said = words(await open_pane(pilot, "0", "record"))
    for line in (
        f"Catastrophic overfitting from epoch {COLLAPSE}",
        "method fgsm on digits",
        "run digits-fgsm-0",
        "seed 0",
        "created 2025-06-15T14:00:00Z",
        "code git revision 8dd515a3793a6a7c3cd4336466b7167245200d82",
        "versions python 3.11.7, torch 2.13.0+cpu",
        f"samples {NUM_TRAIN} train, {NUM_PROBE} probe",
        "files one file, ",
        "energies float32, in nats, rounded to 12 of 23 bits of mantissa",
        "ΔE train under fgsm, batch norm in train mode",
        "DER\nder_beta 15.0",
        "Optimisation\nlr 0.1",
        "keep_best true",
        "none null",
        "of its own {'nested': [1, 2, {'deep': 'xxx",
        r"[red]x[/]\x1b[31m \x1b]0;title\x07\nbreak",
    ):
        assert line in said, line
    assert len(said) < 20_000
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("key", "group"),
    [("eps", "Method"), ("der_beta", "DER"), ("elle_decay", "Other terms"), ("lr", "Optimisation"), ("lrx", OTHER)],
)
def test_settings_are_put_with_their_like(key: str, group: str) -> None:
    assert group_of(key) == group


async def test_beside_the_events_where_both_fit(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(130, 30)) as pilot:
        await open_pane(pilot, "0", "provenance")
        shown = text_of(pilot)
        assert "▲ CO" in shown
        assert "Provenance" in shown
        assert "digits-fgsm-0" in shown


@pytest.mark.parametrize(
    ("key", "back"), [("down", "up"), ("j", "k"), ("pagedown", "pageup")], ids=["arrows", "letters", "pages"]
)
async def test_keys_scroll_it(recorded: Path, opened: Opened, key: str, back: str) -> None:
    async with opened(recorded, size=(80, 24)) as pilot:
        await open_pane(pilot, "0", "record")
        top = text_of(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert text_of(pilot) != top
        await pilot.press(back)
        await pilot.pause()
        assert text_of(pilot) == top


async def test_the_wheel_scrolls_it(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(80, 24)) as pilot:
        page = await open_pane(pilot, "0", "record")
        top = text_of(pilot)
        page.scroll_lines(10_000)
        await pilot.pause()
        assert text_of(pilot) != top
        assert "more lines" not in text_of(pilot)


async def test_a_log_that_says_nothing(tmp_path: Path, opened: Opened) -> None:
    facts = meta(config={}, versions={}, seed=None, planned_epochs=None, class_names=(), train_attack=None)
    run = write_recorded(tmp_path / "run", epochs=0, facts=facts)
    async with opened(run, size=(80, 24)) as pilot:
        said = words(await open_pane(pilot, "0", "record"))
    assert "Configuration the log holds none" in said
    assert "code git revision –" in said
    assert "None" not in said


async def test_a_log_that_vanishes(recorded: Path, tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=1, status="stopped")
    async with opened(run, size=(80, 24)) as pilot:
        page = await open_pane(pilot, "0", "record")
        (run / "run.h5").unlink()
        async with asyncio.timeout(20):
            while pilot.app.screen.view.trouble is None or page._looked_at is not pilot.app.screen.view:
                page.show(pilot.app.screen.view, 0)
                await pilot.pause(0.02)
        await read(pilot, "record")
        assert "No such file" in words(page)
        assert "Provenance" in words(page)


def test_countless_settings_are_bounded(tmp_path: Path) -> None:
    config = {f"setting {number}": number for number in range(5_000)}
    run = write_recorded(tmp_path / "run", epochs=0, facts=meta(config=config))
    source = Source(run, lambda: NOW)
    entries = provenance(source.read(), None)
    assert len(entries) < MOST_KEYS + 60
    assert entries[-1].text == f"and {5_000 - MOST_KEYS:,} more"
    source.close()


def test_the_files_of_a_log_in_segments_are_all_counted(tmp_path: Path) -> None:
    run = write_recorded(tmp_path / "run", epochs=1)
    source = Source(run, lambda: NOW)
    view = source.read()
    whole = (run / "run.h5").stat().st_size
    assert log_facts(view) == LogFacts(size=whole, segments=0, num_samples={"train": NUM_TRAIN, "probe": NUM_PROBE})
    (run / "run.h5.d").mkdir()
    (run / "run.h5.d" / "000000.h5").write_bytes(b"x" * 100)
    found = log_facts(view)
    assert (found.size, found.segments) == (whole + 100, 1)
    source.close()


@every_look
@pytest.mark.parametrize("pages", [0, 2], ids=["top", "below"])
def test_pictures(pictured: Pictured, recorded: Path, look: Look, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.parent)
    monkeypatch.setattr("workbench.tui.facts.provenance.bytes_text", lambda count: "1 MB")

    async def before(pilot) -> None:
        while pilot.app.screen.view is None:
            await pilot.pause(0.01)
        await open_pane(pilot, "0", "provenance" if look.size[0] > 120 else "record")
        await pilot.press(*["pagedown"] * pages)
        await pilot.pause()

    pictured(look, "run", before=before)
