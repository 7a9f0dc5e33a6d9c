"""Files: where they lie, which of them wait for the scanner, and which were quarantined."""

from collections.abc import Iterable, Sequence

from services.stats.frames import NewFrame
from services.stats.store import fates, rows
from shared.bus.transaction import Connection
from shared.events.file import FileArrived, FileQuarantined

_FILES = """
INSERT INTO file AS f (file_id, scan_revision, root, path, size_bytes, source, origin, replaces, hints, arrived_at,
                       announced_at, location_revision)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                     $9::jsonb[], $10::timestamptz[], $11::timestamptz[], $12::int[])
ON CONFLICT (file_id) DO UPDATE SET
    arrived_at = least(f.arrived_at, excluded.arrived_at),
    (scan_revision, root, path, source, origin, replaces, hints, announced_at, location_revision) = (
        SELECT scan_revision, root, path, source, origin, replaces, hints, announced_at, location_revision FROM (VALUES
            (f.scan_revision, f.announced_at, f.root, f.path, f.source, f.origin, f.replaces, f.hints,
             f.location_revision),
            (excluded.scan_revision, excluded.announced_at, excluded.root, excluded.path, excluded.source,
             excluded.origin, excluded.replaces, excluded.hints, excluded.location_revision)
        ) AS one (scan_revision, announced_at, root, path, source, origin, replaces, hints, location_revision)
        ORDER BY one.scan_revision DESC, one.announced_at DESC, one.root, one.path LIMIT 1)
"""
"""The highest scan revision wins, then the latest announcement: in any order of arrival the row is the same."""
_PENDING = """
INSERT INTO pending AS p (file_id, scan_revision, source, waiting_since)
SELECT f.file_id, f.scan_revision, f.source, least(g.announced_at, clock_timestamp())
FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS g (file_id, scan_revision, announced_at)
JOIN file f USING (file_id, scan_revision)
WHERE NOT EXISTS (SELECT FROM frame fr WHERE fr.file_id = f.file_id AND fr.scan_revision >= f.scan_revision)
  AND NOT EXISTS (SELECT FROM quarantine q WHERE q.quarantine_key = f.file_id AND q.attempt >= f.scan_revision)
ON CONFLICT (file_id) DO UPDATE SET
    scan_revision = excluded.scan_revision, source = excluded.source,
    waiting_since = CASE WHEN p.scan_revision < excluded.scan_revision THEN excluded.waiting_since
                         ELSE least(p.waiting_since, excluded.waiting_since) END
"""
"""A revision waits since it was first announced, however often it is announced again: by a clock that is ahead, since
it was heard of."""
_SOURCES = """
INSERT INTO source AS o (source, last_arrived_at)
SELECT source, least(max(arrived_at), clock_timestamp())
FROM unnest($1::text[], $2::timestamptz[]) AS g (source, arrived_at) GROUP BY source
ON CONFLICT (source) DO UPDATE SET
    last_arrived_at = greatest(
        CASE WHEN o.last_arrived_at <= clock_timestamp() THEN o.last_arrived_at END, excluded.last_arrived_at)
"""
"""What a clock that was ahead left here lasts until the next file."""
_MOVED_ON = """
INSERT INTO source AS o (source, handled_up_to, handled_at)
SELECT source, max(waiting_since), least(max(handled_at), clock_timestamp()) FROM settled GROUP BY source
ON CONFLICT (source) DO UPDATE SET
    handled_up_to = greatest(
        CASE WHEN o.handled_up_to <= clock_timestamp() THEN o.handled_up_to END, excluded.handled_up_to),
    handled_at = greatest(CASE WHEN o.handled_at <= clock_timestamp() THEN o.handled_at END, excluded.handled_at)
"""
_QUARANTINE = f"""
WITH given (quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[],
                         $9::timestamptz[])
), settled AS (
    DELETE FROM pending p USING given g WHERE p.file_id = g.file_id AND p.scan_revision <= g.attempt
    RETURNING p.source, p.waiting_since, g.occurred_at AS handled_at
), moved_on AS ({_MOVED_ON})
INSERT INTO quarantine AS q (quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at)
SELECT quarantine_key, file_id, root, path, service, attempt, reason, error, occurred_at FROM given g
WHERE NOT EXISTS (SELECT FROM frame f WHERE f.file_id = g.file_id AND f.scan_revision >= g.attempt)
ON CONFLICT (quarantine_key) DO UPDATE SET
    file_id = excluded.file_id, root = excluded.root, path = excluded.path, service = excluded.service,
    attempt = excluded.attempt, reason = excluded.reason, error = excluded.error, occurred_at = excluded.occurred_at
WHERE (excluded.attempt, excluded.service, coalesce(excluded.path, ''), excluded.reason, excluded.occurred_at)
    > (q.attempt, q.service, coalesce(q.path, ''), q.reason, q.occurred_at)
"""
_SETTLED = f"""
WITH given (file_id, scan_revision, handled_at) AS (SELECT * FROM unnest($1::text[], $2::int[], $3::timestamptz[])
), settled AS (
    DELETE FROM pending p USING given g WHERE p.file_id = g.file_id AND p.scan_revision <= g.scan_revision
    RETURNING p.source, p.waiting_since, g.handled_at
), moved_on AS ({_MOVED_ON}
), kept AS (
    DELETE FROM unkept u USING given g WHERE u.file_id = g.file_id
)
DELETE FROM quarantine q USING given g WHERE q.quarantine_key = g.file_id AND q.attempt <= g.scan_revision
"""
_DISMISS = """
UPDATE quarantine SET dismissed_at = clock_timestamp(), dismissed_reason = $2
WHERE quarantine_key = ANY($1::text[]) AND dismissed_at IS NULL
"""
_UNDO = """
UPDATE quarantine SET dismissed_at = NULL, dismissed_reason = NULL
WHERE quarantine_key = ANY($1::text[]) AND dismissed_at IS NOT NULL
"""


