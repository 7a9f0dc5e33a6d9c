"""Sets of raw frames: who belongs to which, and what was judged."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.calibration.properties import Properties
from services.calibration.sets.grouping import RAW_TYPES
from services.calibration.store import columns
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_SEEN = "md5(concat_ws('|', f.frame_type, f.digest, f.supplied::text))"
_MOVED = f"""
SELECT f.file_id, f.frame_type, {_SEEN} AS seen, {columns.names("f.")}
FROM frame f LEFT JOIN raw_set_frame m USING (file_id)
WHERE f.frame_type = ANY($1::text[]) AND (m.file_id IS NULL OR m.seen <> {_SEEN})
ORDER BY f.file_id LIMIT $2
"""
_SETS = f"""
INSERT INTO raw_set (set_key, frame_type, {columns.names()})
SELECT * FROM unnest($1::text[], $2::text[], {columns.arrays(3)}) ON CONFLICT (set_key) DO NOTHING
"""
_NUMBERS = "SELECT set_key, set_no FROM raw_set WHERE set_key = ANY($1::text[])"
_LEFT = "SELECT DISTINCT set_no FROM raw_set_frame WHERE file_id = ANY($1::text[]) AND set_no IS NOT NULL"
_PUT = """
INSERT INTO raw_set_frame AS m (file_id, set_no, seen) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
ON CONFLICT (file_id) DO UPDATE SET seen = excluded.seen, set_no = excluded.set_no,
    state = CASE WHEN m.set_no = excluded.set_no THEN m.state END,
    reason = CASE WHEN m.set_no = excluded.set_no THEN m.reason END
"""
_CHANGED = """
UPDATE raw_set s SET is_dirty = true, changed_at = clock_timestamp(),
    frames = (SELECT count(*) FROM raw_set_frame m WHERE m.set_no = s.set_no)
WHERE set_no = ANY($1::bigint[])
"""
_GONE = """
DELETE FROM raw_set_frame m WHERE NOT EXISTS (
    SELECT FROM frame f WHERE f.file_id = m.file_id AND f.frame_type = ANY($1::text[])) RETURNING set_no
"""
_EMPTY = """
DELETE FROM raw_set s WHERE frames = 0 AND NOT EXISTS (
    SELECT FROM build b WHERE b.set_no = s.set_no AND b.state IN ('waiting', 'running'))
"""
_DIRTY = f"""
SELECT set_no, frame_type, {columns.names()} FROM raw_set
WHERE (is_dirty OR wanted <> $1) AND frames > 0 ORDER BY set_no LIMIT $2
"""
_MEMBERS = "SELECT file_id FROM raw_set_frame WHERE set_no = $1 ORDER BY file_id"
_JUDGE = """
UPDATE raw_set_frame m SET state = j.state, reason = j.reason
FROM unnest($1::text[], $2::text[], $3::text[]) AS j (file_id, state, reason)
WHERE m.file_id = j.file_id AND (m.state, m.reason) IS DISTINCT FROM (j.state, j.reason)
"""
_JUDGED = """
UPDATE raw_set SET is_dirty = false, measured = $2, kept = $3, wanted = $4,
    kept_digest = (SELECT md5(string_agg(file_id, ' ' ORDER BY file_id)) FROM raw_set_frame
                   WHERE set_no = $1 AND state = 'kept')
WHERE set_no = $1
"""
_ONE = f"""
SELECT s.set_no, s.frame_type, s.kept, s.wanted, s.kept_digest, v.state, v.master_file_id,
       s.changed_at + $2 * interval '1 second' < clock_timestamp() AS rests,
       EXISTS (SELECT FROM build b WHERE b.set_no = s.set_no AND b.kept_digest = s.kept_digest) AS was_tried,
       {columns.names("s.")}
