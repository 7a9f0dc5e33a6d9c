"""Checks of what lies at destinations: the jobs, and which archives each of them looks at."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from shared.bus.transaction import Connection
from shared.jobs.job import Job

Kind = Literal["verify", "read_back", "drill"]

_ASK = """
INSERT INTO check_job (check_id, kind, command_id, destination, session_ids, sample, run, deep, file_ids)
VALUES ($1, $2, $3, $4, $5, $6,
    coalesce((SELECT (run + 1) % $6 FROM check_job
              WHERE kind = $2 AND destination IS NOT DISTINCT FROM $4 AND sample = $6
              ORDER BY created_at DESC, check_id LIMIT 1), 0), $7, $8)
ON CONFLICT DO NOTHING
"""
_DUE = """
SELECT NOT EXISTS (
    SELECT FROM check_job WHERE kind = $1 AND destination = $2
      AND (state IN ('waiting', 'running') OR (command_id IS NULL AND created_at > clock_timestamp() - $3::interval)))
   AND EXISTS (SELECT FROM archive WHERE destination = $2 AND phase IN ('verified', 'unproven'))
"""
_RETRY = """
UPDATE check_job c SET state = 'waiting', reason = NULL, finished_at = NULL, next_try_at = clock_timestamp(),
    postponed = 0, unexpected = 0, cancel_requested_at = NULL
WHERE (c.destination IS NULL OR c.destination = ANY($1::text[]))
  AND c.state IN ('waiting', 'failed', 'cancelled', 'dead') AND NOT EXISTS (
    SELECT FROM check_job n WHERE n.kind = c.kind AND n.destination IS NOT DISTINCT FROM c.destination
      AND (n.session_ids, n.sample, n.deep, n.file_ids) = (c.session_ids, c.sample, c.deep, c.file_ids)
      AND n.created_at > c.created_at)
RETURNING c.check_id
"""
_FORGET = """
DELETE FROM check_job c WHERE finished_at < clock_timestamp() - interval '400 days' AND EXISTS (
    SELECT FROM check_job l WHERE l.kind = c.kind AND l.destination IS NOT DISTINCT FROM c.destination
      AND l.sample = c.sample AND l.created_at > c.created_at)
"""
_SCOPE = """
SELECT a.archive_id, a.stored_bytes FROM archive a
WHERE a.destination = $1 AND a.stored_bytes IS NOT NULL
  AND (a.phase IN ('verified', 'unproven') OR (a.phase = 'gone' AND EXISTS (
        SELECT FROM finding f WHERE f.archive_id = a.archive_id AND f.what = 'missing' AND f.mended_at IS NULL)))
  AND (cardinality($2::text[]) = 0 OR a.collection_id = ANY($2) OR EXISTS (
        SELECT FROM member m JOIN stats.frames f USING (file_id)
        WHERE m.archive_id = a.archive_id AND f.session_id = ANY($2)))
  AND ('x' || left(md5(a.archive_id::text), 8))::bit(32)::bigint % $3 = $4
  AND NOT coalesce(CASE WHEN $5 THEN a.deep_verified_at ELSE a.verified_at END >= $6, false)
ORDER BY a.archive_id
"""
_HAS_ARCHIVE = """
SELECT EXISTS (SELECT FROM archive WHERE collection_id = $1 AND stored_bytes IS NOT NULL) OR EXISTS (
    SELECT FROM stats.frames f JOIN member m USING (file_id) WHERE f.session_id = $1)
"""
_LAST = """
SELECT destination, kind, extract(epoch FROM finished_at)::float8 AS finished_s FROM last_check
"""


class ToCheck(NamedTuple):
    """An archive that is to be looked at."""

    archive_id: UUID
    stored_bytes: int


async def ask(
    connection: Connection,
    check_id: UUID,
    kind: Kind,
    *,
    command_id: UUID | None = None,
    destination: str | None = None,
    session_ids: Sequence[str] = (),
    sample: int = 1,
    deep: bool = False,
    file_ids: Sequence[str] = (),
) -> None:
    """Commit a check; the same id twice is one. Each with the same ``sample`` takes the next share of the archives."""
    await connection.execute(_ASK, check_id, kind, command_id, destination, session_ids, sample, deep, file_ids)


async def is_due(connection: Connection, kind: Kind, destination: str, interval_s: float) -> bool:
    """Whether a check that nobody asks for is due: there is something to check, and the last one was long ago."""
    return bool(await connection.fetchval(_DUE, kind, destination, timedelta(seconds=interval_s)))


async def retry(connection: Connection, destinations: Sequence[str]) -> int:
    """Have checks that wait or have failed be made now, where none was asked for since; how many that are."""
    return len(await connection.fetch(_RETRY, destinations))


async def forget_old(connection: Connection) -> None:
    """Forget checks of more than a year ago, but the last one of each sort."""
    await connection.execute(_FORGET)


async def archives_of(connection: Connection, job: Job) -> list[ToCheck]:
    """The archives that a verification looks at, without those that it has found sound already."""
    rows = await connection.fetch(
        _SCOPE, job["destination"], job["session_ids"], job["sample"], job["run"], job["deep"], job["created_at"]
    )
    return [ToCheck(*row) for row in rows]


async def has_archive(connection: Connection, collection_id: str) -> bool:
    """Whether any archive holds a file of a session."""
    return bool(await connection.fetchval(_HAS_ARCHIVE, collection_id))


async def last(connection: Connection) -> list[asyncpg.Record]:
    """Of each destination when the last check of each kind came to its end, seconds since 1970."""
    return await connection.fetch(_LAST)
