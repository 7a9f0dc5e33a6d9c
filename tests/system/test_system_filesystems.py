"""Copies on file systems that differ: without hard links, with coarse times, with shared extents, mounted twice."""

import contextlib
import math
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.errors import UserError
from shared.library.hashing import sha256_file
from shared.library.mend import kept_aside, replace_damaged
from shared.library.place import copy_verified, place
from shared.library.remove import remove_verified
from shared.library.roots import Root, open_library
from shared.library.stage import stage_file
from shared.library.stored import Condition, examine
from tests.disks import CannotMount, small_disk
from tests.system.conftest import Program

SIZE_BYTES = 512 * 1024**2
GOOD, ROTTEN = b"good" * 50_000, b"rotten" + b"good" * 49_998 + b"xx"
TAKEN_NS = 1_600_000_001_123_456_789
LIMIT_S = 20.0


@dataclass(frozen=True)
class Kind:
    """A file system: its package, how it is made, and how it is mounted where that is not the kernel's work."""

    package: str
    make: tuple[str, ...]
    mount: str = "mount"


KINDS = {
    "ext4 with times in seconds": Kind("e2fsprogs", ("mkfs.ext4", "-q", "-I", "128")),
    "btrfs": Kind("btrfs-progs", ("mkfs.btrfs", "-q")),
    "xfs": Kind("xfsprogs", ("mkfs.xfs", "-q")),
    "exfat": Kind("exfat-fuse", ("mkfs.exfat",), "mount.exfat-fuse"),
}


class Disk:
    """A file system in a file, mounted."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self._kind = kind
        self._image = folder / "image"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE_BYTES)
        self._device = _run("losetup", "-f", "--show", str(self._image)).strip()

    def make(self) -> None:
        """Make the file system and mount it; skips where this kernel has it not."""
        _run(*self._kind.make, self._device)
        try:
            self.mount()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"it cannot be mounted here: {error.stderr.strip().splitlines()[0]}")

    def mount(self) -> None:
        """Mount it."""
        _run(self._kind.mount, self._device, str(self.path))

    def remount(self) -> None:
        """What is only in memory is gone after this."""
        _run("umount", str(self.path))
        self.mount()

    def remove(self) -> None:
        """Let go of everything."""
        subprocess.run(["umount", "-l", str(self.path)], capture_output=True, check=False)
        _run("losetup", "-d", self._device)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def disk(request: pytest.FixtureRequest, program: Program, root: None, tmp_path: Path) -> Iterator[Disk]:
    """A disk of the kind that the test names."""
    kind = KINDS[request.param]
    for name in {kind.make[0], kind.mount}:
        program(name, kind.package)
    found = Disk(kind, tmp_path)
    try:
        found.make()
        yield found
    finally:
        found.remove()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A capture of long ago, with times of nanoseconds."""
    path = tmp_path / "card" / "a.fit"
    path.parent.mkdir()
    path.write_bytes(GOOD)
    os.utime(path, ns=(TAKEN_NS, TAKEN_NS))
    return path


