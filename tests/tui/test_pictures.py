"""Images as lines of cells: layout, what is read from a folder of samples, and a class-wise PCA."""

import json
import os
import struct
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.strip import Strip

from tests.tui.runs import write
from tests.tui.test_generate import HOSTILE, JobScreen, faked, finish, keep, until
from trainers.errors import WorkbenchError
from workbench.pca.spec import PCASpec
from workbench.pca.store import pca_path, save_pca
from workbench.pca.values import ClassPCA, PCAFacts
from workbench.tui.facts import gallery as gallery_module
from workbench.tui.facts.components import pca_strips, read_pca, scree
from workbench.tui.facts.gallery import Gallery
from workbench.tui.facts.tensors import LARGEST, read_tensors
from workbench.tui.look.strips import columns_and_zoom, picture, thumbnail


def lit(strips: list[Strip]) -> np.ndarray:
    """The pixels that half cells show, (2 · lines, columns, 3)."""
    rows = []
    for strip in strips:
        upper, lower = [], []
        for segment in strip:
            assert set(segment.text) == {"▀"}
            colours = segment.style.color, segment.style.bgcolor or segment.style.color
            for pixels, colour in zip((upper, lower), colours, strict=True):
                pixels.extend([tuple(colour.triplet)] * len(segment.text))
        rows += [upper, lower]
    return np.array(rows, dtype=np.uint8)


def test_a_picture_has_the_pixels_of_its_images() -> None:
    tiles = [np.random.default_rng(number).integers(0, 256, (3, 4, 4), dtype=np.uint8) for number in range(2)]
    shown = lit(picture(tiles, 2, 2, 40, colour=True))
    assert shown.shape == (8, 17, 3)
    for tile, left in zip(tiles, (0, 9), strict=True):
        expected = tile.repeat(2, axis=1).repeat(2, axis=2).transpose(1, 2, 0)
        np.testing.assert_array_equal(shown[:, left : left + 8], expected)


@pytest.mark.parametrize(
    ("count", "width", "height", "multiple", "columns_zoom"),
    [
        (16, 74, 12, 1, (8, 1)),
        (16, 134, 30, 1, (7, 2)),
        (1, 100, 24, 1, (1, 6)),
        (20, 100, 24, 10, (10, 1)),
        (20, 60, 24, 10, (6, 1)),
        (1000, 74, 12, 1, (8, 1)),
        (3, 2, 2, 1, (1, 1)),
    ],
)
def test_the_largest_layout_that_fits_is_taken(
    count: int, width: int, height: int, multiple: int, columns_zoom: tuple[int, int]
) -> None:
    assert columns_and_zoom(count, (8, 8), width, height, multiple=multiple) == columns_zoom


def test_thumbnails_average() -> None:
    tile = np.arange(64 * 64, dtype=np.float64).reshape(1, 64, 64) % 251
    expected = tile.reshape(1, 32, 2, 32, 2).mean(axis=(2, 4))
    small = thumbnail(tile.astype(np.uint8))
    assert small.shape == (1, 32, 32)
    assert np.abs(small - expected).max() <= 1
    assert thumbnail(small) is small


def put(folder: Path, label: str, number: int, level: int, size: int = 8) -> None:
    (folder / "images" / label).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size), level, np.uint8)).save(folder / "images" / label / f"{number:06d}.png")


def test_images_have_their_places_by_number(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path, 4, ["a", "b"])
    assert not gallery.look()
    put(tmp_path, "1-b", 3, 255)
    put(tmp_path, "0-a", 0, 100)
    assert gallery.look()
    assert not gallery.look()
    heading, *rows = gallery.strips(17, 11, colour=True, scrolls=False)
    assert heading.text.split() == ["a", "b"]
    shown = lit(rows)[..., 0]
    assert (shown[:8, :8] == 100).all()
    assert (shown[9:17, 9:17] == 255).all()
    assert shown[:8, 9:17].max() < 50 > shown[9:17, :8].max()


def test_of_many_images_the_latest_are_shown_and_at_the_end_all_that_are_kept(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path, 1000, ["a"])
    for number in range(40):
        put(tmp_path, str(40 - number), number, number)
    gallery.look()
    put(tmp_path, "0", 900, 200)
    gallery.look()
    live = lit(gallery.strips(26, 8, colour=True, scrolls=False))[..., 0]
    assert live.shape[0] <= 16
    assert 200 in live
    assert 39 in live
    assert 5 not in live
    assert 5 in lit(gallery.strips(26, 8, colour=True, scrolls=True))


