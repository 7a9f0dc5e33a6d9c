"""Announcing files again that nobody has scanned or quarantined long after they arrived: an event went missing."""

import asyncpg

from services.ingest.store import announcements
from shared.bus.outbox import OutboxRelay
from shared.bus.provision import events_began_at
from shared.db.pool import transaction
from shared.logging import get_logger

log = get_logger(__name__)

BATCH = 1000


async def announce_forgotten(pool: asyncpg.Pool, relay: OutboxRelay) -> int:
    """Announce at once what an earlier stream, which is no longer there, took with it; returns how many files."""
    began_at = await events_began_at(relay.js)
    total = 0
    while True:
        async with transaction(pool) as connection:
            announced = await announcements.repeat_before(connection, began_at, BATCH)
        relay.wake()
        total += announced
        if announced < BATCH:
            break
    if total:
        log.warning("announced again what was lost with an earlier stream", files=total)
    return total


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