async def write_arrivals(connection: Connection, events: Sequence[FileArrived]) -> None:
    """Record arrivals, and which of the files wait for the scanner. At least one event, at most one per file."""
    arrivals = [
        (
            event.file_id,
            event.scan_revision,
            event.root,
            event.path,
            event.size_bytes,
            event.source,
            event.origin,
            event.replaces,
            event.hints.model_dump_json(exclude_none=True) if any(event.hints.model_dump().values()) else None,
            event.arrived_at,
            event.occurred_at,
            event.location_revision,
        )
        for event in events
    ]
    await rows.write(connection, _FILES, arrivals)
    file_ids, revisions, *_, arrived, announced, _known = rows.columns(arrivals, len(arrivals[0]))
    await fates.place(connection, file_ids)
    await connection.execute(_PENDING, file_ids, revisions, announced)
    await connection.execute(_SOURCES, [row[5] for row in arrivals], arrived)


async def write_quarantine(connection: Connection, events: Iterable[tuple[str, FileQuarantined]]) -> None:
    """Record files that were given up, by key; at most one event per key."""
    await rows.write(
        connection,
        _QUARANTINE,
        (
            (key, e.file_id, e.root, e.path, e.service, e.attempt, e.reason, e.error, e.occurred_at)
            for key, e in sorted(events, key=lambda item: item[0])
        ),
    )


async def settle(connection: Connection, scanned: Sequence[NewFrame]) -> None:
    """Have files wait no more, and be quarantined no more, that were scanned; their events are kept now."""
    await connection.execute(
        _SETTLED,
        [frame.file_id for frame in scanned],
        [frame.scan_revision for frame in scanned],
        [frame.occurred_at for frame in scanned],
    )


async def dismiss(connection: Connection, file_ids: Sequence[str], reason: str) -> int:
    """Count quarantined files as dismissed; returns how many were not before."""
    return _changed(await connection.execute(_DISMISS, list(file_ids), reason))


async def undo_dismissal(connection: Connection, file_ids: Sequence[str]) -> int:
    """Count dismissed files as quarantined again; returns how many were dismissed."""
    return _changed(await connection.execute(_UNDO, list(file_ids)))


def _changed(status: str) -> int:
    """Rows that a statement says it changed."""
    return int(status.rpartition(" ")[2])
