"""How much of everything each destination has."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from shared.bus.transaction import Connection

_SAVE = """
INSERT INTO coverage (destination, files, size_bytes, archived, archived_bytes, unprotected, unprotected_bytes,
    unreadable, unreadable_bytes, nights, counted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())
ON CONFLICT (destination) DO UPDATE SET files = excluded.files, size_bytes = excluded.size_bytes,
    archived = excluded.archived, archived_bytes = excluded.archived_bytes, unprotected = excluded.unprotected,
    unprotected_bytes = excluded.unprotected_bytes, unreadable = excluded.unreadable,
    unreadable_bytes = excluded.unreadable_bytes, nights = excluded.nights, counted_at = excluded.counted_at
"""
_OTHERS = "DELETE FROM coverage WHERE destination <> ALL($1::text[])"


@dataclass(slots=True)
class Coverage:
    """files = archived + unprotected + unreadable; each with its size in bytes."""

    files: int = 0
    size_bytes: int = 0
    archived: int = 0
    archived_bytes: int = 0
    unprotected: int = 0
    unprotected_bytes: int = 0
    unreadable: int = 0
    unreadable_bytes: int = 0
    nights: int = 0
    """Nights with unprotected files."""


async def save(connection: Connection, counted: Mapping[str, Coverage]) -> None:
    """Write the coverage of all destinations, and (under the empty name) of any."""
    await connection.execute(_OTHERS, list(counted))
    for destination, coverage in counted.items():
        await connection.execute(_SAVE, destination, *astuple(coverage))
