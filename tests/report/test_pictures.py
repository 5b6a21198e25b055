"""Pictures, checked pixel by pixel against loops and arithmetic written here."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.text import Text

from trainers.errors import WorkbenchError
from workbench.analysis.levels import to_uint8
from workbench.report.figures import image_table, label, line_styles, new_figure, save_figure, scree
from workbench.report.pictures import RAMP, grid, half_cells, save_png, signed

RNG = np.random.default_rng(0)


def images(num: int, channels: int, height: int = 3, width: int = 4) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, (num, channels, height, width), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("num", "columns"), [(1, 1), (5, 2), (4, 4), (3, 9)])
@pytest.mark.parametrize(("zoom", "gap"), [(1, 0), (3, 2)])
def test_every_pixel_of_a_grid(channels: int, num: int, columns: int, zoom: int, gap: int) -> None:
    x = images(num, channels)
    picture = grid(x, columns, zoom=zoom, gap=gap, background=7)
    assert picture.mode == {1: "L", 3: "RGB"}[channels]
    columns = min(columns, num)
    rows = (num + columns - 1) // columns
    assert picture.size == (columns * (4 * zoom + gap) - gap, rows * (3 * zoom + gap) - gap)
    expected = np.full((picture.height, picture.width, channels), 7)
    for i in range(num):
        top, left = i // columns * (3 * zoom + gap), i % columns * (4 * zoom + gap)
        for y in range(3 * zoom):
            for z in range(4 * zoom):
                expected[top + y, left + z] = x[i, :, y // zoom, z // zoom]
    np.testing.assert_array_equal(np.asarray(picture).reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("x", "settings"),
    [
        (images(2, 2), {}),
        (images(2, 1)[0], {}),
        (images(0, 1), {}),
        (images(2, 1).astype(float), {}),
        (images(2, 1), {"columns": 0}),
        (images(2, 1), {"zoom": 0}),
        (images(2, 1), {"gap": -1}),
    ],
)
def test_what_is_no_grid_is_refused(x: NDArray[Any], settings: dict[str, int]) -> None:
    with pytest.raises(WorkbenchError):
        grid(x, **({"columns": 2} | settings))


def test_levels() -> None:
    values = np.array([-1.0, 0.0, 0.499 / 255, 0.501 / 255, 0.5, 1.0, 2.0])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 128, 255, 255]


def test_signed_rgb_is_symmetric_about_mid_grey() -> None:
    x = np.zeros((2, 3, 1, 3), dtype=np.float32)
    x[0, :, 0, 0], x[0, :, 0, 1] = 4.0, -4.0
    x[1, 0, 0, 0], x[1, 0, 0, 1] = 0.01, -0.005
    shown = signed(x)
    assert shown.dtype == np.uint8
    assert shown[0, :, 0].T.tolist() == [[255] * 3, [0] * 3, [128] * 3]
    assert shown[1, 0, 0].tolist() == [255, 64, 128]  # scaled by its own largest value
    assert shown[1, 1, 0].tolist() == [128] * 3


def test_signed_grey_diverges_in_colour() -> None:
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]).reshape(1, 1, 1, 5)
    shown = signed(x)[0, :, 0].T.astype(int)
    assert shown.shape == (5, 3)
    assert (shown[2] == 247).all()
    assert shown[0].argmax() == 2  # blue
    assert shown[4].argmax() == 0  # brown
    for end, half in ((0, 1), (4, 3)):
        np.testing.assert_allclose(shown[half], (shown[end] + shown[2]) / 2, atol=1)
    np.testing.assert_array_equal(signed(x * 1e-6), signed(x))
    assert (signed(np.zeros((2, 1, 2, 2))) == 247).all()
    with pytest.raises(WorkbenchError):
        signed(np.zeros((1, 2, 2, 2)))


def decode(text: Text, width: int = 200) -> NDArray[np.uint8]:
    """The pixels that a terminal would show; a half without a colour is black."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width)
    lines: list[list[tuple[Any, Any]]] = [[]]
    for segment in console.render(text):
        for char in segment.text:
            if char == "\n":
                lines.append([])
                continue
            assert char == "▀"
            assert segment.style is not None
            assert segment.style.color is not None
            background = segment.style.bgcolor
            lower = tuple(background.triplet) if background and background.triplet else (0, 0, 0)
            lines[-1].append((tuple(segment.style.color.triplet or ()), lower))
    cells = np.array([line for line in lines if line], dtype=np.uint8)
    return cells.transpose(0, 2, 1, 3).reshape(-1, cells.shape[1], 3)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_half_cells_show_every_pixel(mode: str) -> None:
    image = grid(images(1, {"L": 1, "RGB": 3}[mode], 6, 5), 1)
    np.testing.assert_array_equal(decode(half_cells(image, 5, colour=True)), np.asarray(image.convert("RGB")))


