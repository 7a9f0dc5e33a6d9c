"""Events that time brings: a session is finished, a target's new totals may be told.

Both jobs write their event to the outbox in the transaction that records it, so that each is told once. A row that
cannot be told (spoilt by hand, or stored by a version that took more) costs itself: it waits, with the reason, and the
others go on.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import asyncpg
from pydantic import ValidationError

from services.stats import store
from services.stats.settings import StatsSettings
from shared import inert
from shared.bus.outbox import enqueue
from shared.bus.streams import MAX_AGE_S
from shared.bus.transaction import Connection
from shared.events.mistakes import first_mistake
from shared.events.session import SessionFinished, SessionTarget
from shared.events.target import TargetUpdated
from shared.logging import get_logger

log = get_logger(__name__)

SERVICE = "stats"
LIMIT = 500
"""Most events that one transaction writes."""
_AHEAD = timedelta(minutes=1)
"""By so much the clocks of hosts may differ; a time that is later than that is of a wrong clock."""
LONGEST_HOLD = timedelta(days=7)
"""For how long files that go on arriving from a source hold back its sessions of earlier nights."""

_DUE = """
WITH holding AS MATERIALIZED (
    SELECT o.source, w.waiting_since IS NOT NULL AS waits,
           coalesce(o.last_arrived_at >= $2 AND o.last_arrived_at <= $8, false) AS busy
    FROM source o
    LEFT JOIN LATERAL (
        SELECT waiting_since FROM pending p WHERE p.source = o.source AND waiting_since <= $8
        ORDER BY waiting_since DESC LIMIT 1) w
        ON w.waiting_since > $4 OR (w.waiting_since > o.handled_up_to AND o.handled_at > $4 AND o.handled_at <= $8)
)
SELECT session_id FROM session s
WHERE open AND untold IS NULL AND ends_at < $1
  AND (last_arrived_at < $2 OR (last_arrived_at > $8 AND NOT EXISTS (
    SELECT FROM frame f WHERE f.session_id = s.session_id AND f.arrived_at >= $2 AND f.arrived_at <= $8 OFFSET 0)))
  AND (finished_at IS NULL OR finished_at <= $3 OR finished_at > $8)
  AND NOT EXISTS (
    SELECT FROM frame f JOIN holding h USING (source)
    WHERE f.session_id = s.session_id
      AND (h.waits OR (h.busy AND s.last_arrived_at <= $8
                       AND s.last_arrived_at > greatest(s.ends_at + $5::interval, $1 - $6::interval)))
    OFFSET 0)
ORDER BY ends_at, session_id LIMIT $7
"""
"""``OFFSET 0`` has the sources of one session looked up at a time, by its index, however many frames there are.

Times after $8 are of a clock that was ahead: they hold nothing back."""
_FORGOTTEN = """
SELECT session_id FROM session WHERE NOT open AND told_at < $1 AND told_at >= $1 - $2::interval
ORDER BY told_at, session_id LIMIT $3
"""
_TELL_AGAIN = """
UPDATE session SET told_at = clock_timestamp() WHERE session_id = ANY($1::text[])
RETURNING session_id, revision, night, rig, size_bytes, integration_ms, finished_at
"""
_FORGOTTEN_TARGETS = """
UPDATE target SET revision = revision + 1
WHERE revision = published_revision AND published_at < $1 AND published_at >= $1 - $2::interval
"""
_NEXT = """
SELECT session_id, s.revision + 1 AS revision, night, rig, size_bytes, integration_ms,
       CASE WHEN t.revision = s.revision THEN t.digest END AS told
FROM session s LEFT JOIN told t ON t.key = session_id
WHERE session_id = ANY($1::text[]) ORDER BY session_id
"""
_MEMBERS = """
SELECT session_id, md5(string_agg(file_id, ',' ORDER BY file_id)) FROM frame
WHERE session_id = ANY($1::text[]) GROUP BY session_id
"""
_FINISH = """
WITH given (session_id, revision, digest) AS (SELECT * FROM unnest($1::text[], $2::int[], $3::text[])
), finished AS (
    UPDATE session s SET open = false, revision = g.revision, finished_at = $4, told_at = clock_timestamp()
    FROM given g WHERE s.session_id = g.session_id
)
INSERT INTO told (key, revision, told_at, digest) SELECT session_id, revision, $4, digest FROM given
ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, told_at = excluded.told_at, digest = excluded.digest
"""
_AS_TOLD = "UPDATE session SET open = false WHERE session_id = ANY($1::text[])"
_UNTOLD = "UPDATE session SET untold = $2 WHERE session_id = $1"
_TYPES = "SELECT session_id, frame_type, files FROM session_type WHERE session_id = ANY($1::text[]) AND files > 0"
_TARGETS = """
SELECT session_id, nullif(catalog_id, '') AS catalog_id, name, nullif(filter, '') AS filter, x.exposures,
       x.integration_ms
