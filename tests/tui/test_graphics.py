"""Images that the terminal draws: what is written is decoded again and held against the samples, cell by cell."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from textual.geometry import Region
from textual.pilot import Pilot

from tests.tui.conftest import settled, text_of
from tests.tui.generated_runs import write_samples
from tests.tui.runs import NOW, meta, write
from tests.tui.test_generate import keep
from tests.tui.test_generated import opened_pane, press, read
from tests.tui.test_live import until
from trainers.errors import WorkbenchError
from workbench.tui.application import WorkbenchApp
from workbench.tui.generated.chains import find_chains, read_chains
from workbench.tui.graphics import terminal
from workbench.tui.graphics.sixel import encode as sixel
from workbench.tui.graphics.terminal import cell_size, language_of
from workbench.tui.settings.read import parse_settings
from workbench.tui.widgets.generated import Generated
from workbench.tui.widgets.picture import Picture

CELL = (8, 16)
SIZE = (100, 30)
SHAPE = (3, 48, 48)
_AT = re.compile(r"\x1b7\x1b\[(\d+);(\d+)H(.*?)\x1b8", re.DOTALL)
_MESSAGE = re.compile(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\")


class Screen:
    """A terminal: what it was told to draw, by the cell (column, row) of the upper left corner."""

    def __init__(self) -> None:
        self.images: dict[tuple[int, int], Image.Image] = {}
        self.told = 0
        self._places: dict[int, tuple[int, int]] = {}

    def write(self, text: str) -> None:
        """Take what an app writes; anything that is not an image is a mistake."""
        if text.startswith("\x1b]22;"):  # the shape of the pointer
            return
        self.told += 1
        for number in self._deleted(_AT.sub("", text)):
            del self.images[self._places.pop(number)]
        for row, column, told in _AT.findall(text):
            place = int(column) - 1, int(row) - 1
            if told.startswith("\x1bP"):
                self.images[place] = decoded(told)
            else:
                number, self.images[place] = self._received(told)
                assert number not in self._places
                self._places[number] = place

    def _deleted(self, rest: str) -> list[int]:
        assert not _MESSAGE.sub("", rest)
        messages = [dict(part.split("=") for part in keys.split(",")) for keys, _ in _MESSAGE.findall(rest)]
        assert all((each["a"], each["d"], each["q"]) == ("d", "I", "2") for each in messages)
        return [int(each["i"]) for each in messages]

    def _received(self, told: str) -> tuple[int, Image.Image]:
        assert not _MESSAGE.sub("", told)
        messages = _MESSAGE.findall(told)
        keys = [dict(part.split("=") for part in message.split(",")) for message, _ in messages]
        assert (keys[0]["a"], keys[0]["f"], keys[0]["C"]) == ("T", "100", "1")
        assert all(each["q"] == "2" for each in keys), "an answer would be taken for keys"
        assert [each["m"] for each in keys] == ["1"] * (len(keys) - 1) + ["0"]
        assert all(len(part) <= 4096 and len(part) % 4 == 0 for _, part in messages)
        image = Image.open(io.BytesIO(base64.b64decode("".join(part for _, part in messages))))
        assert image.width == int(keys[0]["c"]) * CELL[0]
        return int(keys[0]["i"]), image


def decoded(told: str) -> Image.Image:
    """The picture of a Sixel sequence, by DEC's description of it."""
    match = re.fullmatch(r"\x1bP[\d;]*q(.*)\x1b\\", told, re.DOTALL)
    assert match is not None
    size = re.match(r'"1;1;(\d+);(\d+)', match[1])
    assert size is not None
    width, height = int(size[1]), int(size[2])
    pixels = np.zeros((height + 6, width, 3), np.uint8)
    colours: dict[int, NDArray[np.float64]] = {}
    x = top = chosen = 0
    for token in re.finditer(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])", match[1][size.end() :]):
        if token[1]:
            if token[2]:  # which does not select it, in xterm
                colours[int(token[1])] = np.array([int(token[each]) * 2.55 for each in (2, 3, 4)])
            else:
                chosen = int(token[1])
        elif token[8]:
            x, top = 0, top + 6 * (token[8] == "-")
        else:
            count, bits = int(token[5] or 1), ord(token[6] or token[7]) - 63
            for bit in range(6):
                if bits >> bit & 1:
                    pixels[top + bit, x : x + count] = np.rint(colours[chosen])
            x += count
    return Image.fromarray(pixels[:height])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with one folder of twelve images in colours, too large for half cells."""
    run = keep(write(tmp_path / "run", epochs=3, facts=meta(class_names=("cat", "dog", "owl"))), 2)
    write_samples(run / "generation" / "samples-000", shape=SHAPE)
    return run


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[WorkbenchApp, Screen]]:
    """An app on a terminal that draws, with cells of ``CELL`` pixels, and what that terminal shows."""

    def make(path: Path, term: str) -> tuple[WorkbenchApp, Screen]:
        monkeypatch.setenv("TERM", term)
        monkeypatch.delenv("TMUX", raising=False)
        monkeypatch.setattr(terminal, "cell_size", lambda: CELL)
        return WorkbenchApp(path, clock=lambda: NOW), Screen()

    return make


def show_on(pilot: Pilot[None], screen: Screen) -> None:
    """Have what the app writes beside its frames arrive."""
    assert pilot.app._driver is not None
    pilot.app._driver.write = screen.write  # type: ignore[method-assign]


def corners_of(pilot: Pilot[None]) -> list[tuple[int, int]]:
    """Where a click on the name over an image chooses it, a line lower: the first cells of the images, in order."""
    view = pilot.app.query_one("#generated-images", Picture).scrollable_content_region
    grid = pilot.app.query_one(Generated).shown.grid
    assert grid is not None
    places = {grid.at(x, y): (view.x + x, view.y + y + 1) for y, x in reversed([*np.ndindex(view.height, view.width)])}
    return [places[place] for place in sorted(place for place in places if place is not None)]


def enlarged(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(C, H, W) to (height, width, C) of ``size`` (width, height), by taking the mean of what a pixel covers."""
    return np.asarray(Image.fromarray(np.moveaxis(image, 0, -1)).resize(size, Image.Resampling.BOX))


