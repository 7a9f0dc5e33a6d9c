"""Removals: files that are to lie no more where they lay; an original stays known."""

from collections.abc import Sequence

from services.ingest.store.keeper import Step
from services.ingest.store.relocations import Relocation, tell
from shared.bus.transaction import Connection

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
