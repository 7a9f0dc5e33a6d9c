"""Whoever reads does not hold a migration up: a session of a reader, or a dump, that it waits for is ended."""

import asyncio

import asyncpg

from shared.db.roles import OTHERS
from shared.logging import get_logger

log = get_logger(__name__)

PATIENCE_S = 5.0
"""How long a reader may go on with what a migration waits for."""
_LOOK_S = 1.0
_IN_THE_WAY = """
SELECT pid, usename AS role, application_name AS program FROM pg_stat_activity
WHERE pid = ANY(pg_blocking_pids($1)) AND usename = ANY($2) AND pg_has_role(usesysid, 'USAGE')
"""


async def end_readers_in_the_way(connection: asyncpg.Connection, pid: int) -> None:
    """End the sessions of readers for which the server process ``pid`` waits longer than `PATIENCE_S`; never returns.

    An open transaction keeps the tables of every view that it has read, and a role may lift its own time limits. Where
    the admin role may not end a reader's session, that one is waited for. A dump that was ended is made again later.
    """
    since: dict[int, float] = {}
    loop = asyncio.get_running_loop()
    while True:
        rows = await connection.fetch(_IN_THE_WAY, pid, list(OTHERS))
        since = {row["pid"]: since.get(row["pid"], loop.time()) for row in rows}
        for row in rows:
            if loop.time() - since[row["pid"]] >= PATIENCE_S:
                await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
                log.warning("a reader held the migration up, and its session was ended", **dict(row))
        await asyncio.sleep(_LOOK_S)
