"""Statistics of the reference: what they are, when they are read again, and what a bad cache does."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from small_pictures import pixel_extractor

from trainers.errors import WorkbenchError
from workbench.quality import Against, Reference, Working, default_cache, load_against, reference, reference_statistics


class Bench:
    """One cache, extractors that count, and what was said."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.calls: list[int] = []
        self.said: list[str] = []

    def statistics(self, against: Against, digest: str = "pixels") -> Reference:
        self.calls.clear()
        working = Working(batch_size=32, say=self.said.append)
        return reference_statistics(pixel_extractor(self.calls, digest), against, cache=self.cache, working=working)

    @property
    def file(self) -> Path:
        (found,) = self.cache.iterdir()
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "cache")


@pytest.fixture
def against(data: str) -> Against:
    return load_against(data)


def test_they_are_the_moments_and_features_of_all_images(bench: Bench, against: Against) -> None:
    found = bench.statistics(against)
    x = against.images.images.numpy().reshape(90, -1) / 255
    assert found.moments.num == 90
    np.testing.assert_allclose(found.moments.mean, x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.moments.covariance, np.cov(x, rowvar=False), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.features.numpy(), x, rtol=1e-6)
    assert bench.calls == [32, 32, 26]
    assert not found.cached


def test_the_second_time_no_image_is_looked_at(bench: Bench, against: Against) -> None:
    first, second = bench.statistics(against), bench.statistics(against)
    assert bench.calls == []
    assert second.cached
    np.testing.assert_array_equal(first.moments.covariance, second.moments.covariance)
    np.testing.assert_array_equal(first.moments.mean, second.moments.mean)
    assert torch.equal(first.features, second.features)
    assert not bench.said


def test_only_some_features_are_kept_with_the_classes_in_proportion(
    bench: Bench, against: Against, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "MAX_FEATURES", 30)
    found = bench.statistics(against)
    assert found.moments.num == 90
    x = against.images.images.flatten(1).float() / 255
    rows = [int((x - feature).abs().sum(1).argmin()) for feature in found.features]
    assert torch.bincount(against.images.labels[rows]).tolist() == [10, 10, 10]
    assert len(bench.statistics(against).features) == 30


def _relabelled(against: Against) -> Against:
    images = dataclasses.replace(against.images, labels=against.images.labels.flip(0))
    return dataclasses.replace(against, images=images)


def _repainted(against: Against) -> Against:
    pixels = against.images.images.clone()
    pixels[3, 0, 2, 2] += 1
    return dataclasses.replace(against, images=dataclasses.replace(against.images, images=pixels))


OTHERS: dict[str, Callable[[Against], Against]] = {
    "one pixel": _repainted,
    "labels": _relabelled,
    "split": lambda against: dataclasses.replace(against, split="test"),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_statistics_of_other_data_are_not_used(
    bench: Bench, against: Against, change: Callable[[Against], Against]
) -> None:
    bench.statistics(against)
    assert not bench.statistics(change(against)).cached
    assert bench.calls
    assert bench.statistics(against).cached


def test_statistics_of_another_network_are_not_used(bench: Bench, against: Against) -> None:
    bench.statistics(against)
    assert not bench.statistics(against, "other").cached
    assert not bench.said


def _change(**arrays: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from safetensors import safe_open

        with safe_open(path, framework="np") as file:
            header = file.metadata()
        tensors = load_file(path) | arrays
        save_file({name: value for name, value in tensors.items() if value is not None}, path, header)

    return write


def _without_header(path: Path) -> None:
    save_file(load_file(path), path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "a huge header": lambda path: path.write_bytes(b"\xff" * 4096),
    "text": lambda path: path.write_text("{}" * 50),
    "no header": _without_header,
    "an array missing": _change(mean=None),
    "another width": _change(mean=np.zeros(3)),
    "fewer features": _change(features=np.zeros((4, 36), np.float32)),
    "other types": _change(mean=np.zeros(36, np.float32)),
    "not finite": _change(covariance=np.full((36, 36), np.nan)),
    "an impossible number": _change(num=np.array([1])),
    "a number without axis": _change(num=np.array(90)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_is_said_and_computed_again(
    bench: Bench, against: Against, damage: Callable[[Path], object]
) -> None:
    first = bench.statistics(against)
    damage(bench.file)
    again = bench.statistics(against)
    assert not again.cached
    np.testing.assert_array_equal(again.moments.covariance, first.moments.covariance)
    assert len(bench.said) == 1
    assert "damaged" in bench.said[0]
    assert bench.statistics(against).cached


def test_a_file_moved_in_from_other_data_is_not_believed(bench: Bench, against: Against) -> None:
    bench.statistics(against)
    content = bench.file.read_bytes()
    bench.file.unlink()
    other = _repainted(against)
    bench.statistics(other)
    bench.file.write_bytes(content)
    assert not bench.statistics(other).cached
    assert "of other data" in bench.said[0]


def test_a_cache_that_cannot_be_written_is_done_without(bench: Bench, against: Against) -> None:
    bench.cache.write_text("a file where the folder should be")
    assert bench.statistics(against).moments.num == 90
    assert len(bench.said) >= 1
    assert "not cached" in bench.said[-1]


def test_the_users_cache_folder_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if default_cache().is_relative_to(tmp_path):
        assert default_cache() == tmp_path / "workbench" / "references"
    else:
        pytest.skip("no XDG folders on this platform")


def test_images_that_the_network_does_not_take_are_refused(against: Against, tmp_path: Path) -> None:
    extractor = dataclasses.replace(pixel_extractor([]), image_shape=(3, 32, 32))
    with pytest.raises(WorkbenchError, match="pixels takes images of shape 3×32×32"):
        reference_statistics(extractor, against, cache=tmp_path, working=Working())
