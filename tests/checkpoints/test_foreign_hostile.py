"""Files that must not be believed: nothing in them runs, nothing is allocated that they do not hold."""

import builtins
import importlib
import io
import json
import os
import pathlib
import pickle
import resource
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from trainers.checkpoints.foreign import read_state
from trainers.errors import WorkbenchError

WEIGHTS = {"conv1.weight": torch.arange(4.0)}


class Call:
    """An object whose pickle calls a function when it is read."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.how = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.how


def payloads(sentinel: pathlib.Path) -> dict[str, Any]:
    code = f"open({str(sentinel)!r}, 'w').close()"
    numpy_scalar = np.float64(1).__reduce__()[0]
    return {
        "os.system": Call(os.system, f"touch {sentinel}"),
        "exec": Call(exec, code),
        "eval": Call(eval, code),
        "subprocess": Call(subprocess.check_call, ["touch", str(sentinel)]),
        "open": Call(builtins.open, str(sentinel), "w"),
        "pathlib": Call(pathlib.Path.touch, sentinel),
        "pickle in pickle": Call(pickle.loads, pickle.dumps(Call(exec, code))),
        "torch's storage": Call(torch.storage._load_from_bytes, _saved(Call(exec, code))),
        "getattr": Call(getattr, Call(importlib.import_module, "os"), "system"),
        "inside numpy": Call(numpy_scalar, np.dtype("f8"), Call(exec, code)),
        "as a state": Call(dict, (), state={"x": Call(exec, code)}),
        "in a namespace": Call(__import__, "antigravity"),
        "among weights": {**WEIGHTS, "deep": [{"er": (Call(exec, code),)}]},
    }


def _saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


NAMES = tuple(payloads(pathlib.Path("unused")))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs(name: str, legacy: bool, tmp_path: pathlib.Path) -> None:
    sentinel = tmp_path / "it-ran"
    path = tmp_path / "model.pt"
    torch.save({"state_dict": WEIGHTS, "x": payloads(sentinel)[name]}, path, _use_new_zipfile_serialization=not legacy)
    before = set(sys.modules)
    with pytest.raises(WorkbenchError, match="is refused: reading it would run") as refusal:
        read_state(path)
    assert "\n" not in str(refusal.value)
    assert not sentinel.exists()
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize("name", ["os.system", "exec", "pickle in pickle", "torch's storage", "inside numpy"])
def test_the_control_does_run(name: str, tmp_path: pathlib.Path) -> None:
    """The same payload, read as pickles usually are, leaves its mark: the test above can fail."""
    sentinel = tmp_path / "it-ran"
    path = tmp_path / "model.pt"
    torch.save({"x": payloads(sentinel)[name]}, path)
    try:
        torch.load(path, weights_only=False)
    except TypeError:
        assert name == "inside numpy"
    assert sentinel.exists()


def rewritten(
    path: pathlib.Path, edit: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED
) -> pathlib.Path:
    """The archive at ``path`` with every entry passed through ``edit``."""
    out = path.with_name("rewritten.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, edit(entry.filename, old.read(entry)))
    return out


@pytest.fixture
def saved(tmp_path: pathlib.Path) -> pathlib.Path:
    torch.save(WEIGHTS, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def assert_refused(path: pathlib.Path, words: str) -> None:
    """One line with the words, and at most 200 MB more memory than before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WorkbenchError, match=words) as refusal:
        read_state(path)
    assert "\n" not in str(refusal.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_tensor_that_declares_more_than_its_record(saved: pathlib.Path) -> None:
    four, lie = b"X\x03\x00\x00\x00cpuq\x06K\x04", b"X\x03\x00\x00\x00cpuq\x06J" + struct.pack("<i", 2_000_000_000)
    path = rewritten(saved, lambda name, data: data.replace(four, lie))
    assert path.read_bytes().count(lie) == 1
    assert_refused(path, "is damaged")


def test_a_zip_bomb(saved: pathlib.Path) -> None:
    grow = rewritten(
        saved, lambda name, data: bytes(40_000_000) if name.endswith("data/0") else data, zipfile.ZIP_DEFLATED
    )
    assert grow.stat().st_size < 100_000
    assert_refused(grow, "compressed data .4000.* bytes in a file of")


def test_a_zip_whose_directory_lies(saved: pathlib.Path) -> None:
    data = bytearray(saved.read_bytes())
    at = data.rfind(b"PK\x01\x02")  # the last entry of the central directory: its sizes, compressed and not
    data[at + 20 : at + 28] = struct.pack("<II", 2**31, 2**31)
    path = saved.with_name("lying.pt")
    path.write_bytes(bytes(data))
    assert_refused(path, "is refused|truncated or damaged")


def test_a_flood_of_instructions(saved: pathlib.Path) -> None:
    path = rewritten(saved, lambda name, data: b"]" * 17_000_000 if name.endswith("data.pkl") else data)
    assert_refused(path, "17000000 bytes of instructions")


def test_a_flood_of_instructions_in_the_old_format(tmp_path: pathlib.Path) -> None:
    torch.save(WEIGHTS, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "old.pt").read_bytes()
    at = content.index(b"conv1.weight") - 5  # the key's own instruction, after those of the dict
    strings = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20 + b"\x88s"  # a long key, True, set item
    path = tmp_path / "flood.pt"
    path.write_bytes(content[:at] + 17 * strings + content[at:])
    assert_refused(path, "more than 16777216 bytes of instructions")
    path.write_bytes(content[:at] + 2 * strings + content[at:])
    assert read_state(path).tensors, "the control: a shorter flood is read"


def header(fields: Any, length: int | None = None, body: bytes = b"") -> bytes:
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "a web page": (b"\n <!DOCTYPE html><html>sign in</html>", "is a web page saved under this name"),
    "an xml error": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "is a web page"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", "git lfs pull"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "is gzip; unpack it first"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "is HDF5"),
    "a plain pickle": (pickle.dumps({"a": 1}), "is a plain pickle"),
    "text": (b"hello world", "no checkpoint that is known"),
    "escapes": (b"\x1b[31mhello\x07", "begins with 1b 5b 33"),
    "zip of nothing": (b"PK\x03\x04" + bytes(40), "truncated or damaged"),
    "a header as long as the universe": (header({}, 2**63), "its header declares 9223372036854775808 bytes"),
    "a long header": (header({}, 1000), "its header declares 1000 bytes, the file has 10"),
    "a huge tensor": (
        header({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        "is damaged",
    ),
    "a shape that lies": (
        header({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}, body=bytes(4)),
        "is damaged",
    ),
    "overlapping tensors": (
        header({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"}, body=bytes(4)),
        "is damaged",
    ),
    "no JSON": (struct.pack("<Q", 4) + b"{abc", "is damaged"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_checkpoints(name: str, tmp_path: pathlib.Path) -> None:
    content, said = FILES[name]
    (tmp_path / "model.pt").write_bytes(content)
    assert_refused(tmp_path / "model.pt", said)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_truncation_anywhere(legacy: bool, tmp_path: pathlib.Path) -> None:
    whole, path = tmp_path / "whole.pt", tmp_path / "model.pt"
    torch.save({"state_dict": WEIGHTS}, whole, _use_new_zipfile_serialization=not legacy)
    content = whole.read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 40)):
        path.write_bytes(content[:length])
        assert_refused(path, "empty|truncated|damaged|plain pickle|is refused|no checkpoint that is known")


def test_bits_that_flip(saved: pathlib.Path) -> None:
    """Each gives weights or one line; a crash would end this process."""
    content = saved.read_bytes()
    draw = np.random.default_rng(0)
    refusals = []
    for _ in range(150):
        flipped = bytearray(content)
        for at in draw.integers(len(content), size=3):
            flipped[at] ^= 1 << draw.integers(8)
        saved.write_bytes(flipped)
        try:
            assert read_state(saved).tensors
        except WorkbenchError as error:
            refusals.append(str(error))
    assert len(refusals) > 30
    assert not any("\n" in refusal for refusal in refusals)


def test_what_is_no_file(tmp_path: pathlib.Path) -> None:
    assert_refused(tmp_path / "absent.pt", "no such checkpoint")
    assert_refused(tmp_path, "is a folder; give the checkpoint files in it")


def test_a_program_is_not_run_for_its_weights(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    assert_refused(path, "is a TorchScript program, not weights; --model torchscript runs it")
