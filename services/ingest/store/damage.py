"""Damage: copies of the library that rotted, were replaced and lie aside."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.ingest.mend import Mended
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.library.hashing import Digest
from shared.library.mend import Kept

_ADD = """
INSERT INTO damage (root, kept_as, path, file_id, size_bytes) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_ADD_KEPT = """
INSERT INTO damage (root, kept_as, path, file_id, size_bytes, found_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_UNRECORDED = """
SELECT kept_as FROM unnest($2::text[]) AS k(kept_as)
WHERE NOT EXISTS (SELECT FROM damage d WHERE d.root = $1 AND d.kept_as = k.kept_as) ORDER BY kept_as
"""


async def add(connection: Connection, mended: Sequence[Mended]) -> None:
    """Write down which damaged copies were kept when contents were mended."""
    await connection.executemany(
        _ADD,
        [
            (LIBRARY, item.kept_as, item.path, item.content.file_id, item.kept_bytes)
            for item in mended
            if item.kept_as is not None
        ],
    )


async def add_kept(connection: Connection, kept: Kept, content: Digest | None) -> None:
    """Write a damaged copy down that should have held ``content``, where that is known."""
    await connection.execute(
        _ADD_KEPT,
        LIBRARY,
        kept.kept_as,
        kept.path,
        content.file_id if content is not None else None,
        kept.size_bytes,
        datetime.fromtimestamp(kept.kept_at_s, UTC),
    )


async def unrecorded(connection: Connection, kept_as: Sequence[str]) -> list[str]:
    """Those of the files that lie aside of which no row tells."""
    return [row["kept_as"] for row in await connection.fetch(_UNRECORDED, LIBRARY, kept_as)]
