"""Deletions: files of sources that are to be deleted, a job each; some of them wait for a backup first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.ingest.ledger import Observation
from services.ingest.tally import LARGE_BYTES
from shared.bus.transaction import Connection

AFTER_BACKUP = "deletion_after_backup"
"""The kind of deletions that wait for a backup: no runner claims them."""

When = Literal["at_once", "after_backup"]

_ADD = """
INSERT INTO deletion (source, folder, name, file_id, size_bytes, kind)
SELECT $1, t.*, CASE WHEN $7 THEN $8 WHEN t.size_bytes >= $6 THEN 'large_deletion' ELSE 'deletion' END
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS t(folder, name, file_id, size_bytes)
ON CONFLICT (source, folder, name) DO UPDATE SET
    file_id = excluded.file_id, size_bytes = excluded.size_bytes, kind = excluded.kind, state = 'waiting',
    reason = NULL,
    attempt = deletion.attempt + 1, postponed = 0, unexpected = 0, next_try_at = excluded.next_try_at,
    leased_until = NULL, cancel_requested_at = NULL, finished_at = NULL, created_at = excluded.created_at,
    read_back_asked_at = NULL
"""
_BY_IMPORT = """
EXISTS (
    SELECT FROM source_file s JOIN import i USING (import_id)
    WHERE (s.source, s.folder, s.name, i.mode) = (d.source, d.folder, d.name, 'move'))
"""
"""Whether a deletion ``d`` is asked for by an import, which no setting takes back."""
_AT_ONCE = f"(d.source = ANY($1::text[]) OR {_BY_IMPORT})"
_AFTER_BACKUP = "d.source = ANY($2::text[])"
_WANTED = f"""
SELECT CASE WHEN {_AT_ONCE} THEN 'at_once' WHEN {_AFTER_BACKUP} THEN 'after_backup' END
FROM deletion d WHERE deletion_id = $3
"""
_FORGET = f"""
WITH forgotten AS (
    DELETE FROM deletion d WHERE state = 'waiting' AND NOT ({_AT_ONCE} OR {_AFTER_BACKUP}) RETURNING source
)
SELECT source, count(*) AS files FROM forgotten GROUP BY source ORDER BY source
"""
_PROVEN = """
EXISTS (
    SELECT FROM backup.archived_file a
    WHERE a.file_id = {file_id} AND a.state = 'written' AND a.read_back_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM backup.destinations t WHERE t.name = a.destination AND t.state = 'unused'))
"""
"""Whether a verified archive holds a content and this very member was read back from it, where the settings still name
its destination: nobody looks after the others."""
_IS_PROVEN = f"SELECT {_PROVEN.format(file_id='$1')}"
_KIND = "CASE WHEN d.size_bytes >= {least} THEN 'large_deletion' ELSE 'deletion' END"
_RELEASE_AT_ONCE = f"""
UPDATE deletion d SET kind = {_KIND.format(least="$2")}, next_try_at = clock_timestamp()
WHERE kind = '{AFTER_BACKUP}' AND {_AT_ONCE}
"""
_RELEASE = f"""
WITH due AS MATERIALIZED (
    SELECT deletion_id, file_id FROM deletion
    WHERE kind = '{AFTER_BACKUP}' AND state = 'waiting' AND next_try_at <= clock_timestamp()
    ORDER BY next_try_at LIMIT $1 FOR UPDATE SKIP LOCKED
), seen AS MATERIALIZED (
    SELECT due.deletion_id, {_PROVEN.format(file_id="due.file_id")} AS proven,
           EXISTS (SELECT FROM backup.archived_file a WHERE a.file_id = due.file_id AND a.state = 'written') AS archived
    FROM due
)
UPDATE deletion d SET
    kind = CASE WHEN seen.proven THEN {_KIND.format(least="$2")} ELSE d.kind END,
    reason = CASE WHEN seen.proven THEN NULL ELSE d.reason END, postponed = 0,
    next_try_at = clock_timestamp() + CASE WHEN seen.proven THEN 0 ELSE $3::float8 END * interval '1 second'
