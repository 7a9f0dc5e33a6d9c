"""Clean-ups of raw calibration frames: what there is to judge, and what became of each set."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.calibration.cleaning.fates import Fate, RawFrame, RawSet, StoredMaster
from services.calibration.matching.model import Master
from services.calibration.store import columns
from services.calibration.store.masters import MASTER, master_of
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_ADD = """
INSERT INTO cleaning (cleaning_id, frame_types, archive_needed, dry_run) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
_RAW = f"""
SELECT f.file_id, f.frame_type, {columns.names("f.")}, f.size_bytes, f.observed_at, l.arrived_at, l.paths,
       EXISTS (SELECT FROM backup.archived_file a WHERE a.file_id = f.file_id AND a.state = 'written') AS is_archived
FROM frame f CROSS JOIN LATERAL (
    SELECT min(l.arrived_at) AS arrived_at,
           array_agg(l.path ORDER BY l.path) FILTER (WHERE l.root = 'library') AS paths
    FROM ingest.file_location l WHERE l.file_id = f.file_id AND l.missing_since IS NULL) l
WHERE f.frame_type = $1 AND l.arrived_at IS NOT NULL
ORDER BY f.file_id
"""
_MASTERS = f"""
SELECT {MASTER}, f.size_bytes, l.arrived_at, l.path,
       EXISTS (SELECT FROM master_test t WHERE t.file_id = f.file_id) AS was_tested,
       (SELECT ARRAY(SELECT jsonb_array_elements_text(b.plan->'inputs')
                     UNION ALL SELECT e->>0 FROM jsonb_array_elements(b.plan->'left_out') e)
        FROM build b WHERE b.file_id = f.file_id AND b.phase = 'built' LIMIT 1) AS made_of
FROM frame f CROSS JOIN LATERAL (
    SELECT min(l.arrived_at) AS arrived_at, min(l.path) FILTER (WHERE l.root = 'library') AS path
    FROM ingest.file_location l WHERE l.file_id = f.file_id AND l.missing_since IS NULL) l
WHERE f.frame_type = $1 AND l.arrived_at IS NOT NULL
ORDER BY f.file_id
"""
_LIBRARY = "SELECT path FROM ingest.root_state WHERE root = 'library'"
_BEGIN = "DELETE FROM cleaning_set WHERE cleaning_id = $1 AND fate <> 'removed'"
_NEXT = "SELECT coalesce(max(number) + 1, 0) FROM cleaning_set WHERE cleaning_id = $1"
_SET = """
INSERT INTO cleaning_set (cleaning_id, number, frame_type, description, frames, size_bytes, master_file_id,
    master_path, fate, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (cleaning_id, number) DO UPDATE SET fate = excluded.fate, reason = excluded.reason
"""
_STILL = """
SELECT l.file_id, l.path FROM ingest.file_location l JOIN unnest($1::text[], $2::text[]) AS t(file_id, path)
    ON (l.file_id, l.path) = (t.file_id, t.path) AND l.root = 'library' AND l.missing_since IS NULL
"""
_FORGET_OLD = "DELETE FROM cleaning WHERE finished_at < clock_timestamp() - interval '90 days'"


async def add(
    connection: Connection, cleaning_id: UUID, frame_types: Sequence[FrameType], *, archive_needed: bool, dry_run: bool
) -> None:
    """Commit a clean-up; the same id twice is one."""
    await connection.execute(_ADD, cleaning_id, [one.value for one in frame_types], archive_needed, dry_run)


async def raw_frames(connection: Connection, frame_type: FrameType) -> list[RawFrame]:
    """All raw frames of a type that lie anywhere."""
    return [
        RawFrame(
            row["file_id"], frame_type, columns.read(row), tuple(row["paths"] or ()), row["size_bytes"],
            row["arrived_at"], row["is_archived"], row["observed_at"],
        )
        for row in await connection.fetch(_RAW, frame_type.value)
    ]  # fmt: skip


async def stored_masters(connection: Connection, master_type: FrameType) -> list[StoredMaster]:
    """All masters of a type that lie anywhere; those whose pixels were not tested yet count as refused."""
    return [
        StoredMaster(
            _tested(row), row["path"], row["size_bytes"], row["arrived_at"],
            None if row["made_of"] is None else frozenset(row["made_of"]),
        )
        for row in await connection.fetch(_MASTERS, master_type.value)
    ]  # fmt: skip


def _tested(row: asyncpg.Record) -> Master:
    master = master_of(row)
    if row["was_tested"] or master.refused is not None:
        return master
    return master._replace(refused="its pixels were not tested yet")


async def library_folder(connection: Connection) -> str | None:
    """The library's folder; None where there is no library."""
    found: str | None = await connection.fetchval(_LIBRARY)
    return found


async def begin(connection: Connection, cleaning_id: UUID) -> int:
    """Forget what an attempt before has met and not removed; the number of the next set."""
    await connection.execute(_BEGIN, cleaning_id)
    number: int = await connection.fetchval(_NEXT, cleaning_id)
    return number


async def save(connection: Connection, cleaning_id: UUID, number: int, raw: RawSet, judged: Fate, word: str) -> None:
    """Write what became of a set; ``word``: may_go, stays or removed."""
    master = judged.master
    values: tuple[Any, ...] = (
        raw.frame_type.value, raw.description, len(raw.frames), sum(frame.size_bytes for frame in raw.frames),
        None if master is None else master.master.file_id, None if master is None else master.path, word,
        judged.reason,
    )  # fmt: skip
    await connection.execute(_SET, cleaning_id, number, *values)


async def still_there(connection: Connection, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the places, each a file and a path of the library, at which the files are still known to be."""
    rows = await connection.fetch(_STILL, [file_id for file_id, _ in places], [path for _, path in places])
    return {(row["file_id"], row["path"]) for row in rows}


async def forget_old(connection: Connection) -> None:
    """Forget clean-ups of months ago."""
    await connection.execute(_FORGET_OLD)
