"""Jobs of upkeep: how they come to be and are forgotten, and when they last had files read anew."""

from datetime import datetime, timedelta
from uuid import UUID

from shared.bus.transaction import Connection

_ADD = "INSERT INTO upkeep (job_id, task, dry_run, asked) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
_ADD_DUE = """
INSERT INTO upkeep (job_id, task) SELECT gen_random_uuid(), 'check'
WHERE NOT EXISTS (SELECT FROM upkeep WHERE task = 'check' AND NOT dry_run
                  AND created_at > clock_timestamp() - $1::float8 * interval '1 second')
"""
_ADD_AGAIN = """
INSERT INTO upkeep (job_id, task, next_try_at) VALUES ($1, 'check', clock_timestamp() + $2)
ON CONFLICT (job_id) DO UPDATE SET task = excluded.task RETURNING next_try_at
"""
_FORGET = "DELETE FROM upkeep WHERE finished_at < clock_timestamp() - interval '90 days'"
_CHECKED_BEFORE = """
SELECT max(started_at) FROM upkeep WHERE task = 'check' AND NOT dry_run AND state = 'done' AND read_anew > 0
"""


async def add(connection: Connection, job_id: UUID, task: str, *, dry_run: bool) -> None:
    """Commit a job that a person asked for; the same id twice is one job."""
    await connection.execute(_ADD, job_id, task, dry_run, True)


async def add_due(connection: Connection, interval_s: float) -> None:
    """Commit a check where none was asked for within an interval, and forget the jobs of months ago."""
    await connection.execute(_FORGET)
    await connection.execute(_ADD_DUE, interval_s)


async def add_again(connection: Connection, job_id: UUID, after: timedelta) -> datetime:
    """Commit a check that begins after a while; the same id twice is one job. Returns when it is due."""
    due_at: datetime = await connection.fetchval(_ADD_AGAIN, job_id, after)
    return due_at


async def checked_before(connection: Connection) -> datetime | None:
    """When the latest check began that had files read anew; None where none had."""
    began_at: datetime | None = await connection.fetchval(_CHECKED_BEFORE)
    return began_at
