"""Files that others may have put there: pipes, links and endless ones keep nobody waiting and lead nowhere else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.errors import WorkbenchError
from workbench.evaluation import find_evaluations
from workbench.foreign import open_foreign, read_foreign
from workbench.sampling.files import open_samples
from workbench.tui.facts.tensors import read_facts, read_tensors
from workbench.tui.generated.folders import bounded_settings
from workbench.tui.generated.scores import read_scores

KINDS = ("pipe", "link", "folder")


def put(path: Path, kind: str) -> None:
    """Something that is no regular file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "a", kind)
    with pytest.raises(OSError):
        open_foreign(tmp_path / "a")


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_foreign(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_foreign(tmp_path / "a", 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("sampling.toml", lambda path: bounded_settings(path.parent)),
        ("samples.h5", open_samples),
        ("a.safetensors", read_tensors),
        ("a.safetensors", lambda path: read_facts(path, "x")),
    ],
    ids=["settings", "samples", "tensors", "facts"],
)
def test_readers_refuse_what_is_no_file(tmp_path: Path, kind: str, name: str, read: Callable[[Path], object]) -> None:
    put(tmp_path / name, kind)
    with pytest.raises(WorkbenchError):
        read(tmp_path / name)


@pytest.mark.parametrize("kind", KINDS)
def test_lists_go_on_past_what_is_no_file(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "score-a.json", kind)
    put(tmp_path / "a.json", kind)
    assert read_scores(tmp_path) == ()
    found = find_evaluations(tmp_path)
    assert not found.stored
    assert len(found.troubles) == 2
