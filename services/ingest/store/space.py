"""How much room the disks of the roots have, and what nights brought into them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from shared.bus.transaction import Connection

_THERE = """
SELECT name, path, kind FROM root
WHERE offline_since IS NULL
  AND (kind <> 'source' OR name IN (SELECT source FROM source_state WHERE state = 'reachable'))
ORDER BY name
"""
_NIGHTS = """
SELECT DISTINCT night FROM stats.sessions WHERE files > 0 AND state <> 'open' ORDER BY night DESC LIMIT $1
"""
_BROUGHT = "SELECT root, sum(size_bytes)::bigint FROM stats.root_nights WHERE night = ANY($1::date[]) GROUP BY root"
_SAVE = """
UPDATE root r SET free_bytes = s.free_bytes, disk_bytes = s.disk_bytes, night_bytes = s.night_bytes,
    nights_left = s.nights_left, measured_at = CASE WHEN s.free_bytes IS NOT NULL THEN clock_timestamp() END
FROM root o LEFT JOIN
    unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::double precision[])
    AS s (name, free_bytes, disk_bytes, night_bytes, nights_left) USING (name)
WHERE r.name = o.name AND (s.free_bytes IS NOT NULL OR r.measured_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Space:
    """The disk of a root, bytes, and for how many nights it is enough; None: not known."""

    root: str
    free_bytes: int
    disk_bytes: int
    night_bytes: int | None
    nights_left: float | None


async def there(connection: Connection) -> list[tuple[str, Path, str]]:
    """The roots that are there, by what was last seen of them: name, folder and kind."""
    return [(row[0], Path(row[1]), row[2]) for row in await connection.fetch(_THERE)]


async def brought(connection: Connection, most_nights: int) -> tuple[int, dict[str, int]]:
    """How many of the last whole nights there are, and what they brought into each root, bytes."""
    nights: list[date] = [row[0] for row in await connection.fetch(_NIGHTS, most_nights)]
    return len(nights), {row[0]: row[1] for row in await connection.fetch(_BROUGHT, nights)}


async def save(connection: Connection, spaces: Iterable[Space]) -> None:
    """Write how much room there is; roots that are not among them could not be measured."""
    rows = [(one.root, one.free_bytes, one.disk_bytes, one.night_bytes, one.nights_left) for one in spaces]
    await connection.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 5)
