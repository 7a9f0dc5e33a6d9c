"""Builds of masters."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_ADD = """
INSERT INTO build (build_id, set_no, asked_by, master_type, kept_digest) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (build_id) DO NOTHING
"""
_ONE = "SELECT phase, plan, path, place_attempt, file_id, size_bytes FROM build WHERE build_id = $1"
_PLAN = """
UPDATE build SET phase = 'planned', plan = $2::jsonb, path = $3, frames = $4, kept_digest = $5, height_px = $6,
    rows_done = 0
WHERE build_id = $1
"""
_BACK = "UPDATE build SET phase = 'planned', rows_done = 0 WHERE build_id = $1"
_WRITTEN = """
UPDATE build SET phase = 'written', file_id = $2, size_bytes = $3, samples = $4, rejected = $5, rows_done = height_px
WHERE build_id = $1
"""
_BUILT = "UPDATE build SET phase = 'built', path = $2 WHERE build_id = $1"
_AGAIN = "UPDATE build SET place_attempt = place_attempt + 1 WHERE build_id = $1"
_OPEN = "SELECT build_id FROM build WHERE state IN ('waiting', 'running')"
_AWAITED = """
SELECT EXISTS (
    SELECT FROM build b WHERE b.master_type = ANY($1::text[])
      AND (b.state IN ('waiting', 'running')
           OR b.phase = 'built' AND b.finished_at > clock_timestamp() - interval '1 hour'
              AND NOT EXISTS (SELECT FROM frame f WHERE f.file_id = b.file_id))
    UNION ALL
    SELECT FROM frame f WHERE f.frame_type = ANY($1::text[])
      AND NOT EXISTS (SELECT FROM master_test t WHERE t.file_id = f.file_id))
"""
_UNTESTED = """
SELECT file_id FROM frame f WHERE f.frame_type LIKE 'MASTER!_%' ESCAPE '!'
  AND NOT EXISTS (SELECT FROM master_test t WHERE t.file_id = f.file_id)
"""


class Build(NamedTuple):
    """How far a build is."""

    phase: str
    plan: dict[str, Any]
    path: str | None
    place_attempt: int
    file_id: str | None
    size_bytes: int | None


async def add(
    connection: Connection, build_id: UUID, set_no: int, asked_by: str, master_type: str, kept_digest: str | None
) -> bool:
    """Commit a build; whether it was not there already."""
    done: str = await connection.execute(_ADD, build_id, set_no, asked_by, master_type, kept_digest)
    return done != "INSERT 0 0"


async def read(connection: Connection, build_id: UUID) -> Build:
    """How far a build is."""
    row = await connection.fetchrow(_ONE, build_id)
    assert row is not None, "the row of a job stays"
    return Build(row["phase"], json.loads(row["plan"] or "{}"), *row[2:])


async def save_plan(
    connection: Connection, build_id: UUID, plan: dict[str, Any], path: str, kept_digest: str | None
) -> None:
    """Fix what a master is made of."""
    height = plan["height_px"] or 0
    await connection.execute(_PLAN, build_id, json.dumps(plan), path, len(plan["inputs"]), kept_digest, height)


async def back_to_plan(connection: Connection, build_id: UUID) -> None:
    """Have the file be written anew."""
    await connection.execute(_BACK, build_id)


async def save_written(
    connection: Connection, build_id: UUID, file_id: str, size_bytes: int, samples: int, rejected: int
) -> None:
    """Note that the file is complete."""
    await connection.execute(_WRITTEN, build_id, file_id, size_bytes, samples, rejected)


async def save_built(connection: Connection, build_id: UUID, path: str) -> None:
    """Note that it lies in the library."""
    await connection.execute(_BUILT, build_id, path)


async def place_again(connection: Connection, build_id: UUID) -> None:
    """Have ingest be asked anew, under another id."""
    await connection.execute(_AGAIN, build_id)


async def still_open(connection: Connection) -> Collection[UUID]:
    """Builds that wait or run."""
    return {row["build_id"] for row in await connection.fetch(_OPEN)}


async def is_awaited(connection: Connection, master_types: Collection[FrameType]) -> bool:
    """Whether a master of one of these types is being built, is about to be scanned, or is still to be tested."""
    return bool(await connection.fetchval(_AWAITED, [one.value for one in master_types]))


async def untested(connection: Connection) -> Collection[str]:
    """Masters that were not tested yet, by file_id."""
    return {row["file_id"] for row in await connection.fetch(_UNTESTED)}
