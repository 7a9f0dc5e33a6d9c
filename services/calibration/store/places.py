"""Where files lie, as ingest tells it."""

from collections.abc import Collection

import asyncpg

from services.calibration.pixels.whereabouts import Place
from shared.bus.transaction import Connection

Reading = Connection | asyncpg.Connection
"""Any connection that may read the views."""

_KNOWN = """
SELECT file_id, root, path, root_path, size_bytes, missing_since IS NOT NULL AS is_missing FROM ingest.file_location
WHERE file_id = ANY($1::text[]) ORDER BY file_id, root = 'library' DESC, root, path
"""


async def places_of(
    connection: Reading, file_ids: Collection[str], *, also_missing: bool = False
) -> dict[str, list[Place]]:
    """The places of contents, the library's first; a content without any has no entry.

    With ``also_missing`` those too at which ingest missed the content when it last looked, so that whoever looks there
    himself can name them.
    """
    found: dict[str, list[Place]] = {}
    for row in await connection.fetch(_KNOWN, list(file_ids)):
        if also_missing or not row["is_missing"]:
            place = Place(row["root"], row["path"], row["root_path"], row["size_bytes"])
            found.setdefault(row["file_id"], []).append(place)
    return found
