"""What retention decides about, read from the views that anybody may read, and the jobs that delete."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from services.backup.retention.archives import Candidate
from services.backup.retention.dumps import Dump
from services.backup.retention.model import Removal
from services.backup.store import archives
from shared.bus.transaction import Connection

Reading = Connection | asyncpg.Connection
"""Any connection that may read the views."""


class Removing(Protocol):
    """The job that deletes an object, with the columns of its row."""

    def __getitem__(self, column: str) -> Any:
        """A column."""


_DUMPS = """
SELECT dump_id, destination, key, size_bytes, dumped_at FROM backup.dumps
WHERE verified_at IS NOT NULL AND gone_at IS NULL AND unproven_at IS NULL AND key IS NOT NULL
"""
_ELSEWHERE = """
SELECT FROM backup.archived_file o
WHERE o.file_id = m.file_id AND o.destination = m.destination AND o.archive_id <> m.archive_id AND o.state = 'written'
"""
"""Sound copies of the member ``m`` in other verified archives at its destination."""
_SOLE = f"""
SELECT FROM backup.archived_file m WHERE m.archive_id = {{archive_id}} AND NOT EXISTS ({_ELSEWHERE})
"""
"""Members of an archive that no other one there holds; those that are forgotten are none of the view."""
_CANDIDATES = f"""
SELECT a.archive_id, a.destination, a.key, a.stored_bytes, a.files - c.files AS forgotten
FROM backup.archives a
CROSS JOIN LATERAL (SELECT count(*) AS files FROM backup.archived_file m WHERE m.archive_id = a.archive_id) c
WHERE a.phase = 'verified' AND a.files > c.files AND NOT EXISTS ({_SOLE.format(archive_id="a.archive_id")})
ORDER BY a.night, a.collection_id, a.number, a.destination
"""
_HOLDERS = """
SELECT m.archive_id, m.file_id, array_agg(o.archive_id) AS holders FROM backup.archived_file m
JOIN backup.archived_file o ON o.file_id = m.file_id AND o.destination = m.destination AND o.archive_id <> m.archive_id
    AND o.state = 'written'
WHERE m.archive_id = ANY($1::uuid[]) GROUP BY m.archive_id, m.file_id
"""
_STORED = """
SELECT destination, sum(size_bytes)::bigint AS size_bytes FROM (
    SELECT destination, stored_bytes AS size_bytes FROM backup.archives WHERE phase = 'verified'
    UNION ALL
    SELECT destination, size_bytes FROM backup.dumps
    WHERE verified_at IS NOT NULL AND gone_at IS NULL AND unproven_at IS NULL
) each GROUP BY destination ORDER BY destination
"""

_ASK = """
INSERT INTO removal (removal_id, what, row_id, destination, key, size_bytes, why)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[])
ON CONFLICT (removal_id) DO UPDATE SET
    state = 'waiting', reason = NULL, why = excluded.why, postponed = 0, unexpected = 0, cancel_requested_at = NULL,
    finished_at = NULL, next_try_at = clock_timestamp()
WHERE removal.state IN ('failed', 'cancelled', 'dead')
    AND ($8 OR removal.finished_at < clock_timestamp() - interval '7 days')
RETURNING removal_id
"""
_ARCHIVE_GOES = f"""
UPDATE archive a SET phase = 'gone', gone_at = clock_timestamp(), gone_reason = $2
WHERE a.archive_id = $1 AND a.phase = 'verified' AND NOT EXISTS ({_SOLE.format(archive_id="$1")}) RETURNING true
"""
_ARCHIVE_GOING = "SELECT phase = 'gone' FROM archive WHERE archive_id = $1"
_ARCHIVE_STAYS = """
UPDATE archive SET phase = 'verified', gone_at = NULL, gone_reason = NULL
WHERE archive_id = $1 AND phase = 'gone' AND gone_reason = $2
"""
_MANIFEST_OF_GONE = """
SELECT a.manifest_key FROM archive a
WHERE a.archive_id = $1 AND a.manifest_key IS NOT NULL AND (
    EXISTS (SELECT FROM archive n WHERE (n.destination, n.collection_id) = (a.destination, a.collection_id)
            AND n.phase = 'verified' AND n.number > a.number)
    OR NOT EXISTS (SELECT FROM archive n WHERE (n.destination, n.collection_id) = (a.destination, a.collection_id)
            AND n.phase = 'verified'))
