"""Parts of archives that were sent, and where an interrupted upload goes on."""

from uuid import UUID

import asyncpg

from services.backup.archive.model import Part
from services.backup.destinations.port import SentPart
from shared.bus.transaction import Connection

_SENT = """
INSERT INTO part (archive_id, number, position, point_offset, size_bytes, md5, sha256, etag)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (archive_id, number) DO UPDATE SET position = excluded.position, point_offset = excluded.point_offset,
    size_bytes = excluded.size_bytes, md5 = excluded.md5, sha256 = excluded.sha256, etag = excluded.etag
"""
_COUNT_SENT = """
UPDATE archive SET unexpected = 0,
    sent_bytes = (SELECT coalesce(sum(size_bytes), 0) FROM part WHERE archive_id = $1 AND etag <> '')
WHERE archive_id = $1
"""
"""Who sends parts is no poison, however often it is killed: what counts its deaths in a row begins anew."""
_ALL = """
SELECT number, position, point_offset, size_bytes, md5, sha256, etag FROM part WHERE archive_id = $1 ORDER BY number
"""
_LAST_BEFORE = """
SELECT max(number) FROM part WHERE archive_id = $1 AND (position < $2 OR (position = $2 AND point_offset = 0))
"""
_AFTER = "DELETE FROM part WHERE archive_id = $1 AND number > $2"
_VOID = "UPDATE part SET sha256 = '', md5 = '', etag = '' WHERE archive_id = $1 AND number = $2"


async def save_sent(connection: Connection, archive_id: UUID, part: Part, etag: str) -> None:
    """Write a part that the destination holds, and how much was sent so far."""
    await connection.execute(
        _SENT, archive_id, part.number, part.begins.position, part.begins.offset, len(part.data), part.md5.hex(),
        part.sha256.hex(), etag,
    )  # fmt: skip
    await connection.execute(_COUNT_SENT, archive_id)


async def of_archive(connection: Connection, archive_id: UUID) -> list[asyncpg.Record]:
    """The parts of an archive by number; one that is void (its ETag is empty) only says where it begins."""
    return await connection.fetch(_ALL, archive_id)


async def void_from(connection: Connection, archive_id: UUID, position: int) -> int:
    """Void the parts from that on in which a member begins; how many before it stay."""
    number: int | None = await connection.fetchval(_LAST_BEFORE, archive_id, position)
    if number is None:
        await connection.execute(_AFTER, archive_id, 0)
        return 0
    await void(connection, archive_id, number)
    return number - 1


async def void(connection: Connection, archive_id: UUID, number: int) -> None:
    """Void a part and all after it."""
    await connection.execute(_AFTER, archive_id, number)
    await connection.execute(_VOID, archive_id, number)
    await connection.execute(_COUNT_SENT, archive_id)


def sent_of(row: asyncpg.Record) -> SentPart:
    """A part as destinations take it."""
    return SentPart(
        row["number"], row["size_bytes"], bytes.fromhex(row["md5"]), bytes.fromhex(row["sha256"]), row["etag"]
    )
