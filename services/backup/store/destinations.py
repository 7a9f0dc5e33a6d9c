"""Destinations and how they are."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import asyncpg

from shared.bus.transaction import Connection

State = Literal["ready", "away", "refused", "unused"]

_KNOW = """
INSERT INTO destination (name, kind, place) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, place = excluded.place,
    state = CASE destination.state WHEN 'unused' THEN 'ready' ELSE destination.state END
"""
_UNUSED = "UPDATE destination SET state = 'unused', problem = NULL WHERE name <> ALL($1::text[])"
_OPENED = "SELECT opened_at IS NOT NULL FROM destination WHERE name = $1"
_ALL_OPENED = (
    "SELECT name, state, problem, facts FROM destination WHERE name = ANY($1::text[]) AND opened_at IS NOT NULL"
)
_SAVE_FACTS = "UPDATE destination SET facts = $2 WHERE name = $1"
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


async def opened(connection: Connection, names: Sequence[str]) -> list[asyncpg.Record]:
    """Those of some destinations that got the marker before: name, state and problem when last looked at, facts."""
    return await connection.fetch(_ALL_OPENED, names)


async def save_facts(connection: Connection, name: str, facts: Mapping[str, bool]) -> None:
    """Write what was found out about a destination."""
    await connection.execute(_SAVE_FACTS, name, json.dumps(facts))


async def save(connection: Connection, name: str, state: State, problem: str | None = None) -> None:
    """Write how a destination is; ``ready`` says that its marker was read this moment."""
    await connection.execute(_SAVE, name, state, problem)
