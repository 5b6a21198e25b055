"""Themes: what stands on the background is seen, and what stands together is told apart with any colour vision."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from textual.pilot import Pilot

from tests.tui.conftest import Opened, settled
from tests.tui.runs import NOW, write
from tests.tui.test_generate import begin, faked, finish, keep
from workbench.tui.acts.seen import strips_of
from workbench.tui.application import WorkbenchApp
from workbench.tui.look import palette
from workbench.tui.look.themes import DARK, LIGHT, SIXTEEN, THEMES, Palette
from workbench.tui.panes import PANES
from workbench.tui.screens.workspace import WorkspaceScreen

WORDS = (palette.TEXT, palette.MUTED, palette.ACCENT, palette.CURSOR)
STATES = (palette.GOOD, palette.WARNING, palette.CATASTROPHIC, palette.ROBUST)
LINES = (palette.CLEAN, palette.FGSM, palette.PGD, palette.TRAIN, palette.BOX, *palette.SERIES)
THIN = (palette.FAINT, palette.FRAME, palette.BARS)

VISION = {
    # Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])

every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)


def linear(colour: str) -> NDArray[np.float64]:
    """Linear RGB in [0, 1]."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of linear RGB."""
    xyz = TO_XYZ @ rgb / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """CIEDE2000 between two colours in CIELAB (Sharma, Wu and Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one.tolist(), other.tolist()
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean7 / (mean7 + 25**7))
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    t = 1.0 + sum(
        weight * np.cos(np.radians(times * hue + shift))
        for weight, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    )
    by_l = (l2 - l1) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    by_c = (c2 - c1) / (1 + 0.045 * chroma)
    by_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(by_l**2 + by_c**2 + by_h**2 + rotation * by_c * by_h))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # Sharma, Wu and Dalal (2005), table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_ciede2000(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    assert distance(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@every_theme
def test_themes_have_the_same_names_and_whole_colours(theme: Palette) -> None:
    assert set(theme.colours) == set(DARK.colours)
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in theme.colours.values())


@every_theme
def test_words_are_legible(theme: Palette) -> None:
    weak = {
        (name, on): round(contrast(theme.colours[name], theme.colours[on]), 2)
        for names, grounds in (
            ((*WORDS, *STATES), (palette.BACKGROUND, palette.SURFACE)),
            (LINES, (palette.BACKGROUND,)),
        )
        for name in names
        for on in grounds
        if contrast(theme.colours[name], theme.colours[on]) < 4.5
    }
    assert weak == {}


@every_theme
def test_thin_things_are_seen(theme: Palette) -> None:
    ground = theme.colours[palette.BACKGROUND]
    assert {name: c for name in THIN if (c := round(contrast(theme.colours[name], ground), 2)) < 3} == {}


@every_theme
@pytest.mark.parametrize("vision", VISION)
def test_what_stands_together_is_told_apart_with_any_colour_vision(theme: Palette, vision: str) -> None:
    seen = {name: lab(np.clip(VISION[vision] @ linear(colour), 0, 1)) for name, colour in theme.colours.items()}
    for group, least in (
        ((palette.CLEAN, palette.FGSM, palette.PGD, palette.TRAIN), 10.0),
        ((palette.CATASTROPHIC, palette.ROBUST), 25.0),
        ((palette.BARS, palette.GHOST), 20.0),
        (palette.SERIES, 6.0),
    ):
        for one, other in combinations(group, 2):
            assert distance(seen[one], seen[other]) >= least, (one, other)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_the_heat_map_rises_in_lightness(theme: Palette) -> None:
    palette.use(theme)
    lightness = [float(lab(linear(palette.heat(level)))[0]) for level in range(palette.LEVELS)]
    steps = np.diff(lightness) if theme.dark else -np.diff(lightness)
    assert (steps > 0).all()


def test_sixteen_colours_are_exactly_those_of_every_terminal() -> None:
    from rich._palettes import STANDARD_PALETTE

    known = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in (STANDARD_PALETTE[at] for at in range(16))}
    assert {*SIXTEEN.colours.values(), *(colour for _, colour in SIXTEEN.scale)} <= known


def colours_on(pilot: Pilot[None]) -> set[str]:
    """Every colour that the terminal shows now."""
    looks = [segment.style for strip in strips_of(pilot.app.screen) for segment in strip if segment.style is not None]
    return {
        colour.get_truecolor().hex
        for look in looks
        for colour in (look.color, look.bgcolor)
        if colour is not None and not colour.is_default
    }


def only_in(theme: Palette, other: Palette) -> set[str]:
    """The colours of a theme that another has not, its scale's first ones too."""
    scales = {colour for _, colour in theme.scale}
    return ({*theme.colours.values()} | scales) - {*other.colours.values()} - {colour for _, colour in other.scale}


@pytest.mark.parametrize("pane", [pane.name for pane in PANES])
async def test_another_theme_repaints_every_pane(written: Path, opened: Opened, pane: str) -> None:
    async with opened(written / "collapsed", size=(140, 40)) as pilot:
        pilot.app.screen.action_pane(pane)
        await settled(pilot)
        await pilot.pause(0.3)
        assert colours_on(pilot) & only_in(DARK, LIGHT)
        await pilot.press("T")
        await settled(pilot)
        for _ in range(100):
            await pilot.pause(0.02)
            if not colours_on(pilot) & only_in(DARK, LIGHT):
                break
        assert not colours_on(pilot) & only_in(DARK, LIGHT)
        assert colours_on(pilot) & only_in(LIGHT, DARK)


async def test_screens_under_the_open_one_are_repainted_too(tmp_path: Path) -> None:
    write(tmp_path / "run", epochs=3)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        while not isinstance(app.screen, WorkspaceScreen) or not app.screen.shown:
            await pilot.pause(0.01)
        await pilot.press("enter")
        while isinstance(app.screen, WorkspaceScreen):
            await pilot.pause(0.01)
        await settled(pilot)
        await pilot.press("T", "escape")
        await pilot.pause(0.3)
        assert isinstance(app.screen, WorkspaceScreen)
        assert not colours_on(pilot) & only_in(DARK, LIGHT)


async def test_a_job_is_repainted_and_can_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = keep(write(tmp_path / "run", epochs=3), 1, 2)
    async with faked(folder) as pilot:
        await begin(pilot)
        await finish(pilot)
        await pilot.press("T")
        for _ in range(100):
            await pilot.pause(0.02)
            if not colours_on(pilot) & set(DARK.colours.values()) - set(LIGHT.colours.values()):
                break
        assert not colours_on(pilot) & set(DARK.colours.values()) - set(LIGHT.colours.values())
        await pilot.press("y")
        assert "16" in pilot.app.clipboard


async def test_sixteen_colours_are_told_by_shades_and_nothing_else_is_shown(
    written: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    async with opened(written / "collapsed", size=(140, 40)) as pilot:
        assert pilot.app.console.color_system == "standard"
        assert palette.in_use() is SIXTEEN
        for pane in ("overview", "curves", "histogram", "heatmap", "record"):
            pilot.app.screen.action_pane(pane)
            await settled(pilot)
            assert colours_on(pilot) <= {*SIXTEEN.colours.values()}, pane
        pilot.app.screen.action_pane("heatmap")
        await settled(pilot)
        assert "▒" in "".join(strip.text for strip in strips_of(pilot.app.screen))
