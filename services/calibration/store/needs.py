"""What groups of lights need: found out anew, marked, and answered."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import asyncpg

from services.calibration.matching.model import Need
from services.calibration.rows import Answered, DirtyGroup, Known
from services.calibration.store import columns
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_DIRTY_GROUPS = f"""
SELECT group_no, session_id, {columns.names()} FROM light_group
WHERE is_dirty AND session_id IS NOT NULL ORDER BY group_no LIMIT $1
"""
_NEEDS = f"""
INSERT INTO need (session_id, requirement_id, master_type, {columns.names()})
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], {columns.arrays(4)})
ON CONFLICT (session_id, requirement_id) DO NOTHING
"""
_NUMBERS = """
SELECT need_no, session_id, requirement_id FROM need
JOIN unnest($1::text[], $2::text[]) AS w (session_id, requirement_id) USING (session_id, requirement_id)
"""
_LINKS = "SELECT group_no, need_no FROM group_need WHERE group_no = ANY($1::bigint[])"
_UNLINK = """
DELETE FROM group_need x USING unnest($1::bigint[], $2::bigint[]) AS d (group_no, need_no)
WHERE x.group_no = d.group_no AND x.need_no = d.need_no
"""
_LINK = "INSERT INTO group_need (group_no, need_no) SELECT * FROM unnest($1::bigint[], $2::bigint[])"
_MARK_NUMBERS = "UPDATE need SET is_dirty = true WHERE need_no = ANY($1::bigint[]) AND NOT is_dirty"
_GROUPS_DONE = "UPDATE light_group SET is_dirty = false WHERE group_no = ANY($1::bigint[])"
_MARK_TYPES = "UPDATE need SET is_dirty = true WHERE master_type = ANY($1::text[]) AND NOT is_dirty"
_MARK_ONE = "UPDATE need SET is_dirty = true WHERE session_id = $1 AND requirement_id = $2"
_MARK_ALL = "UPDATE need SET is_dirty = true WHERE NOT is_dirty"
_MARK_GROUPS = "UPDATE light_group SET is_dirty = true WHERE session_id IS NOT NULL AND NOT is_dirty"
_DIRTY = f"""
SELECT n.need_no, n.session_id, n.requirement_id, n.master_type, n.state, n.master_file_id, n.bias_file_id, n.revision,
       {columns.names("n.")}, g.lights, g.lights_rig, g.lights_camera, p.master_file_id AS pinned
FROM (SELECT need_no FROM need WHERE is_dirty ORDER BY need_no LIMIT $1) d JOIN need n USING (need_no)
CROSS JOIN LATERAL (
    SELECT sum(g.lights)::bigint AS lights, min(g.rig) AS lights_rig, min(g.camera) AS lights_camera
    FROM group_need x JOIN light_group g USING (group_no) WHERE x.need_no = n.need_no) g
LEFT JOIN pin p ON p.session_id = n.session_id AND p.requirement_id = n.requirement_id
ORDER BY n.need_no
"""
_ONE = _DIRTY.replace("WHERE is_dirty ORDER BY need_no LIMIT $1", "WHERE session_id = $1")
_NOT_NEEDED = "UPDATE need SET is_dirty = false WHERE need_no = ANY($1::bigint[])"
_ANSWER = """
UPDATE need n SET state = a.state, master_file_id = a.master_file_id, bias_file_id = a.bias_file_id,
    nearest_file_id = a.nearest_file_id, explanation = a.explanation, is_pinned = a.is_pinned, others = a.others,
    capture_type = a.capture_type, capture_frames = a.capture_frames, capture_s = a.capture_s,
    capture_words = a.capture_words, revision = a.revision, is_dirty = false, answered_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::integer[],
            $9::text[], $10::integer[], $11::double precision[], $12::text[], $13::integer[])
    AS a (need_no, state, master_file_id, bias_file_id, nearest_file_id, explanation, is_pinned, others, capture_type,
          capture_frames, capture_s, capture_words, revision)
