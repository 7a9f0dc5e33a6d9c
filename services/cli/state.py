"""What the database says for `status`, all of one moment: what is kept or few, however large the library."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.cli.backup.covered import COVERED
from services.cli.imports import open_imports
from services.cli.output import Row
from services.cli.space import SPACE
from services.descriptions import SERVICES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

_LAST_ACTIVE = "SELECT " + ", ".join(f"({one.last_active}) AS {one.name}" for one in SERVICES if one.last_active)
"""When services were last at work, as far as the database knows it; NATS forgets that of consumers at a restart."""
_OUTBOXES = "SELECT " + ", ".join(
    f"(SELECT outbox_waiting FROM {one.name}.counts) AS {one.name}" for one in SERVICES if one.has_outbox
)
MOST_REASONS = 3
_NOT_TAKEN = "SELECT reason FROM ingest.not_taken ORDER BY observed_at DESC, path LIMIT $1"
_QUARANTINED = """
SELECT f.root, f.path, f.reason FROM stats.quarantined q JOIN stats.files f ON f.file_id = q.file_id
WHERE q.dismissed_at IS NULL AND f.state = 'quarantined' ORDER BY q.occurred_at DESC, f.path LIMIT $1
"""
"""The files that the count counts, as `dismiss` finds them: not what was read once and then could not be."""
_SOURCES = """
SELECT source, path, state, reason, hints, reached_at, walked_at, found, unfinished, unfinished_for, not_taken
FROM ingest.source_status ORDER BY source
"""
_OF_INGEST = "SELECT files, size_bytes, failed, outbox_waiting FROM ingest.counts"
_OF_STATS = """
SELECT files, scanned, quarantined, waiting, open_sessions, outbox_waiting, dismissed, closing_sessions
FROM stats.counts
"""
_LIBRARY = """
SELECT coalesce(sum(missing), 0)::int AS missing, coalesce(sum(damaged), 0)::int AS damaged, max(problem) AS problem,
       coalesce(sum(strangers), 0)::int AS strangers, (SELECT count(*)::int FROM ingest.forgotten_file) AS forgotten,
       ARRAY(SELECT format('the root %s is offline: %s', root, offline_reason) FROM ingest.root_state
             WHERE state = 'offline' AND kind IN ('library', 'indexed') ORDER BY root) AS offline
FROM ingest.library_state
"""
_AWAITED = """
SELECT count(*)::int AS files, coalesce(sum(size_bytes), 0)::bigint AS size_bytes,
       EXISTS (SELECT FROM backup.destinations WHERE state <> 'unused') AS has_destination
FROM ingest.awaited_backup
"""
_KEEPING = "SELECT to_read, away FROM stats.keeping"
_CHECKED = """
SELECT job_id, state, reason, created_at, started_at, finished_at, frames, differences, mended, read_anew, left_alone,
       lines, compared_until, not_compared, again_at
FROM stats.last_check
"""
_GIVEN_UP = """
SELECT d.service, count(DISTINCT d.file_id)::int AS files FROM api.dead_letters d
WHERE d.state = 'waiting' AND d.file_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM stats.handled h WHERE h.file_id = d.file_id)
GROUP BY d.service ORDER BY d.service
"""
"""Files that wait because a service gave up on an event about them."""
_LETTERS = "SELECT service, count(*) AS letters FROM api.dead_letters WHERE state = 'waiting' GROUP BY service"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Rows of the views by what they tell."""

    ingest: "asyncpg.Record"
    stats: "asyncpg.Record"
    kept_sources: int
    awaited: "asyncpg.Record"
    """Files that stay at their source until an archive has them."""
    quarantined: "Sequence[asyncpg.Record]"
    not_taken: "Sequence[asyncpg.Record]"
    sources: list[Row]
    imports: list[Row]
    library: "asyncpg.Record"
    keeping: "asyncpg.Record"
    checked: Row | None
    letters: dict[str, int]
    """Dead letters that wait, by service."""
    given_up: "Sequence[asyncpg.Record]"
    outboxes: dict[str, int]
    last_active: "dict[str, datetime | None]"
    space: list[Row]
    """How much room the roots have."""
    covered: Row | None
    """How many files archives have; None where that was not counted yet."""


async def database_state(connection: "asyncpg.Connection") -> DatabaseState:
    """Read all of it in one transaction."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        (ingest,) = await connection.fetch(_OF_INGEST)
        (stats,) = await connection.fetch(_OF_STATS)
        (library,) = await connection.fetch(_LIBRARY)
        (keeping,) = await connection.fetch(_KEEPING)
        (outboxes,) = await connection.fetch(_OUTBOXES)
        (last_active,) = await connection.fetch(_LAST_ACTIVE)
        (awaited,) = await connection.fetch(_AWAITED)
        checked = await connection.fetchrow(_CHECKED)
        covered = await connection.fetchrow(COVERED)
        return DatabaseState(
            ingest=ingest,
            stats=stats,
            kept_sources=await connection.fetchval("SELECT count(*) FROM ingest.kept_source"),
            awaited=awaited,
            quarantined=await connection.fetch(_QUARANTINED, MOST_REASONS),
            not_taken=await connection.fetch(_NOT_TAKEN, MOST_REASONS),
            sources=[dict(row) for row in await connection.fetch(_SOURCES)],
            imports=await open_imports(connection),
            library=library,
            keeping=keeping,
            checked=None if checked is None else dict(checked),
            letters={row["service"]: row["letters"] for row in await connection.fetch(_LETTERS)},
            given_up=await connection.fetch(_GIVEN_UP),
            outboxes=dict(outboxes),
            space=[dict(row) for row in await connection.fetch(SPACE)],
            last_active=dict(last_active),
            covered=None if covered is None else dict(covered),
        )
