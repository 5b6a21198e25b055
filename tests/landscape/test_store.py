"""Landscapes on disk: the same again, or one line that says why not."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.landscape.landscapes import FACTS, landscape_of
from trainers.errors import WorkbenchError
from workbench.landscape import Landscape, is_stored, read_landscape, write_landscape


def some_landscape(**facts: object) -> Landscape:
    return landscape_of(lambda a, b: np.sin(3 * a) * b, gradient=(0.5, -1.0), **facts)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "landscape.h5"
    write_landscape(path, some_landscape())
    return path


def assert_equal(found: Landscape, expected: Landscape) -> None:
    assert found.facts == expected.facts
    for field in fields(Landscape)[1:]:
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        assert ours.dtype == theirs.dtype, field.name
        np.testing.assert_array_equal(ours, theirs, err_msg=field.name)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "landscape.h5"
    landscape = some_landscape(method=None, epoch=None, clip=True, notes=("a", "b\x1b"), reach=2, class_names=("", "ü"))
    write_landscape(path, landscape)
    assert is_stored(path)
    assert_equal(read_landscape(path), landscape)
    assert [entry.name for entry in path.parent.iterdir()] == ["landscape.h5"]


def test_energies_that_are_not_finite_come_back(tmp_path: Path) -> None:
    landscape = some_landscape()
    energy = landscape.energy.copy()
    energy[0, 0, :3] = np.nan, np.inf, -np.inf
    write_landscape(tmp_path / "l.h5", replace(landscape, energy=energy))
    np.testing.assert_array_equal(read_landscape(tmp_path / "l.h5").energy, energy)


def test_everything_has_checksums_and_says_what_it_is(stored: Path) -> None:
    with h5py.File(stored) as file:
        assert set(file) == {field.name for field in fields(Landscape)}
        for dataset in file.values():
            assert dataset.fletcher32
            assert dataset.compression == "gzip"
            assert dataset.attrs["meaning"]
            assert dataset.attrs["unit"]


def test_the_format_is_readable_with_plain_h5py(stored: Path) -> None:
    with h5py.File(stored) as file:
        facts = json.loads(bytes(file["facts"][...]))
        assert facts["eps"] == FACTS.eps
        axis = np.linspace(-facts["reach"], facts["reach"], facts["grid"])
        np.testing.assert_allclose(file["energy"][0], np.sin(3 * axis[None]) * axis[:, None], atol=1e-6)


def test_a_full_disk_leaves_what_was_there(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        write_landscape(stored, some_landscape(seed=1))
    assert stored.read_bytes() == before
    assert len(list(stored.parent.iterdir())) == 1


def test_class_names_have_a_limit(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="too long"):
        write_landscape(tmp_path / "l.h5", some_landscape(class_names=("x" * 2**20, "y")))
    assert not list(tmp_path.iterdir())


def change_facts(**changes: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        facts = json.loads(bytes(file["facts"][...])) | changes
        put(file, "facts", np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8))

    return change


def put(file: h5py.File, name: str, values: np.ndarray, **options: object) -> None:
    del file[name]
    settings = {"chunks": values.shape, "compression": "gzip", "shuffle": True, "fletcher32": True} | options
    file.create_dataset(name, data=values, **settings)


def without_chunks(file: h5py.File) -> None:
    shape = file["energy"].shape
    del file["energy"]
    file.create_dataset("energy", shape, "f4", chunks=(1, *shape[1:]), fletcher32=True)


def outside(file: h5py.File) -> None:
    del file["energy"]
    file["energy"] = h5py.ExternalLink("other.h5", "/energy")


def virtual(file: h5py.File) -> None:
    shape = file["energy"].shape
    del file["energy"]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "energy", shape)
    file.create_virtual_dataset("energy", layout)


def promise(file: h5py.File) -> None:
    for name in ("index", "label"):
        del file[name]
        file.create_dataset(name, (2**40,), "i8" if name == "index" else "i4", chunks=(1024,), fletcher32=True)


def group(file: h5py.File) -> None:
    del file["energy"]
    file.create_group("energy")


def unfiltered(file: h5py.File) -> None:
    """A chunk that says that it was never filtered, so that no checksum is looked at."""
    file["natural"].id.write_direct_chunk((0,), np.ones(2).tobytes(), filter_mask=0xFF)


HOSTILE: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "another format": (lambda file: file.attrs.update(format="workbench-samples"), "no landscape"),
    "no format": (lambda file: file.attrs.clear(), "no landscape"),
    "an array for a format": (lambda file: file.attrs.update(format=np.arange(3)), "no landscape"),
    "a newer version": (lambda file: file.attrs.update(schema_version=2), "version 2"),
    "an array for a version": (lambda file: file.attrs.update(schema_version=np.ones(2)), "version"),
    "no energies": (lambda file: file.pop("energy"), "/energy"),
    "a link": (outside, "/energy"),
    "virtual": (virtual, "/energy"),
    "a group": (group, "/energy"),
    "chunks missing": (without_chunks, "/energy is not all there"),
    "absurd lengths": (promise, f"{2**40} samples"),
    "no checksums": (lambda file: put(file, "natural", np.zeros(2), fletcher32=False), "/natural has no checksums"),
    "past its checksum": (unfiltered, "not as it was written"),
    "another type": (lambda file: put(file, "natural", np.zeros(2, dtype=np.int64)), "/natural holds int64"),
    "another length": (lambda file: put(file, "natural", np.zeros(3)), "/natural has shape"),
    "no class": (lambda file: put(file, "label", np.array([0, 2], dtype=np.int32)), "labels of no class"),
    "facts are no JSON": (lambda file: put(file, "facts", np.full(9, 91, dtype=np.uint8)), "damaged"),
    "deep facts": (lambda file: put(file, "facts", np.full(10**5, 91, dtype=np.uint8)), "damaged"),
    "huge facts": (lambda file: put(file, "facts", np.zeros(2**20 + 1, dtype=np.uint8)), "/facts"),
    "facts are a list": (lambda file: put(file, "facts", np.frombuffer(b"[1]", dtype=np.uint8)), "/facts"),
    "an unknown fact": (change_facts(more=1), "/facts"),
    "a number for a name": (change_facts(name=3), "no proper name"),
    "a flag for a number": (change_facts(grid=True), "no proper grid"),
    "no finite number": (change_facts(eps=float("nan")), "no proper eps"),
    "a negative reach": (change_facts(reach=-1.0), "makes no sense"),
    "an unknown energy": (change_facts(energy="free"), "makes no sense"),
    "an even grid": (change_facts(grid=20), "20 x 20"),
    "a huge grid": (change_facts(grid=10**9 + 1), "samples of"),
    "another grid": (change_facts(grid=23), "/energy has shape"),
    "versions are a list": (change_facts(versions=["1"]), "no proper versions"),
    "class names are text": (change_facts(class_names="ab"), "no proper class_names"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_files_that_are_not_as_they_should_be_are_refused(case: str, stored: Path) -> None:
    change, words = HOSTILE[case]
    with h5py.File(stored, "r+") as file:
        change(file)
    with pytest.raises(WorkbenchError) as caught:
        read_landscape(stored)
    assert words in str(caught.value)
    assert str(stored) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_files_are_refused_or_read_unchanged(stored: Path, tmp_path: Path) -> None:
    content, expected = stored.read_bytes(), read_landscape(stored)
    rng = random.Random(0)
    refused = 0
    for number in range(150):
        damaged = bytearray(content)
        if number % 3 == 0:
            damaged = damaged[: rng.randrange(len(content))]
        else:
            for _ in range(1 + number % 4):
                damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path = tmp_path / "damaged.h5"
        path.write_bytes(damaged)
        try:
            found = read_landscape(path)
        except WorkbenchError:
            refused += 1
        else:
            assert_equal(found, expected)
    assert refused > 100


def test_what_is_no_stored_landscape(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "run.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert not any(is_stored(tmp_path / name) for name in ("text", "run.h5", "nothing", "."))
    with pytest.raises(WorkbenchError, match="no such landscape"):
        read_landscape(tmp_path / "nothing")
    with pytest.raises(WorkbenchError, match="truncated or damaged"):
        read_landscape(tmp_path / "text")
