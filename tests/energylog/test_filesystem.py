"""Which file systems are known not to be up to SWMR, told from a table of mounts in the kernel's words."""

from pathlib import Path

import pytest

from tests.energylog import runs
from trainers.energylog import EnergyLog, filesystem, start
from trainers.energylog.filesystem import swmr_works

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:40 / /home rw,relatime shared:1 master:3 - nfs4 server:/home rw,vers=4.2
41 40 0:41 / /home/me/local rw - xfs /dev/sdb rw
42 27 0:42 / /scratch rw - lustre 10.0.0.1@o2ib:/scratch rw,flock
43 27 0:43 / /my\\040disk rw - cifs //server/share rw
44 27 0:44 / /fuse rw - fuse.sshfs me@there: rw
45 27 0:45 / /usb rw - fuseblk /dev/sdc1 rw
46 27 0:46 / /hidden rw - ext4 /dev/sdd rw
47 46 0:47 / /hidden rw - beegfs beegfs_nodev rw
48 27 0:48 / /home2 rw - btrfs /dev/sde rw
"""


@pytest.mark.parametrize(
    ("directory", "works"),
    [
        ("/", True),
        ("/tmp/runs", True),
        ("/home", False),
        ("/home/me/runs/deep", False),
        ("/home/me/local/runs", True),
        ("/home/me/localnot", False),
        ("/home2/runs", True),
        ("/scratch/me", False),
        ("/my disk/runs", False),
        ("/fuse/runs", False),
        ("/usb/runs", True),
        ("/hidden/runs", False),
    ],
)
def test_the_nearest_mount_above_decides(tmp_path: Path, directory: str, works: bool) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert swmr_works(Path(directory), table) == works


def test_a_link_into_another_file_system_is_followed(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    (tmp_path / "remote").mkdir()
    (tmp_path / "link").symlink_to("remote")
    table.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path.resolve()}/remote rw - nfs x rw\n")
    assert not swmr_works(tmp_path / "link", table)
    assert swmr_works(tmp_path, table)


def test_where_the_kernel_has_no_table_swmr_is_taken_to_work(tmp_path: Path) -> None:
    assert swmr_works(tmp_path, tmp_path / "no mountinfo")


@pytest.mark.parametrize("kind", ["nfs4", "ext4"])
def test_a_log_is_written_as_its_file_system_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:1 / / rw - {kind} x rw\n")
    monkeypatch.setattr(start, "swmr_works", lambda directory: filesystem.swmr_works(directory, table))
    path = tmp_path / "run.h5"
    with runs.create(path, mode="auto") as log:
        runs.append(log, 1)
        assert (tmp_path / "run.h5.d").is_dir() == (kind == "nfs4")
        with EnergyLog.open(path) as read:
            runs.assert_exact(read, 1)