FROM seen WHERE d.deletion_id = seen.deletion_id
RETURNING d.file_id, seen.proven, seen.archived AND NOT seen.proven AND
    coalesce(d.read_back_asked_at < clock_timestamp() - $4::float8 * interval '1 second', true) AS to_ask
"""
_ASKED = f"""
UPDATE deletion SET read_back_asked_at = clock_timestamp() WHERE kind = '{AFTER_BACKUP}' AND file_id = ANY($1::text[])
"""
_PUT_BACK = f"UPDATE deletion SET kind = '{AFTER_BACKUP}' WHERE deletion_id = $1 AND attempt = $2 AND state = 'running'"


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of a look at deletions that wait for a backup."""

    files: int
    """How many were looked at."""
    released: int
    """How many of them wait for a backup no more."""
    to_read_back: tuple[str, ...]
    """Contents that an archive has, and whose members nobody has read back yet."""


async def add(connection: Connection, source: str, freed: Sequence[Observation], *, after_backup: bool = False) -> None:
    """Have files of a source deleted, once they are seen to be stored, and ``after_backup`` in an archive as well.

    Whoever is about to delete what the source held before has another attempt number, and so has lost the job.
    """
    ordered = sorted(freed, key=lambda item: (item.folder, item.name))
    if ordered:
        await connection.execute(
            _ADD,
            source,
            [item.folder for item in ordered],
            [item.name for item in ordered],
            [item.file_id for item in ordered],
            [item.size_bytes for item in ordered],
            LARGE_BYTES,
            after_backup,
            AFTER_BACKUP,
        )


async def wanted(
    connection: Connection, at_once: Sequence[str], after_backup: Sequence[str], deletion_id: UUID
) -> When | None:
    """Whether a deletion is still asked for, and when; None where nobody asks for it any more.

    Args:
        connection: of ingest.
        at_once: the sources of which the settings say so; an import that moved asks for it at once as well.
        after_backup: the sources whose files wait for a backup first.
        deletion_id: the deletion.
    """
    when: When | None = await connection.fetchval(_WANTED, at_once, after_backup, deletion_id)
    return when


async def forget_unwanted(
    connection: Connection, at_once: Sequence[str], after_backup: Sequence[str]
) -> dict[str, int]:
    """Forget deletions that wait and that nobody asks for any more; how many, by source."""
    rows = await connection.fetch(_FORGET, at_once, after_backup)
    return {row["source"]: row["files"] for row in rows}


async def release_at_once(connection: Connection, at_once: Sequence[str]) -> None:
    """Have deletions wait for a backup no more whose source, or import, deletes at once now."""
    await connection.execute(_RELEASE_AT_ONCE, at_once, LARGE_BYTES)


async def is_proven(connection: Connection, file_id: str) -> bool:
    """Whether a verified archive holds a content, and this very member was read back from it."""
    return bool(await connection.fetchval(_IS_PROVEN, file_id))


async def look_for_backups(connection: Connection, most: int, *, again_s: float, ask_again_s: float) -> Looked:
    """Look whether deletions that are due and wait for a backup have one; those that have are released.

    Args:
        connection: of ingest.
        most: how many at most, the longest due first.
        again_s: when the others are looked at again, seconds.
        ask_again_s: after which time a read-back that was asked for is asked for again, seconds.
    """
    rows = await connection.fetch(_RELEASE, most, LARGE_BYTES, again_s, ask_again_s)
    to_read_back = dict.fromkeys(row["file_id"] for row in rows if row["to_ask"])
    return Looked(len(rows), sum(row["proven"] for row in rows), tuple(to_read_back))


async def note_asked(connection: Connection, file_ids: Sequence[str]) -> None:
    """Remember that backup was asked to read contents back."""
    await connection.execute(_ASKED, file_ids)


async def put_back(connection: Connection, deletion_id: UUID, attempt: int) -> None:
    """Have a deletion in hand wait for a backup again; whoever has lost the job changes nothing."""
    await connection.execute(_PUT_BACK, deletion_id, attempt)
