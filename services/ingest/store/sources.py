"""Sources as they are: reachable or not, the last walk, and what is unfinished."""

from collections.abc import Mapping, Sequence
from typing import Literal

from shared.bus.transaction import Connection

MOST_NAMED = 5
"""Unfinished files that are named with what they lack."""

State = Literal["reachable", "away", "foreign"]

_KEEP_ONLY = "DELETE FROM source_state WHERE source <> ALL($1::text[])"
_SAVE = """
INSERT INTO source_state (source, state, reason, hints, reached_at)
VALUES ($1, $2, $3, $4, CASE WHEN $2 = 'reachable' THEN clock_timestamp() END)
ON CONFLICT (source) DO UPDATE SET state = excluded.state, reason = excluded.reason, hints = excluded.hints,
    reached_at = coalesce(excluded.reached_at, source_state.reached_at), changed_at = clock_timestamp()
"""
_WALKED = """
UPDATE source_state SET walked_at = clock_timestamp(), found = $2, unfinished = $3, unfinished_for = $4,
    changed_at = clock_timestamp()
WHERE source = $1
"""
_LOOKED = """
UPDATE source_state SET found = $2, unfinished = $3, unfinished_for = $4, changed_at = clock_timestamp()
WHERE source = $1 AND (found, unfinished, unfinished_for) IS DISTINCT FROM ($2, $3, $4)
"""


async def keep_only(connection: Connection, sources: Sequence[str]) -> None:
    """Forget sources that are configured no more."""
    await connection.execute(_KEEP_ONLY, sources)


async def save(
    connection: Connection, source: str, state: State, reason: str | None = None, *, hints: bool = False
) -> None:
    """Write whether a source can be read now; ``reachable`` says that its folder was read this moment."""
    await connection.execute(_SAVE, source, state, reason, hints)


async def save_walked(connection: Connection, source: str, found: int, unfinished: Mapping[str, str]) -> None:
    """Write what a complete walk found, and what is waited for by relative path."""
    await connection.execute(_WALKED, source, found, len(unfinished), _named(unfinished))


async def save_looked(connection: Connection, source: str, found: int, unfinished: Mapping[str, str]) -> None:
    """Write what the source holds now and what is waited for, after a look at some folders."""
    await connection.execute(_LOOKED, source, found, len(unfinished), _named(unfinished))


def _named(unfinished: Mapping[str, str]) -> list[str]:
    return [f"{path}: {lacks}" for path, lacks in sorted(unfinished.items())[:MOST_NAMED]]
