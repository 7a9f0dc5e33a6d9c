"""What was lost or spoilt in any table of stats is found by a check, and is as it was before once it is mended."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.stats import spoilt
from services.stats import upkeep as module
from services.stats.store.upkeep import add, add_due
from shared.events.base import utc_now
from shared.events.file import FileArrived, FileQuarantined, FileScanned
from tests.integration.stats.library import LONG_AFTER, Library, events_of, run_job
from tests.integration.stats.spoiling import FRAMES, KNOWN, MASKED, SPOILT, TOTALS, of_file
from tests.integration.stats.world import ARRIVED, NIGHT, apply, check, file_id, light


async def _rows(pool: Any) -> dict[str, list[str]]:
    """All rows of all tables, but for what is masked."""
    return {
        table: sorted(
            json.dumps({key: value for key, value in json.loads(row[0]).items() if key not in masked}, sort_keys=True)
            for row in await pool.fetch(f"SELECT to_jsonb(t) FROM {table} t")
        )
        for table, masked in MASKED.items()
    }


async def test_whatever_is_lost_or_spoilt_is_found_and_mended(pool: Any, library: Library) -> None:
    """Each column of each total, and each base row: a check finds it, and the tables are bit for bit as before."""
    before = await _rows(pool)
    assert len(before["session"]) == 2
    assert (await run_job(pool, library))["differences"] == 0
    for statement in SPOILT:
        if statement == "UPDATE session SET open = true":
            continue  # that is no harm: it is closed again, and nobody is told anything twice
        await pool.execute(statement)
        result = await run_job(pool, library)
        assert result["differences"] > 0, statement
        assert result["lines"], statement
        again = await run_job(pool, library)
        assert (again["differences"], again["read_anew"]) == (0, 0), (statement, again["lines"])
        assert "session.finished" not in await library.time_passes(), statement
        assert await _rows(pool) == before, statement
    async with pool.acquire() as connection, connection.transaction():
        assert await check(connection) == []


async def test_a_move_that_nobody_heard_of_is_found(
    pool: Any, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where file.moved was lost, a check finds the file where it is: it is read anew there, and counted once."""
    before = await _rows(pool)
    moved = "elsewhere/l2.fits"
    await library.ingest.execute(f"UPDATE location SET path = $1 WHERE {of_file('l2')}", moved)
    await library.ingest.execute(f"UPDATE file SET location_revision = 1 WHERE {of_file('l2')}")
    monkeypatch.setitem(FRAMES, "l2", FRAMES["l2"].model_copy(update={"path": moved}))
    result = await run_job(pool, library)
    assert (result["differences"], library.asked) == (1, [file_id("l2")])
    assert await pool.fetchval(f"SELECT path FROM file WHERE {of_file('l2')}") == moved
    again = await run_job(pool, library)
    assert (again["differences"], again["read_anew"]) == (0, 0)
    assert "session.finished" not in await library.time_passes()
    after = await _rows(pool)
    assert {table for table, rows in after.items() if rows != before[table]} == {"file", "frame"}


async def test_a_check_of_sound_tables_changes_nothing(pool: Any, library: Library) -> None:
    """Where all agrees no row is written, nothing is read anew, and nobody is told."""
    stamps = "SELECT count(*), max(xmin::text::bigint) FROM session"
    before = await pool.fetchrow(stamps)
    result = await run_job(pool, library)
    assert (result["differences"], result["mended"], result["read_anew"], result["frames"]) == (0, 0, 0, len(FRAMES))
    assert (result["lines"], result["steps_done"], library.asked) == ([], result["steps"], [])
    assert await pool.fetchrow(stamps) == before
    assert await library.time_passes() == []


async def test_a_dry_run_only_looks(pool: Any, library: Library) -> None:
    """With dry_run a check and a rebuild say what differs, and change nothing."""
    await pool.execute("UPDATE session SET files = 99")
    await pool.execute(f"DELETE FROM frame WHERE {of_file('flat')}")
    spoilt = await _rows(pool)
    for task, least in (("check", 4), ("rebuild", 3)):
        result = await run_job(pool, library, task, dry_run=True)
        assert result["differences"] >= least
        assert (result["mended"], result["read_anew"]) == (0, 0)
        assert any("files is 99, the frames say" in line for line in result["lines"])
        assert await _rows(pool) == spoilt
    assert library.asked == []


async def test_a_rebuild_writes_all_totals_anew(pool: Any, library: Library) -> None:
    """A rebuild puts right what follows from the frames, says how much that was, and asks ingest for nothing."""
    before = await _rows(pool)
    for table in TOTALS:
        await pool.execute(f"DELETE FROM {table}")
    library.running = False
    result = await run_job(pool, library, "rebuild")
    assert result["differences"] == result["mended"] > 10
    await library.time_passes()
    assert await _rows(pool) == before


