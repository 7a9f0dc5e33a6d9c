"""Targets: whose totals have changed since they were told, and what is told of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.bus.transaction import Connection
from shared.events.target import TargetUpdated

_FORGOTTEN = """
UPDATE target SET revision = revision + 1
WHERE revision = published_revision AND published_at < $1 AND published_at >= $1 - $2::interval
"""
_CHANGED = """
SELECT catalog_id FROM target
WHERE revision > published_revision AND (published_at IS NULL OR published_at <= $1 OR published_at > $3)
ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_PUBLISH = """
WITH published AS (
    UPDATE target SET published_revision = revision, published_at = clock_timestamp()
    WHERE catalog_id = ANY($1::text[])
    RETURNING catalog_id, revision, published_at, name, exposures, sessions, integration_ms
), remembered AS (
    INSERT INTO told (key, revision, told_at) SELECT catalog_id, revision, published_at FROM published
    ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, told_at = excluded.told_at
)
SELECT catalog_id, revision, name, exposures, sessions, integration_ms,
    (SELECT min(first_captured_at) FROM target_filter f WHERE f.catalog_id = t.catalog_id) AS first_captured_at,
    (SELECT max(last_captured_at) FROM target_filter f WHERE f.catalog_id = t.catalog_id) AS last_captured_at
FROM published t ORDER BY catalog_id
"""
_PASSED_OVER = "UPDATE target SET published_revision = revision WHERE catalog_id = $1"


async def changed(connection: Connection, told_before: datetime, possible_until: datetime, most: int) -> list[str]:
    """Targets whose totals have changed and were not told since ``told_before``, at most ``most``; they are locked.

    Times after ``possible_until`` are of a clock that was ahead.
    """
    return [row["catalog_id"] for row in await connection.fetch(_CHANGED, told_before, most, possible_until)]


async def publish(connection: Connection, catalog_ids: Sequence[str], now: datetime) -> list[TargetUpdated]:
    """What targets have to tell, in the order of their ids; it is told now."""
    return [TargetUpdated(occurred_at=now, **dict(row)) for row in await connection.fetch(_PUBLISH, catalog_ids)]


async def pass_over(connection: Connection, catalog_id: str) -> None:
    """Leave a target that cannot be told alone until something changes in it."""
    await connection.execute(_PASSED_OVER, catalog_id)


async def revise_forgotten(connection: Connection, began_at: datetime, kept: timedelta) -> None:
    """Give targets that were told within ``kept`` before a time a new revision, so that they are told again."""
    await connection.execute(_FORGOTTEN, began_at, kept)