FROM raw_set s JOIN sets v USING (set_no)
"""
_KEPT = """
SELECT m.file_id, f.name, f.observed_at, f.sensor_temp_c, f.exposure_s
FROM raw_set_frame m JOIN frame f USING (file_id)
WHERE m.set_no = $1 AND m.state = 'kept' ORDER BY f.observed_at NULLS LAST, m.file_id
"""
_LEFT_OUT = "SELECT file_id, reason FROM raw_set_frame WHERE set_no = $1 AND state = 'left_out' ORDER BY file_id"


class RawFrame(NamedTuple):
    """A raw frame that is to be put into its set."""

    file_id: str
    frame_type: FrameType
    seen: str
    properties: Properties


class RawSet(NamedTuple):
    """A set."""

    set_no: int
    frame_type: FrameType
    common: Properties


class SetState(NamedTuple):
    """A set, and how far it is. ``rests``: nothing came or went lately; ``was_tried``: its frames as they are now."""

    set_no: int
    frame_type: FrameType
    common: Properties
    kept: int
    wanted: int
    kept_digest: str | None
    state: str
    master_file_id: str | None
    rests: bool
    was_tried: bool


async def moved(connection: Connection, most: int) -> list[RawFrame]:
    """Raw frames that are new, or are known otherwise than when they were put into a set."""
    rows = await connection.fetch(_MOVED, [one.value for one in RAW_TYPES], most)
    return [RawFrame(row["file_id"], FrameType(row["frame_type"]), row["seen"], columns.read(row)) for row in rows]


async def put(
    connection: Connection, frames: Sequence[RawFrame], sets: Mapping[str, tuple[str, Properties] | None]
) -> None:
    """Put frames into their sets; ``sets``: by file_id the key and the common properties, None for those of no set."""
    types = {one[0]: frame.frame_type for frame in frames if (one := sets[frame.file_id]) is not None}
    wanted = {one[0]: one[1] for one in sets.values() if one is not None}
    keys = sorted(wanted)
    properties = columns.values([wanted[key] for key in keys])
    await connection.execute(_SETS, keys, [types[key].value for key in keys], *properties)
    numbers = {row["set_key"]: row["set_no"] for row in await connection.fetch(_NUMBERS, keys)}
    ids = [frame.file_id for frame in frames]
    left = [row["set_no"] for row in await connection.fetch(_LEFT, ids)]
    found = [sets[file_id] for file_id in ids]
    into = [None if one is None else numbers[one[0]] for one in found]
    await connection.execute(_PUT, ids, into, [frame.seen for frame in frames])
    await connection.execute(_CHANGED, sorted({*left, *(number for number in into if number is not None)}))


async def forget_gone(connection: Connection) -> None:
    """Take frames out of their sets that are raw calibration frames no more; sets without any end."""
    rows = await connection.fetch(_GONE, [one.value for one in RAW_TYPES])
    if left := sorted({row["set_no"] for row in rows if row["set_no"] is not None}):
        await connection.execute(_CHANGED, left)
    await connection.execute(_EMPTY)


async def dirty(connection: Connection, wanted: int, most: int) -> list[RawSet]:
    """Sets whose frames are to be judged anew; ``wanted``: frames that a master needs now."""
    rows = await connection.fetch(_DIRTY, wanted, most)
    return [RawSet(row["set_no"], FrameType(row["frame_type"]), columns.read(row)) for row in rows]


async def members(connection: Connection, set_no: int) -> list[str]:
    """The frames of a set."""
    return [row["file_id"] for row in await connection.fetch(_MEMBERS, set_no)]


async def save_judged(
    connection: Connection, set_no: int, reasons: Mapping[str, str | None], measured: int, wanted: int
) -> None:
    """Write which measured frames are kept (None) and why others are not."""
    ids = sorted(reasons)
    words = ["kept" if reasons[file_id] is None else "left_out" for file_id in ids]
    await connection.execute(_JUDGE, ids, words, [reasons[file_id] for file_id in ids])
    await connection.execute(_JUDGED, set_no, measured, words.count("kept"), wanted)


async def states(connection: Connection, set_nos: Sequence[int] | None, rest_s: float) -> list[SetState]:
    """Sets by number, or all, and how far each is."""
    where = "WHERE s.set_no = ANY($1::bigint[])" if set_nos is not None else "WHERE $1::bigint[] IS NULL"
    rows = await connection.fetch(f"{_ONE} {where} ORDER BY s.set_no", set_nos, rest_s)
    return [
        SetState(
            row["set_no"], FrameType(row["frame_type"]), columns.read(row), row["kept"], row["wanted"],
            row["kept_digest"], row["state"], row["master_file_id"], row["rests"], row["was_tried"],
        )
        for row in rows
    ]  # fmt: skip


async def kept(connection: Connection, set_no: int) -> list[Mapping[str, Any]]:
    """The frames of a set that go into a master, in the order in which they were taken."""
    return [dict(row) for row in await connection.fetch(_KEPT, set_no)]


async def left_out(connection: Connection, set_no: int) -> list[tuple[str, str]]:
    """The frames of a set that stay out, and why."""
    return [(row["file_id"], row["reason"]) for row in await connection.fetch(_LEFT_OUT, set_no)]
