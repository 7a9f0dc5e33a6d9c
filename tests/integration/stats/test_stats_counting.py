"""Promises of the tables: what is counted where, on a real database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.stats.store.rebuild import rebuild
from shared.errors import Permanent
from tests.integration.stats.world import (
    ARRIVED,
    CAMERA,
    DUSK,
    NIGHT,
    RIG,
    apply,
    arrived,
    check,
    file_id,
    light,
    quarantined,
    row,
    scanned,
    snapshot,
)


async def test_lights_make_a_session_and_a_capture_history(connection: Any) -> None:
    """Light frames appear in the views of sessions, targets, filters and files with their sums."""
    lights = [light(f"l{n}", start_s=60 * n) for n in range(3)]
    await apply(connection, lights, [light("ha", start_s=600, filter="Ha", exposure_s=300.0)])
    session = await row(connection, "SELECT * FROM sessions")
    assert (session["files"], session["exposures"], session["integration_s"]) == (4, 4, 480.0)
    assert (session["night"], session["camera"], session["state"]) == (NIGHT, CAMERA, "closing")
    assert session["session_id"].startswith("20240301_")
    capture = await row(connection, "SELECT * FROM captures")
    assert (capture["catalog_id"], capture["name"]) == ("M31", "Andromeda Galaxy")
    assert (capture["total_frames"], capture["total_exposure_s"], capture["total_sessions"]) == (4, 480.0, 1)
    assert capture["first_captured_at"] == lights[0].frame.observed_at
    filters = await connection.fetch("SELECT filter, exposures, integration_s FROM capture_filters ORDER BY 1")
    assert [tuple(item) for item in filters] == [("Ha", 1, 300.0), ("L", 3, 180.0)]
    assert await check(connection) == []


async def test_twins_count_once(connection: Any) -> None:
    """Several files of one exposure count once, by the smallest id, whichever comes first."""
    twins = sorted((light(name, path=f"x/{name}.fits") for name in ("a", "b", "c")), key=lambda event: event.file_id)
    await apply(connection, [twins[1]], [twins[2]], [twins[0]])
    assert await connection.fetchval("SELECT exposures FROM target") == 1
    assert await connection.fetchval("SELECT file_id FROM frame WHERE counted") == twins[0].file_id
    assert (await row(connection, "SELECT files, integration_s FROM sessions")) == {"files": 3, "integration_s": 60.0}
    assert await check(connection) == []


async def test_bests_follow_the_frames_that_are_there(connection: Any) -> None:
    """The best of a target gets worse again where the frame that was it is read anew and is not, or moves away."""
    bests = "SELECT best_fwhm_arcsec, best_star_count, uncertain_frames, first_captured_at FROM captures"
    start = DUSK - timedelta(hours=1)
    await apply(
        connection,
        [
            light("a", fwhm_arcsec=3.0, star_count=10),
            light("b", observed_at=start, fwhm_arcsec=2.0, star_count=90, uncertain=True),
        ],
        [light("c", night=date(2024, 3, 5), start_s=86_400 * 4, fwhm_arcsec=2.5, star_count=50)],
    )
    assert tuple((await row(connection, bests)).values()) == (2.0, 90, 1, start)
    await apply(connection, [light("b", revision=2, observed_at=start, fwhm_arcsec=2.75, star_count=20)])
    assert tuple((await row(connection, bests)).values()) == (2.5, 50, 0, start)
    await apply(connection, [light("b", revision=3, observed_at=start, target="M33", fwhm_arcsec=1.0, star_count=5)])
    found = await connection.fetch(f"{bests} ORDER BY catalog_id")
    assert [tuple(item) for item in found] == [(2.5, 50, 0, DUSK), (1.0, 5, 0, start)]
    nights = await connection.fetch("SELECT first_night, last_night FROM captures ORDER BY catalog_id")
    assert [tuple(item) for item in nights] == [(NIGHT, date(2024, 3, 5)), (NIGHT, NIGHT)]
    assert await check(connection) == []


async def test_what_was_measured_is_summed_exactly(connection: Any) -> None:
    """Sums of what was measured are those of the database's own values, to the bit, also after frames left again."""
    sums = "SELECT star_count_exposures, star_count_sum, fwhm_arcsec_exposures, fwhm_arcsec_sum FROM session_targets"
    odd = (0.1, 2.3, 1e-7, 60_000.123, 9_999_999.5, 1e38, 2.9999997)
    frames = [
        light(f"m{n}", start_s=60 * n, fwhm_arcsec=value, fwhm_px=value, star_count=n, background_adu=-value)
        for n, value in enumerate(odd)
    ]
    await apply(connection, frames)
    assert await check(connection) == []
    found = await row(connection, sums)
    assert (found["star_count_exposures"], found["star_count_sum"]) == (len(odd), sum(range(len(odd))))
    assert found["fwhm_arcsec_exposures"] == len(odd) - 1
    again = [light(f"m{n}", revision=2, start_s=60 * n) for n in range(1, len(odd))]
    await apply(connection, again)
    assert tuple((await row(connection, sums)).values()) == (1, 0.0, 1, 0.1)
    assert await check(connection) == []


