"""Announcing files again: on request with a higher scan revision, and by the reconciler when an event went missing."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.ingest.arrived import COLUMNS, PLACE, arrived, event_of, raise_revisions
from services.ingest.store import SERVICE
from shared.bus.outbox import OutboxRelay, enqueue
from shared.bus.provision import events_began_at
from shared.bus.transaction import Connection
from shared.db.inbox import claim
from shared.db.pool import transaction
from shared.events.commands import RereadFiles
from shared.logging import get_logger

log = get_logger(__name__)

BATCH = 1000

_UNHANDLED = f"""
SELECT {COLUMNS} FROM file f {PLACE}
WHERE NOT f.settled AND f.announced_at < {{before}}
  AND NOT EXISTS (SELECT 1 FROM stats.handled h WHERE h.file_id = f.file_id AND h.scan_revision >= f.scan_revision)
ORDER BY f.announced_at LIMIT $2
"""
_LOST = _UNHANDLED.format(before="clock_timestamp() - $1 * 2.0 ^ least(f.attempts, 7) * interval '1 second'")
_FORGOTTEN = _UNHANDLED.format(before="$1")
_SETTLE = """
UPDATE file f SET settled = true
WHERE NOT f.settled AND f.announced_at < clock_timestamp() - $1 * interval '1 second'
  AND EXISTS (SELECT 1 FROM stats.handled h WHERE h.file_id = f.file_id AND h.scan_revision >= f.scan_revision)
"""
_UNSENT = "SELECT event_id FROM outbox WHERE event_id = ANY($1::uuid[])"
_ANNOUNCED = """
UPDATE file SET announced_at = clock_timestamp(), attempts = attempts + 1 WHERE file_id = ANY($1::text[])
"""


async def reread(pool: asyncpg.Pool, command_id: UUID, file_ids: Sequence[str] | None) -> int:
    """Have files read anew: their revision grows, and file.arrived goes out again.

    Args:
        pool: connections of the ingest role.
        command_id: the request's id; the same id a second time does nothing.
        file_ids: which files; None for all.

    Returns:
        How many files.
    """
    total = 0
    async with transaction(pool) as connection:
        if not await claim(connection, RereadFiles.subject, [command_id]):
            return 0
        raised = await raise_revisions(connection, file_ids)
        for start in range(0, len(raised), BATCH):
            events = await arrived(connection, raised[start : start + BATCH])
            await enqueue(connection, SERVICE, events)
            total += len(events)
    return total


class Reconciler:
    """Announces files again that nobody has scanned or quarantined long after they arrived.

    The pause doubles with each time, since files whose root is away may wait for days and lose no event meanwhile.
    What was announced to a stream that is no longer there is announced again at once.
    """

    def __init__(self, pool: asyncpg.Pool, relay: OutboxRelay, *, age_s: float) -> None:
        self._pool = pool
        self._relay = relay
        self._age_s = age_s

    async def announce_forgotten(self) -> int:
        """Announce what an earlier stream took with it; returns how many files."""
        began_at = await events_began_at(self._relay.js)
        total = 0
        while True:
            async with transaction(self._pool) as connection:
                rows = await connection.fetch(_FORGOTTEN, began_at, BATCH)
                announced = await self._announce(connection, rows)
            self._relay.wake()
            total += announced
            if announced < BATCH:
                break
        if total:
            log.warning("announced again what was lost with an earlier stream", files=total)
        return total

    async def reconcile(self) -> int:
        """Look once; returns how many files were announced again, under the message id ``event_id/attempt``."""
        async with transaction(self._pool) as connection:
            await connection.execute(_SETTLE, self._age_s)
            rows = await connection.fetch(_LOST, self._age_s, BATCH)
            announced = await self._announce(connection, rows)
        self._relay.wake()
        if announced:
            log.warning("announced again what nobody has handled", files=announced)
        return announced

    async def _announce(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> int:
        events = [event_of(row) for row in rows]
        # What still waits in the outbox is not lost: in a long outage it would be told again once for each look.
        unsent = {row[0] for row in await connection.fetch(_UNSENT, [event.event_id for event in events])}
        lost = [(row, event) for row, event in zip(rows, events, strict=True) if event.event_id not in unsent]
        for row, event in lost:
            await enqueue(connection, SERVICE, [event], attempt=row["attempts"] + 1)
        await connection.execute(_ANNOUNCED, [row["file_id"] for row, _ in lost])
        return len(lost)
