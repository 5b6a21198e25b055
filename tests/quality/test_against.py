"""What samples are compared with, and samples that do not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_pictures import CLASS_NAMES, make_samples, pictures

from trainers.data import load_data, load_test
from trainers.errors import WorkbenchError
from workbench.quality import fit_samples, load_against
from workbench.sampling.samples import Samples


def test_the_training_reference_has_the_probe_images_carved_out_of_it() -> None:
    against, data = load_against("digits"), load_data("digits")
    assert len(against.images) == len(data.train) + len(data.probe) == 1497
    assert torch.equal(against.images.index, torch.cat([data.train.index, data.probe.index]).sort().values)
    row = int((against.images.index == data.probe.index[5]).nonzero())
    assert torch.equal(against.images.images[row], data.probe.images[5])
    assert against.images.labels[row] == data.probe.labels[5]


def test_judges_are_held_to_the_images_that_training_holds_out() -> None:
    against, data = load_against("digits"), load_data("digits")
    assert against.held_out.index.sort().values.equal(data.probe.index.sort().values)
    assert against.train.index.sort().values.equal(data.train.index.sort().values)


def test_small_data_hold_out_a_fifth(tmp_path: Path) -> None:
    x, y = pictures(45)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    against = load_against(f"npz:{tmp_path / 'data.npz'}")
    assert (len(against.images), len(against.train), len(against.held_out)) == (45, 36, 9)
    assert not torch.isin(against.held_out.index, against.train.index).any()


def test_a_probe_set_of_its_own_stays_out(data: str) -> None:
    against = load_against(data)
    assert len(against.images) == 90
    np.testing.assert_array_equal(np.sort(against.images.images.numpy(), axis=0), np.sort(pictures(90)[0], axis=0))
    assert len(against.held_out) == 21


def test_the_test_split_of_digits_is_apart_from_training_and_probe() -> None:
    test, data = load_test("digits"), load_data("digits")
    assert len(test) == 300
    everything = torch.cat([test.index, data.train.index, data.probe.index])
    assert torch.equal(everything.sort().values, torch.arange(1797))
    assert torch.bincount(test.labels).min() >= 28


def test_the_test_split_of_an_npz_is_x_test(data: str) -> None:
    x, y = pictures(30, seed=2)
    test = load_test(data)
    np.testing.assert_array_equal(test.images.numpy(), x)
    np.testing.assert_array_equal(test.labels.numpy(), y)
    assert load_against(data, "test").images.digest() == test.digest()


def test_the_test_split_of_a_folder_is_its_test_folder(tmp_path: Path) -> None:
    levels = {"train": 10, "test": 200}
    for split, level in levels.items():
        for label, name in enumerate(("b", "a")):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(3):
                Image.fromarray(np.full((4, 4), level + label, np.uint8)).save(tmp_path / split / name / f"{i}.png")
    test = load_test(f"folder:{tmp_path}")
    assert test.images[:, 0, 0, 0].tolist() == [201, 201, 201, 200, 200, 200]
    assert test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    (tmp_path / "test" / "c").mkdir()
    with pytest.raises(WorkbenchError, match="different classes"):
        load_test(f"folder:{tmp_path}")


def test_data_without_a_test_split_are_refused(tmp_path: Path) -> None:
    x, y = pictures(12)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    with pytest.raises(WorkbenchError, match="no array x_test"):
        load_test(f"npz:{tmp_path / 'data.npz'}")
    with pytest.raises(WorkbenchError, match="no such folder"):
        load_test(f"folder:{tmp_path}")
    with pytest.raises(WorkbenchError, match="unknown data 'cifar'"):
        load_test("cifar")


def test_test_images_of_another_shape_or_label_are_refused(tmp_path: Path) -> None:
    x, y = pictures(60)
    path = tmp_path / "data.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x[:, :, :4], y_test=y)
    with pytest.raises(WorkbenchError, match="test images are 1×4×6, but training images are 1×6×6"):
        load_against(f"npz:{path}", "test")
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y + 7)
    with pytest.raises(WorkbenchError, match=r"test labels must lie in 0\.\.2"):
        load_against(f"npz:{path}", "test")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="unknown split 'probe'; known are train, test"):
        load_against("digits", "probe")


def test_samples_are_numbered_as_the_reference_is(data: str) -> None:
    images, _ = pictures(6)
    found = fit_samples(make_samples(images, np.array([0, 1] * 3), ("cat", "ape")), load_against(data))
    assert found.labels.tolist() == [2, 0] * 3
    x, _ = found.batch(torch.arange(6))
    torch.testing.assert_close(x, torch.from_numpy(images).float() / 255)


def test_num_takes_the_classes_in_proportion(samples: Samples, data: str) -> None:
    found = fit_samples(samples, load_against(data), 12)
    assert torch.bincount(found.labels).tolist() == [4, 4, 4]
    assert len(set(found.index.tolist())) == 12


X, Y = pictures(6)
MISFITS = {
    "one image": (X[:1], Y[:1], CLASS_NAMES, None, "fewer than 2 images"),
    "no image": (X[:0], Y[:0], CLASS_NAMES, None, "fewer than 2 images"),
    "too few for --num": (X, Y, CLASS_NAMES, 7, "holds 6 images, fewer than --num 7"),
    "colour": (X.repeat(3, axis=1), Y, CLASS_NAMES, None, "are 3×6×6, but those of npz"),
    "another size": (X[..., :5], Y, CLASS_NAMES, None, "are 1×6×5, but those of npz"),
    "another class": (X, Y, ("ape", "bee", "dog"), None, "has a class 'dog'"),
    "nameless labels": (X, Y, CLASS_NAMES[:2], None, "labels without a class name"),
    "no names": (X, Y, (), None, "labels without a class name"),
    "negative labels": (X, Y - 1, CLASS_NAMES, None, "labels without a class name"),
}


@pytest.mark.parametrize(("images", "labels", "names", "num", "message"), MISFITS.values(), ids=MISFITS)
def test_samples_that_do_not_fit_are_refused(
    data: str, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...], num: int | None, message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        fit_samples(make_samples(images, labels, names), load_against(data), num)
