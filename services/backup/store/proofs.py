"""What checks read of archives and their members, and what they write of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.backup.proof.sent import Sent, SentRange
from services.backup.restore.wanted import Copy
from shared.bus.transaction import Connection

_ARCHIVE = """
SELECT archive_id, destination, collection_id, key, stored_bytes, etag FROM archive WHERE archive_id = $1
"""
_MANIFEST = "SELECT manifest_sha256 FROM archive WHERE archive_id = $1"
_PARTS = "SELECT size_bytes, md5, sha256 FROM part WHERE archive_id = $1 ORDER BY number"
_COPIES = """
SELECT a.destination, a.key, a.packing->>'kind' = 'zstd' AS packed, a.archive_id, m.position, m.file_id, m.name,
       m.size_bytes, m.state = 'damaged' AS damaged, m.stored_offset, m.stored_bytes
FROM member m JOIN archive a USING (archive_id)
"""
_OF_ARCHIVE = (
    _COPIES
    + """
WHERE m.archive_id = $1 AND m.state IN ('written', 'damaged', 'forgotten') AND m.stored_offset IS NOT NULL
ORDER BY m.position
"""
)
_OF_FILES = (
    _COPIES
    + """
WHERE m.file_id = ANY($1::text[]) AND m.state = 'written' AND a.phase = 'verified' AND NOT EXISTS (
    SELECT FROM member o WHERE o.file_id = m.file_id AND o.state = 'written' AND o.read_back_at >= $2)
ORDER BY m.file_id, a.verified_at DESC, m.archive_id
"""
)
_ELSEWHERE = (
    _COPIES
    + """
WHERE m.file_id = $1 AND a.destination <> $2 AND a.destination = ANY($3::text[]) AND m.state = 'written'
  AND a.phase = 'verified'
ORDER BY array_position($3::text[], a.destination), a.verified_at DESC
"""
)
_ANY_ARCHIVE = """
SELECT archive_id, files FROM archive
WHERE destination = $1 AND phase = 'verified' AND files > 0 ORDER BY random() LIMIT $2
"""
_ANY_MEMBER = (
    _COPIES
    + """
WHERE m.archive_id = $1 AND m.state = 'written' AND m.size_bytes <= $3 AND m.position >= $2 ORDER BY m.position LIMIT 1
"""
)
_SAME_SIZE = """
SELECT a.key, p.size_bytes, p.md5, p.sha256 FROM archive a JOIN part p USING (archive_id)
WHERE a.destination = $1 AND a.archive_id <> $2 AND a.stored_bytes = $3 AND p.number = 1 ORDER BY a.key LIMIT $4
"""
_KEPT = """
SELECT a.phase IN ('verified', 'unproven') OR EXISTS (
    SELECT FROM finding f WHERE f.archive_id = a.archive_id AND f.what = 'missing' AND f.mended_at IS NULL)
FROM archive a WHERE a.archive_id = $1 FOR UPDATE OF a
"""
_SOUND = """
UPDATE archive SET phase = 'verified', gone_at = NULL, gone_reason = NULL, verified_at = clock_timestamp(),
    deep_verified_at = CASE WHEN $2 THEN clock_timestamp() ELSE deep_verified_at END
WHERE archive_id = $1
"""
_SOUND_MEMBERS = """
UPDATE member SET read_back_at = clock_timestamp(), state = CASE state WHEN 'damaged' THEN 'written' ELSE state END,
    reason = CASE state WHEN 'damaged' THEN NULL ELSE reason END
WHERE archive_id = $1 AND state IN ('written', 'damaged')
"""
_GONE = """
UPDATE archive SET phase = 'gone', gone_at = coalesce(gone_at, clock_timestamp()), gone_reason = $2
WHERE archive_id = $1
"""
_PROVEN = "UPDATE archive SET phase = 'verified' WHERE archive_id = $1 AND phase = 'unproven'"
_DAMAGED = """
UPDATE member m SET state = 'damaged', reason = d.reason
FROM unnest($2::int[], $3::text[]) AS d(position, reason)
WHERE m.archive_id = $1 AND m.position = d.position AND m.state IN ('written', 'damaged')
"""
_READ_BACK = """
UPDATE member SET read_back_at = clock_timestamp() WHERE archive_id = $1 AND position = $2 AND state = 'written'
"""
MOST_OF_SIZE = 20
"""Archives of one size that are looked at to tell which of them lies under another one's key."""


