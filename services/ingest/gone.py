"""Files that had gone when they were to be read: looked for again, and announced when they are there or elsewhere."""

import asyncio

import asyncpg

from services.ingest.description import DESCRIPTION
from services.ingest.store import announcements, files, locations
from shared.bus.outbox import OutboxRelay, enqueue
from shared.db.pool import connected, transaction
from shared.events.file import GONE
from shared.library.presence import are_there
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 300.0
MOST_FILES = 1000


async def look_for_gone(pool: asyncpg.Pool, relay: OutboxRelay) -> int:
    """Look once for files that the scanner did not find; returns how many are there after all and are read anew."""
    async with connected(pool) as connection:
        places = await locations.of_not_found(connection, GONE, MOST_FILES)
    if not places:
        return 0
    there = await asyncio.to_thread(are_there, [(place.root_path, place.path) for place in places])
    known = [(place, is_there) for place, is_there in zip(places, there, strict=True) if is_there is not None]
    back = sorted({place.file_id for place, is_there in known if is_there})
    async with transaction(pool) as connection:
        await locations.save_there(connection, known)
        await files.raise_revisions(connection, back)
        await enqueue(connection, DESCRIPTION.name, await announcements.arrivals_of(connection, back))
    relay.wake()
    if back:
        log.info("files that had gone are there again, or elsewhere, and are read", files=len(back))
    return len(back)
