"""Exactly-once effects: inbox, effect and outbox in one Postgres transaction, then the acknowledgement.

One write serves a whole batch. When the database (or the effect) refuses it, the batch is bisected until the refusing
event stands alone and is settled by itself; the others take effect.
"""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from shared.bus.delivery import BatchHandler, Delivery, Desk, P
from shared.bus.inhand import Outcome
from shared.db.bisect import Refused, bisected
from shared.db.inbox import claim
from shared.db.pool import transaction
from shared.retry import patiently

Connection = asyncpg.pool.PoolConnectionProxy
Effect = Callable[[Connection, list[P]], Awaitable[None]]
"""Writes the effect of new events, and their follow-up events to the outbox, on the given connection."""


async def apply_new(pool: asyncpg.Pool, consumer: str, apply: Effect[P], events: Sequence[P]) -> set[int]:
    """Let events take effect, those that have not yet, in one transaction with their inbox rows.

    Returns:
        The positions of events that were new; the others had been applied before.
    """
    async with transaction(pool) as connection:
        new = await claim(connection, consumer, [event.event_id for event in events])
        if new:
            await apply(connection, [events[index] for index in sorted(new)])
    return new


def in_transaction(
    pool: asyncpg.Pool, desk: Desk[P], apply: Effect[P], after_commit: Callable[[], None]
) -> BatchHandler[P]:
    """A batch handler that applies a batch in one transaction and settles every message of it."""

    async def commit(deliveries: Sequence[Delivery[P]]) -> set[int]:
        events = [delivery.event for delivery in deliveries]
        return await patiently(lambda: apply_new(pool, desk.row.durable, apply, events))

    async def settle(deliveries: list[Delivery[P]]) -> None:
        async for part in bisected(deliveries, commit, (Exception,)):
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
