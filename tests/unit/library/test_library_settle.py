"""Coming to rest: a file that is still being written is never taken."""

import time
from pathlib import Path

from shared.library.settle import Settler, already_quiet
from shared.library.walk import Entry

S = 1_000_000_000


def _entry(mtime_s: float, ctime_s: float, size_bytes: int = 10) -> Entry:
    return Entry("a.fit", "a.fit", size_bytes, int(mtime_s * S), int(ctime_s * S), b"")


def test_two_equal_looks_far_enough_apart() -> None:
    """A file rests when size and mtime stayed the same for the quiet time, counted from the last change seen."""
    settler = Settler(10, network=True)
    assert not settler.observe("a", 1, 1, 100.0)
    assert not settler.observe("a", 1, 1, 109.9)
    assert settler.observe("a", 1, 1, 110.0)
    assert not settler.observe("a", 2, 1, 111.0)
    assert not settler.observe("a", 2, 2, 120.0)
    assert not settler.observe("a", 2, 2, 129.0)
    assert settler.observe("a", 2, 2, 130.0)


def test_a_writer_that_pauses_is_seen_again() -> None:
    """A slow writer that goes on before the quiet time ends starts the wait anew, however often."""
    settler = Settler(10, network=True)
    assert not any(settler.observe("a", size, size, 9.0 * size) for size in range(1, 100))


def test_one_look_is_enough_on_a_local_disk_only() -> None:
    """An old file is taken at once locally; on a share two looks are needed whatever its times say."""
    old = _entry(1000, 1000)
    assert Settler(10, network=False).settled("a", old, 2000 * S, 5.0)
    share = Settler(60, network=True)
    assert not share.settled("a", old, 2000 * S, 5.0)
    assert share.settled("a", old, 2060 * S, 65.0)


def test_a_copy_with_an_old_mtime_is_not_old() -> None:
    """Tools set mtime back, as cp -p does; the ctime tells, and a future mtime tells nothing."""
    assert not already_quiet(_entry(1000, 1995), 2000 * S, 10)
    assert not already_quiet(_entry(5000, 1000), 2000 * S, 10)
    assert not already_quiet(_entry(1990, 1990), 2000 * S, 10)
    assert already_quiet(_entry(1989, 1989), 2000 * S, 10)


def test_a_stepped_clock_makes_no_file_old() -> None:
    """After the wall clock jumped, one look is not trusted until the quiet time has passed on the monotonic clock."""
    settler = Settler(10, network=False)
    assert not settler.settled("a", _entry(100, 100), 105 * S, 5.0)
    assert not settler.settled("a", _entry(100, 101), 9_000_000 * S, 6.0)
    assert not settler.settled("b", _entry(100, 100), 9_000_009 * S, 15.0)
    assert settler.settled("b", _entry(100, 100), 9_000_011 * S, 17.0)


def test_what_has_gone_is_forgotten() -> None:
    """The memory holds files that are still there and not taken, no others."""
    settler = Settler(10, network=True)
    for key in "abc":
        settler.observe(key, 1, 1, 0.0)
    settler.forget("a")
    settler.forget("never seen")
    settler.retain({"b"})
    assert len(settler) == 1
    assert settler.observe("b", 1, 1, 10.0)
    assert not settler.observe("c", 1, 1, 10.0)


def test_a_real_file_moves_its_ctime_when_written(tmp_path: Path) -> None:
    """The premise of the one-look rule: rewriting a file and setting its mtime back leaves a new ctime."""
    import os

    from shared.library.walk import walk

    file = tmp_path / "a.fit"
    file.write_bytes(b"1")
    os.utime(file, ns=(S, S))
    ((entry,),) = (listing.entries for listing in walk(tmp_path))
    assert entry.mtime_ns == S
    assert not already_quiet(entry, time.time_ns(), 10)
