"""Files are whole or absent, whatever fails."""

import os
import stat
from pathlib import Path

import pytest
from disk_faults import FAILURES, failing_fsync, names, old_file

from trainers.atomic import write_atomically
from trainers.errors import WorkbenchError


def test_an_atomic_write_is_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"first", bytes(1_000_000), b"last"):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["file"]


def test_content_is_on_disk_before_it_is_renamed_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / "file", []
    path.write_bytes(b"old")
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        order.append(("fsync", "folder" if stat.S_ISDIR(status.st_mode) else status.st_size, path.read_bytes()))
        fsync(descriptor)

    def watched_replace(source: Path, target: Path) -> Path:
        order.append(("rename", source.read_bytes(), target.read_bytes()))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    write_atomically(path, b"newer")
    assert order == [("fsync", 5, b"old"), ("rename", b"newer", b"old"), ("fsync", "folder", b"newer")]


@pytest.mark.parametrize("what", FAILURES)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    fails, error = FAILURES[what]
    with fails(old_file(tmp_path), monkeypatch) as path:
        with pytest.raises(error):
            write_atomically(path, bytes(200_000))
        assert path.read_bytes() == b"old"
        assert names(path.parent) == ["file"]


def test_a_first_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_fsync(tmp_path / "file", monkeypatch) as path, pytest.raises(WorkbenchError, match="Input/output"):
        write_atomically(path, b"new")
    assert names(tmp_path) == []
    with pytest.raises(WorkbenchError, match="nowhere"):
        write_atomically(tmp_path / "nowhere" / "file", b"new")


def test_an_exclusive_write_never_replaces(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", exclusive=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
    write_atomically(tmp_path / "other", b"new", exclusive=True)
    assert (tmp_path / "other").read_bytes() == b"new"
    assert names(tmp_path) == ["file", "other"]


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"kept")
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(target)
    write_atomically(tmp_path / "file", b"new")
    assert (target.read_bytes(), (tmp_path / "file").read_bytes()) == (b"kept", b"new")
    assert names(tmp_path) == ["file", "precious"]
