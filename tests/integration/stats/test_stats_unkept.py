"""Files of which no event is kept are read anew in the background, and those that are away say so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.stats import unkept as module
from services.stats.unkept import Unkept
from shared.errors import UserError
from shared.events.base import Event
from shared.waits import Waits, of_root, roots_in
from tests.integration.stats.library import LONG_AFTER, Library, run_job
from tests.integration.stats.spoiling import FRAMES
from tests.integration.stats.world import apply, arrived, file_id, light, quarantined

REST_S = 120.0


@pytest.fixture(autouse=True)
async def before(pool: Any, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's frames as an earlier version left them; what is away is looked at again at once."""
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.0)
    await pool.execute("UPDATE frame SET event_no = NULL; DELETE FROM event")
    await pool.execute("INSERT INTO unkept (file_id) SELECT file_id FROM frame")


def reading(pool: Any, library: Any, *away: str, page_files: int = 3) -> Unkept:
    """The background reading of a service that has just started."""

    async def roots_away() -> Sequence[str]:
        return away

    return Unkept(pool, library.reread, roots_away, page_files=page_files, rest_s=REST_S)


class Slow:
    """An ingest that takes what it is asked for, of which nothing comes back yet."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.requests: list[UUID] = []
        self.asked: list[str] = []
        self.answers = True

    async def reread(self, request: UUID, ids: Sequence[str]) -> int:
        """Raise revisions, and announce nothing."""
        self.requests.append(request)
        if not self.answers:
            raise UserError("the ingest service did not answer within 300 s")
        self.asked += ids
        await self._library.ingest.execute(
            "UPDATE file SET scan_revision = scan_revision + 1 WHERE file_id = ANY($1::text[])", list(ids)
        )
        return len(ids)


async def counts(pool: Any) -> tuple[int, int]:
    """How many files are still to be read, and how many are away."""
    row = await pool.fetchrow("SELECT to_read, away FROM keeping")
    return row["to_read"], row["away"]


async def reasons(pool: Any) -> dict[str, str]:
    """Why files are away."""
    return {row["file_id"]: row["reason"] for row in await pool.fetch("SELECT * FROM unkept_file") if row["reason"]}


async def test_all_are_read_anew_page_by_page(pool: Any, library: Library) -> None:
    """Never more than a page at a time, each file once, until the event of every frame is kept."""
    one = reading(pool, library)
    assert await counts(pool) == (len(FRAMES), 0)
    turns = [await one.turn(LONG_AFTER) for _ in range(6)]
    assert turns == [3, 3, 2, 0, 0, 0]
    assert sorted(library.asked) == sorted(map(file_id, FRAMES))
    assert await counts(pool) == (0, 0)
    assert await pool.fetchval("SELECT count(*) FROM scanned_event") == len(FRAMES)


async def test_nothing_is_read_anew_that_needs_not_be(pool: Any, library: Library) -> None:
    """Where all events are kept, or the setting says none, nobody is asked anything."""
    assert await reading(pool, library, page_files=0).turn(LONG_AFTER) == 0
    await pool.execute("DELETE FROM unkept")
    assert await reading(pool, library).turn(LONG_AFTER) == 0
    assert library.asked == []


async def test_new_files_and_sessions_come_first(pool: Any, library: Library) -> None:
    """While anything waits for the scanner, or it has just had something to do, no page is asked for."""
    one, now = reading(pool, library), LONG_AFTER
    async with pool.acquire() as connection:
        await apply(connection, [arrived("new", at=now - timedelta(minutes=50))])
        assert await one.turn(now) == 0
        await apply(connection, [light("new", at=now)])
    assert await one.turn(now + timedelta(seconds=REST_S - 1)) == 0
    assert library.asked == []
    assert await one.turn(now + timedelta(seconds=REST_S + 1)) == 3


async def test_what_waits_for_a_root_that_is_away_holds_no_page_back(pool: Any, library: Library) -> None:
    """A file on an unplugged disk, or one that has waited for hours, does not stop the files that can be read."""
    async with pool.acquire() as connection:
        event = arrived("elsewhere", at=LONG_AFTER).model_copy(update={"root": "disk"})
        await apply(connection, [event, arrived("lost", at=LONG_AFTER - timedelta(hours=2))])
    assert await reading(pool, library).turn(LONG_AFTER) == 0
    assert await reading(pool, library, "disk").turn(LONG_AFTER) == 3


async def test_no_file_is_asked_for_twice(pool: Any, library: Library) -> None:
    """What was asked for is waited for, also after a restart, and counts as still to be read."""
    slow = Slow(library)
    assert await reading(pool, slow).turn(LONG_AFTER) == 3
    for _ in range(5):
        await reading(pool, slow).turn(LONG_AFTER)
    assert len(slow.asked) == len(set(slow.asked)) == len(FRAMES)
    assert await counts(pool) == (len(FRAMES), 0)


async def test_without_an_answer_the_same_page_is_asked_for_again(pool: Any, library: Library) -> None:
    """Under the same id, so that ingest, which may have taken it, reads nothing twice; and nothing is passed over."""
    slow = Slow(library)
    one = reading(pool, slow)
    slow.answers = False
    for _ in range(2):
        assert await one.turn(LONG_AFTER) == 0
    assert await reading(pool, slow).turn(LONG_AFTER) == 0
    assert len(set(slow.requests)) == 1
    slow.answers = True
    while await one.turn(LONG_AFTER):
        pass
    assert len(slow.asked) == len(set(slow.asked)) == len(FRAMES)


async def test_files_that_are_away_say_so_and_are_read_when_they_are_back(pool: Any, library: Library) -> None:
    """Gone, unknown to ingest, or in a root that the scanner waits for: each has its reason, and none is asked for."""
    gone, forgotten = file_id("l1"), file_id("dark")
    await library.ingest.execute("UPDATE location SET missing_since = now() WHERE file_id = $1", gone)
    row = await library.ingest.fetchrow("DELETE FROM file WHERE file_id = $1 RETURNING *", forgotten)
    await pool.execute("UPDATE file SET root = 'disk' WHERE file_id = $1", file_id("flat"))
    one = reading(pool, library, "disk", page_files=100)
    while await one.turn(LONG_AFTER):
        pass
    assert await reasons(pool) == {
        gone: "it has gone from where it lay",
        forgotten: "ingest does not know the file any more",
        file_id("flat"): "the root disk is away",
    }
    assert await counts(pool) == (0, 3)
    assert set(library.asked) == {file_id(name) for name in FRAMES} - {gone, forgotten, file_id("flat")}

    await library.ingest.execute("UPDATE location SET missing_since = NULL")
    again = reading(pool, library, page_files=100)
    assert await again.turn(LONG_AFTER) == 2
    assert (await counts(pool), set(await reasons(pool))) == ((0, 1), {forgotten})
    assert row is not None


async def test_a_file_that_cannot_be_read_any_more_says_why(pool: Any, library: Library) -> None:
    """Quarantined when it was to be read anew, it keeps its frame and is not asked for again."""
    slow = Slow(library)
    await reading(pool, slow, page_files=100).turn(LONG_AFTER)
    async with pool.acquire() as connection:
        batch: list[Event] = [quarantined("l1", attempt=2)]
        await apply(connection, batch)
    one = reading(pool, slow, page_files=100)
    await one.turn(LONG_AFTER)
    await one.turn(LONG_AFTER)
    assert await reasons(pool) == {file_id("l1"): "it could not be read: the header of l1 ends early"}
    assert len(slow.asked) == len(FRAMES)
    assert await pool.fetchval("SELECT count(*) FROM frame") == len(FRAMES)


async def test_without_the_scanner_nothing_is_asked_for(pool: Any, library: Library) -> None:
    """Who could not read a file need not be sent one, and it is not known what is away."""

    async def nobody() -> Sequence[str]:
        raise UserError("the scanner service is not running")

    one = Unkept(pool, library.reread, nobody, page_files=3, rest_s=REST_S)
    assert await one.turn(LONG_AFTER) == 0
    assert (library.asked, await counts(pool)) == ([], (len(FRAMES), 0))


async def test_a_look_at_very_many_goes_on_where_it_ended(
    pool: Any, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are away are passed over in pages; those behind them are found in the same turn."""
    monkeypatch.setattr(module, "PAGE", 2)
    last = max(map(file_id, FRAMES))
    await library.ingest.execute("UPDATE location SET missing_since = now() WHERE file_id <> $1", last)
    assert await reading(pool, library).turn(LONG_AFTER) == 1
    assert library.asked == [last]
    assert await counts(pool) == (0, len(FRAMES) - 1)


