"""Calibration frames: written as they were scanned, with what people supplied."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from services.calibration.properties import Properties, from_json, to_json
from services.calibration.store import columns
from shared.bus.transaction import Connection
from shared.events.file import Reading
from shared.events.frame import FrameType

_SUPPLIED = "SELECT file_id, supplied FROM frame WHERE file_id = ANY($1::text[])"
_FIXED = (
    "scanned", "stack_count", "format", "name", "root", "path", "size_bytes", "observed_at", "arrived_at", "made_at",
    "scan_revision", "decisions_revision", "read_at", "digest",
)  # fmt: skip
_WRITE = f"""
INSERT INTO frame (file_id, frame_type, {", ".join(_FIXED)}, {columns.names()})
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::integer[], $14::integer[],
    $15::timestamptz[], $16::text[], {columns.arrays(17)})
ON CONFLICT (file_id) DO UPDATE SET frame_type = excluded.frame_type,
    {", ".join(f"{name} = excluded.{name}" for name in _FIXED)}, {columns.excluded()}
"""
_ONE = "SELECT frame_type, scanned, supplied FROM frame WHERE file_id = $1 FOR UPDATE"
_SUPPLY = f"""
UPDATE frame SET supplied = $2::jsonb, ({columns.names()}) = (SELECT * FROM unnest({columns.arrays(3)}))
WHERE file_id = $1
"""


class NewFrame(NamedTuple):
    """A calibration frame as it was scanned."""

    file_id: str
    frame_type: FrameType
    scanned: Properties
    stack_count: int | None
    format: str
    name: str
    root: str
    path: str
    size_bytes: int
    observed_at: datetime | None
    arrived_at: datetime
    reading: Reading


class Described(NamedTuple):
    """A frame, and what a person supplied to it."""

    frame_type: FrameType
    scanned: str
    supplied: str


async def write(connection: Connection, frames: Sequence[NewFrame]) -> None:
    """Write frames, each once; what a person supplied stays, and counts before what was scanned."""
    if not frames:
        return
    rows = await connection.fetch(_SUPPLIED, [frame.file_id for frame in frames])
    supplied = {row["file_id"]: row["supplied"] for row in rows}
    scanned = [to_json(frame.scanned) for frame in frames]
    effective = [
        from_json(text, supplied.get(frame.file_id, "{}")) for frame, text in zip(frames, scanned, strict=True)
    ]
    fixed = [
        (
            frame.file_id, frame.frame_type.value, text, frame.stack_count, frame.format, frame.name, frame.root,
            frame.path, frame.size_bytes, frame.observed_at, frame.arrived_at, frame.observed_at or frame.arrived_at,
            *frame.reading,
        )
        for frame, text in zip(frames, scanned, strict=True)
    ]  # fmt: skip
    await connection.execute(_WRITE, *zip(*fixed, strict=True), *columns.values(effective))


async def drop(connection: Connection, file_ids: Collection[str]) -> None:
    """Take frames away."""
    if file_ids:
        await connection.execute("DELETE FROM frame WHERE file_id = ANY($1::text[])", list(file_ids))


async def described(connection: Connection, file_id: str) -> Described | None:
    """A frame with what was supplied, locked for a change; None where there is none."""
    row = await connection.fetchrow(_ONE, file_id)
    if row is None:
        return None
    return Described(FrameType(row["frame_type"]), row["scanned"], row["supplied"])


async def supply(connection: Connection, file_id: str, scanned: str, supplied: str) -> None:
    """Write what a person supplied to a frame, all of it."""
    effective = from_json(scanned, supplied)
    await connection.execute(_SUPPLY, file_id, supplied, *columns.values([effective]))
