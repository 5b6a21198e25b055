"""Where the app would write: found out before anything is begun."""

from pathlib import Path

import pytest

from trainers.errors import WorkbenchError
from workbench.tui.acts.files import check_writable


def test_a_folder_that_can_be_made_will_do_and_nothing_is_left_there(tmp_path: Path) -> None:
    check_writable(tmp_path / "generation" / "samples-000")
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "gene\x1bration").touch()
    with pytest.raises(WorkbenchError, match=r"gene\\x1bration cannot be written to \(Not a directory\)"):
        check_writable(tmp_path / "gene\x1bration" / "samples-000")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(WorkbenchError, match=r"nowhere cannot be written to \(No such file or directory\)"):
        check_writable(tmp_path / "nowhere" / "samples-000")
