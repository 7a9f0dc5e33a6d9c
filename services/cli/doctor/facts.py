"""What the database knows of places, asked once; what this machine does not see itself is believed."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.cli.output import Row
from services.cli.space import SPACE

if TYPE_CHECKING:
    import asyncpg

_ROOTS = """
SELECT root, kind, path, offline_reason FROM ingest.root_state WHERE kind IN ('library', 'indexed') ORDER BY kind, root
"""
_SOURCES = "SELECT source, path, state, reason, walked_at FROM ingest.source_status ORDER BY source"
_DESTINATIONS = """
SELECT name, place, state, problem, opened_at, checked_at, installation_id FROM backup.destinations
WHERE state <> 'unused' ORDER BY name
"""
_LETTERS = "SELECT count(*) FROM api.dead_letters WHERE state = 'waiting'"


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows by what they tell; nothing of a database that is down."""

    known: bool = False
    roots: list[Row] = field(default_factory=list)
    space: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)
    destinations: list[Row] = field(default_factory=list)
    dead_letters: int = 0


async def facts_of(connection: "asyncpg.Connection") -> Facts:
    """Ask for all of them."""

    async def rows(query: str) -> list[Row]:
        return [dict(row) for row in await connection.fetch(query)]

    return Facts(
        known=True,
        roots=await rows(_ROOTS),
        space=await rows(SPACE),
        sources=await rows(_SOURCES),
        destinations=await rows(_DESTINATIONS),
        dead_letters=await connection.fetchval(_LETTERS),
    )