def test_the_roots_that_the_scanner_waits_for_have_names() -> None:
    """What the scanner says of a root is found again among all that it waits for."""
    waits = Waits("scanner")
    waits.begin(of_root("disk"), "/disk is not there, and the files in it wait")
    waits.begin("room for previews", "the disk is full")
    assert roots_in(waits.now()) == ["disk"]


async def test_a_check_lists_events_that_were_lost(pool: Any, library: Library) -> None:
    """Kept events that are gone, and files that were listed wrongly, are named and put right by a check."""
    one = reading(pool, library, page_files=100)
    while await one.turn(LONG_AFTER):
        pass
    assert (await run_job(pool, library))["differences"] == 0
    await pool.execute(
        "DELETE FROM event WHERE event_no = (SELECT event_no FROM frame WHERE file_id = $1)", file_id("l1")
    )
    await pool.execute("INSERT INTO unkept (file_id) VALUES ($1)", file_id("l2"))
    result = await run_job(pool, library)
    assert (result["differences"], result["mended"], result["read_anew"]) == (2, 2, 0)
    assert set(result["lines"]) == {
        f"frame {file_id('l1')}: its event is not kept; the file is read anew in the background",
        f"unkept {file_id('l2')}: its event is kept",
    }
    assert [row["file_id"] for row in await pool.fetch("SELECT file_id FROM unkept")] == [file_id("l1")]
    asked = len(library.asked)
    assert await reading(pool, library).turn(LONG_AFTER) == 1
    assert library.asked[asked:] == [file_id("l1")]
    assert (await run_job(pool, library))["differences"] == 0
