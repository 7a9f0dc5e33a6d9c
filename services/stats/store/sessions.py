"""Sessions: which are due to be told, what is told of them, and what was."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from shared.bus.transaction import Connection
from shared.events.session import SessionFinished, SessionTarget

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
_NEVER_TOLD = "UPDATE session SET told_at = NULL WHERE session_id = $1"
_TYPES = "SELECT session_id, frame_type, files FROM session_type WHERE session_id = ANY($1::text[]) AND files > 0"
_TARGETS = """
SELECT session_id, nullif(catalog_id, '') AS catalog_id, name, nullif(filter, '') AS filter, x.exposures,
       x.integration_ms
FROM session_target x LEFT JOIN target t USING (catalog_id)
WHERE session_id = ANY($1::text[]) AND x.exposures > 0
ORDER BY session_id, catalog_id, filter
"""


@dataclass(frozen=True, slots=True)
class Moments:
    """The times by which a session is judged; those after ``possible_until`` are of a clock that was ahead."""

    over_before: datetime
    """Nights that ended before it are over."""
    quiet_since: datetime
    """What arrived since then says that more may come."""
    waits_since: datetime
    """What has waited for the scanner since before it holds nothing back."""
    revised_before: datetime
    """What was told after it is not told again yet."""
    possible_until: datetime


async def due(
    connection: Connection, moments: Moments, late_after: timedelta, longest_hold: timedelta, most: int
) -> list[str]:
    """Sessions that may be finished, at most ``most``, in the order in which their nights ended.

    A night that came more than ``late_after`` after it was over also waits until nothing arrives from its sources, for
    ``longest_hold`` at the most.
    """
    rows = await connection.fetch(
        _DUE, moments.over_before, moments.quiet_since, moments.revised_before, moments.waits_since, late_after,
        longest_hold, most, moments.possible_until,
    )  # fmt: skip
    return [row["session_id"] for row in rows]


async def next_events(
    connection: Connection, session_ids: Sequence[str], now: datetime
) -> list[tuple[SessionFinished, str | None]]:
    """What sessions have to tell under their next revisions, in the order of their ids.

    Beside each the digest of what was told last, where that is known.
    """
    rows = await connection.fetch(_NEXT, session_ids)
    events = await _events(connection, rows, now)
    return list(zip(events, (row["told"] for row in rows), strict=True))


async def told_again(connection: Connection, session_ids: Sequence[str]) -> list[SessionFinished]:
    """What was told of finished sessions last, the very same events; it is told now."""
    return await _events(connection, await connection.fetch(_TELL_AGAIN, session_ids))


async def members(connection: Connection, session_ids: Sequence[str]) -> dict[str, str]:
    """A hash of the files of each session."""
    return {row[0]: row[1] for row in await connection.fetch(_MEMBERS, session_ids)}


async def finish(connection: Connection, told: Mapping[str, tuple[int, str]], now: datetime) -> None:
    """Close sessions under the revision that is told of them; ``told`` has it with its digest, by session id."""
    revisions, digests = [revision for revision, _ in told.values()], [digest for _, digest in told.values()]
    await connection.execute(_FINISH, list(told), revisions, digests, now)


async def close_as_told(connection: Connection, session_ids: Sequence[str]) -> None:
    """Close sessions that are as they were last told."""
    await connection.execute(_AS_TOLD, session_ids)


async def cannot_be_told(connection: Connection, session_id: str, why: str) -> None:
    """Note why a session cannot be told; it is left alone until something changes in it."""
    await connection.execute(_UNTOLD, session_id, why)


async def forgotten(connection: Connection, began_at: datetime, kept: timedelta, most: int) -> list[str]:
    """Sessions that were told within ``kept`` before a time, at most ``most``; the first told first."""
    return [row["session_id"] for row in await connection.fetch(_FORGOTTEN, began_at, kept, most)]


async def never_told(connection: Connection, session_id: str) -> None:
    """Count a session as one that was not told to any stream, so that it is not told again."""
    await connection.execute(_NEVER_TOLD, session_id)


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