FROM session_target x LEFT JOIN target t USING (catalog_id)
WHERE session_id = ANY($1::text[]) AND x.exposures > 0
ORDER BY session_id, catalog_id, filter
"""
_CHANGED = """
SELECT catalog_id FROM target
WHERE revision > published_revision AND (published_at IS NULL OR published_at <= $1 OR published_at > $3)
ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_PUBLISH = """
WITH published AS (
    UPDATE target SET published_revision = revision, published_at = clock_timestamp()
    WHERE catalog_id = ANY($1::text[])
    RETURNING catalog_id, revision, published_at, name, exposures, sessions, integration_ms
), remembered AS (
    INSERT INTO told (key, revision, told_at) SELECT catalog_id, revision, published_at FROM published
    ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, told_at = excluded.told_at
)
SELECT catalog_id, revision, name, exposures, sessions, integration_ms,
    (SELECT min(first_captured_at) FROM target_filter f WHERE f.catalog_id = t.catalog_id) AS first_captured_at,
    (SELECT max(last_captured_at) FROM target_filter f WHERE f.catalog_id = t.catalog_id) AS last_captured_at
FROM published t ORDER BY catalog_id
"""
_PASSED_OVER = "UPDATE target SET published_revision = revision WHERE catalog_id = $1"
_MOST_OFTEN = timedelta(seconds=0.9)
"""Least time between two target.updated of one target; a little less than the second between two turns of the job."""

_UNFIT = (asyncpg.DataError, ArithmeticError, ValueError, TypeError)
"""What a row raises that cannot be read, counted or told: it would do so at each try."""


async def finish_sessions(
    connection: Connection, settings: StatsSettings, now: datetime, *, read_until: datetime | None = None
) -> int:
    """Finish the sessions whose night is over, that are quiet, and to which no waiting file may belong.

    Such a file is of a source of the session, and waits for the scanner since less than ``session_wait_s``; or it has
    had no turn yet while the scanner is at work on those before it. A night that came long after it was over, as in an
    import, also waits until nothing arrives from its sources, so that it is told once and not once an hour.

    Runs in the caller's transaction. ``read_until``: until when all events have been read, where that is not ``now``.
    Returns how many were looked at, at most ``LIMIT``.
    """
    await store.lock(connection)
    until = now if read_until is None else min(now, read_until)
    wait = timedelta(seconds=settings.session_wait_s)
    quiet_since = until - timedelta(seconds=settings.session_quiet_s)
    revised_before = now - timedelta(seconds=settings.session_revision_interval_s)
    due = [
        row["session_id"]
        for row in await connection.fetch(
            _DUE, until, quiet_since, revised_before, until - wait, wait, LONGEST_HOLD, LIMIT, now + _AHEAD
        )
    ]

    async def tell(ids: Sequence[str]) -> None:
        await enqueue(connection, SERVICE, await _close(connection, ids, now))

    for session_id, error in await _each_by_itself(connection, due, tell):
        log.error("a session cannot be told", session_id=session_id, reason=_why(error))
        await connection.execute(_UNTOLD, session_id, _why(error))
    return len(due)


async def tell_forgotten(connection: Connection, began_at: datetime) -> int:
    """Tell anew what lay in a stream that is no longer there: sessions that are finished, and totals of targets.

    Nobody knows who had read it. Readers take a session once for each revision, and it is the same event as before; a
    target gets a new revision. As far back as a stream keeps events.

    Args:
        connection: the caller's transaction.
        began_at: when the stream of today was made.

    Returns:
        How many sessions, at most ``LIMIT``.
    """
    await store.lock(connection)
    kept = timedelta(seconds=MAX_AGE_S)
    await connection.execute(_FORGOTTEN_TARGETS, began_at, kept)
    due = [row["session_id"] for row in await connection.fetch(_FORGOTTEN, began_at, kept, LIMIT)]

    async def tell(ids: Sequence[str]) -> None:
        await enqueue(connection, SERVICE, await _events(connection, await connection.fetch(_TELL_AGAIN, ids)))

    for session_id, error in await _each_by_itself(connection, due, tell):
        log.error("a session cannot be told", session_id=session_id, reason=_why(error))
        await connection.execute("UPDATE session SET told_at = NULL WHERE session_id = $1", session_id)
    return len(due)


