"""What the mounts of a system say of a path."""

from pathlib import Path

import pytest

from shared.library.mounts import is_network_filesystem, is_only_read_here

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw - cifs //nas/astro rw
31 30 0:41 / /mnt/nas/local\\040disk rw - ext4 /dev/sdb1 rw
32 22 0:42 / /srv rw - nfs4 nas:/srv rw
33 32 0:43 / /srv rw - xfs /dev/sdc1 rw
34 22 0:44 / /usb rw - fuseblk /dev/sdd1 rw
35 22 0:45 / /ssh rw - fuse.sshfs rig: rw
36 22 0:46 / /mnt/nasty rw master:1 propagate_from:2 - btrfs /dev/sde rw
37 22 0:47 / /library ro,relatime - ext4 /dev/sdf1 rw,data=ordered
38 22 0:48 / /damaged ro,relatime - ext4 /dev/sdg1 ro,errors=remount-ro
broken line
"""


@pytest.mark.parametrize(
    ("path", "network"),
    [("/home/x", False), ("/mnt/nas/M 31", True), ("/mnt/nas", True), ("/mnt/nas/local disk/a", False),
     ("/srv/a", False),  ("/usb/a", False), ("/ssh", True), ("/mnt/nasty/a", False)],
)  # fmt: skip
def test_network_shares_are_known_by_their_mount(tmp_path: Path, path: str, network: bool) -> None:
    """The innermost and topmost mount decides; blanks in mount points and unknown lines do no harm."""
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert is_network_filesystem(Path(path), tmp_path / "mountinfo") is network


def test_without_mountinfo_patience_is_safe(tmp_path: Path) -> None:
    """Where nothing is known about mounts, a path counts as network."""
    assert is_network_filesystem(tmp_path, tmp_path / "missing")


@pytest.mark.parametrize(("path", "only"), [("/library/a", True), ("/damaged/a", False), ("/home/x", False)])
def test_a_folder_that_is_read_alone_is_told_from_a_disk_that_is(tmp_path: Path, path: str, only: bool) -> None:
    """Mounted read-only over a file system that is not, as containers have it; a disk that the kernel closed is not."""
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert is_only_read_here(Path(path), tmp_path / "mountinfo") is only
    assert not is_only_read_here(Path(path), tmp_path / "missing")
