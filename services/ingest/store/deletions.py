"""Deletions: sources of moved files that are to be deleted, a job each."""

from collections.abc import Sequence
from uuid import UUID

from services.ingest.ledger import Observation
from services.ingest.tally import LARGE_BYTES
from shared.bus.transaction import Connection

_ADD = """
INSERT INTO deletion (source, folder, name, file_id, size_bytes, kind)
SELECT $1, t.*, CASE WHEN t.size_bytes >= $6 THEN 'large_deletion' ELSE 'deletion' END
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS t(folder, name, file_id, size_bytes)
ON CONFLICT (source, folder, name) DO UPDATE SET
    file_id = excluded.file_id, size_bytes = excluded.size_bytes, kind = excluded.kind, state = 'waiting',
    reason = NULL,
    attempt = deletion.attempt + 1, postponed = 0, unexpected = 0, next_try_at = excluded.next_try_at,
    leased_until = NULL, cancel_requested_at = NULL, finished_at = NULL, created_at = excluded.created_at
"""
_WANTED = """
(d.source = ANY($1::text[]) OR EXISTS (
    SELECT FROM source_file s JOIN import i USING (import_id)
    WHERE (s.source, s.folder, s.name, i.mode) = (d.source, d.folder, d.name, 'move')))
"""
"""Whether a deletion ``d`` is asked for by an import, or by a source that the settings move ($1)."""
_IS_WANTED = f"SELECT FROM deletion d WHERE deletion_id = $2 AND {_WANTED}"
_FORGET = f"""
WITH forgotten AS (DELETE FROM deletion d WHERE state = 'waiting' AND NOT {_WANTED} RETURNING source)
SELECT source, count(*) AS files FROM forgotten GROUP BY source ORDER BY source
"""


async def add(connection: Connection, source: str, moved: Sequence[Observation]) -> None:
    """Have files of a source deleted, once they are seen to be stored.

    Whoever is about to delete what the source held before has another attempt number, and so has lost the job.
    """
    ordered = sorted(moved, key=lambda item: (item.folder, item.name))
    if ordered:
        await connection.execute(
            _ADD,
            source,
            [item.folder for item in ordered],
            [item.name for item in ordered],
            [item.file_id for item in ordered],
            [item.size_bytes for item in ordered],
            LARGE_BYTES,
        )


async def is_wanted(connection: Connection, moved_sources: Sequence[str], deletion_id: UUID) -> bool:
    """Whether a deletion is still asked for: by an import, or by one of the sources that the settings move."""
    return await connection.fetchrow(_IS_WANTED, moved_sources, deletion_id) is not None


async def forget_unwanted(connection: Connection, moved_sources: Sequence[str]) -> dict[str, int]:
    """Forget deletions that wait and that nobody asks for any more; how many, by source."""
    return {row["source"]: row["files"] for row in await connection.fetch(_FORGET, moved_sources)}
