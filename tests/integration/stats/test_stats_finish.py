"""Promises about session.finished and target.updated."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from services.stats.finish import finish_sessions, publish_targets
from shared.events.session import SessionFinished
from shared.events.target import TargetUpdated
from shared.settings import StatsSettings
from tests.integration.stats.world import ARRIVED, NIGHT, RIG, apply, arrived, light, quarantined, scanned

SETTINGS = StatsSettings(session_quiet_s=3600, session_revision_interval_s=3600)
HOUR = timedelta(hours=1)
LATER = ARRIVED + 2 * HOUR


async def _finish(connection: Any, now: datetime) -> list[SessionFinished]:
    """Run the job and take what it wrote from the outbox."""
    async with connection.transaction():
        count = await finish_sessions(connection, SETTINGS, now)
    rows = await connection.fetch("DELETE FROM outbox RETURNING subject, payload")
    assert count == len(rows)
    assert {row["subject"] for row in rows} <= {"session.finished"}
    return [SessionFinished.model_validate_json(row["payload"]) for row in rows]


async def test_a_session_is_finished_once_and_again_after_new_frames(connection: Any) -> None:
    """One event when night and quiet time are over, none after it, one more when frames came and an hour passed."""
    await apply(connection, [light("a"), light("b", start_s=60, filter="Ha"), scanned("f", frame_type="FLAT")])
    assert await _finish(connection, ARRIVED + HOUR / 2) == []
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


async def test_waiting_files_hold_sessions_back(connection: Any) -> None:
    """While any file waits for the scanner no session is finished; a quarantined file does not hold it back."""
    await apply(connection, [light("a")], [arrived("b")])
    assert await _finish(connection, LATER) == []
    await apply(connection, [quarantined("b")])
    assert len(await _finish(connection, LATER)) == 1


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
