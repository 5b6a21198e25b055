"""Files that are no log, half a log, or made to harm: one clear error, never a wrong number, never a hang."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog import EnergyLog, LogWriter, access, opening
from trainers.energylog.schema import DATASETS
from trainers.errors import WorkbenchError

Spoil = Callable[[h5py.File], None]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (access, opening):
        monkeypatch.setattr(module, "RETRY_SECONDS", ())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "run.h5"
    with runs.create(path) as writer:
        runs.append(writer, 4)
        writer.append_event(kind="note", epoch=3, step=9, message="here")
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a killed writer leaves it."""
    path = tmp_path_factory.mktemp("killed") / "run.h5"
    with runs.create(path.with_name("live.h5")) as writer:
        runs.append(writer, 4)
        writer.append_event(kind="note", epoch=3, step=9, message="here")
        shutil.copy(path.with_name("live.h5"), path)
    return path


def assert_refused(path: Path, words: str) -> None:
    for open_ in (EnergyLog.open, LogWriter.resume):
        with pytest.raises(WorkbenchError, match=words) as caught:
            open_(path)
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert_refused(tmp_path / "gone", "does not exist")
    assert_refused(tmp_path / "gone" / "run.h5", "does not exist")
    with pytest.raises(WorkbenchError, match=r"holds no run\.h5; give the directory of a run"):
        EnergyLog.open(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89HD", b"<html>", np.random.default_rng(0).bytes(4096), b"\x89HDF\r\n\x1a\r" * 9],
    ids=["nothing", "cut signature", "web page", "noise", "nearly a signature"],
)
def test_what_is_not_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    assert_refused(path, "not an HDF5 file; give the directory of a run")
    assert path.read_bytes() == content
    assert runs.names(tmp_path) == ["run.h5"]


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.h5")
    assert_refused(tmp_path / "run.h5", "no regular file")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_hdf5_of_another_kind(tmp_path: Path, libver: str) -> None:
    path = tmp_path / "run.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file["epoch"] = np.arange(3)
    assert_refused(path, "HDF5 but no energy log")


def replaced(path: str, **options: Any) -> Spoil:
    """The data set under ``path`` made anew with other properties."""

    def spoil(file: h5py.File) -> None:
        old = file[path]
        made: dict[str, Any] = {"shape": old.shape, "dtype": old.dtype, "chunks": old.chunks, "fletcher32": True}
        made |= {"maxshape": old.maxshape} | options
        del file[path]
        file.create_dataset(path, **made)

    return spoil


def linked(path: str, link: object) -> Spoil:
    def spoil(file: h5py.File) -> None:
        if path in file:
            file.move(path, "kept")
        file[path] = link

    return spoil


def attribute(target: str, name: str, value: object) -> Spoil:
    def spoil(file: h5py.File) -> None:
        if value is None:
            del file[target].attrs[name]
        else:
            file[target].attrs[name] = value

    return spoil


def assigned(path: str, value: object) -> Spoil:
    def spoil(file: h5py.File) -> None:
        file[path][...] = value

    return spoil


def virtual(file: h5py.File) -> None:
    shape, dtype = file["train/energy"].shape, file["train/energy"].dtype
    view = h5py.VirtualLayout(shape=shape, dtype=dtype)
    view[...] = h5py.VirtualSource("elsewhere.h5", "secret", shape=shape)
    del file["train/energy"]
    file.create_virtual_dataset("train/energy", view)