def test_an_odd_height_leaves_the_last_half_empty() -> None:
    image = grid(images(1, 3, 3, 5), 1)
    shown = decode(half_cells(image, 5, colour=True))
    np.testing.assert_array_equal(shown[:3], np.asarray(image))
    assert not shown[3].any()


def test_a_small_picture_grows_by_a_whole_factor_and_a_large_one_shrinks() -> None:
    image = grid(images(1, 3, 4, 5), 1)
    shown = decode(half_cells(image, 14, colour=True))
    np.testing.assert_array_equal(shown, np.asarray(image).repeat(2, 0).repeat(2, 1))
    wide = grid(images(1, 3, 8, 40), 1)
    shown = decode(half_cells(wide, 10, colour=True))
    assert shown.shape == (2, 10, 3)
    means = np.asarray(wide).reshape(2, 4, 10, 4, 3).mean((1, 3))
    np.testing.assert_allclose(shown, means, atol=1)
    with pytest.raises(WorkbenchError):
        half_cells(image, 0, colour=True)


def test_without_colours_brightness_becomes_characters() -> None:
    levels = np.repeat(np.arange(0, 256, 25, dtype=np.uint8)[None], 2, 0)[None, None]
    text = half_cells(grid(levels, 1), 11, colour=False)
    assert not text.spans
    assert text.plain == "".join(RAMP[level * 10 // 256] for level in range(0, 256, 25))
    halves = np.array([[255, 0], [0, 0]], dtype=np.uint8)[None, None]
    assert half_cells(grid(halves, 1), 2, colour=False).plain == RAMP[4] + RAMP[0]


def test_a_picture_is_saved_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, x = tmp_path / "new" / "grid.png", images(4, 3)
    save_png(path, grid(x, 2, gap=0))
    with Image.open(path) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image)[:3, :4], x[0].transpose(1, 2, 0))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        save_png(path, grid(images(4, 3), 2))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["grid.png"]
    with pytest.raises(WorkbenchError, match=r"grid\.png/more"):
        save_png(path / "more.png", grid(x, 2))


def test_labels_are_never_formulas_or_escapes(tmp_path: Path) -> None:
    assert label("$x^2$") == r"\$x^2\$"
    assert label("a\x1b[31m") == "a\\x1b[31m"
    assert label("x" * 40) == "x" * 17 + "…"
    figure = scree(
        ["$\\frac{", "a\nb", "…" * 40],
        [np.array([2.0, 1.0, 0.0])] * 3,
        [np.array([0.6]), np.array([]), np.array([0.6, 0.3])],
        threshold=0.9,
    )
    figure.canvas.draw()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(tmp_path / "table.png", image_table(["$\\frac{", "猫"], ["$x", "y"], images(4, 1)))


def test_a_scree_plot_shows_what_it_is_given(tmp_path: Path) -> None:
    spectra = [np.array([4.0, 2.0, 1.0, 1e-12]), np.array([3.0, 1.0])]
    shares = [np.array([0.5, 0.25]), np.array([0.75])]
    figure = scree(["a", "b"], spectra, shares, threshold=0.7)
    left, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [4.0, 2.0, 1.0])  # the rest is rounding error
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [3.0, 1.0])
    assert [list(line.get_ydata()) for line in right.lines[:4]] == [[0.5, 0.75], [0.75], [0.75], [0.75]]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["a (2)", "b (1)"]
    save_figure(tmp_path / "scree.png", figure)
    with Image.open(tmp_path / "scree.png") as image:
        assert image.format == "PNG"


def test_a_name_that_begins_with_an_underscore_is_in_the_legend() -> None:
    _, (axes,) = new_figure()
    axes.plot([0, 1], label=label("_background"))
    assert [text.get_text().strip() for text in axes.legend().get_texts()] == ["_background"]
    assert len(label("_" * 40)) == 18


def test_a_table_of_images_holds_their_pixels(tmp_path: Path) -> None:
    x = images(4, 3, 8, 8)
    save_figure(tmp_path / "table.png", image_table(["a", "b"], ["1", "2"], x, zoom=2))
    with Image.open(tmp_path / "table.png") as image:
        drawn = np.asarray(image.convert("RGB"))
    wanted = np.asarray(grid(x, 2, zoom=2, gap=2))
    height, width = wanted.shape[:2]
    places = [
        (top, left)
        for top in range(drawn.shape[0] - height + 1)
        for left in range(drawn.shape[1] - width + 1)
        if (drawn[top, left] == wanted[0, 0]).all() and (drawn[top : top + height, left : left + width] == wanted).all()
    ]
    assert len(places) == 1, "the pictures are not drawn pixel by pixel"


def test_curves_are_told_apart() -> None:
    styles = [tuple(sorted(style.items())) for style in line_styles(28)]
    assert len(set(styles)) == 28
    assert len(line_styles(100)) == 100
    figure, axes = new_figure(3)
    assert len(axes) == 3
    assert tuple(figure.get_size_inches()) == (15.0, 3.6)
