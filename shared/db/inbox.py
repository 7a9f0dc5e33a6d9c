"""The inbox: which events a consumer has applied already. It lives in each service's own schema."""

from collections.abc import Sequence
from operator import attrgetter
from uuid import UUID

import asyncpg

_CLAIM = """
INSERT INTO inbox (consumer, event_id) SELECT $1, id FROM unnest($2::uuid[]) AS id
ON CONFLICT DO NOTHING RETURNING event_id
"""
_number = attrgetter("int")  # comparing UUIDs themselves is Python code
_PRUNE = "DELETE FROM inbox WHERE received_at < now() - $1 * interval '1 second'"


async def claim(connection: asyncpg.pool.PoolConnectionProxy, consumer: str, event_ids: Sequence[UUID]) -> set[int]:
    """Record events as applied, in the caller's transaction.

    Returns:
        Positions in ``event_ids`` that had not been applied before, each id at its first position only.
    """
    unique = sorted(set(event_ids), key=_number)  # one order for all, so that two claims cannot deadlock
    rows = await connection.fetch(_CLAIM, consumer, unique)
    if len(rows) == len(event_ids):
        return set(range(len(event_ids)))
    fresh = {row["event_id"] for row in rows}
    positions: set[int] = set()
    for index, event_id in enumerate(event_ids):
        if event_id in fresh:
            positions.add(index)
            fresh.remove(event_id)
    return positions


async def prune(connection: asyncpg.pool.PoolConnectionProxy, older_than_s: float) -> None:
    """Forget entries older than anything the stream could deliver again."""
    await connection.execute(_PRUNE, older_than_s)
