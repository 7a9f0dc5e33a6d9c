"""The total of a table (template ``total``): a trigger keeps it, and what is wrong with it all the same is put right.

A total is the sum of its rows, so that a further row with the difference puts it right, beside whoever writes.
"""

import asyncpg

from shared.logging import get_logger

log = get_logger(__name__)


def difference(table: str) -> str:
    """SQL of the row that the total of ``table`` lacks: files and bytes; no row where it is right."""
    return f"""
    SELECT r.files - t.files AS files, r.size_bytes - t.size_bytes AS size_bytes
    FROM (SELECT count(*) AS files, coalesce(sum(size_bytes), 0)::bigint AS size_bytes FROM {table}) r
    CROSS JOIN (SELECT coalesce(sum(files), 0)::bigint AS files, coalesce(sum(size_bytes), 0)::bigint AS size_bytes
                FROM {table}_total) t
    WHERE (r.files, r.size_bytes) <> (t.files, t.size_bytes)
    """


def mending(table: str) -> str:
    """SQL that puts the total of ``table`` right."""
    return f"INSERT INTO {table}_total (files, size_bytes) {difference(table)}"


async def mend(connection: asyncpg.pool.PoolConnectionProxy, table: str) -> None:
    """Put the total of ``table`` right, and tell of it, where it is wrong."""
    lacking = await connection.fetchrow(f"{mending(table)} RETURNING files, size_bytes")
    if lacking is not None:
        log.warning("the total of a table was put right", table=table, **dict(lacking))
