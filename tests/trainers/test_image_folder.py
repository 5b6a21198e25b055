"""Image folders: pixels against numpy, indices in sorted order, and every way a folder can be wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from refusals import refuses

from trainers.data import Data, load_data, load_test
from trainers.errors import WorkbenchError

Folder = Callable[..., dict[str, NDArray[np.uint8]]]

NOISE = np.random.default_rng(0)
COLOUR, GREY = (6, 8, 3), (6, 8)


def pixels(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return NOISE.integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A function that writes images below ``tmp_path`` and returns them by path, sorted."""

    def write(
        *, classes: tuple[str, ...] = ("cat", "Ape"), num: int = 6, suffix: str = "png", shape: tuple[int, ...] = COLOUR
    ) -> dict[str, NDArray[np.uint8]]:
        images = {}
        for name in classes:
            (tmp_path / "train" / name).mkdir(parents=True)
            for number in range(num):
                path = tmp_path / "train" / name / f"{number:02d}.{suffix}"
                Image.fromarray(pixels(shape)).save(path)
                images[str(path.relative_to(tmp_path / "train"))] = np.asarray(Image.open(path))
        return dict(sorted(images.items()))

    return write


def load(root: Path, probe_size: int = 4, train_size: int = 0) -> Data:
    return load_data(f"folder:{root}", train_size=train_size, probe_size=probe_size)


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "PNG"])
@pytest.mark.parametrize("shape", [COLOUR, GREY])
def test_images_labels_and_indices_are_those_of_the_files(
    tmp_path: Path, folder: Folder, suffix: str, shape: tuple[int, ...]
) -> None:
    images = list(folder(suffix=suffix, shape=shape).values())  # Ape before cat: sorted
    data = load(tmp_path)
    assert data.class_names == ("Ape", "cat")
    assert data.in_channels == (3 if shape == COLOUR else 1)
    assert (len(data.train), len(data.probe)) == (8, 4)
    assert sorted([*data.train.index.tolist(), *data.probe.index.tolist()]) == list(range(12))
    for split in (data.train, data.probe):
        x, y = split.batch(torch.arange(len(split)))
        for row, index in enumerate(split.index.tolist()):
            expected = np.atleast_3d(images[index]).transpose(2, 0, 1)
            np.testing.assert_allclose(x[row].numpy(), expected / 255, rtol=1e-6)
            assert y[row] == index // 6
    values = np.stack([np.atleast_3d(images[index]) for index in data.train.index.tolist()]) / 255
    assert data.mean == pytest.approx(tuple(values.mean((0, 1, 2))))
    assert data.std == pytest.approx(tuple(values.std((0, 1, 2))))


def test_indices_do_not_depend_on_the_sizes_asked_for(tmp_path: Path, folder: Folder) -> None:
    images = list(folder().values())
    for train_size, probe_size in ((0, 4), (5, 4), (2, 7)):
        data = load(tmp_path, probe_size, train_size)
        for split in (data.train, data.probe):
            for row, index in enumerate(split.index.tolist()):
                assert np.array_equal(split.images[row].permute(1, 2, 0).numpy(), images[index])


def test_both_splits_and_the_first_training_rows_hold_every_class(tmp_path: Path, folder: Folder) -> None:
    folder(classes=("a", "b", "c"), num=10, shape=(2, 2))
    data = load(tmp_path, probe_size=9)
    assert data.probe.labels.bincount().tolist() == [3, 3, 3]
    assert data.train.labels.bincount().tolist() == [7, 7, 7]
    first = data.train.first(9).labels.bincount(minlength=3)
    assert first.min() >= 2, f"of the first 9 training images {first.tolist()} are of each class"


def test_a_class_may_be_empty_and_other_files_do_not_matter(tmp_path: Path, folder: Folder) -> None:
    folder()
    (tmp_path / "train" / "bee").mkdir()
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / "README.md").write_text("not a class")
    (tmp_path / "test" / "cat").mkdir(parents=True)
    (tmp_path / "test" / "cat" / "00.png").write_text("broken, but shut")
    data = load(tmp_path)
    assert data.class_names == ("Ape", "bee", "cat")
    assert sorted({*data.train.labels.tolist()}) == [0, 2]


@pytest.mark.parametrize(("first", "others", "mode"), [(GREY, COLOUR, "L"), (COLOUR, GREY, "RGB")])
def test_mixed_folders_become_what_their_first_image_is(
    tmp_path: Path,
    folder: Folder,
    first: tuple[int, ...],
    others: tuple[int, ...],
    mode: str,
) -> None:
    folder(shape=others)
    Image.fromarray(pixels(first)).save(tmp_path / "train" / "Ape" / "00.png")
    data = load(tmp_path)
    assert data.in_channels == len(mode.replace("L", "1").replace("RGB", "123"))
    row, index = 0, data.train.index[0].item()
    path = sorted((tmp_path / "train").glob("*/*.png"))[index]
    expected = np.atleast_3d(np.asarray(Image.open(path).convert(mode))).transpose(2, 0, 1)
    assert np.array_equal(data.train.images[row].numpy(), expected)


