"""Relocations: files that lie elsewhere from now on, and the events that tell of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.ingest.description import DESCRIPTION
from services.ingest.store.locations import storable_ns
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.errors import UserError
from shared.events.file import FileMoved, Location
from shared.library.reading import shown

_TAKEN = """
SELECT l.root, l.path FROM location l JOIN unnest($1::text[], $2::text[]) AS t(root, path) USING (root, path) LIMIT 1
"""
_RELOCATE = """
UPDATE location l SET root = t.to_root, path = t.to_path, mtime_ns = t.mtime_ns, revision = l.revision + 1,
    missing_since = NULL, removed_reason = NULL
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS t(root, path, file_id, to_root, to_path, mtime_ns)
WHERE (l.root, l.path, l.file_id) = (t.root, t.path, t.file_id)
RETURNING t.root, t.path, l.kind
"""
_REVISE = """
UPDATE file f SET location_revision = f.location_revision + t.places, relocated_at = clock_timestamp()
FROM unnest($1::text[], $2::integer[]) AS t(file_id, places) WHERE f.file_id = t.file_id
RETURNING f.file_id, f.location_revision
"""


@dataclass(frozen=True, slots=True)
class Relocation:
    """A content that lay at one place and lies at another one, where it has this mtime, nanoseconds since 1970."""

    file_id: str
    root: str
    path: str
    to_root: str
    to_path: str
    mtime_ns: int


async def relocate(connection: Connection, moves: Sequence[Relocation]) -> list[Relocation]:
    """Write where files lie now, and tell. In a transaction.

    Returns:
        The moves that count: of a place that is no longer that of the content nothing is written.

    Raises:
        UserError: a place that a file is to have is known as that of another one.
    """
    taken = await connection.fetchrow(_TAKEN, [move.to_root for move in moves], [move.to_path for move in moves])
    if taken is not None:
        raise UserError(f"{shown(taken['root'] + '/' + taken['path'])} is known as the place of another file")
    rows = await connection.fetch(
        _RELOCATE,
        [move.root for move in moves],
        [move.path for move in moves],
        [move.file_id for move in moves],
        [move.to_root for move in moves],
        [move.to_path for move in moves],
        [storable_ns(move.mtime_ns) for move in moves],
    )
    kinds = {(row["root"], row["path"]): row["kind"] for row in rows}
    await tell(connection, [move for move in moves if kinds.get((move.root, move.path)) == "library"])
    return [move for move in moves if (move.root, move.path) in kinds]


async def tell(connection: Connection, moves: Sequence[Relocation]) -> None:
    """Write file.moved of originals to the outbox, each under its next location revision."""
    revisions = await _revised(connection, (move.file_id for move in moves))
    events = []
    for move in moves:
        revisions[move.file_id] += 1
        events.append(
            FileMoved(
                file_id=move.file_id,
                location_revision=revisions[move.file_id],
                from_location=Location(root=move.root, path=move.path),
                to_location=Location(root=move.to_root, path=move.to_path),
            )
        )
    await enqueue(connection, DESCRIPTION.name, events)


async def _revised(connection: Connection, file_ids: Iterable[str]) -> dict[str, int]:
    """Raise the location revisions of files by how often each is named; what they were before."""
    places = sorted(Counter(file_ids).items())
    rows = await connection.fetch(_REVISE, [key for key, _ in places], [count for _, count in places])
    after = {row["file_id"]: row["location_revision"] for row in rows}
    return {file_id: after[file_id] - count for file_id, count in places}