WHERE n.need_no = a.need_no
"""
_EXPLANATIONS = "SELECT requirement_id, explanation FROM need WHERE session_id = $1"
_CANNOT = "UPDATE need SET is_dirty = false, explanation = $2 WHERE need_no = $1"


async def dirty_groups(connection: Connection, limit: int) -> list[DirtyGroup]:
    """Groups, their session known, of which it is to be found out what they need."""
    rows = await connection.fetch(_DIRTY_GROUPS, limit)
    return [DirtyGroup(row["group_no"], row["session_id"], columns.read(row)) for row in rows]


async def derive(
    connection: Connection, groups: Sequence[DirtyGroup], wanted: Mapping[int, Mapping[str, Need]]
) -> None:
    """Write what groups need; ``wanted``: by group, the needs by their requirement_id."""
    needs = {
        (group.session_id, requirement_id): need
        for group in groups
        for requirement_id, need in wanted[group.group_no].items()
    }
    keys = sorted(needs)
    sessions, requirements = [session for session, _ in keys], [requirement for _, requirement in keys]
    types = [needs[key].master_type.value for key in keys]
    properties = columns.values([needs[key].properties for key in keys])
    await connection.execute(_NEEDS, sessions, requirements, types, *properties)
    numbers = {
        (row["session_id"], row["requirement_id"]): row["need_no"]
        for row in await connection.fetch(_NUMBERS, sessions, requirements)
    }
    links = {
        (group.group_no, numbers[group.session_id, requirement_id])
        for group in groups
        for requirement_id in wanted[group.group_no]
    }
    group_nos = [group.group_no for group in groups]
    before = {(row["group_no"], row["need_no"]) for row in await connection.fetch(_LINKS, group_nos)}
    await connection.execute(_UNLINK, *_pairs(before - links))
    await connection.execute(_LINK, *_pairs(links - before))
    await connection.execute(_MARK_NUMBERS, sorted({need_no for _, need_no in links - before}))
    await connection.execute(_GROUPS_DONE, group_nos)


def _pairs(links: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    ordered = sorted(links)
    return [group_no for group_no, _ in ordered], [need_no for _, need_no in ordered]


async def mark_dirty(connection: Connection, master_types: Collection[FrameType]) -> None:
    """Have needs answered anew that masters of these types may meet; a bias may have a part in what meets a dark.

    Runs in the transaction that changes the masters, under the writers' lock.
    """
    types = {master_type.value for master_type in master_types}
    if FrameType.MASTER_BIAS in master_types:
        types.add(FrameType.MASTER_DARK.value)
    if types:
        await connection.execute(_MARK_TYPES, sorted(types))


async def mark_one(connection: Connection, session_id: str, requirement_id: str) -> None:
    """Have one need answered anew."""
    await connection.execute(_MARK_ONE, session_id, requirement_id)


async def mark_all(connection: Connection) -> None:
    """Have everything found out and answered anew."""
    await connection.execute(_MARK_GROUPS)
    await connection.execute(_MARK_ALL)


async def dirty(connection: Connection, limit: int) -> list[Known]:
    """Needs that are to be answered anew, by their number."""
    return [_known(row) for row in await connection.fetch(_DIRTY, limit)]


async def of_session(connection: Connection, session_id: str) -> list[Known]:
    """The needs of a session that lights have."""
    found = [_known(row) for row in await connection.fetch(_ONE, session_id)]
    return [one for one in found if one.lights]


async def explanations(connection: Connection, session_id: str) -> dict[str, str | None]:
    """Why the needs of a session have their answers."""
    rows = await connection.fetch(_EXPLANATIONS, session_id)
    return {row["requirement_id"]: row["explanation"] for row in rows}


def _known(row: asyncpg.Record) -> Known:
    return Known(
        row["need_no"],
        row["session_id"],
        row["requirement_id"],
        Need(FrameType(row["master_type"]), columns.read(row)),
        row["state"],
        row["master_file_id"],
        row["bias_file_id"],
        row["revision"],
        row["lights"] or 0,
        row["lights_rig"],
        row["lights_camera"],
        row["pinned"],
    )


async def not_needed(connection: Connection, need_nos: Collection[int]) -> None:
    """Leave needs that no light has as they are."""
    if need_nos:
        await connection.execute(_NOT_NEEDED, list(need_nos))


async def answer(connection: Connection, answers: Sequence[Answered]) -> None:
    """Write answers."""
    if answers:
        await connection.execute(_ANSWER, *zip(*answers, strict=True))


async def cannot_be_answered(connection: Connection, need_no: int, reason: str) -> None:
    """Pass over a need until something changes that it depends on; why is its explanation."""
    await connection.execute(_CANNOT, need_no, reason)
