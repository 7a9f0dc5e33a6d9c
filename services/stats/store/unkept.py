"""Files of which no event is kept: whether there are any, the next of them, and why some are not read anew."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.bus.transaction import Connection

_BUSY = """
SELECT EXISTS (
    SELECT FROM pending p JOIN file f USING (file_id) WHERE p.waiting_since > $1 AND f.root <> ALL($3::text[]))
OR EXISTS (SELECT FROM source WHERE handled_at > $2)
"""
_PAGE = """
SELECT u.file_id, u.reason, k.scan_revision, k.scan_revision > fr.scan_revision AS asked_before, CASE
    WHEN k.file_id IS NULL THEN 'ingest does not know the file any more'
    WHEN q.attempt >= k.scan_revision THEN 'it could not be read: ' || q.reason
    WHEN NOT k.readable THEN 'it has gone from where it lay'
    WHEN f.root = ANY($3::text[]) THEN 'the root ' || f.root || ' is away'
    END AS why
FROM (SELECT file_id, reason FROM unkept WHERE file_id > $1 ORDER BY file_id LIMIT $2) u
LEFT JOIN frame fr ON fr.file_id = u.file_id
LEFT JOIN file f ON f.file_id = u.file_id
LEFT JOIN quarantine q ON q.quarantine_key = u.file_id
LEFT JOIN ingest.known_file k ON k.file_id = u.file_id
ORDER BY u.file_id
"""
_SAY = """
UPDATE unkept u SET reason = g.reason FROM unnest($1::text[], $2::text[]) AS g (file_id, reason)
WHERE u.file_id = g.file_id
"""


@dataclass(frozen=True, slots=True)
class UnkeptFile:
    """A file whose event is not kept.

    ``reason``: why it is not read anew, as it stands in its row; ``why``: the same as it is now, None where it can be.
    ``asked_before``: whether it was announced since under a later revision.
    """

    file_id: str
    reason: str | None
    scan_revision: int | None
    asked_before: bool | None
    why: str | None


async def any_left(connection: Connection) -> bool:
    """Whether there is such a file."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM unkept)")
    return found


async def is_busy(
    connection: Connection, waits_since: datetime, handled_since: datetime, away: Collection[str]
) -> bool:
    """Whether a file waits for the scanner since less long than ``waits_since``, or one was handled just now.

    Those of roots that are ``away`` count as none.
    """
    busy: bool = await connection.fetchval(_BUSY, waits_since, handled_since, list(away))
    return busy


async def page(connection: Connection, after: str, most: int, away: Collection[str]) -> list[UnkeptFile]:
    """The next files by their ids, at most ``most``; ``away`` are the roots that are."""
    return [UnkeptFile(**dict(row)) for row in await connection.fetch(_PAGE, after, most, list(away))]


async def say(connection: Connection, files: Sequence[UnkeptFile]) -> None:
    """Write why files are not read anew."""
    await connection.execute(_SAY, [one.file_id for one in files], [one.why for one in files])
