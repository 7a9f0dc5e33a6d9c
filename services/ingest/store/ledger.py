"""The ledger: what the files of sources were when they were last looked at, and what came of them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.ingest.ledger import Known, Observation
from shared.bus.transaction import Connection

_KNOWN = """
SELECT folder, name, size_bytes, mtime_ns, fingerprint, state, file_id, import_id
FROM source_file WHERE source = $1 AND folder = ANY($2::text[])
"""
_SAMPLE = "SELECT folder, name FROM source_file WHERE source = $1 AND state <> 'failed' LIMIT $2"
_NEWEST = """
SELECT DISTINCT ON (folder) folder, name FROM source_file WHERE source = $1 AND state <> 'failed'
ORDER BY folder, observed_at DESC
"""
_SAVE = """
INSERT INTO source_file
    (source, folder, name, size_bytes, mtime_ns, fingerprint, state, file_id, reason, import_id)
SELECT $1, t.*, $2 FROM unnest(
    $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[], $8::text[], $9::text[], $10::text[]) AS t
ON CONFLICT (source, folder, name) DO UPDATE SET
    size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns,
    fingerprint = excluded.fingerprint, state = excluded.state, reason = excluded.reason,
    file_id = coalesce(excluded.file_id, source_file.file_id),
    import_id = excluded.import_id, observed_at = excluded.observed_at
"""
_TAKEN_BY = """
SELECT state, count(*) AS files FROM source_file WHERE import_id = $1 AND state <> 'failed' GROUP BY state
"""
_FORGET_FAILURES = """
DELETE FROM source_file USING unnest($2::text[], $3::text[]) AS t(folder, name)
WHERE source_file.source = $1 AND source_file.folder = t.folder AND source_file.name = t.name AND state = 'failed'
"""
_FAILURES_OF_OTHERS = """
SELECT s.source, r.path, s.folder, s.name FROM source_file s JOIN root r ON r.name = s.source
WHERE s.state = 'failed' AND s.source <> ALL($1::text[]) ORDER BY s.observed_at LIMIT $2
"""
_FAILED_FOLDERS = "SELECT DISTINCT folder FROM source_file WHERE source = $1 AND state = 'failed'"
_FORGET_FAILED_FOLDERS = """
DELETE FROM source_file WHERE source = $1 AND folder = ANY($2::text[]) AND state = 'failed'
"""
_MANY_ROWS = 5000


async def known(connection: Connection, source: str, folders: Sequence[str]) -> dict[tuple[str, str], Known]:
    """The ledger's rows of some folders, by folder and name."""
    rows = await connection.fetch(_KNOWN, source, folders)
    if len(rows) < _MANY_ROWS:
        return _by_key(rows)
    return await asyncio.to_thread(_by_key, rows)  # a folder may hold hundreds of thousands


async def sample(connection: Connection, source: str, count: int) -> list[str]:
    """Some paths that the source held, to tell an empty or foreign mount."""
    return _paths(await connection.fetch(_SAMPLE, source, count))


async def newest_of_folders(connection: Connection, source: str) -> list[str]:
    """The path that was recorded last in each folder of a source."""
    return _paths(await connection.fetch(_NEWEST, source))


async def save(
    connection: Connection,
    source: str,
    observations: Sequence[Observation],
    states: Sequence[str],
    import_id: UUID | None,
) -> None:
    """Write how files are now, and what each was recorded as; ``import_id`` is the import that asked, if any."""
    pairs = zip(observations, states, strict=True)
    unique = sorted({(item.folder, item.name): (item, state) for item, state in pairs}.items())
    await connection.execute(
        _SAVE,
        source,
        import_id,
        [item.folder for _key, (item, _state) in unique],
        [item.name for _key, (item, _state) in unique],
        [item.size_bytes for _key, (item, _state) in unique],
        [item.mtime_ns for _key, (item, _state) in unique],
        [item.fingerprint for _key, (item, _state) in unique],
        [state for _key, (_item, state) in unique],
        [item.file_id for _key, (item, _state) in unique],
        [item.reason for _key, (item, _state) in unique],
    )


async def taken_by(connection: Connection, import_id: UUID) -> dict[str, int]:
    """How many files of the ledger an import took, by what they were recorded as."""
    return {row["state"]: row["files"] for row in await connection.fetch(_TAKEN_BY, import_id)}


async def forget_failures(connection: Connection, source: str, keys: Sequence[tuple[str, str]]) -> None:
    """Forget what could not be taken and is there no more, by folder and name."""
    await connection.execute(
        _FORGET_FAILURES, source, [folder for folder, _name in keys], [name for _folder, name in keys]
    )


async def failures_of_others(
    connection: Connection, watched: Sequence[str], most: int
) -> list[tuple[str, str, str, str]]:
    """What sources other than the ``watched`` ones could not be read of: source, its path, folder, name."""
    return [tuple(row) for row in await connection.fetch(_FAILURES_OF_OTHERS, watched, most)]


async def failed_folders(connection: Connection, source: str) -> list[str]:
    """Folders of a source in which something could not be taken."""
    return [row["folder"] for row in await connection.fetch(_FAILED_FOLDERS, source)]


async def forget_failed_folders(connection: Connection, source: str, folders: Sequence[str]) -> None:
    """Forget what could not be taken in folders that are there no more."""
    await connection.execute(_FORGET_FAILED_FOLDERS, source, folders)


def _by_key(rows: Sequence[asyncpg.Record]) -> dict[tuple[str, str], Known]:
    return {(row[0], row[1]): Known(*row[2:]) for row in rows}


def _paths(rows: Sequence[asyncpg.Record]) -> list[str]:
    return [f"{row['folder']}/{row['name']}".lstrip("/") for row in rows]
