"""The last file.scanned of each file is kept whole, and can be read by those who come later."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from services.descriptions import SCHEMAS
from services.stats.store.rebuild import rebuild
from shared.db.migrate import downgrade, migrate
from shared.db.pool import open_pool, pool_of
from shared.db.roles import PEOPLE
from shared.errors import Permanent
from shared.events.base import Event
from shared.events.file import FileScanned
from shared.kept import codec, unpack
from shared.settings import PostgresSettings
from tests.integration.stats.world import apply, arrived, file_id, light, payload_of, quarantined, scanned

CARDS = ("SIMPLE  =                    T", "OBJECT  = 'M 31    '", "COMMENT   as the program wrote it, '' and all")
_PAGE = "SELECT event_no, file_id, packed FROM stats.scanned_event WHERE event_no > $1 ORDER BY event_no LIMIT $2"


def scan(name: str, revision: int = 1, **facts: Any) -> FileScanned:
    """A file.scanned with header cards, of which the last tells the revision."""
    event = light(name, revision=revision, **facts)
    return event.model_copy(update={"header_cards": (*CARDS, f"REVISION= {revision:20d}")})


async def kept(connection: Any) -> dict[str, bytes]:
    """What is kept, by file."""
    rows = await connection.fetch("SELECT file_id, packed FROM scanned_event")
    assert len({row["file_id"] for row in rows}) == len(rows) == await connection.fetchval("SELECT count(*) FROM event")
    return {row["file_id"]: unpack(row["packed"]) for row in rows}


async def test_an_event_is_kept_as_it_was_published(connection: Any) -> None:
    """Byte for byte, with all header cards: its model, its id and everything in it come back."""
    event = scan("a", problems=("the header has a card that is none",))
    await apply(connection, [event])
    assert await kept(connection) == {file_id("a"): payload_of(event)}
    again = FileScanned.model_validate_json((await kept(connection))[file_id("a")])
    one = await connection.fetchrow("SELECT scan_revision, packed FROM file_event WHERE file_id = $1", file_id("a"))
    assert (one["scan_revision"], unpack(one["packed"])) == (1, payload_of(event))
    assert (again, again.event_id, again.header_cards) == (event, event.event_id, event.header_cards)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 3, 1)])
@pytest.mark.parametrize("together", [True, False])
async def test_the_last_one_counts(connection: Any, order: Sequence[int], together: bool) -> None:
    """By its scan revision, in whatever order and however often events come, in one batch or in several."""
    events = [scan("a", revision) for revision in order]
    batches: list[Event | list[Event]] = [[*events]] if together else [*events]
    await apply(connection, *batches, [scan("b")])
    assert await kept(connection) == {file_id("a"): payload_of(scan("a", 3)), file_id("b"): payload_of(scan("b"))}


async def test_a_file_that_can_no_longer_be_read_keeps_its_last_event(connection: Any) -> None:
    """Quarantined under a later revision, the file still is what it was when it was last read."""
    await apply(connection, [arrived("a")], [scan("a")], [arrived("a", revision=2)], [quarantined("a", attempt=2)])
    assert await kept(connection) == {file_id("a"): payload_of(scan("a"))}
    await apply(connection, [scan("a", 3)])
    assert await kept(connection) == {file_id("a"): payload_of(scan("a", 3))}
    await apply(connection, [quarantined("never scanned")])
    assert set(await kept(connection)) == {file_id("a")}


async def test_a_refused_batch_leaves_nothing(connection: Any) -> None:
    """An event is kept in the transaction of its frame, or not at all."""
    with pytest.raises(Permanent):
        await apply(connection, [scan("a"), scan("b").model_copy(update={"size_bytes": 2**70})])
    assert await kept(connection) == {}
    await apply(connection, [scan("a")], bisected=True)
    assert set(await kept(connection)) == {file_id("a")}


async def test_a_rebuild_leaves_events_alone(connection: Any) -> None:
    """Totals that are written anew change no kept event and no number."""
    await apply(connection, [scan("a"), scan("b")], [scanned("dark", frame_type="DARK", rig=None)])
    before = await connection.fetch(_PAGE, 0, 10)
    await connection.execute("DELETE FROM session")
    async with connection.transaction():
        await rebuild(connection)
    assert await connection.fetch(_PAGE, 0, 10) == before


async def test_pages_miss_no_file(database: PostgresSettings) -> None:
    """Whoever pages through the view while files are scanned again and others come sees the last event of each."""
    seen: dict[str, bytes] = {}
    async with (
        pool_of(database, "stats") as writers,
        pool_of(database, PEOPLE.name) as readers,
        writers.acquire() as connection,
    ):
        await apply(connection, [scan(f"f{n}") for n in range(20)])
        after, turn = 0, 0
        while page := await readers.fetch(_PAGE, after, 3):
            seen |= {row["file_id"]: unpack(row["packed"]) for row in page}
            after, turn = page[-1]["event_no"], turn + 1
            if turn < 10:
                await apply(connection, [scan(f"f{turn}", 2), scan(f"f{19 - turn}", 3), scan(f"new{turn}")])
        assert seen == await kept(connection)
    assert len(seen) == 29


async def test_the_order_of_numbers_is_that_of_commits(database: PostgresSettings) -> None:
    """A reader that has seen a number never finds a smaller one later, however many write at once."""
    numbers: list[int] = []
    done = asyncio.Event()

    async def write(pool: asyncpg.Pool, part: int) -> None:
        for n in range(12):
            async with pool.acquire() as connection:
                await apply(connection, [scan(f"{part}-{n}-{m}", start_s=60 * m) for m in range(3)])

    async def look(pool: asyncpg.Pool) -> None:
        while not done.is_set() or await pool.fetchval("SELECT max(event_no) FROM scanned_event") != numbers[-1]:
            after = numbers[-1] if numbers else 0
            numbers.extend(row["event_no"] for row in await pool.fetch(_PAGE, after, 1000))

    async with pool_of(database, "stats") as pool:
        watching = asyncio.create_task(look(pool))
        await asyncio.gather(*(write(pool, part) for part in range(4)))
        done.set()
        await watching
        found = await pool.fetch("SELECT event_no FROM scanned_event ORDER BY event_no")
    assert numbers == [row["event_no"] for row in found]
    assert len(numbers) == 144


async def test_an_event_that_is_too_long_costs_itself(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be given back is refused before anything is written."""
    monkeypatch.setattr(codec, "MOST_BYTES", 100)
    with pytest.raises(Permanent, match="too long to be kept"):
        await apply(connection, [scan("a")])
    assert await connection.fetchval("SELECT count(*) FROM frame") == 0


async def test_files_of_before_are_listed_by_the_migration(database: PostgresSettings) -> None:
    """A library that was scanned by an earlier version keeps its frames, and each is listed to be read anew."""
    pool = await open_pool(database, "stats")
    async with pool.acquire() as connection:
        await apply(connection, [arrived("a")], [scan("a"), scan("b")])
    await pool.close()
    await downgrade(database, SCHEMAS, "stats@stats_0008")
    await migrate(database, SCHEMAS)
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        rows = await connection.fetch("SELECT file_id, path, reason FROM unkept_file")
        assert {tuple(row) for row in rows} == {(file_id("a"), "night/a.fits", None), (file_id("b"), None, None)}
        assert await connection.fetchval("SELECT count(*) FROM frame") == 2
        assert await kept(connection) == {}
        await apply(connection, [scan("a", 2)])
        assert tuple(await connection.fetchrow("SELECT to_read, away FROM keeping") or ()) == (1, 0)
        assert set(await kept(connection)) == {file_id("a")}
