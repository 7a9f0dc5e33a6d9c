"""Files that wait for room: counted once each, said once, and tried again when there is room."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.ingest.roomwait import RoomWait
from services.ingest.tally import Crowd, Tally
from shared.library import room as module
from shared.library.room import Room
from shared.waits import Waits
from tests.disks import MIB, disk_of

GIB = 1024 * MIB


class Free:
    """Bytes that are free on the library's disk, set by the test."""

    value = 0


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """A disk of 100 GiB with nothing free."""
    free = Free()
    monkeypatch.setattr(module, "STALE_S", 0.0)
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk_of(100 * GIB, free.value))
    return free


def waiting(waits: Waits) -> list[tuple[str, str]]:
    """What is told now."""
    return [(wait.what, wait.reason) for wait in waits.now()]


async def test_one_sentence_with_a_count(free: Free) -> None:
    """A source that waits makes one line, however often it is looked at; `status` has the count as it is now."""
    free.value = GIB
    waits = Waits("ingest")
    wait = RoomWait(Room(Path("/library")), waits, "the source rig")
    with capture_logs() as logs:
        wait.looked_at_all({})
        assert waiting(waits) == []
        wait.looked_at_all({"night": Crowd(2, 3 * MIB, MIB)})
        wait.looked_at(["night"], {"night": Crowd(3, 4 * MIB, MIB)})
        wait.looked_at(["other"], {"other": Crowd(1, MIB // 2, MIB // 2)})
        tail = "1.1 GB of its disk are free, and 1.1 GB stay free"
        told = ("room in the library for the source rig", f"4 files wait (4.7 MB); {tail}")
        assert waiting(waits) == [told]
        wait.looked_at(["night"], {})
        assert waiting(waits) == [(told[0], f"1 file waits (524.3 kB); {tail}")]
        assert wait.crowd == Crowd(1, MIB // 2, MIB // 2)
        wait.looked_at_all({})
        assert waiting(waits) == []
    assert [line["event"] for line in logs] == ["waits", "goes on"]


async def test_it_is_over_when_the_smallest_fits(free: Free) -> None:
    """There is room as soon as one of the waiting files fits above the reserve."""
    wait = RoomWait(Room(Path("/library"), 1024), Waits("ingest"), "the source rig")
    wait.looked_at_all({"a": Crowd(2, 3 * MIB, MIB), "b": Crowd(1, 9 * MIB, 9 * MIB)})
    for free.value, over in ((0, False), (GIB, False), (GIB + MIB - 4096, False), (GIB + MIB, True)):
        assert await wait.is_over() is over


async def test_a_disk_that_hovers_at_its_limit_is_looked_at_ever_less(free: Free) -> None:
    """Each time that room came and was too little the pause doubles, up to a minute; then it begins anew."""
    wait = RoomWait(Room(Path("/library")), Waits("ingest"), "the source rig")
    pauses = []
    for _ in range(6):
        wait.looked_at_all({"a": Crowd(1, MIB, MIB)})
        pauses.append(wait.pause_s)
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    wait.looked_at_all({})
    wait.looked_at_all({"a": Crowd(1, MIB, MIB)})
    assert wait.pause_s == 5.0


def test_a_tally_counts_what_waits_apart() -> None:
    """Files that wait are in no sum of what was found; tallies that are added keep them by folder."""
    tally, other = Tally(), Tally()
    tally.crowd_out("a", 5)
    tally.crowd_out("a", 3)
    other.crowd_out("b", 1)
    tally.add(other)
    assert tally.found == 0
    assert tally.without_room == {"a": Crowd(2, 8, 3), "b": Crowd(1, 1, 1)}
    assert Crowd.of(tally.without_room.values()) == Crowd(3, 9, 1)
    assert not Crowd.of([])
