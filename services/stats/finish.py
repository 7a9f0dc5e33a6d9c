"""Events that time brings: a session is finished, a target's new totals may be told.

Both jobs write their event to the outbox in the transaction that records it, so that each is told once.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from services.stats import store
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.events.session import SessionFinished, SessionTarget
from shared.events.target import TargetUpdated
from shared.settings import StatsSettings

SERVICE = "stats"
LIMIT = 500
"""Most events that one transaction writes."""

_FINISH = """
WITH due AS (
    SELECT session_id FROM session
    WHERE open AND ends_at < $1 AND last_arrived_at < $2 AND (finished_at IS NULL OR finished_at <= $3)
      AND NOT EXISTS (SELECT FROM pending)
    ORDER BY ends_at, session_id LIMIT $4
)
UPDATE session s SET open = false, revision = revision + 1, finished_at = $1
FROM due WHERE s.session_id = due.session_id
RETURNING s.session_id, s.revision, s.night, s.rig, s.size_bytes, s.integration_ms
"""
_TYPES = "SELECT session_id, frame_type, files FROM session_type WHERE session_id = ANY($1::text[]) AND files > 0"
_TARGETS = """
SELECT session_id, nullif(catalog_id, '') AS catalog_id, name, nullif(filter, '') AS filter, x.exposures,
       x.integration_ms
FROM session_target x LEFT JOIN target t USING (catalog_id)
WHERE session_id = ANY($1::text[]) AND x.exposures > 0
ORDER BY session_id, catalog_id, filter
"""
_PUBLISH = """
WITH due AS (
    SELECT catalog_id FROM target
    WHERE revision > published_revision AND (published_at IS NULL OR published_at <= $1)
    ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE target t SET published_revision = revision, published_at = clock_timestamp()
FROM due WHERE t.catalog_id = due.catalog_id
RETURNING t.catalog_id, revision, name, exposures, sessions, integration_ms,
    (SELECT min(observed_at) FROM frame f WHERE f.counted AND f.catalog_id = t.catalog_id) AS first_captured_at,
    (SELECT max(observed_at) FROM frame f WHERE f.counted AND f.catalog_id = t.catalog_id) AS last_captured_at
"""
_MOST_OFTEN = timedelta(seconds=0.9)
"""Least time between two target.updated of one target; a little less than the second between two turns of the job."""


async def finish_sessions(connection: Connection, settings: StatsSettings, now: datetime) -> int:
    """Finish sessions whose night is over, that are quiet, while no file at all waits for the scanner.

    Runs in the caller's transaction. Returns how many were finished, at most ``LIMIT``.
    """
    await store.lock(connection)
    quiet_since = now - timedelta(seconds=settings.session_quiet_s)
    revised_before = now - timedelta(seconds=settings.session_revision_interval_s)
    rows = await connection.fetch(_FINISH, now, quiet_since, revised_before, LIMIT)
    if not rows:
        return 0
    ids = [row["session_id"] for row in rows]
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for session_id, frame_type, files in await connection.fetch(_TYPES, ids):
        counts[session_id][frame_type] = files
    targets: dict[str, list[SessionTarget]] = defaultdict(list)
    for session_id, *values in await connection.fetch(_TARGETS, ids):
        fields = zip(("catalog_id", "name", "filter", "exposures", "integration_ms"), values, strict=True)
        targets[session_id].append(SessionTarget(**dict(fields)))
    events = [
        SessionFinished(
            session_id=row["session_id"],
            revision=row["revision"],
            occurred_at=now,
            night=row["night"],
            rig=row["rig"],
            targets=tuple(targets[row["session_id"]]),
            counts=dict(sorted(counts[row["session_id"]].items())),
            size_bytes=row["size_bytes"],
            integration_ms=row["integration_ms"],
        )
        for row in sorted(rows, key=lambda row: row["session_id"])
    ]
    await enqueue(connection, SERVICE, events)
    return len(events)


async def publish_targets(connection: Connection, now: datetime) -> int:
    """Tell the totals of changed targets, each at most once a second, also with several replicas.

    Runs in the caller's transaction. Returns how many were told, at most ``LIMIT``.
    """
    rows = await connection.fetch(_PUBLISH, now - _MOST_OFTEN, LIMIT)
    events = [TargetUpdated(occurred_at=now, **dict(row)) for row in sorted(rows, key=lambda row: row["catalog_id"])]
    await enqueue(connection, SERVICE, events)
    return len(events)
