"""What checks found to be wrong, and whether it is mended."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from shared.bus.transaction import Connection

What = Literal["missing", "archive", "member", "manifest"]

_ADD = """
INSERT INTO finding (check_id, destination, archive_id, key, what, position, file_id, problem)
SELECT $1, a.destination, a.archive_id, f.key, f.what, f.position, f.file_id, f.problem
FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[]) AS f(key, what, position, file_id, problem)
CROSS JOIN archive a WHERE a.archive_id = $2
ON CONFLICT (archive_id, what, key, (coalesce(position, -1))) WHERE mended_at IS NULL
DO UPDATE SET seen_at = clock_timestamp(), problem = excluded.problem
"""
_END = """
UPDATE finding SET mended_at = clock_timestamp(), mended_by = $3
WHERE archive_id = $1 AND what = ANY($2::text[]) AND mended_at IS NULL
"""
_MEND = """
UPDATE finding f SET mended_at = clock_timestamp(), mended_by = $1
WHERE f.mended_at IS NULL AND f.what <> 'manifest' AND NOT EXISTS (
    SELECT FROM member m
    WHERE m.archive_id = f.archive_id AND (f.position IS NULL OR m.position = f.position)
      AND (m.state = 'damaged' OR (f.what = 'missing' AND m.state = 'written'))
      AND NOT EXISTS (
          SELECT FROM member o JOIN archive a USING (archive_id)
          WHERE o.file_id = m.file_id AND o.archive_id <> m.archive_id AND o.state = 'written'
            AND a.phase = 'verified' AND a.destination = f.destination))
RETURNING f.finding_id
"""
_OPEN = "SELECT destination, count(*) AS findings FROM finding WHERE mended_at IS NULL GROUP BY destination"


class Finding(NamedTuple):
    """Something that is wrong with an archive, or with what lies beside it."""

    key: str
    what: What
    problem: str
    position: int | None = None
    file_id: str | None = None


async def add(connection: Connection, check_id: UUID, archive_id: UUID, found: Sequence[Finding]) -> None:
    """Write what a check found; what is open already is seen once more."""
    await connection.execute(
        _ADD,
        check_id,
        archive_id,
        [one.key for one in found],
        [one.what for one in found],
        [one.position for one in found],
        [one.file_id for one in found],
        [one.problem for one in found],
    )


async def end(connection: Connection, archive_id: UUID, what: Iterable[What], mended_by: str) -> None:
    """Write that what was wrong with an archive is mended."""
    await connection.execute(_END, archive_id, list(what), mended_by)


async def mend(connection: Connection) -> int:
    """Close findings whose files other archives at the destination hold by now, or that were forgotten; how many."""
    return len(await connection.fetch(_MEND, "all that it touches lies in other archives there, or was forgotten"))


async def open_by_destination(connection: Connection) -> list[asyncpg.Record]:
    """How many findings are open at each destination that has any."""
    return await connection.fetch(_OPEN)
