"""Files of samples: segments, their merging, and what can go wrong with them."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from workbench.sampling.chain import Chain, Reason, begin
from workbench.sampling.files import SEGMENTS, ended_chains, files_of, read_chain, read_rows
from workbench.sampling.samples import read_samples
from workbench.sampling.store import SegmentWriter, class_folder, interrupted_writes, merge
from workbench.sampling.tables import COLUMNS, NAME

NAMES = ("zero", "../one/\x1b[31m")
FACTS = {"class_names": list(NAMES), "checkpoint_digest": "abc"}


def chain(number: int, *, steps: int = 3, reason: Reason = Reason.ENERGY, channels: int = 3) -> Chain:
    generator = np.random.default_rng(number)
    shape = (channels, 4, 5)
    image = generator.random(shape).astype(np.float32)
    energies = generator.normal(size=(2, steps + 1)).astype(np.float32)
    return replace(
        begin(number, number % 2, generator.random(shape).astype(np.float32)),
        x=np.full(shape, np.nan, np.float32) if reason is Reason.DIVERGED else image,
        velocity=generator.normal(size=shape).astype(np.float32),
        step=steps,
        joint=energies[0],
        marginal=energies[1],
        margin=0.25,
        reason=reason,
    )


def write(out: Path, chains: list[Chain], *, rank: int = 0) -> None:
    writer = SegmentWriter(out, facts=FACTS, class_names=NAMES, rank=rank)
    writer.add(chains)
    writer.flush()


def same(one: Chain, other: Chain) -> None:
    for name in ("number", "label", "step", "margin", "reason"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("x", "joint", "marginal"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    goes_on = other.reason is Reason.STEPS
    np.testing.assert_array_equal(one.velocity, other.velocity if goes_on else np.zeros_like(other.velocity))
    np.testing.assert_allclose(one.start, other.start, atol=0.5 / 255 + 1e-6)


def test_chains_come_back_out_of_segments_and_out_of_the_merged_file(tmp_path: Path) -> None:
    chains = {number: chain(number, steps=number % 5) for number in (4, 0, 7, 2, 9)}
    write(tmp_path, [chains[4], chains[0]])
    write(tmp_path, [chains[7]])
    write(tmp_path, [chains[2], chains[9]], rank=1)
    for _ in range(2):
        found = ended_chains(tmp_path)
        assert set(found) == set(chains)
        for number, place in found.items():
            same(read_chain(place.path, place.row), chains[number])
        merge(tmp_path, num_steps=5, facts=FACTS)
        assert files_of(tmp_path) == [tmp_path / NAME]
        assert not (tmp_path / SEGMENTS).exists()
    rows, _ = read_rows(tmp_path / NAME, tuple(COLUMNS))
    assert rows["chain"].tolist() == sorted(chains)


def test_the_longer_chain_wins_whatever_the_file_is_called(tmp_path: Path) -> None:
    """With another number of processes a chain that was gone on with may lie in a file that sorts first."""
    write(tmp_path, [chain(0, steps=3, reason=Reason.STEPS)], rank=1)
    longer = chain(0, steps=6)
    write(tmp_path, [longer], rank=0)
    merge(tmp_path, num_steps=6, facts=FACTS)
    same(read_chain(*ended_chains(tmp_path)[0][:2]), longer)


def test_a_merged_file_is_left_alone_when_nothing_joins_it(tmp_path: Path) -> None:
    write(tmp_path, [chain(0)])
    merge(tmp_path, num_steps=5, facts=FACTS)
    before = (tmp_path / NAME).read_bytes()
    merge(tmp_path, num_steps=5, facts={"created": "later"})
    assert (tmp_path / NAME).read_bytes() == before


def test_only_leftovers_of_ours_are_cleared_up(tmp_path: Path) -> None:
    write(tmp_path, [chain(0)])
    ours = [
        tmp_path / SEGMENTS / ".0000-000001.h5.77.tmp",
        tmp_path / "images" / "0-zero" / "000004.png.tmp",
        tmp_path / f".{NAME}.tmp",
    ]
    theirs = [tmp_path / ".notes.tmp", tmp_path / "images" / "0-zero" / "scan.tmp"]
    for path in (*ours, *theirs):
        path.touch()
    assert set(interrupted_writes(tmp_path)) == set(ours)


def test_more_steps_and_more_chains_join_an_old_file(tmp_path: Path) -> None:
    write(tmp_path, [chain(0), chain(1, reason=Reason.STEPS)])
    merge(tmp_path, num_steps=5, facts=FACTS)
    longer = chain(1, steps=8)
    write(tmp_path, [longer, chain(2, steps=8, reason=Reason.STEPS)])
    merge(tmp_path, num_steps=8, facts=FACTS)
    found = ended_chains(tmp_path)
    assert len(found) == 3
    same(read_chain(*found[1][:2]), longer)
    same(read_chain(*found[0][:2]), chain(0))


@pytest.mark.parametrize("merged", [False, True])
def test_samples_leave_out_what_diverged(merged: bool, tmp_path: Path) -> None:
    write(tmp_path, [chain(3), chain(1, reason=Reason.DIVERGED), chain(0)])
    if merged:
        merge(tmp_path, num_steps=5, facts=FACTS)
    samples = read_samples(tmp_path)
    assert samples.labels.tolist() == [0, 1]
    np.testing.assert_array_equal(samples.images[1], np.rint(chain(3).x * 255).astype(np.uint8))
    assert samples.class_names == NAMES
    assert samples.checkpoint_digest == "abc"
    assert len(list(tmp_path.rglob("*.png"))) == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_hold_the_same_levels(channels: int, tmp_path: Path) -> None:
    write(tmp_path, [chain(2, channels=channels)])
    with Image.open(tmp_path / "images" / "0-zero" / "000002.png") as image:
        pixels = np.asarray(image)
    expected = read_samples(tmp_path).images[0]
    np.testing.assert_array_equal(pixels, expected[0] if channels == 1 else np.moveaxis(expected, 0, -1))


def test_class_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    assert class_folder(1, NAMES) == "1-.._one___31m"
    assert class_folder(5, NAMES) == "5"
    assert class_folder(0, ("0",)) == "0"
    write(tmp_path, [chain(1)])
    assert [path.parent.parent for path in tmp_path.rglob("*.png")] == [tmp_path / "images"]


def test_a_folder_of_pictures_is_samples_too(tmp_path: Path) -> None:
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.fromarray(np.full((3, 4), 100 * label + number, np.uint8)).save(tmp_path / name / f"{number}.png")
    samples = read_samples(tmp_path)
    assert samples.images.shape == (4, 1, 3, 4)
    assert samples.labels.tolist() == [0, 0, 1, 1]
    assert samples.class_names == ("cat", "dog")
    Image.new("L", (9, 9)).save(tmp_path / "dog" / "large.png")
    with pytest.raises(ValueError, match="several sizes"):
        read_samples(tmp_path)
    (tmp_path / "dog" / "large.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"large\.png"):
        read_samples(tmp_path)


def test_nothing_is_no_samples(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such samples"):
        read_samples(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no samples"):
        read_samples(tmp_path)
    write(tmp_path, [chain(0, reason=Reason.DIVERGED)])
    with pytest.raises(ValueError, match="holds no image"):
        read_samples(tmp_path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    with h5py.File(path) as file:
        place = file["x"].id.get_chunk_info(0)
        offset = place.byte_offset + place.size // 2
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def _drop(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["velocity"]


def _link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["x"]
        file["x"] = h5py.ExternalLink("/etc/passwd", "x")


def _newer(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 99


def _foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["chain"] = np.arange(3)


def _reason(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["reason"][0] = 77


def _below(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["stop_step"][0] = -3


def _nested(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["facts"] = "[" * 60_000


def _swollen(path: Path) -> None:
    with h5py.File(path, "a") as file:
        for name, column in COLUMNS.items():
            shape = file[name].shape[1:]
            del file[name]
            file.create_dataset(name, (2_000_000_000, *shape), column.dtype, chunks=(64, *shape), fletcher32=True)


def _text(path: Path) -> None:
    path.write_text("not HDF5")


@pytest.mark.parametrize(
    "damage", [_cut, _flip, _drop, _link, _newer, _foreign, _reason, _below, _nested, _swollen, _text]
)
def test_a_damaged_file_is_refused_and_nothing_is_removed(damage, tmp_path: Path) -> None:
    write(tmp_path, [chain(0), chain(2)])
    write(tmp_path, [chain(1)])
    path = files_of(tmp_path)[0]
    damage(path)
    with pytest.raises(ValueError, match=path.name):
        merge(tmp_path, num_steps=5, facts=FACTS)
    assert len(files_of(tmp_path)) == 2
    assert not list(tmp_path.glob(".*"))


def test_the_columns_say_what_they_mean(tmp_path: Path) -> None:
    write(tmp_path, [chain(0)])
    merge(tmp_path, num_steps=5, facts=FACTS)
    with h5py.File(tmp_path / NAME) as file:
        for name in COLUMNS:
            assert file[name].attrs["meaning"]
            assert file[name].fletcher32
