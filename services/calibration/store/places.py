"""Where files lie, as ingest tells it."""

from collections.abc import Collection

from services.calibration.pixels.whereabouts import Place
from shared.bus.transaction import Connection

_PLACES = """
SELECT file_id, root, path, root_path FROM ingest.file_location WHERE file_id = ANY($1::text[])
ORDER BY file_id, root = 'library' DESC, root, path
"""


async def places_of(connection: Connection, file_ids: Collection[str]) -> dict[str, list[Place]]:
    """The places of contents, the library's first; those that lie nowhere miss."""
    found: dict[str, list[Place]] = {}
    for row in await connection.fetch(_PLACES, list(file_ids)):
        found.setdefault(row["file_id"], []).append(Place(row["root"], row["path"], row["root_path"]))
    return found
