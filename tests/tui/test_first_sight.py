"""What someone sees who opens the app for the first time: names, empty runs, what is copied, pages of the help."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import Opened, settled, text_of
from tests.tui.runs import write
from tests.tui.test_live import until
from workbench.tui.acts.exporting import titled
from workbench.tui.acts.seen import Seen
from workbench.tui.facts.numbers import Table
from workbench.tui.generated.scores import ScoreCard
from workbench.tui.generated.words import scored
from workbench.tui.samples.pane import Samples
from workbench.tui.screens.find import FindScreen
from workbench.tui.widgets.page import Page


async def samples_of(pilot: Pilot[None]) -> Samples:
    await pilot.press("7")
    await until(pilot, lambda: bool(pilot.app.screen.query(Samples)))
    pane = pilot.app.screen.query_one(Samples)
    await until(pilot, lambda: pane.ranking is not None and pane.idle)
    return pane


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_header_begins_with_the_runs_name(written: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(written / "collapsed", size=size) as pilot:
        assert text_of(pilot).startswith(" collapsed · fgsm · digits")
        assert ("  median ΔE " if size[0] > 80 else "  ΔE 5/50/95 % ") in text_of(pilot)


async def test_a_hostile_and_endless_name_leaves_room(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / ("[red]\x1b" + "n" * 60), epochs=1)
    async with opened(tmp_path / ("[red]\x1b" + "n" * 60), size=(120, 24)) as pilot:
        line = text_of(pilot).splitlines()[0]
        assert line.startswith(r" [red]\x1bnnnnnnnnnnnnnnnnnn… · fgsm · digits · small-cnn")


def test_a_plot_is_called_after_its_run() -> None:
    table = Table("accuracies", (), list)
    assert titled(Seen("Curves", "c", (), table, (Path("runs/one/run.h5"),)), table) == "one · accuracies"
    assert titled(Seen("Runs", "r", (), table, (Path("a"), Path("b"))), table) == "accuracies"


async def test_without_epochs_every_plot_says_so(tmp_path: Path, opened: Opened) -> None:
    write(tmp_path / "new", epochs=0)
    async with opened(tmp_path / "new", size=(120, 40)) as pilot:
        for pane, plots in (("2", 2), ("3", 1), ("4", 1)):
            await pilot.press(pane)
            await settled(pilot)
            await pilot.pause(0.1)
            assert text_of(pilot).count("no epoch is committed yet") == plots + 1, "in each plot, and in the timeline"
            assert "epoch 0" not in text_of(pilot)


async def test_samples_are_copied_as_a_table_alone(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(160, 48)) as pilot:
        await samples_of(pilot)
        await pilot.press("y")
        head, *rows = pilot.app.clipboard.splitlines()
        assert head.startswith("index\tlabel\tclass\t")
        assert len(rows) == 400
        assert {row.count("\t") for row in rows} == {head.count("\t")}


async def test_what_cannot_be_found_is_not_lost(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        await samples_of(pilot)
        for text in ("index:x", "index:99999"):
            await pilot.press("slash", *text, "enter")
            assert isinstance(pilot.app.screen, FindScreen)
            assert pilot.app.screen.query_one(Input).value == text
            await pilot.press("escape")
        await pilot.press("slash", *"index:7", "enter")
        assert not isinstance(pilot.app.screen, FindScreen)


async def test_a_page_of_the_help_is_what_is_seen_of_it(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(100, 40)) as pilot:
        await pilot.press("question_mark")
        page = pilot.app.screen.query_one(Page)
        lines = page.size.height
        await pilot.press("pagedown")
        assert page._offset == lines - 2
        await pilot.press("pageup")
        assert page._offset == 0


@pytest.mark.parametrize(("num", "doubted"), [(12, True), (2_047, True), (2_048, False), (None, False)])
def test_fid_of_few_images_is_doubted(num: int | None, doubted: bool) -> None:
    card = ScoreCard(
        values={"fid": 3.27, "agreement": 1.0},
        spreads={},
        num=num,
        against="digits (train)",
        features="digits-cnn",
        comparable=True,
        notes=(),
    )
    words = scored(card)
    assert ("images: biased upwards" in words) == doubted
    assert words.startswith("FID 3.27")
    assert "features digits-cnn" in words
    assert words.endswith("against digits (train)")