@pytest.mark.parametrize("disk", KINDS, indirect=True)
def test_rot_is_known_and_mended_on_every_file_system(disk: Disk, source: Path) -> None:
    """The mtime of a placed copy lasts as it was noted, so that rot is told from a change, whatever the disk keeps.

    The damaged copy is replaced and kept, also without hard links and an exchange of names, and all of it lasts.
    """
    library = Root("library", disk.path / "library", writable=True)
    open_library(library, first_time=True)
    content, path = sha256_file(source), "night/a.fit"
    placed = copy_verified(source, library, path)
    disk.remount()
    found = examine(library, path, content, whole_at_ns=placed.mtime_ns, hashing=False)
    assert (found.condition, found.digest) == (Condition.SOUND, None), "size and mtime are as they were noted"

    (library.path / path).write_bytes(ROTTEN)
    os.utime(library.path / path, ns=(placed.mtime_ns, placed.mtime_ns))
    disk.remount()
    damaged = examine(library, path, content, whole_at_ns=placed.mtime_ns, hashing=True)
    assert damaged.condition is Condition.DAMAGED
    replaced = replace_damaged(stage_file(source, library), library, path, damaged)
    disk.remount()
    assert remove_verified(source, content, stored_at=library.path / path)
    assert examine(library, path, content, whole_at_ns=replaced.mtime_ns, hashing=False).condition is Condition.SOUND
    assert (library.path / path).read_bytes() == GOOD
    assert [(library.path / one.kept_as).read_bytes() for one in kept_aside(library, [])] == [ROTTEN]
    assert list((library.own_folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("disk", ["btrfs", "xfs"], indirect=True)
def test_a_copy_that_shares_its_blocks_is_a_copy(disk: Disk, source: Path) -> None:
    """A reflink is a file of its own: it stays whole when its source has gone."""
    original, copy = disk.path / "original.fit", disk.path / "copy.fit"
    original.write_bytes(source.read_bytes())
    _run("cp", "--reflink=always", str(original), str(copy))
    assert remove_verified(original, sha256_file(source), stored_at=copy)
    disk.remount()
    assert not original.exists()
    assert copy.read_bytes() == GOOD


@pytest.mark.parametrize("disk", ["btrfs", "xfs"], indirect=True)
def test_a_derived_file_shares_its_blocks(disk: Disk, source: Path) -> None:
    """A reflink is made by the disk itself, is read back, and keeps what it holds when its file changes."""
    library = Root("library", disk.path / "library", writable=True)
    open_library(library, first_time=True)
    content = sha256_file(source)
    placed = copy_verified(source, library, "a.fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.library.stage._transfer", None)  # nothing is copied byte by byte
        staged = stage_file(library.path / placed.relative_path, library, sharing=True)
    assert (staged.file_id, staged.size_bytes) == (content.file_id, content.size_bytes)
    beside = place(staged, library, "DATE_2026-01-03/a.fit")
    with (library.path / "a.fit").open("r+b") as file:
        file.write(b"changed")
    disk.remount()
    assert (library.path / beside.relative_path).read_bytes() == GOOD


@pytest.fixture
def bound(root: None, source: Path, tmp_path: Path) -> Iterator[Path]:
    """The source's folder mounted a second time by the kernel."""
    place = tmp_path / "bound"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "--bind", str(source.parent), str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield place
    _run("umount", "-l", str(place))


def test_a_bind_mount_of_the_source_is_no_copy(bound: Path, source: Path) -> None:
    """A folder that is mounted twice shows one file by two paths; neither is removed for the sake of the other."""
    for one, other in ((source, bound / source.name), (bound / source.name, source)):
        with pytest.raises(UserError, match="it is the stored file itself"):
            remove_verified(one, sha256_file(source), stored_at=other)
    assert source.read_bytes() == GOOD


@pytest.fixture
def shared_again(program: Program, root: None, source: Path, tmp_path: Path) -> Iterator[Path]:
    """The source's folder mounted a second time through FUSE, with another device and inodes of its own."""
    program("rclone", "rclone")
    program("fusermount3", "fuse3")
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse")
    place = tmp_path / "shared again"
    place.mkdir()
    options = ("--config", os.devnull, "--allow-other", "--dir-cache-time", "1h")
    with (tmp_path / "rclone.log").open("wb") as log:
        process = subprocess.Popen(
            ["rclone", "mount", str(source.parent), str(place), *options],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + LIMIT_S
        while not place.is_mount():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"rclone cannot mount here: {(tmp_path / 'rclone.log').read_text()[-300:]}")
            time.sleep(0.1)
        yield place
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(place)], capture_output=True, check=False)
        process.terminate()
        process.wait(LIMIT_S)


def test_a_share_of_the_same_folder_is_no_copy(shared_again: Path, source: Path) -> None:
    """A folder that comes by a second way, as over the network, shows other devices and inodes, and is recognised.

    Whichever of the two is called the library: removing the file by one path would remove it from both.
    """
    by_share = shared_again / source.name
    assert (by_share.stat().st_dev, by_share.stat().st_ino) != (source.stat().st_dev, source.stat().st_ino)
    for one, other in ((by_share, source), (source, by_share)):
        with pytest.raises(UserError, match="it is the stored file itself"):
            remove_verified(one, sha256_file(source), stored_at=other, rested_s=math.inf)
    assert source.read_bytes() == GOOD
    assert list(source.parent.iterdir()) == [source]


@pytest.fixture(params=["upperdir", "lowerdir"])
def layered(request: pytest.FixtureRequest, root: None, source: Path, tmp_path: Path) -> Iterator[Path]:
    """The source's folder as an overlay shows it whose upper or lower layer it is: local, and another device."""
    layers = {name: tmp_path / name for name in ("lowerdir", "upperdir", "workdir", "merged")}
    with small_disk_or_skip(tmp_path / "other") as other:  # the layers of an overlay lie on one disk or on two
        if request.param == "lowerdir":
            layers |= {name: other / name for name in ("upperdir", "workdir")}
        for folder in layers.values():
            folder.mkdir()
        layers[request.param] = source.parent
        place = layers.pop("merged")
        options = ",".join(f"{name}={folder}" for name, folder in layers.items())
        mounted = subprocess.run(
            ["mount", "-t", "overlay", "-o", options, "nightbus-test", str(place)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if mounted.returncode != 0:
            pytest.skip(f"no overlay can be mounted here: {mounted.stderr.strip()}")
        yield place
        _run("umount", "-l", str(place))


@contextlib.contextmanager
def small_disk_or_skip(place: Path) -> Iterator[Path]:
    """A small disk of its own."""
    try:
        with small_disk(place, 64 * 1024**2) as disk:
            yield disk
    except CannotMount as error:
        pytest.skip(f"nothing can be mounted here: {error}")


def test_a_layer_of_an_overlay_is_no_copy(layered: Path, source: Path) -> None:
    """A folder that an overlay shows is one file by two local devices; the only copy goes under neither name."""
    shown = layered / source.name
    assert shown.stat().st_dev != source.stat().st_dev
    for one, other in ((source, shown), (shown, source)):
        with pytest.raises(UserError, match="it is the stored file itself"):
            remove_verified(one, sha256_file(source), stored_at=other)
        assert shown.read_bytes() == source.read_bytes() == GOOD
    assert list(source.parent.iterdir()) == [source]
    assert source.stat().st_mtime_ns == TAKEN_NS