@pytest.mark.parametrize("term", ["xterm-kitty", "foot"])
async def test_every_image_is_drawn_with_all_its_pixels_where_its_half_cells_are(
    run: Path, drawing: Callable[..., tuple[WorkbenchApp, Screen]], term: str
) -> None:
    app, screen = drawing(run, term)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        show_on(pilot, screen)
        pane = await opened_pane(pilot)
        await until(pilot, lambda: bool(screen.images))
        grid = pane.shown.grid
        assert grid is not None
        assert pane.shown.chains is not None
        wide, high = grid.across - 1, grid.down - 1
        assert max(SHAPE) > 2 * high, "half cells cannot show all pixels"
        corners = corners_of(pilot)
        assert len(corners) == 4
        assert set(screen.images) == set(corners)
        rows = text_of(pilot).split("\n")
        assert all("▀" in rows[y][x] and "▀" not in rows[y - 1][x] and "▀" in rows[y + high - 1][x] for x, y in corners)
        chains = read_chains(find_chains(run / "generation" / "samples-000"), 0, 12)
        assert chains is not None
        for number, corner in enumerate(corners):
            shown = screen.images[corner]
            assert shown.size == (wide * CELL[0], high * CELL[1])
            wanted = enlarged(chains.image[number], shown.size)
            error = np.abs(np.asarray(shown.convert("RGB")).astype(int) - wanted).max()
            assert error == 0 if term == "xterm-kitty" else error <= 2  # Sixel tells colours in hundredths


@pytest.mark.parametrize("away", [("1",), ("question_mark",), ("J",), ("D",)])
async def test_images_of_kitty_go_with_what_they_lie_over(
    run: Path, drawing: Callable[..., tuple[WorkbenchApp, Screen]], away: tuple[str, ...]
) -> None:
    app, screen = drawing(run, "xterm-kitty")
    async with app.run_test(size=(60, 22) if away == ("D",) else SIZE) as pilot:
        await settled(pilot)
        show_on(pilot, screen)
        await opened_pane(pilot)
        await until(pilot, lambda: bool(screen.images))
        before = {place: image.tobytes() for place, image in screen.images.items()}
        await pilot.press(*away)
        await until(pilot, lambda: not screen.images)
        await pilot.press("escape", "9", *(("D",) if away == ("D",) else ()))
        await until(pilot, lambda: bool(screen.images))
        assert {place: image.tobytes() for place, image in screen.images.items()} == before
    assert not screen.images, "nothing is left behind"


async def test_an_image_that_is_there_is_not_sent_again(
    run: Path, drawing: Callable[..., tuple[WorkbenchApp, Screen]]
) -> None:
    app, screen = drawing(run, "xterm-kitty")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        show_on(pilot, screen)
        await opened_pane(pilot)
        await until(pilot, lambda: bool(screen.images))
        told = screen.told
        await press(pilot, "full_stop")
        pilot.app.screen.refresh()
        await read(pilot)
        assert screen.told == told