async def publish_targets(connection: Connection, now: datetime) -> int:
    """Tell the totals of changed targets, each at most once a second, also with several replicas.

    Runs in the caller's transaction. Returns how many were looked at, at most ``LIMIT``.
    """
    due = [row["catalog_id"] for row in await connection.fetch(_CHANGED, now - _MOST_OFTEN, LIMIT, now + _AHEAD)]

    async def tell(ids: Sequence[str]) -> None:
        rows = await connection.fetch(_PUBLISH, ids)
        await enqueue(connection, SERVICE, [TargetUpdated(occurred_at=now, **dict(row)) for row in rows])

    for catalog_id, error in await _each_by_itself(connection, due, tell):
        log.error("a target cannot be told", catalog_id=catalog_id, reason=_why(error))
        await connection.execute(_PASSED_OVER, catalog_id)
    return len(due)


async def _close(connection: Connection, ids: Sequence[str], now: datetime) -> list[SessionFinished]:
    """Close sessions; the events of those that are not as they were last told, in the order of their ids."""
    rows = await connection.fetch(_NEXT, ids)
    members: dict[str, str] = {row[0]: row[1] for row in await connection.fetch(_MEMBERS, ids)}
    digests: dict[str, str] = {}
    as_told: list[str] = []
    events: list[SessionFinished] = []
    for row, event in zip(rows, await _events(connection, rows, now), strict=True):
        digest = _digest(event, members.get(event.session_id, ""))
        if digest == row["told"]:
            as_told.append(event.session_id)
        else:
            digests[event.session_id] = digest
            events.append(event)
    await connection.execute(_AS_TOLD, as_told)
    await connection.execute(_FINISH, list(digests), [event.revision for event in events], list(digests.values()), now)
    return events


async def _events(
    connection: Connection, rows: Sequence[asyncpg.Record], now: datetime | None = None
) -> list[SessionFinished]:
    """The events of sessions, in the order of their ids; they are finished at ``now``, or were at ``finished_at``."""
    ids = [row["session_id"] for row in rows]
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for session_id, frame_type, files in await connection.fetch(_TYPES, ids):
        counts[session_id][frame_type] = files
    targets: dict[str, list[SessionTarget]] = defaultdict(list)
    for session_id, *values in await connection.fetch(_TARGETS, ids):
        fields = zip(("catalog_id", "name", "filter", "exposures", "integration_ms"), values, strict=True)
        targets[session_id].append(SessionTarget(**dict(fields)))
    return [
        SessionFinished(
            session_id=row["session_id"],
            revision=row["revision"],
            occurred_at=now or row["finished_at"],
            night=row["night"],
            rig=row["rig"],
            targets=tuple(targets[row["session_id"]]),
            counts=dict(sorted(counts[row["session_id"]].items())),
            size_bytes=row["size_bytes"],
            integration_ms=row["integration_ms"],
        )
        for row in sorted(rows, key=lambda row: row["session_id"])
    ]


def _digest(event: SessionFinished, members: str) -> str:
    """What a session.finished says, and of which files, as a hash: who was told the same needs not be told again."""
    said = event.model_dump_json(exclude={"event_id", "occurred_at", "revision"})
    return sha256(f"{said}{members}".encode()).hexdigest()


def _why(error: Exception) -> str:
    return inert.sentence(first_mistake(error) if isinstance(error, ValidationError) else error)


async def _each_by_itself(
    connection: Connection, keys: Sequence[str], tell: Callable[[Sequence[str]], Awaitable[None]]
) -> list[tuple[str, Exception]]:
    """Tell of all keys at once; where that fails, of halves, until what cannot be told stands alone.

    Returns:
        The keys that cannot be told, and why.
    """
    if not keys:
        return []
    try:
        async with connection.transaction():
            await tell(keys)
    except _UNFIT as error:
        if len(keys) == 1:
            return [(keys[0], error)]
        middle = len(keys) // 2
        first = await _each_by_itself(connection, keys[:middle], tell)
        return first + await _each_by_itself(connection, keys[middle:], tell)
    return []
