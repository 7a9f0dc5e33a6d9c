"""Exactly-once effects: inbox, effect and outbox in one Postgres transaction, then the acknowledgement.

One write serves a whole batch. When the database (or the effect) refuses it, the batch is bisected until the refusing
event stands alone and is settled by itself; the others take effect.
"""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from shared.bus.delivery import BatchHandler, Delivery, Desk, Outcome, P
from shared.db.bisect import Refused, bisected
from shared.db.errors import translated
from shared.db.inbox import claim
from shared.retry import patiently

Connection = asyncpg.pool.PoolConnectionProxy
Effect = Callable[[Connection, list[P]], Awaitable[None]]
"""Writes the effect of new events, and their follow-up events to the outbox, on the given connection."""


def in_transaction(
    pool: asyncpg.Pool, desk: Desk[P], apply: Effect[P], after_commit: Callable[[], None]
) -> BatchHandler[P]:
    """A batch handler that applies a batch in one transaction and settles every message of it."""

    async def commit(deliveries: Sequence[Delivery[P]]) -> set[int]:
        """Returns the positions of deliveries that were new; the others had been applied before."""
        with translated():
            async with pool.acquire() as connection, connection.transaction():
                new = await claim(connection, desk.row.durable, [item.event.event_id for item in deliveries])
                if new:
                    await apply(connection, [deliveries[index].event for index in sorted(new)])
        return new

    async def settle(deliveries: list[Delivery[P]]) -> None:
        async for part in bisected(deliveries, lambda items: patiently(lambda: commit(items)), (Exception,)):
            if isinstance(part, Refused):
                await desk.fail(part.item.message, part.item.event, part.error)  # every outcome is settled by type
                continue
            after_commit()
            for outcome, applied in ((Outcome.HANDLED, True), (Outcome.DUPLICATE, False)):
                await desk.done_all(
                    [item.message for index, item in enumerate(part.items) if (index in part.result) is applied],
                    outcome,
                )

    return settle