async def test_files_are_counted_by_night_and_object(connection: Any) -> None:
    """Each scanned file counts once by its night, rig, camera, filter and type, and once by what it is of."""
    await apply(
        connection,
        [light("a", object_name="M 31"), light("b", start_s=60, object_name="M 31"), light("c", target=None)],
        [scanned("thumb", frame_type="PREVIEW", night=None, rig=None, camera=None, filter=None)],
    )
    nights = "SELECT night, rig, camera, filter, frame_type, files FROM night_counts ORDER BY night NULLS LAST"
    assert [tuple(item) for item in await connection.fetch(nights)] == [
        (NIGHT, RIG, CAMERA, "L", "LIGHT", 3),
        (None, None, None, None, "PREVIEW", 1),
    ]
    objects = "SELECT catalog_id, object_name, files FROM object_counts ORDER BY files DESC"
    assert [tuple(item) for item in await connection.fetch(objects)] == [("M31", "M 31", 2), (None, None, 2)]
    await apply(connection, [scanned("thumb", revision=2, frame_type="PREVIEW", night=NIGHT, rig=None, camera=None)])
    assert [tuple(item)[:2] for item in await connection.fetch(nights)] == [(NIGHT, RIG), (NIGHT, None)]
    assert await check(connection) == []


async def test_totals_of_files_are_kept_by_whoever_writes(connection: Any) -> None:
    """How many files arrived and were scanned is right after each change, also one that no code of ours makes."""
    counts = "SELECT files, scanned FROM counts"
    await apply(connection, [arrived("a"), arrived("b")], [light("a")], [arrived("a", revision=2)])
    assert await row(connection, counts) == {"files": 2, "scanned": 1}
    await apply(connection, [light("a", revision=2)], [arrived("b"), arrived("c"), arrived("c", revision=2)])
    assert await row(connection, counts) == {"files": 3, "scanned": 1}
    await connection.execute("DELETE FROM frame; DELETE FROM file WHERE file_id = $$none$$")
    assert await row(connection, counts) == {"files": 3, "scanned": 0}
    assert await connection.fetchval("SELECT sum(size_bytes) FROM file_total") == 3000


async def test_only_lights_are_integration(connection: Any) -> None:
    """Stacks, products, calibration frames and previews add files but no exposure."""
    kinds = ("STACK", "PROCESSED", "DARK", "MASTER_FLAT", "PREVIEW", "OTHER")
    await apply(connection, [scanned(kind, frame_type=kind, exposure_s=60.0, target="M31") for kind in kinds])
    assert await connection.fetchval("SELECT count(*) FROM captures") == 0
    session = await row(connection, "SELECT * FROM session")
    assert (session["files"], session["sky_files"], session["exposures"]) == (6, 3, 0)


async def test_frames_without_a_target_are_in_no_target(connection: Any) -> None:
    """A light frame whose target is unknown counts in its session only."""
    await apply(connection, [light("a", target=None)])
    assert await connection.fetchval("SELECT count(*) FROM target") == 0
    counted = await row(connection, "SELECT * FROM session_targets")
    assert (counted["catalog_id"], counted["filter"], counted["exposures"]) == (None, "L", 1)


async def test_calibration_joins_the_sky_session_later(connection: Any) -> None:
    """Darks without a rig move to the session of their camera once that has sky files, and leave nothing behind."""
    darks = [scanned(f"d{n}", frame_type="DARK", rig=None, exposure_s=60.0) for n in range(3)]
    await apply(connection, darks)
    assert (await row(connection, "SELECT rig, files FROM sessions")) == {"rig": CAMERA, "files": 3}
    await apply(connection, [light("l")])
    session = await row(connection, "SELECT * FROM sessions")
    assert (session["rig"], session["files"]) == (light("l").frame.rig, 4)
    assert session["files_by_type"] == '{"DARK": 3, "LIGHT": 1}'
    assert await connection.fetchval("SELECT count(*) FROM session") == 1
    assert await check(connection) == []


