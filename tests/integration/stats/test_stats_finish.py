"""Promises about session.finished and target.updated."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.stats.finish import finish_sessions, publish_targets, tell_forgotten
from services.stats.settings import StatsSettings
from shared.events.registry import BY_SUBJECT
from shared.events.session import SessionFinished
from shared.events.target import TargetUpdated
from tests.integration.stats.world import ARRIVED, NIGHT, RIG, apply, file_id, light, scanned

SETTINGS = StatsSettings(session_quiet_s=3600, session_revision_interval_s=3600)
HOUR = timedelta(hours=1)
LATER = ARRIVED + 2 * HOUR


async def _finish(connection: Any, now: datetime) -> list[SessionFinished]:
    """Run the job and take what it wrote from the outbox."""
    async with connection.transaction():
        count = await finish_sessions(connection, SETTINGS, now)
    rows = await connection.fetch("DELETE FROM outbox RETURNING subject, payload")
    assert count >= len(rows)
    assert {row["subject"] for row in rows} <= {"session.finished"}
    return [SessionFinished.model_validate_json(row["payload"]) for row in rows]


async def test_a_session_is_finished_once_and_again_after_new_frames(connection: Any) -> None:
    """One event when night and quiet time are over, none after it, one more when frames came and an hour passed."""
    await apply(connection, [light("a"), light("b", start_s=60, filter="Ha"), scanned("f", frame_type="FLAT")])
    assert await _finish(connection, ARRIVED + HOUR / 2) == []
    assert await connection.fetchval("SELECT state FROM sessions") == "closing"
    (event,) = await _finish(connection, LATER)
    assert (event.revision, event.night, event.rig, event.size_bytes) == (1, NIGHT, RIG, 3000)
    assert (event.counts, event.integration_ms) == ({"FLAT": 1, "LIGHT": 2}, 120_000)
    assert [(t.catalog_id, t.name, t.filter, t.exposures) for t in event.targets] == [
        ("M31", "Andromeda Galaxy", "Ha", 1),
        ("M31", "Andromeda Galaxy", "L", 1),
    ]
    assert await _finish(connection, LATER + 9 * HOUR) == []
    assert await connection.fetchval("SELECT state FROM sessions") == "finished"

    await apply(connection, [light("c", start_s=120)])
    assert await connection.fetchval("SELECT state FROM sessions") == "reopened"
    assert await _finish(connection, LATER + HOUR / 2) == []
    (again,) = await _finish(connection, LATER + HOUR)
    assert (again.revision, again.integration_ms) == (2, 180_000)
    assert again.event_id != event.event_id


async def test_a_night_that_goes_on_is_not_finished(connection: Any) -> None:
    """Quiet alone does not finish a session: its night has to be over, by the Sun where the site is known."""
    dusk = datetime(2024, 3, 1, 20, tzinfo=UTC)
    facts: dict[str, Any] = {"site_latitude_deg": 48.0, "site_longitude_deg": 11.0}
    await apply(connection, [light("a", arrived_at=dusk, **facts)])
    assert await _finish(connection, datetime(2024, 3, 2, 5, 30, tzinfo=UTC)) == []
    assert len(await _finish(connection, datetime(2024, 3, 2, 6, 0, tzinfo=UTC))) == 1


async def test_targets_are_told_once_per_change(connection: Any) -> None:
    """target.updated carries the totals, comes once per change, and not twice within a second."""

    async def publish(now: datetime) -> list[TargetUpdated]:
        async with connection.transaction():
            await publish_targets(connection, now)
        rows = await connection.fetch("DELETE FROM outbox RETURNING payload, headers")
        assert all(json.loads(row["headers"])["ce-source"] == "nightbus/stats" for row in rows)
        return [TargetUpdated.model_validate_json(row["payload"]) for row in rows]

    now = datetime.now(UTC)
    await apply(connection, [light("a"), light("b", start_s=60)])
    (event,) = await publish(now)
    assert (event.catalog_id, event.revision, event.name) == ("M31", 1, "Andromeda Galaxy")
    assert (event.exposures, event.sessions, event.integration_ms) == (2, 1, 120_000)
    assert (event.first_captured_at, event.last_captured_at) == (
        light("a").frame.observed_at,
        light("b", start_s=60).frame.observed_at,
    )
    assert await publish(now + timedelta(minutes=1)) == []
    await apply(connection, [light("c", start_s=120)])
    assert await publish(now) == []
    (again,) = await publish(now + timedelta(minutes=1))
    assert (again.revision, again.exposures) == (2, 3)


async def test_a_target_that_lost_its_frames_is_told_with_zeros(connection: Any) -> None:
    """When the last frame of a told target turns out to show another one, the target is told as empty."""
    await apply(connection, [light("a")])
    async with connection.transaction():
        await publish_targets(connection, datetime.now(UTC))
    await connection.execute("DELETE FROM outbox")
    await apply(connection, [light("a", revision=2, target="M33")])
    async with connection.transaction():
        await publish_targets(connection, datetime.now(UTC) + timedelta(minutes=1))
    events = [json.loads(row["payload"]) for row in await connection.fetch("SELECT payload FROM outbox")]
    assert {event["catalog_id"]: event["exposures"] for event in events} == {"M31": 0, "M33": 1}
    assert await connection.fetchval("SELECT count(*) FROM captures") == 1


SPOILT = {
    ("frame", "file_id"): (
        "observed_at = '-infinity'",
        "observed_at = '294276-01-01', arrived_at = 'infinity'",
        "night_ends_at = '-infinity', session_night = '-infinity', night = 'infinity'",
        "arrived_at = '4000-01-01 BC', session_night = '4000-01-01 BC'",
        "gain = 'NaN', fwhm_arcsec = 'infinity', exposure_ms = -5",
    ),
    ("session", "rig"): (
        "night = '-infinity'",
        "night = '0001-01-01'",
        "night = '4000-01-01 BC'",
        "size_bytes = -1",
        "revision = 2147483647",
        "ends_at = '-infinity', last_arrived_at = '-infinity', rig = repeat('x', 700)",
    ),
    ("target", "catalog_id"): (
        "exposures = -1",
        "name = repeat('x', 700)",
        "published_at = '-infinity', updated_at = 'infinity', integration_ms = -1",
    ),
}
"""Rows as a version that took more may have stored them, and as a hand may have spoilt them."""


@pytest.mark.parametrize(("where", "values"), [(where, one) for where, many in SPOILT.items() for one in many])
async def test_a_row_that_cannot_be_told_costs_itself(connection: Any, where: tuple[str, str], values: str) -> None:
    """Whatever a stored row holds, other sessions and targets are told, and new frames beside it are counted."""
    await apply(connection, [light("a", rig="BAD"), light("b", rig="GOOD", target="M33")])
    table, key = where
    row = {"frame": file_id("a"), "session": "BAD", "target": "M31"}[table]
    await connection.execute(f"UPDATE {table} SET {values} WHERE {key} = $1", row)
    for turn in range(3):
        now = LATER + turn * 2 * HOUR
        async with connection.transaction():
            await finish_sessions(connection, SETTINGS, now)
        async with connection.transaction():
            await publish_targets(connection, datetime.now(UTC) + turn * HOUR)
        extra = f"extra{turn}"
        path = "night/a.jpg"  # beside the spoilt frame: the same stem, the same night and camera
        await apply(
            connection, [scanned(extra, path=path, frame_type="PREVIEW", rig="BAD"), light(f"g{turn}", rig="GOOD")]
        )
        await apply(connection, [scanned(f"f{turn}", frame_type="FLAT", rig=None)])
    rows = await connection.fetch("SELECT subject, payload FROM outbox")
    told = [BY_SUBJECT[row["subject"]].model_validate_json(row["payload"]) for row in rows]
    assert [event.revision for event in told if isinstance(event, SessionFinished) and event.rig == "GOOD"] == [1, 2, 3]
    assert "M33" in {event.catalog_id for event in told if isinstance(event, TargetUpdated)}
    assert await connection.fetchval("SELECT count(*) FROM frame") == 11


async def test_what_cannot_be_told_is_tried_again_after_a_change(connection: Any) -> None:
    """A session that cannot be told says why, is not tried again without end, and is told once a change mended it."""
    await apply(connection, [light("a")])
    await connection.execute("UPDATE session SET size_bytes = -1")
    assert await _finish(connection, LATER) == []
    assert "size_bytes" in await connection.fetchval("SELECT untold FROM session WHERE open")
    await connection.execute("UPDATE session SET size_bytes = 1000")
    assert await _finish(connection, LATER) == []
    await apply(connection, [light("b", start_s=60)])
    assert [event.size_bytes for event in await _finish(connection, LATER)] == [2000]


async def test_what_lay_in_a_lost_stream_is_told_again_once(connection: Any) -> None:
    """A finished session is the same event again, a target gets a new revision; what today's stream has is not told."""

    async def again(began_at: datetime) -> list[SessionFinished]:
        async with connection.transaction():
            await tell_forgotten(connection, began_at)
        rows = await connection.fetch("DELETE FROM outbox RETURNING payload")
        return [SessionFinished.model_validate_json(row["payload"]) for row in rows]

    await apply(connection, [light("a"), light("b", start_s=60, filter="Ha")])
    (event,) = await _finish(connection, LATER)
    async with connection.transaction():
        await publish_targets(connection, datetime.now(UTC))
    await connection.execute("DELETE FROM outbox")
    before = datetime.now(UTC) - HOUR
    assert await again(before) == []
    assert await connection.fetchval("SELECT count(*) FROM target WHERE revision > published_revision") == 0
    now = datetime.now(UTC)
    assert await again(now + timedelta(days=40)) == [], "older than what a stream keeps"
    assert await again(now) == [event]
    assert await again(now) == []
    assert await connection.fetchval("SELECT count(*) FROM target WHERE revision > published_revision") == 1

    await connection.execute("UPDATE session SET told_at = told_at - interval '1 hour'")
    await apply(connection, [light("c", start_s=120)])
    assert await again(now) == [], "a session that was opened again is told with its next revision"
