"""What is known of files: how they were last read, and which were forgotten."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from shared.bus.transaction import Connection
from shared.events.file import Reading
from shared.events.frame import FrameType

_READING = "scan_revision, decisions_revision, read_at, digest"
_KNOWN = f"""
SELECT file_id, {_READING}, frame_type, NULL::bigint AS group_no, NULL AS properties_key
FROM frame WHERE file_id = ANY($1::text[])
UNION ALL
SELECT l.file_id, l.scan_revision, l.decisions_revision, l.read_at, l.digest, 'LIGHT', l.group_no, g.properties_key
FROM light l JOIN light_group g USING (group_no) WHERE l.file_id = ANY($1::text[])
UNION ALL
SELECT file_id, {_READING}, 'OTHER', NULL, NULL FROM other_file WHERE file_id = ANY($1::text[])
"""
_FORGOTTEN = "SELECT file_id, scan_revision FROM forgotten_file WHERE file_id = ANY($1::text[])"
_FORGET = """
INSERT INTO forgotten_file (file_id, scan_revision) SELECT * FROM unnest($1::text[], $2::integer[])
ON CONFLICT (file_id) DO UPDATE SET scan_revision = greatest(forgotten_file.scan_revision, excluded.scan_revision)
"""
_OTHERS = f"""
INSERT INTO other_file (file_id, {_READING})
SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::timestamptz[], $5::text[])
ON CONFLICT (file_id) DO UPDATE SET scan_revision = excluded.scan_revision,
    decisions_revision = excluded.decisions_revision, read_at = excluded.read_at, digest = excluded.digest
"""


class Known(NamedTuple):
    """A file that was read before."""

    reading: Reading
    frame_type: FrameType
    """LIGHT, a calibration type, or OTHER for all else."""
    group_no: int | None
    properties_key: str | None
    """Of the group of a light."""


async def known(connection: Connection, file_ids: Collection[str]) -> dict[str, Known]:
    """What was read of files before."""
    return {
        row["file_id"]: Known(
            Reading(row["scan_revision"], row["decisions_revision"], row["read_at"], row["digest"]),
            FrameType(row["frame_type"]),
            row["group_no"],
            row["properties_key"],
        )
        for row in await connection.fetch(_KNOWN, list(file_ids))
    }


async def forgotten(connection: Connection, file_ids: Collection[str]) -> dict[str, int]:
    """Of files that people had forgotten, the scan revision up to which what comes is too late."""
    return {row["file_id"]: row["scan_revision"] for row in await connection.fetch(_FORGOTTEN, list(file_ids))}


async def forget(connection: Connection, scan_revisions: Mapping[str, int]) -> None:
    """Remember that files are forgotten."""
    file_ids = sorted(scan_revisions)
    await connection.execute(_FORGET, file_ids, [scan_revisions[file_id] for file_id in file_ids])


async def write_others(connection: Connection, rows: Sequence[tuple[str, Reading]]) -> None:
    """Remember how files were read that are neither lights nor calibration frames."""
    if rows:
        await connection.execute(_OTHERS, [file_id for file_id, _ in rows], *zip(*(r for _, r in rows), strict=True))


async def drop_others(connection: Connection, file_ids: Collection[str]) -> None:
    """Take files out of those that are neither lights nor calibration frames."""
    if file_ids:
        await connection.execute("DELETE FROM other_file WHERE file_id = ANY($1::text[])", list(file_ids))
