"""Room on the library's disk: asked before each copy, a reserve stays, and what is refused is believed."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.library.room import MIB, NO_SPACE, NoRoom, Room
from shared.library.roots import Root, open_library
from shared.library.stage import stage_file
from tests.disks import disk_of

GIB = 1024 * MIB


class Disk:
    """A disk as ``statvfs`` tells it, and a clock, both set by the test."""

    def __init__(self) -> None:
        self.answer: os.statvfs_result | OSError = disk_of(100 * GIB, 10 * GIB)
        self.now_s = 1000.0
        self.asked = 0

    def statvfs(self, _folder: object) -> os.statvfs_result:
        """Answer as the system call does."""
        self.asked += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    def clock(self) -> float:
        """Seconds."""
        return self.now_s


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk of 100 GiB, of which 10 are free."""
    disk = Disk()
    monkeypatch.setattr(os, "statvfs", disk.statvfs)
    return disk


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    """An empty file that is being written."""
    with (tmp_path / "copy").open("wb") as file:
        yield file.fileno()


def test_a_reserve_is_never_used(disk: Disk) -> None:
    """A file fits when the reserve stays free after it, to the byte."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    assert room.fits(9 * GIB)
    assert not room.fits(9 * GIB + 1)
    assert room.why() == "10.7 GB of its disk are free, and 1.1 GB stay free"
    assert Room(Path("/library"), 0, clock=disk.clock).fits(10 * GIB)


def test_the_reserve_suits_the_disk_where_none_is_set(disk: Disk) -> None:
    """1 GiB, and of a disk that is smaller than 20 GiB a twentieth."""
    room = Room(Path("/library"), clock=disk.clock)
    assert (room.fits(9 * GIB), room.fits(9 * GIB + 1)) == (True, False)
    disk.answer, disk.now_s = disk_of(100 * MIB, 50 * MIB), 2000.0
    assert (room.fits(45 * MIB), room.fits(45 * MIB + 1)) == (True, False)


def test_copies_under_way_are_counted_for_what_they_still_take(disk: Disk, tmp_path: Path) -> None:
    """What is promised to copies is not promised again, and what they have written is not counted twice."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    with (tmp_path / "a").open("wb") as first, (tmp_path / "b").open("wb") as second, ExitStack() as claims:
        claims.enter_context(room.claim(5 * GIB, first.fileno()))
        assert (room.fits(4 * GIB), room.fits(4 * GIB + 1)) == (True, False)
        disk.now_s += 1
        os.posix_fallocate(first.fileno(), 0, MIB)
        written = os.fstat(first.fileno()).st_blocks * 512
        assert written >= MIB
        assert (room.fits(4 * GIB + written), room.fits(4 * GIB + written + 1)) == (True, False)
        disk.now_s += 1
        with pytest.raises(NoRoom, match=r"has no room for 6.4 GB: 10.7 GB of its disk are free"):
            claims.enter_context(room.claim(6 * GIB, second.fileno()))
    disk.now_s += 1
    assert room.fits(9 * GIB), "what has ended claims nothing"


@pytest.mark.parametrize("number", sorted(NO_SPACE))
def test_what_the_system_refuses_is_believed(disk: Disk, descriptor: int, number: int) -> None:
    """After ENOSPC or EDQUOT nothing is tried for a while, each time twice as long; a copy that succeeds ends that."""
    room = Room(Path("/library"), 1024, clock=disk.clock)

    def refused() -> None:
        with pytest.raises(OSError, match=os.strerror(number)), room.claim(1, descriptor):
            raise OSError(number, os.strerror(number))

    for pause_s in (10, 20, 40, 80, 160, 300, 300):
        refused()
        assert not room.fits(1)
        assert room.why() == f"the system writes no more to its disk ({os.strerror(number)})"
        disk.now_s += pause_s - 1
        assert not room.fits(1)
        disk.now_s += 1
        assert room.fits(1)
    with room.claim(1, descriptor):
        pass
    refused()
    disk.now_s += 10
    assert room.fits(1)


