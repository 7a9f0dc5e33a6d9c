"""Dumps of the database, and the jobs that make them; and what a dump needs to know of the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from services.backup.database.layout import Note
from shared.bus.transaction import Connection

_ASK = """
INSERT INTO dump (dump_id, destination, cause) SELECT $1, $2, $3
WHERE NOT EXISTS (SELECT FROM dump WHERE destination = $2 AND cause = $3 AND state IN ('waiting', 'running'))
ON CONFLICT DO NOTHING RETURNING dump_id
"""
_OPEN = """
SELECT dump_id FROM dump WHERE destination = $1 AND cause = $2 AND state IN ('waiting', 'running') ORDER BY created_at
LIMIT 1
"""
_RETRY = """
UPDATE dump d SET state = 'waiting', reason = NULL, finished_at = NULL, next_try_at = clock_timestamp(), postponed = 0,
    unexpected = 0, cancel_requested_at = NULL
WHERE d.destination = ANY($1::text[]) AND d.state IN ('waiting', 'failed', 'cancelled', 'dead') AND NOT EXISTS (
    SELECT FROM dump n WHERE n.destination = d.destination AND n.created_at > d.created_at
      AND (n.state = 'done' OR n.cause = d.cause))
RETURNING d.dump_id
"""
_VERSIONS = "public.alembic_version"
_HEADS = f"SELECT version_num FROM {_VERSIONS} ORDER BY version_num"
_OTHER_SCHEMAS = """
SELECT format('%I', nspname) FROM pg_namespace
WHERE nspname <> ALL($1::text[]) AND nspname NOT IN ('public', 'information_schema') AND NOT starts_with(nspname, 'pg_')
ORDER BY nspname
"""
_OTHER_TABLES = """
SELECT format('public.%I', c.relname) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND c.relname <> 'alembic_version' ORDER BY c.relname
"""
_KNOWN = "SELECT key FROM dump WHERE destination = $1 AND key IS NOT NULL"
_ADOPT = """
INSERT INTO dump (dump_id, destination, cause, key, heads, server_version, sent_bytes, size_bytes, sha256, dumped_at,
                  verified_at, state, created_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $9, 'done', $9, $9) ON CONFLICT DO NOTHING
"""
_DOUBT = """
UPDATE dump SET unproven_at = clock_timestamp()
WHERE destination = $1 AND verified_at IS NOT NULL AND gone_at IS NULL AND unproven_at IS NULL RETURNING dump_id
"""
_UNPROVEN = """
SELECT dump_id, key, size_bytes, sha256, gone_at IS NOT NULL FROM dump
WHERE destination = $1 AND unproven_at IS NOT NULL ORDER BY dumped_at DESC
"""
_PROVEN = """
UPDATE dump SET unproven_at = NULL, verified_at = clock_timestamp(), gone_at = NULL, gone_reason = NULL
WHERE dump_id = $1 AND unproven_at IS NOT NULL
"""
_GONE = """
UPDATE dump SET gone_at = coalesce(gone_at, clock_timestamp()), gone_reason = $2
WHERE dump_id = $1 AND unproven_at IS NOT NULL
"""
_INSTALLATION = """
SELECT i.installation_id, ARRAY(SELECT name FROM backup.destination WHERE opened_at IS NOT NULL ORDER BY name) AS opened
FROM backup.installation i
"""


@dataclass(frozen=True, slots=True)
class Server:
    """What a dump is of."""

    major: int
    version: str
    heads: tuple[str, ...]
    other_schemas: tuple[str, ...]
    """Schemas in this database that are not of Nightbus, as SQL writes their names."""
    other_tables: tuple[str, ...]
    """Tables of others in the schema public, where the revisions are noted, as SQL writes their names."""


class Doubted(NamedTuple):
    """A dump at a destination that lost its marker, as it was sent."""

    dump_id: UUID
    key: str
    size_bytes: int
    sha256: str
    is_gone: bool
    """An earlier look did not find it; where it is there again, it counts again."""


async def ask(connection: Connection, dump_id: UUID, destination: str, cause: str) -> UUID:
    """Commit a dump; where one for that cause is not made yet it is that one. Returns the id of the job."""
    made: UUID | None = await connection.fetchval(_ASK, dump_id, destination, cause)
    return made or await connection.fetchval(_OPEN, destination, cause) or dump_id


async def retry(connection: Connection, destinations: Sequence[str]) -> int:
    """Have dumps that wait or have failed be made now, where there is no later one; how many that are."""
    return len(await connection.fetch(_RETRY, destinations))


async def server(connection: Connection) -> Server:
    """The server's version, the schemas of Nightbus and their revisions."""
    number = int(await connection.fetchval("SHOW server_version_num"))
    version: str = await connection.fetchval("SHOW server_version")
    revisions = [row[0] for row in await connection.fetch(_HEADS)]
    schemas = sorted({revision.rpartition("_")[0] for revision in revisions})
    other_schemas = tuple(row[0] for row in await connection.fetch(_OTHER_SCHEMAS, schemas))
    other_tables = tuple(row[0] for row in await connection.fetch(_OTHER_TABLES))
    return Server(number // 10_000, version.split(maxsplit=1)[0], tuple(revisions), other_schemas, other_tables)


async def known_keys(connection: Connection, destination: str) -> set[str]:
    """Keys of the dumps at a destination that are known."""
    return {row[0] for row in await connection.fetch(_KNOWN, destination)}


async def heads(connection: Connection) -> set[str]:
    """The revisions at which a database is, asked as the admin role; none where it is new."""
    if await connection.fetchval(f"SELECT to_regclass('{_VERSIONS}')") is None:
        return set()
    return {row[0] for row in await connection.fetch(_HEADS)}


async def opened_by(connection: Connection) -> tuple[str, set[str]] | None:
    """The id of this installation, and the destinations that have its marker; None where it has none yet.

    Asked as the admin role, of a database of any age.
    """
    if await connection.fetchval("SELECT to_regclass('backup.installation')") is None:
        return None
    row = await connection.fetchrow(_INSTALLATION)
    return (row["installation_id"], set(row["opened"])) if row is not None else None


async def doubt(connection: Connection, destination: str) -> int:
    """Count the good dumps at a destination as unproven; how many that are."""
    return len(await connection.fetch(_DOUBT, destination))


async def unproven(connection: Connection, destination: str) -> list[Doubted]:
    """The dumps at a destination that are unproven, latest first, and those that were not found since."""
    return [Doubted(*row) for row in await connection.fetch(_UNPROVEN, destination)]


async def save_proven(connection: Connection, dump_id: UUID) -> None:
    """Write that a dump that was unproven is at its destination as it was sent."""
    await connection.execute(_PROVEN, dump_id)


async def save_gone(connection: Connection, dump_id: UUID, reason: str) -> None:
    """Write that a dump that was unproven is not at its destination any more as it was sent."""
    await connection.execute(_GONE, dump_id, reason)


async def adopt(connection: Connection, destination: str, note: Note) -> None:
    """Know of a dump that was found at a destination: one of before a migration, or of before a restore."""
    await connection.execute(
        _ADOPT, note.dump_id, destination, note.cause, note.key, list(note.heads), note.server_version, note.size_bytes,
        note.sha256, note.dumped_at,
    )  # fmt: skip