async def test_calibration_prefers_the_smallest_rig(connection: Any) -> None:
    """Where two rigs shared a camera in one night, calibration frames go to the first by name, in any order."""
    await apply(connection, [light("z", rig="Zeiss@f6+cam", camera="cam")])
    await apply(connection, [scanned("d", frame_type="DARK", rig=None, camera="cam")])
    await apply(connection, [light("a", rig="Askar@f4+cam", camera="cam", start_s=900)])
    joined = await connection.fetchval(
        "SELECT s.rig FROM session s JOIN frame USING (session_id) WHERE frame_type = 'DARK'"
    )
    assert joined == "Askar@f4+cam"
    assert await check(connection) == []


async def test_previews_follow_their_frame(connection: Any) -> None:
    """A preview without facts of its own goes to the session of the frame of the same name, before or after it."""
    facts: dict[str, Any] = {"frame_type": "PREVIEW", "rig": None, "camera": None, "night": None}
    await apply(connection, [scanned("p1", path="m31/one_thn.jpg", **facts)])
    assert (await row(connection, "SELECT night, rig FROM sessions")) == {"night": ARRIVED.date(), "rig": "unknown"}
    await apply(connection, [light("l1", path="m31/one.fits"), light("l2", path="m31/two.fit.fz", start_s=60)])
    await apply(connection, [scanned("p2", path="m31/two.jpg", **facts)])
    session = await row(connection, "SELECT * FROM sessions")
    assert (session["night"], session["files"], session["exposures"]) == (NIGHT, 4, 2)
    assert session["ends_at"].date() == date(2024, 3, 2)
    assert await check(connection) == []


async def test_previews_follow_calibration_that_moves(connection: Any) -> None:
    """A preview of a flat stays with it when the flat joins another session."""
    preview = scanned("p", path="f/flat.jpg", frame_type="PREVIEW", rig=None, camera=None, night=None)
    await apply(connection, [preview], [scanned("f", path="f/flat.fits", frame_type="FLAT", rig=None)], [light("l")])
    assert (await row(connection, "SELECT files FROM sessions"))["files"] == 3
    assert await check(connection) == []


async def test_a_higher_revision_replaces_and_a_lower_one_does_nothing(connection: Any) -> None:
    """Scanning anew moves a frame's contribution; a late earlier revision changes nothing."""
    first, second = light("a"), light("a", revision=2, target="M33", exposure_s=120.0, night=date(2024, 3, 5))
    await apply(connection, [first], [second])
    state = await snapshot(connection)
    await apply(connection, [first])
    assert await snapshot(connection) == state
    assert (await row(connection, "SELECT catalog_id, total_exposure_s FROM captures"))["total_exposure_s"] == 120.0
    assert await check(connection) == []


async def test_scanning_anew_without_a_difference_does_not_open_a_session(connection: Any) -> None:
    """A new revision with equal contributions leaves a finished session finished."""
    await apply(connection, [light("a")])
    await connection.execute("UPDATE session SET open = false, revision = 1")
    await apply(connection, [light("a", revision=2, gain=100.0)])
    assert await connection.fetchval("SELECT open FROM session") is False
    assert await connection.fetchval("SELECT gain FROM frame") == 100.0


async def test_pending_until_scanned_or_quarantined(connection: Any) -> None:
    """Files wait from their arrival until the announced revision was scanned or given up."""
    await apply(connection, [arrived("a"), arrived("b"), arrived("c")], [light("a")], [quarantined("b")])
    counts = await row(connection, "SELECT * FROM counts")
    assert [counts[key] for key in ("files", "scanned", "quarantined", "waiting")] == [3, 1, 1, 1]
    states = await connection.fetch("SELECT file_id, state FROM files")
    assert dict(states) == {file_id("a"): "scanned", file_id("b"): "quarantined", file_id("c"): "waiting"}
    await apply(connection, [arrived("a", revision=2)], [light("a")])
    assert await connection.fetchval("SELECT scan_revision FROM pending WHERE file_id = $1", file_id("a")) == 2
    await apply(connection, [light("a", revision=2)])
    assert await connection.fetchval("SELECT count(*) FROM pending") == 1


