"""Announcing files again that nobody has scanned or quarantined long after they arrived: an event went missing.

What went missing with a whole stream is known at once, since it was told before the stream of today was made.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from services.ingest.store import announcements, tombstones
from shared.bus.outbox import OutboxRelay
from shared.bus.provision import events_began_at
from shared.bus.streams import MAX_AGE_S
from shared.bus.transaction import Connection
from shared.db.pool import transaction
from shared.logging import get_logger

log = get_logger(__name__)

BATCH = 1000
KEPT = timedelta(seconds=MAX_AGE_S)
"""For how long a stream keeps what it was told."""


async def announce_forgotten(pool: asyncpg.Pool, relay: OutboxRelay) -> int:
    """Announce at once what an earlier stream, which is no longer there, took with it; returns how many files."""
    began_at = await events_began_at(relay.js)
    files = await _all(pool, relay, lambda connection: announcements.repeat_before(connection, began_at, BATCH))
    if files:
        log.warning("announced again what was lost with an earlier stream", files=files)
    return files


async def tell_removed_again(pool: asyncpg.Pool, relay: OutboxRelay) -> int:
    """Tell again that files are forgotten, where an earlier stream took that with it; returns how many files.

    Nobody knows who had read it. It is the same event as before, which takes effect once.
    """
    began_at = await events_began_at(relay.js)
    files = await _all(pool, relay, lambda connection: tombstones.tell_again(connection, began_at, KEPT, BATCH))
    if files:
        log.warning("told again of forgotten files what was lost with an earlier stream", files=files)
    return files


async def announce_lost(pool: asyncpg.Pool, relay: OutboxRelay, *, age_s: float) -> int:
    """Announce what nobody has handled ``age_s`` after it was announced, under the message id ``event_id/attempt``.

    Returns:
        How many files; the oldest 1,000 at most.
    """
    async with transaction(pool) as connection:
        await announcements.settle(connection, age_s)
        announced = await announcements.repeat_lost(connection, age_s, BATCH)
    relay.wake()
    if announced:
        log.warning("announced again what nobody has handled", files=announced)
    return announced


async def _all(pool: asyncpg.Pool, relay: OutboxRelay, tell: Callable[[Connection], Awaitable[int]]) -> int:
    """Tell of all files, ``BATCH`` in a transaction; how many."""
    files = 0
    while True:
        async with transaction(pool) as connection:
            told = await tell(connection)
        relay.wake()
        files += told
        if told < BATCH:
            return files
