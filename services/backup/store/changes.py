"""Whether anything changed of what a look reads, which is a million rows and more: by PostgreSQL's own counters.

They count the rows that were ever written to a table, and lag some seconds behind: a change that a look has seen may be
counted after it, so that the next look is made in vain, but none is passed over for good.
"""

from shared.bus.transaction import Connection

TABLES = (
    "ingest.file", "ingest.location", "ingest.root", "stats.frame", "stats.session", "backup.archive", "backup.member",
)  # fmt: skip
"""Those below the views that ``store.missing`` and ``store.archives`` read."""

_WRITTEN = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_all_tables
WHERE schemaname || '.' || relname = ANY($1::text[])
"""


async def written_rows(connection: Connection) -> int:
    """How many rows were ever inserted, changed and deleted. It begins anew where PostgreSQL lost its counters."""
    count: int = await connection.fetchval(_WRITTEN, TABLES)
    return count