def test_images_that_would_not_be_shown_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    monkeypatch.setattr(gallery_module, "KEPT", 3)
    monkeypatch.setattr(gallery_module, "_decode", lambda path: read.append(int(path.stem)))
    for number in range(8):
        put(tmp_path, "0", number, number)
    gallery = Gallery(tmp_path, 8, ["a"])
    assert gallery.look()
    assert (read, gallery.ended) == ([5, 6, 7], 8)


def test_pipes_and_links_are_no_images(tmp_path: Path) -> None:
    put(tmp_path, "0", 0, 9)
    os.mkfifo(tmp_path / "images" / "0" / "000001.png")
    (tmp_path / "images" / "0" / "000002.png").symlink_to("000000.png")
    gallery = Gallery(tmp_path, 3, ["a"])
    assert gallery.look()
    assert (gallery.ended, gallery.shown) == (3, 1)


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "0", 0, 9)
    put(tmp_path, "0", 1, 9, size=16)
    (tmp_path / "images" / "0" / "000002.png").write_bytes(b"rubbish")
    (tmp_path / "images" / "0" / "000003.png.tmp").write_bytes(b"half")
    gallery = Gallery(tmp_path, 4, ["a"])
    assert gallery.look()
    assert (gallery.ended, gallery.shown) in ((3, 1), (3, 2))
    assert gallery.strips(40, 10, colour=True, scrolls=True)


def test_an_empty_gallery_and_no_room(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "none", 4, ["a"])
    assert not gallery.look()
    assert gallery.strips(40, 10, colour=True, scrolls=True) == []
    put(tmp_path, "0", 0, 9)
    gallery = Gallery(tmp_path, 4, ["a"])
    gallery.look()
    assert gallery.strips(0, 0, colour=True, scrolls=False) == []
    assert gallery.strips(1, 1, colour=False, scrolls=False)


def some_pca(names: tuple[str, ...] = ("cat", "dog"), shape: tuple[int, ...] = (1, 8, 8), local: int = 1) -> ClassPCA:
    """Random numbers in the right places."""
    random = np.random.default_rng(0)
    groups = len(names) * local
    facts = PCAFacts(
        data="digits",
        data_source="digits",
        data_digest="0" * 64,
        train_size=None,
        probe_size=None,
        class_names=names,
        image_shape=shape,
        space="pixels",
        variance=0.9,
        num_components=None,
        local=local,
        seed=0,
        checkpoint_digest=None,
        versions={},
        created="2026-01-01T00:00:00+00:00",
    )
    dim = int(np.prod(shape))
    kept = [(2, 12, 0, 5)[group % 4] for group in range(groups)]
    return ClassPCA(
        label=np.repeat(np.arange(len(names)), local),
        count=np.full(groups, 50),
        weight=np.full(groups, 1 / local),
        mean=random.random((groups, dim)).astype(np.float32),
        components=tuple(random.normal(size=(k, dim)).astype(np.float32) for k in kept),
        std=tuple(np.ones(k, np.float32) for k in kept),
        explained_variance_ratio=tuple(np.full(k, 0.9 / max(k, 1), np.float32) for k in kept),
        spectrum=tuple(np.array([4.0, 2.0, 1.0, 0.0][: k + 2], np.float32) for k in kept),
        facts=facts,
    )


def answer(folder: Path, pca: ClassPCA) -> str:
    """What ``workbench pca --json`` prints of a PCA that it has saved."""
    path = pca_path(folder, PCASpec(variance=0.9))
    save_pca(path, pca)
    groups = [
        {"class": pca.facts.class_names[label], "cluster": group % pca.facts.local, "samples": 50}
        for group, label in enumerate(pca.label)
    ]
    return json.dumps(
        {"path": str(path), "fitted_now": True, "facts": asdict(pca.facts), "groups": groups, "figures": ["a.png"]}
    )


def test_the_arrays_of_a_file_are_those_that_were_saved(tmp_path: Path) -> None:
    pca = some_pca()
    save_pca(tmp_path / "pca.safetensors", pca)
    arrays = read_tensors(tmp_path / "pca.safetensors")
    np.testing.assert_array_equal(arrays["mean"], pca.mean)
    np.testing.assert_array_equal(arrays["components"], np.concatenate(pca.components))
    np.testing.assert_array_equal(arrays["weight"], pca.weight)
    np.testing.assert_array_equal(arrays["label"], pca.label)


