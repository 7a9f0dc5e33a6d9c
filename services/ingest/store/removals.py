"""Removals: files that are to lie no more where they lay; an original stays known."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from services.ingest.store.keeper import Step
from services.ingest.store.relocations import Relocation, tell
from shared.bus.transaction import Connection
from shared.library.hashing import Digest
from shared.library.roots import Root

_REMOVE = """
UPDATE location l SET missing_since = coalesce(l.missing_since, clock_timestamp()), removed_reason = $4
FROM unnest($1::text[], $2::text[], $3::text[]) AS t(root, path, file_id)
WHERE (l.root, l.path, l.file_id) = (t.root, t.path, t.file_id)
RETURNING l.root, l.path, l.kind
"""
_FORGET_DERIVED = """
DELETE FROM location l USING unnest($1::text[], $2::text[]) AS t(root, path)
WHERE (l.root, l.path) = (t.root, t.path) AND l.kind = 'derived'
"""
_ELSEWHERE = """
SELECT DISTINCT ON (file_id) file_id, root, path, coalesce(mtime_ns, 0) AS mtime_ns FROM location
WHERE file_id = ANY($1::text[]) AND kind = 'library' AND missing_since IS NULL ORDER BY file_id, created_at, path
"""


_ORIGINAL_AT = """
SELECT f.file_id, f.size_bytes FROM location l JOIN file f USING (file_id)
WHERE (l.file_id, l.root, l.path) = ($1, $2, $3) AND l.kind = 'library' AND l.missing_since IS NULL
"""
_ORIGINALS = """
SELECT d.path AS derived, f.file_id, f.size_bytes, o.root, r.path AS root_path, o.path
FROM unnest($1::text[], $2::text[]) AS t(root, path)
JOIN location d ON (d.root, d.path) = (t.root, t.path) AND d.kind = 'derived' AND d.links_to IS NULL
JOIN file f USING (file_id)
LEFT JOIN location o ON o.file_id = f.file_id AND o.kind = 'library' AND o.missing_since IS NULL
LEFT JOIN root r ON r.name = o.root
ORDER BY d.path, o.root <> 'library', o.path
"""


class Original(NamedTuple):
    """Where an original is known to lie of which a derived file is a copy. ``root``: None where it lies nowhere."""

    content: Digest
    root: Root | None
    path: str


async def original_at(connection: Connection, file_id: str, root: str, path: str) -> Digest | None:
    """The content of an original at its place; None where it is not known there."""
    row = await connection.fetchrow(_ORIGINAL_AT, file_id, root, path)
    return None if row is None else Digest(row["file_id"], row["size_bytes"])


async def originals(connection: Connection, steps: Sequence[Step]) -> dict[str, list[Original]]:
    """The originals of those of the files that are derived and hold what arrived as a file, by their paths."""
    rows = await connection.fetch(_ORIGINALS, [step.root for step in steps], [step.path for step in steps])
    found: dict[str, list[Original]] = {}
    for row in rows:
        root = None if row["root"] is None else Root(row["root"], Path(row["root_path"]))
        one = Original(Digest(row["file_id"], row["size_bytes"]), root, row["path"] or "")
        found.setdefault(row["derived"], []).append(one)
    return found


async def remove(connection: Connection, steps: Sequence[Step], why: str) -> bool:
    """Write that files lie there no more, and why; False where one of the places is no longer that of the content.

    In a transaction, which the caller rolls back then. Of originals that lie elsewhere too, file.moved tells where.
    """
    roots, paths = [step.root for step in steps], [step.path for step in steps]
    rows = await connection.fetch(_REMOVE, roots, paths, [step.content.file_id for step in steps], why)
    await connection.execute(_FORGET_DERIVED, roots, paths)
    originals = {(row["root"], row["path"]) for row in rows if row["kind"] == "library"}
    gone = [step for step in steps if (step.root, step.path) in originals]
    found = await connection.fetch(_ELSEWHERE, [step.content.file_id for step in gone])
    elsewhere = {row["file_id"]: row for row in found}
    moves = [
        Relocation(step.content.file_id, step.root, step.path, row["root"], row["path"], row["mtime_ns"])
        for step in gone
        if (row := elsewhere.get(step.content.file_id)) is not None
    ]
    await tell(connection, moves)
    return len(rows) == len(steps)
