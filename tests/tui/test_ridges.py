"""ΔE as ridges: which epochs have one, what a ridge shows, the key and the mouse."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tui.conftest import Opened, Pictured, settled, text_of
from tests.tui.looks import Look, every_look
from tests.tui.runs import COLLAPSE, NOW
from trainers.energylog.schema import histogram_edges
from workbench.tui.facts.source import Source
from workbench.tui.keys.heatmap import HEATMAP_KEYS
from workbench.tui.plots.axes import EpochAxis
from workbench.tui.plots.heat import ridges_of
from workbench.tui.widgets.heatmap import HeatMap
from workbench.tui.widgets.ridge import ridge_epochs


@pytest.mark.parametrize(
    ("count", "special", "height", "epochs"),
    [
        pytest.param(40, [0], 13, [0, 4, 9, 13, 17, 22, 26, 30, 35, 39], id="evenly"),
        pytest.param(40, [11], 13, [0, 4, 11, 13, 17, 22, 26, 30, 35, 39], id="the cursor instead of the nearest"),
        pytest.param(40, [11, 12], 13, [0, 4, 11, 12, 17, 22, 26, 30, 35, 39], id="an onset beside the cursor"),
        pytest.param(3, [2, 1], 30, [0, 1, 2], id="all of a few"),
        pytest.param(1, [0], 30, [0], id="one"),
        pytest.param(0, [], 30, [], id="none"),
        pytest.param(9, [4], 3, [], id="no room"),
        pytest.param(9, [4, 6, 40], 4, [4], id="room for the cursor only"),
    ],
)
def test_which_epochs_have_a_ridge(count: int, special: list[int], height: int, epochs: list[int]) -> None:
    ridges = ridge_epochs(count, special, height)
    assert [epoch for epoch, _ in ridges] == epochs
    assert all(1 <= foot <= height - 3 for _, foot in ridges)


def test_a_ridge_is_the_histogram_of_its_epoch(written: Path) -> None:
    source = Source(written / "collapsed", lambda: NOW)
    view = source.read()
    epochs, columns = [0, COLLAPSE], 40
    edges, shown = histogram_edges(), np.array(view.axis.edges(columns))
    for epoch, heights in zip(epochs, ridges_of(view, epochs, columns), strict=True):
        shares = np.zeros(columns)
        for low, high, count in zip(edges[:-1], edges[1:], view.counts[epoch], strict=True):
            for column in range(columns if count else 0):
                overlap = min(high, shown[column + 1]) - max(low, shown[column])
                shares[column] += count * max(overlap, 0.0) / (high - low)
        np.testing.assert_allclose(heights, shares / shares.max(), atol=2e-3)
    source.close()


def test_the_heat_map_is_that_of_the_counts_it_is_given(written: Path) -> None:
    source, widget = Source(written / "collapsed", lambda: NOW), HeatMap(None)
    view = source.read()
    axis, seen = EpochAxis(view.num_epochs, 60), []
    for epoch in range(0, COLLAPSE, 5):  # each is gone before the next is made, whose memory may be the same
        heat = widget._heat_of(replace(view, counts=np.repeat(view.counts[[epoch]], view.num_epochs, axis=0)), axis, 30)
        seen.append(heat.levels.tobytes())
        del heat
    assert len(set(seen)) == len(seen)
    source.close()


async def test_m_shows_ridges_and_a_click_chooses_one(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(100, 30)) as pilot:
        await pilot.press("4")
        await pilot.pause(0.1)
        assert "─ median" in text_of(pilot)
        await pilot.press("m")
        await pilot.pause()
        lines = text_of(pilot).splitlines()
        assert "each epoch to its own height" in lines[2]
        assert any(line.lstrip().startswith(f"▲ {COLLAPSE}") for line in lines)
        await pilot.click(
            "#heatmap", offset=(40, next(y for y, line in enumerate(lines[2:]) if line.startswith("      0│")))
        )
        assert pilot.app.screen.epoch == 0
        await pilot.press("m")
        await pilot.pause()
        assert "─ median" in text_of(pilot)
    assert [key for row in HEATMAP_KEYS.rows for key in row.keys] == ["m"]


@every_look
def test_pictures(pictured: Pictured, written: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written)

    async def before(pilot) -> None:
        await settled(pilot)
        await pilot.press("4", "n", "right", "right", "m")
        await settled(pilot)

    pictured(look, "collapsed", before=before)