async def test_files_wait_to_be_read_anew_until_ingest_answers(pool: Any, library: Library) -> None:
    """Without ingest the job waits, says for what, and goes on with it later; the totals are right meanwhile."""
    before = await _rows(pool)
    await pool.execute(f"DELETE FROM frame WHERE {of_file('flat')}")
    library.running = False
    result = await run_job(pool, library)
    assert (result["state"], result["reason"]) == (
        "waiting",
        "1 files wait to be read anew: the ingest service is not running",
    )
    async with pool.acquire() as connection, connection.transaction():
        assert await check(connection) == []
    library.running = True
    await pool.execute("UPDATE upkeep SET next_try_at = now()")
    result = await run_job(pool, library, asked=False)
    assert (result["state"], result["read_anew"]) == ("done", 1)
    await library.time_passes()
    assert await _rows(pool) == before


async def test_what_is_on_its_way_is_not_lost(pool: Any, library: Library) -> None:
    """A file that was announced just now, or whose event is not sent yet, is not read anew."""
    await library.bring("new")
    await library.ingest.execute("UPDATE file SET announced_at = $2 WHERE file_id = $1", file_id("new"), LONG_AFTER)
    assert (await run_job(pool, library))["differences"] == 0
    await library.ingest.execute("UPDATE file SET announced_at = $2 WHERE file_id = $1", file_id("new"), ARRIVED)
    await library.ingest.execute(
        "INSERT INTO outbox (event_id, subject, payload, headers, created_at)"
        " VALUES ($1, 'file.arrived', '{}', '{}', $2)",
        uuid4(),
        ARRIVED,
    )
    assert (await run_job(pool, library))["differences"] == 0
    await library.ingest.execute("DELETE FROM outbox")
    assert (await run_job(pool, library))["differences"] == 1
    assert library.asked == [file_id("new")]


async def test_files_of_the_last_minutes_are_said_to_be_left_out(pool: Any, library: Library) -> None:
    """What came just now is counted as not compared, and that alone makes no further check."""
    await library.bring("new", "newer")
    await library.ingest.execute("UPDATE file SET announced_at = $1 WHERE origin LIKE 'new%'", LONG_AFTER)
    result = await run_job(pool, library)
    assert (result["differences"], result["not_compared"], result["again_at"]) == (0, 2, None)
    assert result["compared_until"] == LONG_AFTER - module.GRACE
    rebuilt = await run_job(pool, library, "rebuild")
    assert (rebuilt["not_compared"], rebuilt["compared_until"]) == (0, None)


async def test_frames_that_were_lost_within_minutes_are_read_anew(pool: Any, library: Library) -> None:
    """Where the arrival is here and nothing else, no event is on its way: the frame is lost, however new its file."""
    before = await _rows(pool)
    await library.ingest.execute("UPDATE file SET announced_at = $1", LONG_AFTER)
    await pool.execute(f"DELETE FROM frame WHERE {of_file('l1')} OR {of_file('flat')} OR {of_file('other')}")
    result = await run_job(pool, library)
    assert (result["read_anew"], result["not_compared"]) == (3, len(KNOWN) - 3)
    assert sorted(library.asked) == sorted(map(file_id, ("l1", "flat", "other")))
    await library.time_passes()
    assert await _rows(pool) == before


async def test_totals_that_went_down_within_minutes_are_right_after_a_further_check(
    pool: Any, library: Library
) -> None:
    """Where all rows of a new file are gone its totals go too; a further check comes by itself and brings it back."""
    before = await _rows(pool)
    await library.ingest.execute("UPDATE file SET announced_at = $1", LONG_AFTER)
    for table in ("file", "frame"):
        await pool.execute(f"DELETE FROM {table} WHERE {of_file('l1')}")
    result = await run_job(pool, library)
    assert result["mended"] > 0
    assert (result["read_anew"], result["not_compared"]) == (0, len(KNOWN))
    (further,) = await pool.fetch("SELECT * FROM upkeep WHERE state = 'waiting'")
    assert (further["task"], further["next_try_at"], further["dry_run"]) == ("check", result["again_at"], False)
    assert timedelta() < result["again_at"] - result["finished_at"] <= module.GRACE
    await library.ingest.execute("UPDATE file SET announced_at = $1", ARRIVED)
    await pool.execute("UPDATE upkeep SET next_try_at = now() WHERE state = 'waiting'")
    again = await run_job(pool, library, asked=False)
    assert (again["job_id"], again["read_anew"], again["again_at"]) == (further["job_id"], 1, None)
    await library.time_passes()
    assert await _rows(pool) == before