@pytest.mark.parametrize("term", ["xterm-kitty", "foot"])
async def test_an_image_that_is_cut_by_the_edge_or_covered_is_shown_in_half_cells(
    run: Path, drawing: Callable[..., tuple[WorkbenchApp, Screen]], term: str
) -> None:
    app, screen = drawing(run, term)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        show_on(pilot, screen)
        pane = await opened_pane(pilot)
        await until(pilot, lambda: bool(screen.images))
        picture, shown = pilot.app.query_one("#generated-images", Picture), pane.shown
        whole = set(screen.images)
        screen.images.clear() if term == "foot" else None
        picture.show([*shown.strips] * 2, shown.drawings)
        picture.scroll_to(y=5, animate=False, force=True)
        await pilot.pause(0.1)
        down = shown.grid.down if shown.grid is not None else 0
        first = min(y for _, y in whole)
        assert set(screen.images) == {(x, y - 5) for x, y in whole if y - 5 >= first}
        assert down > 5
        picture.scroll_to(y=0, animate=False, force=True)
        await pilot.pause(0.1)
        assert set(screen.images) >= whole
        screen.images.clear() if term == "foot" else None
        pilot.app.notify("word " * 60, timeout=60)
        await until(pilot, lambda: bool(pilot.app.query("Toast")))
        await pilot.pause(0.1)
        toast = pilot.app.query_one("Toast").region
        assert shown.grid is not None
        size = shown.grid.across - 1, down - 1
        covered = {at for at in whole if Region(*at, *size).overlaps(toast)}
        assert set(screen.images) == whole - covered


async def test_without_colours_in_sixteen_and_in_a_browser_there_are_half_cells(
    run: Path, drawing: Callable[..., tuple[WorkbenchApp, Screen]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, screen = drawing(run, "xterm-kitty")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        show_on(pilot, screen)
        await opened_pane(pilot)
        await pilot.pause(0.1)
        assert terminal.graphics_of(app) is None
        assert not screen.told
        monkeypatch.setattr(type(app), "no_color", False, raising=False)
        app.no_color = False
        assert terminal.graphics_of(app) is not None
        monkeypatch.setattr(type(app._driver), "is_web", True)
        assert terminal.graphics_of(app) is None


@pytest.mark.parametrize(
    ("choice", "environment", "language"),
    [
        ("auto", {"TERM": "xterm-kitty"}, "kitty"),
        ("auto", {"TERM": "xterm-ghostty"}, "kitty"),
        ("auto", {"TERM": "foot"}, "sixel"),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "sixel"),
        ("auto", {"TERM": "xterm-256color"}, None),
        ("auto", {"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, None),  # started from Kitty
        ("auto", {}, None),
        ("auto", {"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}, None),
        ("auto", {"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ("half-cells", {"TERM": "xterm-kitty"}, None),
        ("kitty", {"TERM": "xterm-256color"}, "kitty"),
        ("sixel", {"TERM": "xterm-256color"}, "sixel"),
        ("sixel", {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, "sixel"),
    ],
)
def test_what_a_terminal_is_told_in(choice, environment: dict[str, str], language: str | None) -> None:
    assert language_of(choice, environment) == language


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkbenchError, match="does not reach through tmux"):
        language_of("kitty", {"TERM": "screen"})
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    with pytest.raises(WorkbenchError, match=re.escape('pip install "workbench[images]"')):
        language_of("sixel", {"TERM": "foot"})
    assert language_of("auto", {"TERM": "foot"}) is None
    assert language_of("auto", {"TERM": "xterm-kitty"}) == "kitty"


async def test_the_app_says_what_cannot_be_had(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('images = "sixel"\n')
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setattr(terminal, "find_spec", lambda name: None)
    app = WorkbenchApp(run, clock=lambda: NOW)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        assert "needs an extra" in text_of(pilot)
        assert terminal.graphics_of(app) is None


def test_the_setting_is_one_of_four() -> None:
    assert parse_settings(b"").images == "auto"
    assert parse_settings(b'images = "half-cells"').images == "half-cells"
    with pytest.raises(WorkbenchError, match="there are auto, half-cells, kitty, sixel"):
        parse_settings(b'images = "iterm"')
    with pytest.raises(WorkbenchError, match="images True is not known"):
        parse_settings(b"images = true")


@pytest.mark.parametrize(
    ("kernel", "size"), [((30, 100, 900, 540), (9, 18)), ((30, 100, 0, 0), (10, 20)), ((0, 0, 0, 0), (10, 20))]
)
def test_cells_are_as_large_as_the_kernel_says(
    monkeypatch: pytest.MonkeyPatch, kernel: tuple[int, ...], size: tuple[int, int]
) -> None:
    monkeypatch.setattr(terminal.fcntl, "ioctl", lambda *given: np.array(kernel, np.uint16).tobytes())
    assert cell_size() == size


def test_colours_of_many_pixels_survive_sixel() -> None:
    rng = np.random.default_rng(0)
    across, down = np.mgrid[0:90, 0:120]
    smooth = np.stack([across * 2, down * 2, (across + down)], -1).astype(np.uint8)
    error = np.abs(np.asarray(decoded(sixel(Image.fromarray(smooth)))).astype(int) - smooth)
    assert error.mean() < 8
    grey = rng.integers(0, 256, (31, 47)).astype(np.uint8)
    assert np.abs(np.asarray(decoded(sixel(Image.fromarray(grey))))[..., 0].astype(int) - grey).max() <= 2
