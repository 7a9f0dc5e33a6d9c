"""Roots: folders with a name, among them the library."""

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from shared.bus.transaction import Connection

LIBRARY = "library"
"""Name of the library's root, kept free even where no library is set."""

_SAVE = """
INSERT INTO root (name, path, kind) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET path = excluded.path, kind = excluded.kind
"""
_ADD = "INSERT INTO root (name, path, kind) VALUES ($1, $2, $3)"
_PATH = "SELECT path FROM root WHERE name = $1"
_HOLDING_FILES = """
SELECT name, path, offline_since IS NOT NULL FROM root r WHERE kind IN ('library', 'indexed') ORDER BY name
"""
_OFFLINE = """
UPDATE root SET offline_reason = $2,
    offline_since = CASE WHEN $2::text IS NOT NULL THEN coalesce(offline_since, clock_timestamp()) END
WHERE name = $1
"""
_STACK = """
SELECT format('%s.%s', system_identifier, d.oid) FROM pg_control_system(), pg_database d
WHERE d.datname = current_database()
"""
_LIBRARY = "SELECT path, marker_id, EXISTS (SELECT FROM location WHERE root = $1) FROM root WHERE name = $1"
_ADOPT = """
INSERT INTO root (name, path, kind, marker_id) VALUES ($1, $2, 'library', $3)
ON CONFLICT (name) DO UPDATE SET path = excluded.path, marker_id = excluded.marker_id
"""


@dataclass(frozen=True, slots=True)
class KnownLibrary:
    """The library as it was last open; its marker may be absent where the first opening was cut short."""

    path: Path
    marker_id: UUID | None
    holds_files: bool


async def save(connection: Connection, name: str, path: Path, kind: str) -> None:
    """Register a configured root; a changed path is a remount and is taken over."""
    await connection.execute(_SAVE, name, str(path), kind)


async def path_of(connection: Connection, name: str) -> Path:
    """The folder of a root that is registered."""
    return Path(await connection.fetchval(_PATH, name))


async def find(connection: Connection, name: str) -> Path | None:
    """The folder of a root; None where there is no such root."""
    path: str | None = await connection.fetchval(_PATH, name)
    return None if path is None else Path(path)


async def holding_files(connection: Connection) -> list[tuple[str, Path, bool]]:
    """The roots in which files lie: name, folder, and whether it was offline when it was last looked at."""
    return [(row[0], Path(row[1]), row[2]) for row in await connection.fetch(_HOLDING_FILES)]


async def save_offline(connection: Connection, name: str, reason: str | None) -> None:
    """Write that a root is away, and why; None: it is there."""
    await connection.execute(_OFFLINE, name, reason)


async def holding(connection: Connection, path: Path, kind: str) -> tuple[str, Path]:
    """The root that holds a folder, registered under the folder's own name when there is none. In a transaction.

    Returns:
        Name and folder of the root.
    """
    await connection.execute("LOCK TABLE root IN SHARE ROW EXCLUSIVE MODE")
    rows = await connection.fetch("SELECT name, path FROM root WHERE kind = $1", kind)
    found = [row for row in rows if path == Path(row["path"]) or Path(row["path"]) in path.parents]
    if found:
        nearest = max(found, key=lambda row: len(row["path"]))
        return nearest["name"], Path(nearest["path"])
    taken = {LIBRARY, *(row["name"] for row in await connection.fetch("SELECT name FROM root"))}
    name = _free_name(path, taken)
    await connection.execute(_ADD, name, str(path), kind)
    return name, path


async def known_library(connection: Connection) -> KnownLibrary | None:
    """The library, if it was ever open."""
    row = await connection.fetchrow(_LIBRARY, LIBRARY)
    return KnownLibrary(Path(row[0]), row[1], row[2]) if row is not None else None


async def adopt_library(connection: Connection, path: Path, marker_id: UUID) -> None:
    """Write down where the library is open, and what its marker says."""
    await connection.execute(_ADOPT, LIBRARY, str(path), marker_id)


async def stack(connection: Connection) -> str:
    """What tells this stack from any other: its cluster of Postgres and the database in it."""
    named: str = await connection.fetchval(_STACK)
    return named


def _free_name(path: Path, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", path.name.lower()).strip("-") or "files"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