"""
_DUMP_GOES = """
UPDATE dump d SET gone_at = clock_timestamp(), gone_reason = $2, unproven_at = NULL
WHERE d.dump_id = $1 AND d.gone_at IS NULL AND EXISTS (
    SELECT FROM dump n WHERE n.destination = d.destination AND n.dumped_at > d.dumped_at AND n.verified_at IS NOT NULL
        AND n.gone_at IS NULL AND n.unproven_at IS NULL)
RETURNING true
"""
_DUMP_GOING = "SELECT gone_at IS NOT NULL FROM dump WHERE dump_id = $1"
_DUMP_STAYS = "UPDATE dump SET gone_at = NULL, gone_reason = NULL WHERE dump_id = $1 AND gone_reason = $2"


async def dumps(connection: Reading) -> list[Dump]:
    """The dumps that were proven at their destinations and are there."""
    return [Dump(*row) for row in await connection.fetch(_DUMPS)]


async def candidates(connection: Reading) -> list[Candidate]:
    """The archives that have forgotten files and no file of which they hold the only sound copy there."""
    rows = await connection.fetch(_CANDIDATES)
    elsewhere: dict[UUID, dict[str, frozenset[UUID]]] = {row["archive_id"]: {} for row in rows}
    for row in await connection.fetch(_HOLDERS, list(elsewhere)):
        elsewhere[row["archive_id"]][row["file_id"]] = frozenset(row["holders"])
    return [Candidate(**row, elsewhere=elsewhere[row["archive_id"]]) for row in rows]


async def stored_bytes(connection: Reading) -> dict[str, int]:
    """What archives and dumps take at each destination, bytes."""
    return {row["destination"]: row["size_bytes"] or 0 for row in await connection.fetch(_STORED)}


async def ask(connection: Connection, removals: Sequence[tuple[UUID, Removal]], *, again: bool) -> int:
    """Commit the jobs; how many are new or tried anew. What was refused is tried after a week, or ``again`` now."""
    if not removals:
        return 0
    rows = await connection.fetch(
        _ASK,
        [removal_id for removal_id, _one in removals],
        [one.what for _id, one in removals],
        [one.row_id for _id, one in removals],
        [one.destination for _id, one in removals],
        [one.key for _id, one in removals],
        [one.size_bytes for _id, one in removals],
        [one.why for _id, one in removals],
        again,
    )
    return len(rows)


async def goes(connection: Connection, row: Removing) -> bool:
    """Write down that an object is gone, right before it is deleted; whether it may still go.

    In a transaction. It is looked at once more: what became the last copy since it was planned stays.
    """
    what, row_id = row["what"], row["row_id"]
    if what == "archive":
        await archives.lock_plans(connection, row["destination"])
        done = await connection.fetchval(_ARCHIVE_GOES, row_id, row["why"])
        return bool(done or await connection.fetchval(_ARCHIVE_GOING, row_id))
    done = await connection.fetchval(_DUMP_GOES, row_id, row["why"])
    return bool(done or await connection.fetchval(_DUMP_GOING, row_id))


async def manifest_of_gone(connection: Connection, archive_id: UUID) -> str | None:
    """The key of the manifest that goes with an archive that is gone.

    None where it stays: as long as it is the newest of its collection, it is what lists all that is left.
    """
    key: str | None = await connection.fetchval(_MANIFEST_OF_GONE, archive_id)
    return key


async def stays(connection: Connection, row: Removing) -> None:
    """Write down that an object is there after all, since the destination deletes nothing."""
    if row["what"] == "archive":
        await connection.execute(_ARCHIVE_STAYS, row["row_id"], row["why"])
    else:
        await connection.execute(_DUMP_STAYS, row["row_id"], row["why"])
