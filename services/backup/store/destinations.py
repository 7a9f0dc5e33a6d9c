"""Destinations and how they are."""

from collections.abc import Sequence
from typing import Literal

from shared.bus.transaction import Connection

State = Literal["ready", "away", "refused", "unused"]

_KNOW = """
INSERT INTO destination (name, kind, place) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, place = excluded.place,
    state = CASE destination.state WHEN 'unused' THEN 'ready' ELSE destination.state END
"""
_UNUSED = "UPDATE destination SET state = 'unused', problem = NULL WHERE name <> ALL($1::text[])"
_OPENED = "SELECT opened_at IS NOT NULL FROM destination WHERE name = $1"
_SAVE = """
UPDATE destination SET state = $2, problem = $3, checked_at = clock_timestamp(),
    opened_at = CASE WHEN $2 = 'ready' THEN coalesce(opened_at, clock_timestamp()) ELSE opened_at END
WHERE name = $1
"""


async def know(connection: Connection, name: str, kind: str, place: str) -> None:
    """Write down a destination of the settings."""
    await connection.execute(_KNOW, name, kind, place)


async def keep_only(connection: Connection, names: Sequence[str]) -> None:
    """Mark the destinations that the settings name no more."""
    await connection.execute(_UNUSED, names)


async def was_opened(connection: Connection, name: str) -> bool:
    """Whether the destination got the marker of this installation before."""
    return bool(await connection.fetchval(_OPENED, name))


async def save(connection: Connection, name: str, state: State, problem: str | None = None) -> None:
    """Write how a destination is; ``ready`` says that its marker was read this moment."""
    await connection.execute(_SAVE, name, state, problem)