async def sent(connection: Connection, archive_id: UUID) -> Sent:
    """An archive as it was sent."""
    (row,) = await connection.fetch(_ARCHIVE, archive_id)
    start, parts = 0, []
    for part in await connection.fetch(_PARTS, archive_id):
        parts.append(_range(part, start))
        start = parts[-1].end
    return Sent(
        row["archive_id"], row["destination"], row["collection_id"], row["key"], row["stored_bytes"], row["etag"],
        tuple(parts),
    )  # fmt: skip


async def manifest_sha256(connection: Connection, archive_id: UUID) -> str | None:
    """SHA-256 of the manifest beside an archive; None before it was put there."""
    digest: str | None = await connection.fetchval(_MANIFEST, archive_id)
    return digest


async def copies_of_archive(connection: Connection, archive_id: UUID) -> list[Copy]:
    """All that is in an archive, in the order in which it lies there."""
    return [Copy.of(row) for row in await connection.fetch(_OF_ARCHIVE, archive_id)]


async def copies_of_files(
    connection: Connection, file_ids: Sequence[str], not_since: datetime
) -> list[tuple[Copy, UUID]]:
    """Every sound copy of files, with its archive; those of which one was read back since are left out."""
    rows = await connection.fetch(_OF_FILES, file_ids, not_since)
    return [(Copy.of(row), row["archive_id"]) for row in rows]


async def copies_elsewhere(connection: Connection, file_id: str, destination: str, others: Sequence[str]) -> list[Copy]:
    """The sound copies of a file in archives at other destinations, in their order."""
    return [Copy.of(row) for row in await connection.fetch(_ELSEWHERE, file_id, destination, others)]


async def some_copies(
    connection: Connection, destination: str, most: int, most_bytes: int, draw: Callable[[int], int]
) -> list[tuple[UUID, Copy]]:
    """Some members at a destination, drawn at random: from as many archives as there are, up to ``most``.

    Args:
        connection: the caller's.
        destination: its name.
        most: how many members, at most.
        most_bytes: how long each of them is, at most.
        draw: a number from 0 to below its argument.
    """
    archives = await connection.fetch(_ANY_ARCHIVE, destination, most)
    found: dict[tuple[UUID, int], Copy] = {}
    for turn in range(most if archives else 0):
        archive = archives[turn % len(archives)]
        for row in await connection.fetch(_ANY_MEMBER, archive["archive_id"], draw(archive["files"]), most_bytes):
            found[row["archive_id"], row["position"]] = Copy.of(row)
    return [(archive_id, copy) for (archive_id, _position), copy in found.items()]


async def of_size(connection: Connection, sent_: Sent, size_bytes: int) -> list[tuple[str, SentRange]]:
    """Other archives at the destination that are so long: key and first part."""
    rows = await connection.fetch(_SAME_SIZE, sent_.destination, sent_.archive_id, size_bytes, MOST_OF_SIZE)
    return [(row["key"], _range(row, 0)) for row in rows]


async def is_kept(connection: Connection, archive_id: UUID) -> bool:
    """Whether an archive is to be at its destination still, until the transaction ends: retention did not let it go."""
    return bool(await connection.fetchval(_KEPT, archive_id))


async def save_sound(connection: Connection, archive_id: UUID, *, deep: bool) -> None:
    """Write that an archive is as it was sent; ``deep``: that all of its bytes are, so that no member is damaged."""
    await connection.execute(_SOUND, archive_id, deep)
    if deep:
        await connection.execute(_SOUND_MEMBERS, archive_id)


async def save_gone(connection: Connection, archive_id: UUID, reason: str) -> None:
    """Write that an archive is not at its destination any more."""
    await connection.execute(_GONE, archive_id, reason)


async def save_damaged(connection: Connection, archive_id: UUID, reasons: Mapping[int, str]) -> None:
    """Write which members are damaged, by position: they count as archived no more."""
    await connection.execute(_DAMAGED, archive_id, list(reasons), list(reasons.values()))


async def save_proven(connection: Connection, archive_id: UUID) -> None:
    """Write that an archive is at its destination, where it was unproven: its members that are sound are archived."""
    await connection.execute(_PROVEN, archive_id)


async def save_read_back(connection: Connection, archive_id: UUID, position: int) -> None:
    """Write that a member was read from its destination and had its content."""
    await connection.execute(_READ_BACK, archive_id, position)


def _range(row: asyncpg.Record, start: int) -> SentRange:
    return SentRange(start, row["size_bytes"], bytes.fromhex(row["md5"]), bytes.fromhex(row["sha256"]))
