"""Failures of one-off imports end when their file is there no more; those of watched sources end at the next walk."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

import asyncpg

from services.ingest.store import ledger
from shared.db.pool import connected
from shared.library.presence import are_there
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 600.0
MOST_ROWS = 1000


async def forget_failures(pool: asyncpg.Pool, watched: Collection[str]) -> int:
    """Look again at what imports could not take: a person has fixed it elsewhere, or has put it away.

    Args:
        pool: connections of the ingest role.
        watched: the configured sources, which walks look after.

    Returns:
        How many failures were forgotten.
    """
    async with connected(pool) as connection:
        rows = await ledger.failures_of_others(connection, list(watched), MOST_ROWS)
    places = [(root, f"{folder}/{name}".lstrip("/")) for _, root, folder, name in rows]
    there = await asyncio.to_thread(are_there, places)
    gone: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (source, _root, folder, name), is_there in zip(rows, there, strict=True):
        if is_there is False:  # None: nothing is known
            gone[source].append((folder, name))
    for source, keys in gone.items():
        async with connected(pool) as connection:
            await ledger.forget_failures(connection, source, keys)
    if forgotten := sum(map(len, gone.values())):
        log.info("forgot failures of files that are there no more", files=forgotten)
    return forgotten