async def test_rows_of_unknown_files_stay(pool: Any, library: Library) -> None:
    """What ingest does not know is said and left alone: a count is never lost because a list of files is."""
    await library.ingest.execute("DELETE FROM file WHERE file_id = $1", file_id("flat"))
    before = await _rows(pool)
    result = await run_job(pool, library)
    assert (result["differences"], result["left_alone"], result["mended"], result["read_anew"]) == (2, 2, 0, 0)
    assert "frame: 1 rows are of files that ingest does not know; they stay" in result["lines"]
    assert await _rows(pool) == before


async def test_a_suspicion_reads_no_whole_library(pool: Any, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit, files that are only suspected are left to a person; what is lost is read anew all the same."""
    monkeypatch.setattr(module, "MOST_ON_SUSPICION", 1)
    await pool.execute(f"UPDATE frame SET rig = 'spoilt' WHERE {of_file('l1')} OR {of_file('l2')}")
    await pool.execute(f"DELETE FROM frame WHERE {of_file('flat')}")
    result = await run_job(pool, library)
    assert library.asked == [file_id("flat")]
    assert result["left_alone"] >= 2
    assert any("more than 1 files would have to be read anew" in line for line in result["lines"])


async def test_a_fault_of_ours_reads_no_file_each_day(
    pool: Any, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that contradicts itself after it was read anew is said, and not read again and again."""
    monkeypatch.setattr(spoilt, "contradiction", lambda row: "its night" if row["file_id"] == file_id("l1") else None)
    library_time = utc_now() + timedelta(days=1)
    assert (await run_job(pool, library))["read_anew"] == 1
    await library.ingest.execute("UPDATE file SET announced_at = $2 WHERE file_id = $1", file_id("l1"), library_time)
    result = await run_job(pool, library)
    assert (result["differences"], result["read_anew"], result["left_alone"]) == (1, 0, 1)
    assert library.asked == [file_id("l1")]
    await library.ingest.execute("UPDATE file SET announced_at = $1 WHERE origin = 'flat.fits'", LONG_AFTER)
    result = await run_job(pool, library)
    assert result["not_compared"] > 0
    assert result["again_at"] is None, "nothing was put right, and so nothing went down"


async def test_a_revision_never_goes_down(pool: Any, library: Library) -> None:
    """A session or target whose row was lost goes on from what was told, also before any check."""
    revision = await pool.fetchval("SELECT published_revision FROM target WHERE catalog_id = 'M31'")
    await pool.execute("DELETE FROM session")
    await pool.execute("DELETE FROM target")
    async with pool.acquire() as connection:
        await apply(connection, [light("late", start_s=900)])
    assert await pool.fetchval("SELECT revision FROM session") == 1
    assert await pool.fetchval("SELECT revision FROM target") == revision + 1
    await pool.execute("UPDATE session SET revision = 7")
    await run_job(pool, library)
    assert await pool.fetchval("SELECT max(revision) FROM session") == 7
    assert await pool.fetchval("SELECT max(revision) FROM told") == 7


async def test_the_daily_check_is_committed_once(pool: Any) -> None:
    """However often it is looked, one check is committed in the interval; those that a person asks for come beside."""
    for _ in range(3):
        await add_due(pool, 86_400.0)
    assert await pool.fetchval("SELECT count(*) FROM upkeep WHERE NOT asked") == 1
    await pool.execute("UPDATE upkeep SET created_at = created_at - interval '25 hours'")
    await add_due(pool, 86_400.0)
    command = uuid4()
    for _ in range(2):
        await add(pool, command, "check", dry_run=False)
    assert await pool.fetchval("SELECT count(*) FROM upkeep") == 3


async def test_a_check_beside_writers_sees_one_state(pool: Any, library: Library) -> None:
    """While batches are written a check finds nothing wrong, since it reads one snapshot, and holds nobody up."""
    import asyncio

    async def write() -> None:
        for turn in range(12):
            async with pool.acquire() as connection:
                batch = [light(f"w{turn}/{n}", start_s=10_000 + 60 * n + turn, night=NIGHT) for n in range(30)]
                await apply(connection, batch)

    writing = asyncio.create_task(write())
    looks = 0
    while not writing.done():
        result = await run_job(pool, library)
        assert [line for line in result["lines"] if "ingest does not know" not in line] == []
        looks += 1
    await writing
    assert looks > 0
    assert NIGHT in {row["night"] for row in await pool.fetch("SELECT night FROM session")}


def test_the_kinds_of_files_are_all_here() -> None:
    """The library of these tests has a frame of each kind that is placed in its own way, and files that are none."""
    assert {event.frame.frame_type.value for event in FRAMES.values()} == {"LIGHT", "DARK", "FLAT", "PREVIEW"}
    assert {type(event) for name in KNOWN for batch in events_of(name, 1) for event in batch} == {
        FileArrived,
        FileScanned,
        FileQuarantined,
    }