def external(file: h5py.File) -> None:
    del file["train/label"]
    file.create_dataset("train/label", (runs.NUM_TRAIN,), "i4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def absurdly_long(file: h5py.File) -> None:
    for name in ("index", "label"):
        replaced(f"train/{name}", shape=(2**45,), maxshape=(2**45,), chunks=(65_536,))(file)


def absurdly_many(file: h5py.File) -> None:
    """A million committed epochs that were never written."""
    for name in ("committed", "committed_steps", "committed_events"):
        file[f"state/{name}"][0] = 10**6
    file.visititems(lambda _, item: item.resize(10**6, axis=0) if getattr(item, "maxshape", (1,))[0] is None else None)


def group_instead(file: h5py.File) -> None:
    del file["events"]
    file.create_group("events")


SPOILED: dict[str, tuple[Spoil, str]] = {
    "external link": (
        linked("train/energy", h5py.ExternalLink("/etc/secret.h5", "x")),
        "/train/energy is missing or a",
    ),
    "soft link": (linked("epoch", h5py.SoftLink("/kept")), "/epoch is missing or a link"),
    "group by a link": (linked("train", h5py.SoftLink("/kept")), "/train/index is missing or a link"),
    "external group": (linked("state", h5py.ExternalLink("other.h5", "/")), "is missing or a link"),
    "virtual": (virtual, "/train/energy is not stored in chunks"),
    "external storage": (external, "/train/label is not stored in chunks"),
    "absurdly long": (absurdly_long, "has shape"),
    "absurdly many": (absurdly_many, "committed rows are missing"),
    "a group": (group_instead, "/events is something else"),
    "missing": (lambda file: file.__delitem__("probe/correct"), "/probe/correct is missing"),
    "another type": (replaced("train/energy", dtype="f8"), "/train/energy holds float64"),
    "text": (replaced("step/loss", dtype="S8"), r"/step/loss holds \|S8"),
    "another rank": (replaced("train/energy", shape=(4,), maxshape=(None,), chunks=(1,)), "along 1 axes"),
    "fewer samples": (replaced("train/energy", shape=(4, 3), maxshape=(None, 3), chunks=(1, 3)), "has shape"),
    "other chunks": (replaced("train/energy", chunks=(4, 7)), "in chunks of"),
    "huge blocks": (replaced("step/step", chunks=(10**6,)), "steps per block"),
    "no checksums": (replaced("epoch", fletcher32=False), "/epoch has no checksums"),
    "unknown filter": (replaced("train/energy", compression="lzf"), "unknown filters"),
    "lost rows": (lambda file: file["epoch"].resize(2, axis=0), "/epoch: 2 of 4 rows"),
    "too many committed": (assigned("state/committed", 5), "4 of 5 rows"),
    "negative committed": (assigned("state/committed", -1), "/state makes no sense"),
    "unknown status": (assigned("state/status", 77), "/state makes no sense"),
    "no heartbeat": (assigned("state/heartbeat", 0.0), "/state makes no sense"),
    "infinite heartbeat": (assigned("state/heartbeat", np.inf), "/state makes no sense"),
    "newer": (attribute("/", "schema_version", 99), "schema version 99, this program knows 1; update"),
    "version is text": (attribute("/", "schema_version", "one"), "schema_version is no whole number"),
    "another format": (attribute("/", "format", "something"), "HDF5 but no energy log"),
    "format is an array": (attribute("/", "format", np.arange(5)), "format is no text"),
    "no method": (attribute("/", "method", None), "attribute method is missing"),
    "method is a number": (attribute("/", "method", 3.0), "attribute method is no text"),
    "config is no JSON": (attribute("/", "config", "{"), "attribute config is no JSON"),
    "config is deep": (attribute("/", "config", "[" * 60_000), "attribute config is no JSON"),
    "config is a list": (attribute("/", "config", "[]"), "attribute config is no JSON dict"),
    "attack is a number": (attribute("/train", "attack", 3), "attribute attack is no text"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_log_that_is_not_as_it_should_be(finished: Path, tmp_path: Path, case: str) -> None:
    spoil, words = SPOILED[case]
    path = tmp_path / "run.h5"
    shutil.copy(finished, path)
    with h5py.File(path, "r+") as file:
        spoil(file)
    assert_refused(path, words)
    assert runs.names(tmp_path) == ["run.h5"]


def test_text_that_is_not_utf8_is_shown_with_replacements(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    shutil.copy(finished, path)
    with h5py.File(path, "r+") as file:
        file.attrs["method"] = np.bytes_(b"fg\xffsm")
    with EnergyLog.open(path) as log:
        assert log.meta.method == "fg\N{REPLACEMENT CHARACTER}sm"


def test_a_repacked_log_is_still_a_log(finished: Path, tmp_path: Path) -> None:
    """Tools that copy a log lose its ability to be read beside a writer, which a finished one does not need."""
    path = tmp_path / "run.h5"
    with h5py.File(finished) as source, h5py.File(path, "w") as target:
        for name in source:
            source.copy(name, target)
        for name, value in source.attrs.items():
            target.attrs[name] = value
    with EnergyLog.open(path) as log:
        runs.assert_exact(log, 4)


def test_epochs_out_of_order_are_damage(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    shutil.copy(finished, path)
    with h5py.File(path, "r+") as file:
        row = file["epoch"][2]
        row["epoch"] = 7
        file["epoch"][2] = row
    with EnergyLog.open(path) as log, pytest.raises(WorkbenchError, match="not numbered from 0"):
        log.epochs()


@pytest.mark.parametrize("name", ["/train/energy", "/histogram/delta_energy", "/step/loss"])
def test_rows_that_were_never_written_are_damage(finished: Path, tmp_path: Path, name: str) -> None:
    """The library would fill them in; what is there must not be enough to believe the rest."""
    path = tmp_path / "run.h5"
    shutil.copy(finished, path)
    with h5py.File(path, "r+") as file:
        replaced(name)(file)
        file[name][-1:] = 1
    with EnergyLog.open(path) as log, pytest.raises(WorkbenchError, match=f"{name}: committed rows are missing"):
        runs.contents(log)


def test_no_zeroed_chunk_passes_for_data(finished: Path, tmp_path: Path) -> None:
    """fletcher32 of zeros is zero, so the checksum alone would let a hole in the file through."""
    path = tmp_path / "run.h5"
    with h5py.File(finished) as file:
        chunks = {
            dataset.path: file[dataset.path].id.get_chunk_info(0) for dataset in DATASETS if not dataset.rewritten
        }
    for name, chunk in chunks.items():
        data = bytearray(finished.read_bytes())
        data[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
        path.write_bytes(data)
        with EnergyLog.open(path) as log, pytest.raises(WorkbenchError, match=f"{name}: "):
            log._log.fixed(name)


def shortened(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def zeroed_tail(data: bytes, rng: random.Random) -> bytes:
    keep = rng.randrange(len(data))
    return data[:keep] + bytes(len(data) - keep)


def zeroed_page(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) // 512) * 512
    return data[:start] + bytes(len(data[start : start + 4096])) + data[start + 4096 :]


def flipped_bit(data: bytes, rng: random.Random) -> bytes:
    spoiled = bytearray(data)
    spoiled[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


@pytest.mark.parametrize("source", ["finished", "killed"])
@pytest.mark.parametrize("spoil", [shortened, zeroed_tail, zeroed_page, flipped_bit])
def test_damage_is_said_and_never_read_as_numbers(
    request: pytest.FixtureRequest, tmp_path: Path, source: str, spoil: Callable[[bytes, random.Random], bytes]
) -> None:
    original: Path = request.getfixturevalue(source)
    with EnergyLog.open(original) as log:
        truth = runs.contents(log)
    data, path, rng = original.read_bytes(), tmp_path / "run.h5", random.Random(0)
    num_refused = 0
    for _ in range(30):
        path.write_bytes(spoil(data, rng))
        try:
            with EnergyLog.open(path) as log:
                assert runs.contents(log) == truth
        except WorkbenchError:
            num_refused += 1
    assert num_refused >= 15


@pytest.mark.parametrize("source", ["finished", "killed"])
def test_a_shortened_log_does_not_even_open(request: pytest.FixtureRequest, tmp_path: Path, source: str) -> None:
    data, path = request.getfixturevalue(source).read_bytes(), tmp_path / "run.h5"
    for keep in range(100, len(data), len(data) // 25):
        path.write_bytes(data[:keep])
        assert_refused(path, "truncated or damaged")