@pytest.mark.parametrize(("trained_on", "channels"), [(GREY, 1), (COLOUR, 3)])
def test_test_images_have_the_channels_of_training(
    tmp_path: Path, folder: Folder, trained_on: tuple[int, ...], channels: int
) -> None:
    folder(shape=COLOUR if channels == 1 else GREY)
    (tmp_path / "train").rename(tmp_path / "test")
    folder(shape=trained_on)
    assert load_test(f"folder:{tmp_path}").images.shape[1] == channels == load(tmp_path).in_channels


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK"])
def test_other_modes_become_colour(tmp_path: Path, folder: Folder, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    folder(suffix=suffix)
    for path in (tmp_path / "train").glob("*/*"):
        Image.fromarray(pixels(COLOUR)).convert(mode).save(path)
    data = load(tmp_path)
    path = sorted((tmp_path / "train").glob("*/*"))[data.train.index[0].item()]
    expected = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(data.train.images[0].numpy(), expected)


@pytest.mark.parametrize("which", ["all", "one"])
def test_sixteen_bits_are_kept_in_proportion_or_refused(tmp_path: Path, folder: Folder, which: str) -> None:
    """Half of the range is half of the range: clipping 16 bits to 255 would make every such image white."""
    folder(shape=GREY)
    paths = sorted((tmp_path / "train").glob("*/*.png"))
    for path in paths if which == "all" else paths[-1:]:
        Image.fromarray(np.full(GREY, 0x8000, dtype=np.uint16)).save(path)
    refusal, data = "", None
    try:
        data = load(tmp_path)
    except WorkbenchError as error:
        refusal = str(error)
    if data is None:
        assert "16" in refusal
        assert ".png" in refusal
        return
    splits = [split for split in (data.train, data.probe) if 11 in split.index]
    values = splits[0].images[splits[0].index == 11]
    assert values.min() >= 127
    assert values.max() <= 129


def test_no_folder_no_train_and_no_images_are_refused(tmp_path: Path) -> None:
    with refuses("nowhere", "train", "CLASS"):
        load(tmp_path / "nowhere")
    with refuses(str(tmp_path), "train"):
        load(tmp_path)
    (tmp_path / "train").mkdir()
    with refuses(str(tmp_path / "train"), ".png"):
        load(tmp_path)
    (tmp_path / "train" / "cat").mkdir()
    (tmp_path / "train" / "cat" / "cat.gif").write_bytes(b"GIF89a")
    with refuses(str(tmp_path / "train"), ".png"):
        load(tmp_path)
    (tmp_path / "file").write_text("a file")
    with refuses("file"):
        load(tmp_path / "file")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.9])
@pytest.mark.parametrize("number", [0, 7, 11])
def test_a_truncated_image_is_named(
    tmp_path: Path,
    folder: Folder,
    suffix: str,
    kept: float,
    number: int,
) -> None:
    folder(suffix=suffix, shape=(24, 24, 3))
    path = sorted((tmp_path / "train").glob("*/*"))[number]
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with refuses(str(path)):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"\x89PNG\r\n\x1a\n" + bytes(64), b"\xff\xd8\xff" + bytes(64)]
)
def test_what_is_no_image_is_named(
    tmp_path: Path,
    folder: Folder,
    content: bytes,
) -> None:
    folder()
    path = tmp_path / "train" / "cat" / "03.png"
    path.write_bytes(content)
    with refuses(str(path)):
        load(tmp_path)


def test_damaged_bytes_are_never_a_traceback(tmp_path: Path, folder: Folder) -> None:
    """Whatever a flipped byte does, the folder loads or is refused: nothing else may come out."""
    folder(shape=(16, 16, 3), num=3)
    path = tmp_path / "train" / "Ape" / "00.png"
    content = path.read_bytes()
    refusals = []
    for position in range(0, len(content), 9):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x5A]) + content[position + 1 :])
        try:
            load(tmp_path, probe_size=2)
        except WorkbenchError as error:
            refusals.append(str(error))
    assert refusals
    assert all(str(path) in refusal and len(refusal.splitlines()) == 1 for refusal in refusals)


@pytest.mark.parametrize("number", range(0, 12, 3))
def test_images_of_several_sizes_are_refused(
    tmp_path: Path,
    folder: Folder,
    number: int,
) -> None:
    folder()
    path = sorted((tmp_path / "train").glob("*/*"))[number]
    Image.fromarray(pixels((8, 6, 3))).save(path)
    with refuses("size", str(tmp_path)):
        load(tmp_path)


def test_images_of_a_probe_split_of_another_size_are_refused(
    tmp_path: Path,
    folder: Folder,
) -> None:
    folder()
    paths = sorted((tmp_path / "train").glob("*/*"))
    for index in load(tmp_path).probe.index.tolist():
        Image.fromarray(pixels((8, 6, 3))).save(paths[index])
    with refuses("several sizes", str(tmp_path)):
        load(tmp_path)


def test_too_few_images_are_refused(
    tmp_path: Path,
    folder: Folder,
) -> None:
    folder()
    with refuses("12", "--probe-size"):
        load(tmp_path, probe_size=11)
    with refuses("12"):
        load(tmp_path, probe_size=4, train_size=9)
    assert len(load(tmp_path, probe_size=10).train) == 2