async def test_quarantine_then_scanned(connection: Any) -> None:
    """A scan takes a file out of quarantine; an earlier attempt that comes late does not bring it back."""
    await apply(connection, [arrived("a")], [quarantined("a")])
    assert (await row(connection, "SELECT attempt, service FROM quarantined")) == {"attempt": 1, "service": "scanner"}
    await apply(connection, [light("a", revision=2)], [quarantined("a")])
    assert await connection.fetchval("SELECT count(*) FROM quarantined") == 0
    await apply(connection, [quarantined("a", attempt=3)])
    assert await connection.fetchval("SELECT attempt FROM quarantined") == 3


async def test_a_moved_file_is_announced_anew(connection: Any) -> None:
    """The latest announcement of the highest revision says where a file is, in any order."""
    later = datetime(2024, 3, 3, tzinfo=UTC)
    batch = [arrived("a", path="new.fits", at=later), arrived("a", path="old.fits"), arrived("a", path="z.fits")]
    for events in (batch, batch[::-1]):
        async with _undone(connection):
            await apply(connection, events)
            assert await connection.fetchval("SELECT path FROM files") == "new.fits"


async def test_rebuild_puts_right_what_was_spoilt(connection: Any) -> None:
    """Check names the rows that differ, and a rebuild gives the very rows that the differences gave."""
    await apply(
        connection,
        [light(f"l{n}", start_s=60 * (n // 2)) for n in range(6)],
        [
            scanned("d", frame_type="DARK", rig=None),
            scanned("p", path="night/l1.jpg", frame_type="PREVIEW", night=None),
        ],
        [light("x", target="M33", night=date(2024, 4, 1))],
    )
    state = await snapshot(connection)
    assert await check(connection) == []
    async with connection.transaction():
        await connection.execute("UPDATE session SET files = files + 1, ends_at = ends_at + interval '1 hour'")
        await connection.execute("UPDATE target SET exposures = 99 WHERE catalog_id = 'M31'")
        await connection.execute("DELETE FROM target WHERE catalog_id = 'M33'")
        await connection.execute("UPDATE target SET name = 'Triangulum Galaxy' WHERE catalog_id = 'M33'")
        await connection.execute("DELETE FROM session_type")
        await connection.execute("INSERT INTO target_filter VALUES ('M99', 'L', 1, 1)")
        await connection.execute("UPDATE frame SET counted = NOT counted, session_id = own_session_id")
        lines = await check(connection)
        assert any(line.startswith("session 2024") for line in lines)
        assert any(line == "target M33: the row is missing" for line in lines)
        assert any(line.startswith("frame ") for line in lines)
        await rebuild(connection)
        assert await check(connection) == []
    await connection.execute("UPDATE target SET name = 'Triangulum Galaxy' WHERE catalog_id = 'M33'")
    assert await snapshot(connection) == state


async def test_a_sum_that_no_column_holds_is_permanent(connection: Any) -> None:
    """What no retry can store is refused for good, and the batch leaves nothing behind."""
    await apply(connection, [light("a")])
    await connection.execute("UPDATE session SET size_bytes = 9223372036854775807")
    with pytest.raises(Permanent, match="refuses a value"):
        await apply(connection, [light("b", start_s=60), light("c", start_s=120)])
    assert await connection.fetchval("SELECT count(*) FROM frame") == 1


async def test_writers_never_deadlock(database: Any) -> None:
    """Batches with the same sessions in opposite order, at the same time, all take effect."""
    import asyncio

    from shared.db.pool import pool_of

    async with pool_of(database, "stats") as pool:

        async def one(offset: int) -> None:
            async with pool.acquire() as connection:
                for turn in range(5):
                    names = [f"{offset}/{turn}/{n}" for n in range(10)]
                    batch = [light(name, night=date(2024, 3, 1 + n), start_s=n) for n, name in enumerate(names)]
                    await apply(connection, batch if offset % 2 else batch[::-1])

        await asyncio.gather(*(one(offset) for offset in range(4)))
        async with pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval("SELECT sum(files) FROM session") == 200
            assert await check(connection) == []


class _undone:  # noqa: N801 - reads as a word
    """A transaction that is rolled back at its end."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *_exc: object) -> None:
        await self._transaction.rollback()
