"""The past of a service that is switched on later: what the stream has forgotten, read from the contract's views.

The stream keeps thirty days at most, a library keeps decades. So a consumer whose description says ``past`` is given
the last file.scanned of each file out of the view ``stats.scanned_event``, in pages, through the handler that takes its
events; meanwhile the stream brings the rest. What comes by both ways takes effect once (inbox), and handlers let only
higher revisions apply, so order and overlap do not matter.

How far it came is a row of ``past`` in the service's own schema. It belongs to the consumer that NATS made then: where
another was made since, because the service was off or the message store was lost, the past is taken again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg

from shared.bus.delivery import MAX_ATTEMPTS, Desk, retry_delay_s
from shared.bus.transaction import Effect, apply_new
from shared.db.bisect import Refused, bisected
from shared.db.pool import connected, transaction
from shared.errors import Ignorable, Permanent
from shared.kept import unpack
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

PAGE_EVENTS = 500

_BEGIN = """
INSERT INTO past (consumer, made_at) VALUES ($1, $2)
ON CONFLICT (consumer) DO UPDATE SET made_at = excluded.made_at, event_no = 0, done_at = NULL
WHERE past.made_at <> excluded.made_at
"""
_SO_FAR = "SELECT event_no, done_at FROM past WHERE consumer = $1"
_PAGE = "SELECT event_no, packed FROM stats.scanned_event WHERE event_no > $1 ORDER BY event_no LIMIT $2"
_ADVANCE = "UPDATE past SET event_no = $2 WHERE consumer = $1"
_DONE = "UPDATE past SET done_at = clock_timestamp() WHERE consumer = $1"


async def take_past(
    pool: asyncpg.Pool,
    desk: Desk[Any],
    apply: Effect[Any],
    made_at: datetime,
) -> int:
    """Take the past of a consumer, from where it came to earlier; returns how many events took effect.

    Args:
        pool: connections of the service's role.
        desk: parses and prepares the consumer's events; what cannot be applied becomes a dead letter.
        apply: the effect of new events.
        made_at: when NATS made the consumer.
    """
    consumer = desk.row.durable
    event_no, is_done = await patiently(lambda: _begin(pool, consumer, made_at))
    applied = 0
    while not is_done:
        page = await patiently(partial(_page, pool, event_no, PAGE_EVENTS))
        applied += await _take(pool, desk, apply, page)
        is_done = len(page) < PAGE_EVENTS
        event_no = page[-1]["event_no"] if page else event_no
        await patiently(partial(_advance, pool, consumer, event_no, is_done))
    if applied:
        log.info("took the past", consumer=consumer, events=applied)
    return applied


async def _begin(pool: asyncpg.Pool, consumer: str, made_at: datetime) -> tuple[int, bool]:
    async with transaction(pool) as connection:
        await connection.execute(_BEGIN, consumer, made_at)
        (row,) = await connection.fetch(_SO_FAR, consumer)
    return row["event_no"], row["done_at"] is not None


async def _page(pool: asyncpg.Pool, after: int, events: int) -> list[asyncpg.Record]:
    async with connected(pool) as connection:
        rows: list[asyncpg.Record] = await connection.fetch(_PAGE, after, events)
    return rows


async def _advance(pool: asyncpg.Pool, consumer: str, event_no: int, is_done: bool) -> None:
    async with transaction(pool) as connection:
        await connection.execute(_ADVANCE, consumer, event_no)
        if is_done:
            await connection.execute(_DONE, consumer)


async def _take(pool: asyncpg.Pool, desk: Desk[Any], apply: Effect[Any], page: Sequence[asyncpg.Record]) -> int:
    """Apply a page in one transaction; what is refused stands alone and becomes a dead letter."""
    taken: list[tuple[asyncpg.Record, Any]] = []
    for row in page:
        try:
            taken.append((row, desk.read(unpack(row["packed"]))))
        except Ignorable as error:
            log.debug("ignored", event_no=row["event_no"], reason=str(error))
        except Exception as error:  # noqa: BLE001 - whatever one event has, the others are taken
            await _bury(desk, row, error)

    async def commit(items: Sequence[tuple[asyncpg.Record, Any]]) -> int:
        events = [event for _, event in items]
        return len(await patiently(lambda: apply_new(pool, desk.row.durable, apply, events)))

    applied = 0
    async for part in bisected(taken, commit, (Exception,)):
        if isinstance(part, Refused):
            applied += await _apply_alone(partial(commit, [part.item]), desk, part.item[0], part.error)
        else:
            applied += part.result
    return applied


async def _apply_alone(
    commit: Callable[[], Awaitable[int]], desk: Desk[Any], row: asyncpg.Record, error: Exception
) -> int:
    """Settle an event that was refused, by the words of the stream: ignored, tried again, or buried."""
    for attempt in range(1, MAX_ATTEMPTS):
        if isinstance(error, Ignorable | Permanent):
            break
        await asyncio.sleep(retry_delay_s(attempt))
        try:
            return await commit()
        except Exception as again:  # noqa: BLE001 - every outcome is settled by its type
            error = again
    if not isinstance(error, Ignorable):
        await _bury(desk, row, error)
    return 0


async def _bury(desk: Desk[Any], row: asyncpg.Record, error: Exception) -> None:
    payload: bytes = row["packed"]
    with contextlib.suppress(Permanent):  # damaged: it is buried as it was kept
        payload = unpack(payload)
    await patiently(lambda: desk.bury_kept(row["event_no"], payload, error))
