"""Where the roots are on the new machine: in the database, and for the library by its marker."""

from pathlib import Path
from uuid import UUID

from shared.bus.transaction import Connection
from shared.library.roots import Root, restore_marker

_ROOTS = """
SELECT name, kind, marker_id FROM ingest.root r WHERE kind IN ('library', 'indexed')
ORDER BY name
"""
_MOVED = "UPDATE ingest.root SET path = $2, offline_since = NULL, offline_reason = NULL WHERE name = $1"


async def settle_places(connection: Connection, library: Path, trees: Path) -> list[tuple[str, Path]]:
    """Write where the library and the indexed trees are now, and give the library the marker that it had.

    Returns:
        The trees of which files came back, and their folders.

    Raises:
        UserError: the library has the marker of another one.
    """
    found = []
    for name, kind, marker_id in await connection.fetch(_ROOTS):
        if kind == "library":
            if marker_id is not None:
                restore_marker(Root(name, library, writable=True), UUID(str(marker_id)).hex)
            await connection.execute(_MOVED, name, str(library))
        elif (trees / name).is_dir():
            await connection.execute(_MOVED, name, str(trees / name))
            found.append((name, trees / name))
    return found