def test_copies_refused_at_one_moment_count_once(disk: Disk, descriptor: int, tmp_path: Path) -> None:
    """Several threads that meet the same full disk make one pause, not one each."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    with (tmp_path / "b").open("wb") as other, pytest.raises(OSError, match="full"), room.claim(1, descriptor):
        with pytest.raises(OSError, match="full"), room.claim(1, other.fileno()):
            raise OSError(errno.ENOSPC, "full")
        raise OSError(errno.ENOSPC, "full")
    disk.now_s += 10
    assert room.fits(1)


def test_a_disk_without_inodes_has_no_room(disk: Disk) -> None:
    """A disk that can hold hardly any more files has no room, whatever is free; one that counts no inodes has."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    for files, free_files, fits in ((30, 15, False), (30, 16, True), (10_000, 499, False), (10**6, 1000, True)):
        disk.answer, disk.now_s = disk_of(100 * GIB, 10 * GIB, files=files, free_files=free_files), disk.now_s + 1
        assert room.fits(1) is fits
        assert ("hardly any more files" in room.why()) is not fits
    disk.answer, disk.now_s = disk_of(100 * GIB, 10 * GIB, files=0, free_files=0), disk.now_s + 1
    assert room.fits(1)


def test_a_disk_that_tells_nothing_has_room(disk: Disk) -> None:
    """Where the file system does not answer, or knows no sizes, copying is what tells; so it is without a library."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    for answer in (OSError(errno.EIO, "Input/output error"), disk_of(0, 0, files=0)):
        disk.answer = answer
        assert room.fits(10**15)
    assert Room(None).fits(10**15)


def test_a_full_disk_is_not_asked_for_each_of_many_files(disk: Disk) -> None:
    """While there is no room a thousand files cost one question; room that comes is seen a moment later."""
    room = Room(Path("/library"), 1024, clock=disk.clock)
    disk.answer = disk_of(100 * GIB, GIB)
    assert not any(room.fits(1) for _ in range(1000))
    assert disk.asked == 1
    disk.answer, disk.now_s = disk_of(100 * GIB, 2 * GIB), disk.now_s + 1
    assert room.fits(GIB)


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=3 * GIB), max_size=30),
    free=st.integers(min_value=0, max_value=20 * GIB),
    reserve_mb=st.integers(min_value=0, max_value=2048),
)
def test_whatever_is_copied_the_reserve_stays(sizes: list[int], free: int, reserve_mb: int) -> None:
    """Files of any sizes, copied one after the other as long as they fit, never take the disk below its reserve."""
    left = free // 4096 * 4096
    room = Room(Path("/library"), reserve_mb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _folder: disk_of(100 * GIB, left))
        before = left
        for size_bytes in sizes:
            if room.fits(size_bytes):
                left -= -(-size_bytes // 4096) * 4096
        assert left >= min(before, reserve_mb * MIB - 4096)


def test_a_copy_asks_for_room_and_leaves_nothing_where_there_is_none(disk: Disk, tmp_path: Path) -> None:
    """A file that does not fit is refused before a byte of it is written, and no temporary copy stays."""
    library = Root("library", tmp_path / "library", writable=True)
    open_library(library, first_time=True)
    (tmp_path / "a.fit").write_bytes(b"x" * 5000)
    disk.answer = disk_of(100 * GIB, GIB)
    with pytest.raises(NoRoom, match=r"library has no space left for .*a\.fit|has no room for 5.0 kB"):
        stage_file(tmp_path / "a.fit", library, Room(library.path, clock=disk.clock))
    assert list((library.own_folder / "tmp").iterdir()) == []
    disk.now_s += 1
    disk.answer = disk_of(100 * GIB, 2 * GIB)
    staged = stage_file(tmp_path / "a.fit", library, Room(library.path, clock=disk.clock))
    assert staged.size_bytes == 5000
