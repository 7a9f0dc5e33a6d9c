"""What is to be brought back, as the database knows it: the files of sessions, of targets, or single ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.backup.restore.wanted import Copy, Wanted, by_preference
from services.backup.restore.words import kind_of
from services.cli.filters import make_filters
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    import asyncpg

PAGE = 5000
_SESSION = """
SELECT file_id FROM stats.frames WHERE session_id = $1
UNION
SELECT a.file_id FROM backup.archived_file a LEFT JOIN stats.frames f USING (file_id)
WHERE (a.collection_id = $1 OR ($1 ~ '^arrived_[0-9]{8}$' AND a.collection_id ^@ ($1 || '_')))
  AND (f.session_id IS NULL OR f.session_id = $1)
"""
_SESSIONS_OF = "SELECT DISTINCT f.session_id FROM stats.files f WHERE f.session_id IS NOT NULL AND {where}"
_BY_ID = "SELECT DISTINCT file_id FROM backup.archived_file WHERE file_id ^@ $1"
_BY_PATH = """
SELECT DISTINCT a.file_id FROM backup.archived_file a
WHERE a.path = $1 OR a.root || '/' || a.path = $1 OR a.name = $1 OR '/' || a.path LIKE '%/' || $2
UNION
SELECT a.file_id FROM ingest.file_location l JOIN backup.archived_file a USING (file_id)
WHERE l.path = $1 OR l.root || '/' || l.path = $1 OR l.root_path || '/' || l.path = $1
"""
_COPIES = """
SELECT w.file_id, coalesce(a.size_bytes, f.size_bytes, 0) AS size_bytes,
       coalesce(s.session_id, a.collection_id) AS collection_id, f.root AS root_now, f.path AS path_now, a.destination,
       a.key, r.packing->>'kind' = 'zstd' AS packed, a.position, a.name, a.state <> 'written' AS damaged,
       a.stored_offset, a.stored_bytes, a.arrived_at
FROM unnest($1::text[]) AS w(file_id)
LEFT JOIN stats.frames s USING (file_id)
LEFT JOIN stats.files f USING (file_id)
LEFT JOIN backup.archived_file a USING (file_id)
LEFT JOIN backup.archives r USING (archive_id)
ORDER BY w.file_id, a.verified_at DESC
"""


async def wanted_of(connection: "asyncpg.Connection", words: Sequence[str], order: Sequence[str]) -> list[Wanted]:
    """What words name, with every copy at the destinations of ``order``, the best first.

    Raises:
        UserError: a word names nothing that is known.
    """
    ids: dict[str, None] = {}
    for word in words:
        found = await _ids_of(connection, word)
        if not found:
            raise UserError(f"no session, target or archived file is called {inert.name(word)}")
        ids.update(dict.fromkeys(found))
    wanted: list[Wanted] = []
    every = list(ids)
    for start in range(0, len(every), PAGE):
        rows = await connection.fetch(_COPIES, every[start : start + PAGE])
        by_file: dict[str, list[asyncpg.Record]] = {}
        for row in rows:
            by_file.setdefault(row["file_id"], []).append(row)
        wanted += [_wanted(of_file, order) for of_file in by_file.values()]
    return sorted(wanted, key=lambda one: one.name)


async def _ids_of(connection: "asyncpg.Connection", word: str) -> list[str]:
    kind = kind_of(word)
    if kind == "file_id":
        return await _column(connection, _BY_ID, word)
    if kind == "path":
        return await _column(connection, _BY_PATH, word.removeprefix("./"), _like(word.removeprefix("./").lstrip("/")))
    if found := await _column(connection, _SESSION, word):
        return found
    where = make_filters([word], None, None, None, None, None, None, None, None).for_files()
    sessions = await _column(connection, _SESSIONS_OF.format(where=where.sql), *where.parameters)
    return [file_id for session in sessions for file_id in await _column(connection, _SESSION, session)]


async def _column(connection: "asyncpg.Connection", query: str, *values: object) -> list[str]:
    return [row[0] for row in await connection.fetch(query, *values)]


def _wanted(rows: Sequence["asyncpg.Record"], order: Sequence[str]) -> Wanted:
    """A file of which these are the copies, or one row that says that there is none."""
    first = rows[0]
    copies = by_preference((Copy.of(row) for row in rows if row["key"] is not None), order)
    name = copies[0].member if copies else f"/{first['root_now']}/{first['path_now']}"
    arrived_at = first["arrived_at"]
    return Wanted(
        first["file_id"],
        first["size_bytes"],
        f"{first['collection_id']}/{name.partition('/')[2]}",
        None if arrived_at is None else int(arrived_at.timestamp()),
        copies,
    )


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
