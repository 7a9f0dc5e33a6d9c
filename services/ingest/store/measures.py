"""What ingest measures of its tables: sources, roots, and whether files can be read."""

import asyncpg

from shared.bus.transaction import Connection

_SOURCES = "SELECT source, state = 'reachable' AS reachable, walked_at FROM source_state"
_ROOTS = """
SELECT name, offline_since IS NULL AS online, kind <> 'source' AS holds_files, free_bytes, disk_bytes, nights_left
FROM root
"""
_FILES = """
SELECT (SELECT coalesce(sum(files), 0) FROM file_total)::bigint AS files,
       (SELECT coalesce(sum(size_bytes), 0) FROM file_total)::bigint AS size_bytes,
       count(*) FILTER (WHERE archived) AS archived_only,
       count(*) FILTER (WHERE NOT archived AND state = 'missing') AS missing,
       count(*) FILTER (WHERE NOT archived AND state = 'offline') AS offline
FROM (SELECT a.state, EXISTS (SELECT FROM backup.archived_file m
                              WHERE m.file_id = a.file_id AND m.state = 'written') AS archived
      FROM absent_file a) absent
"""


async def sources(connection: Connection) -> list[asyncpg.Record]:
    """The configured sources: ``source``, ``reachable``, ``walked_at`` (None before the first complete walk)."""
    return list(await connection.fetch(_SOURCES))


async def roots(connection: Connection) -> list[asyncpg.Record]:
    """The roots: ``name``, ``online``, ``holds_files``, ``free_bytes``, ``disk_bytes``, ``nights_left``."""
    return list(await connection.fetch(_ROOTS))


async def files(connection: Connection) -> asyncpg.Record:
    """``files`` and ``size_bytes`` of all contents; of these, how many can be read nowhere, each in one count."""
    (row,) = await connection.fetch(_FILES)
    return row