HEADER = b'{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 16,
        struct.pack("<Q", 4) + b"[{]}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", len(HEADER)) + HEADER + b"\0" * 4,
        struct.pack("<Q", len(HEADER)) + HEADER.replace(b"[2]", b"[3]") + b"\0" * 8,
        struct.pack("<Q", len(HEADER)) + HEADER.replace(b"[0, 8]", b"[-8,0]") + b"\0" * 8,
        struct.pack("<Q", len(HEADER)) + HEADER.replace(b"[2]", b'"a"') + b"\0" * 8,
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError, match="is damaged"):
        read_tensors(path)
    with pytest.raises(WorkbenchError, match="cannot read"):
        read_tensors(tmp_path / "none")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.safetensors").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(WorkbenchError, match="longer than"):
        read_tensors(tmp_path / "x.safetensors")


def test_a_pca_as_lines(tmp_path: Path) -> None:
    pca = some_pca()
    strips = pca_strips(read_pca(answer(tmp_path, pca)), 80, colour=True)
    text = "\n".join(strip.text for strip in strips)
    for words in (
        "Fitted to the pixels of digits, training split.",
        "Class cat · 50 images · 2 components keep 90.0%, the first 45.0%",
        "Class dog · 50 images · 12 components keep 90.0%, the first 7.5%",
        "     4.00 █",
        "blue: negative",
        "a.png",
    ):
        assert words in text, words
    assert all(strip.cell_length <= 80 for strip in strips)
    means = next(index for index, strip in enumerate(strips) if strip.text.split() == ["cat", "dog"]) + 1
    zoom = 2
    shown = lit(strips[means : means + 8])[..., 0]
    for label, left in enumerate((0, 8 * zoom + 1)):
        expected = np.rint(pca.mean[label].reshape(8, 8) * 255).repeat(zoom, axis=0).repeat(zoom, axis=1)
        np.testing.assert_array_equal(shown[:, left : left + 8 * zoom], expected)


@pytest.mark.parametrize("width", [1, 7, 20, 200])
@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 40), (2, 4, 4)])
def test_a_pca_at_every_width(tmp_path: Path, width: int, colour: bool, shape: tuple[int, ...]) -> None:
    pca = read_pca(answer(tmp_path, some_pca(shape=shape, local=2)))
    strips = pca_strips(pca, width, colour=colour)
    assert all(strip.cell_length <= width for strip in strips)
    if width > 100:
        assert any("Class dog, cluster 2" in strip.text for strip in strips)


def test_hostile_class_names_of_a_pca(tmp_path: Path) -> None:
    strips = pca_strips(read_pca(answer(tmp_path, some_pca(names=(HOSTILE, "ok")))), 80, colour=True)
    text = "".join(strip.text for strip in strips)
    assert text.isprintable()
    assert "Class [red]x[/]" in text


@pytest.mark.parametrize("output", ["", "[]", "{}", "null", '{"path": 3}', '{"facts": {}, "path": "x"}', "[" * 100_000])
def test_other_answers_are_refused(output: str) -> None:
    with pytest.raises(WorkbenchError):
        read_pca(output)


def test_a_scree_of_known_heights() -> None:
    assert scree([4.0, 2.0, 1.0, 0.0], 10, 2) == ["█   ", "██▄ "]
    assert scree([4.0, 2.0], 1, 1) == ["█"]
    assert scree([], 10, 2) == ["", ""]


async def test_the_app_shows_the_pca(tmp_path: Path) -> None:
    run = keep(write(tmp_path / "run", epochs=2), 1)
    (run / "answer.json").write_text(answer(run / "generation", some_pca()))
    async with faked(run, "pca", size=(80, 24)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        shown = await finish(pilot)
        assert "Class means" in shown
        await pilot.press("pagedown")
        await pilot.pause()
        shown += await finish(pilot)
        assert "Class cat · 50 images" in shown
        await pilot.press("escape")
        (run / "answer.json").write_text("rubbish")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        shown = await finish(pilot)
    assert "✗ failed" in shown
    assert "cannot make sense of what workbench pca answered" in shown
