"""The key table: every key does what the table says, and footer, help and palette say the same."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.tui.conftest import Opened, text_of
from tests.tui.runs import COLLAPSE, EPOCHS
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.form import FORM_KEYS
from workbench.tui.keys.help import HELP_KEYS
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.panes import PANES
from workbench.tui.screens.help import HelpScreen, help_entries
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.histogram import Histogram


def test_no_key_has_two_meanings() -> None:
    for table in (RUN_KEYS, HELP_KEYS, FORM_KEYS, JOB_KEYS):
        assert not [key for key, count in Counter(key for row in table.rows for key in row.keys).items() if count > 1]


def test_every_row_is_explained() -> None:
    assert all(row.help and row.caps and row.group for row in (*RUN_KEYS.rows, *FORM_KEYS.rows, *JOB_KEYS.rows))


async def test_every_key_runs_its_action(written: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def record(name: str):
        def action(self: RunScreen, *arguments: object) -> None:
            done.append(f"{name}({', '.join(map(repr, arguments))})" if arguments else name)

        return action

    for row in RUN_KEYS.rows:
        name = row.action.split("(")[0]
        monkeypatch.setattr(RunScreen, f"action_{name}", record(name))
    async with opened(written / "collapsed") as pilot:
        for row in RUN_KEYS.rows:
            for key in row.keys:
                done.clear()
                await pilot.press(key)
                assert done == [row.action], key


@pytest.mark.parametrize(
    ("presses", "epoch"),
    [
        ("left", EPOCHS - 2),
        ("right", EPOCHS - 1),
        ("left_square_bracket", EPOCHS - 11),
        ("home", 0),
        ("home left", 0),
        ("home right right", 2),
        ("home right_square_bracket right", 11),
        ("home shift+right", 10),
        ("ctrl+left ctrl+left", EPOCHS - 21),
        ("home end", EPOCHS - 1),
        ("h h l", EPOCHS - 2),
        ("n", COLLAPSE),
        ("home n", COLLAPSE),
        ("N", COLLAPSE),
        ("n right N", COLLAPSE),
    ],
)
async def test_the_epoch_cursor_moves(written: Path, opened: Opened, presses: str, epoch: int) -> None:
    async with opened(written / "collapsed") as pilot:
        await pilot.press(*presses.split())
        assert pilot.app.screen.epoch == epoch
        await pilot.pause()
        assert f"epoch {epoch} " in text_of(pilot)


async def test_number_keys_open_panes_and_tab_turns_them(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        for pane in PANES:
            await pilot.press(pane.key)
            assert pilot.app.screen.pane == pane.name
        await pilot.press("tab")
        assert pilot.app.screen.pane == PANES[0].name
        await pilot.press("shift+tab")
        assert pilot.app.screen.pane == PANES[-1].name


async def test_s_shows_the_other_samples(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        for split, words in (("probe", "ΔE probe, pgd-10"), ("train", "ΔE train, fgsm")):
            await pilot.press("s")
            while pilot.app.screen.view.split != split:
                await pilot.pause(0.01)
            await pilot.pause()
            assert words in text_of(pilot)


async def test_b_hides_the_ghost(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(80, 24)) as pilot:
        await pilot.press("3", "n")
        await pilot.pause()
        assert f"█ {COLLAPSE}  █ {COLLAPSE - 1}" in text_of(pilot)
        await pilot.press("b")
        await pilot.pause()
        assert f"█ {COLLAPSE - 1}" not in text_of(pilot)
        assert pilot.app.query_one(Histogram)


async def test_n_says_so_where_there_is_no_onset(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press("n")
        assert pilot.app.screen.epoch == EPOCHS - 1
        assert [note.message for note in pilot.app._notifications] == ["No onset has been found."]


async def test_arrows_scroll_the_text(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(60, 14)) as pilot:
        top = text_of(pilot).splitlines()[2]
        await pilot.press("down", "down")
        await pilot.pause()
        assert text_of(pilot).splitlines()[2] != top
        await pilot.press("pageup")
        await pilot.pause()
        assert text_of(pilot).splitlines()[2] == top
        await pilot.press(*["pagedown"] * 9)
        await pilot.pause()
        assert "more lines" not in text_of(pilot)


async def test_help_lists_every_key_and_closes(written: Path, opened: Opened) -> None:
    texts = [(entry.label.strip(), entry.text) for entry in help_entries([RUN_KEYS, JOB_KEYS])]
    assert all((row.caps, row.help) in texts for row in (*RUN_KEYS.rows, *JOB_KEYS.rows))
    async with opened(written / "healthy", size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "One epoch back" in text_of(pilot)
        for _ in range(20):
            if "Find a command by name" in text_of(pilot):
                break
            await pilot.press("down", "down", "down")
            await pilot.pause()
        assert "Find a command by name" in text_of(pilot)
        for key in HELP_KEYS.rows[0].keys:
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(pilot.app.screen, RunScreen), key
            await pilot.press("f1")
            await pilot.pause()


@pytest.mark.parametrize(
    ("sought", "found", "lost"),
    [
        ("n", ["To the next onset"], ["To the previous onset", "Quit"]),
        ("onset", ["To the next onset", "To the previous onset"], ["Quit"]),
        ("ONSET next", ["To the next onset"], ["To the previous onset"]),
        ("ctrl-p", ["Find a command by name"], ["To the next onset"]),
        ("nats", ["E(x) - E(x*) in nats"], ["Quit"]),
    ],
)
def test_the_help_is_searched_by_key_or_words(sought: str, found: list[str], lost: list[str]) -> None:
    shown = "\n".join(entry.text for entry in help_entries([RUN_KEYS, EVERYWHERE_KEYS], sought))
    assert all(words in shown for words in found), shown
    assert not any(words in shown for words in lost), shown


async def test_what_is_typed_into_the_help_searches_it(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(80, 24)) as pilot:
        await pilot.press("question_mark", "pagedown", *"quit")
        await pilot.pause()
        assert "Quit" in text_of(pilot)
        assert "One epoch back" not in text_of(pilot)
        await pilot.press(*"xyz")
        await pilot.pause()
        assert "nothing is about “quitxyz”" in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert "One epoch back" in text_of(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_quit(written: Path, opened: Opened, key: str) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press(key)
        await asyncio.wait_for(_ended(pilot), 5)


async def _ended(pilot) -> None:
    while pilot.app.is_running:
        await asyncio.sleep(0.01)


async def test_the_palette_offers_every_action(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        commands = {command.title: command for command in pilot.app.get_system_commands(pilot.app.screen)}
        rows = (*RUN_KEYS.rows, *EVERYWHERE_KEYS.rows)
        assert set(commands) == {row.help for row in rows if row.action != "palette"}
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"first")
        await pilot.pause(0.2)
        await pilot.press("enter", "enter")
        await pilot.pause(0.2)
        assert pilot.app.screen.epoch == 0


async def test_the_footer_shows_the_tables_words_and_always_help_and_quit(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        footer = text_of(pilot).splitlines()[-1]
        assert all(row.footer in footer for row in RUN_KEYS.rows if row.footer)
        await pilot.resize_terminal(24, 10)
        await pilot.pause(0.1)
        footer = text_of(pilot).splitlines()[-1]
        assert "? help" in footer
        assert "q quit" in footer


async def test_the_mouse(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(100, 30)) as pilot:
        lines = text_of(pilot).splitlines()
        await pilot.click(offset=(lines[1].index(" 4 ") + 1, 1))
        assert pilot.app.screen.pane == "heatmap"
        await pilot.click("#timeline", offset=(10, 0))
        assert pilot.app.screen.epoch == 0
        await pilot.click("#heatmap", offset=(8 + 41, 10))  # the box begins at column 8 and is 82 columns wide
        assert pilot.app.screen.epoch == EPOCHS // 2
        await pilot.press("2")
        await pilot.pause(0.1)
        await pilot.click("#upper LinePlot", offset=(74, 5))
        assert pilot.app.screen.epoch == EPOCHS - 1
        await pilot.click(offset=(text_of(pilot).splitlines()[-1].index("help"), 29))
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)
