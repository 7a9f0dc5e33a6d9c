"""Lights and their groups: which are of one session and alike, and how many."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from services.calibration.rows import NewLight, Placing
from services.calibration.store import columns
from services.calibration.store.files import Known
from shared.bus.transaction import Connection

_GROUPS = f"""
INSERT INTO light_group (properties_key, {columns.names()})
SELECT * FROM unnest($1::text[], {columns.arrays(2)}) ON CONFLICT (session_id, properties_key) DO NOTHING
"""
_NUMBERS = """
SELECT properties_key, group_no FROM light_group WHERE session_id IS NULL AND properties_key = ANY($1::text[])
"""
_WRITE = """
INSERT INTO light (file_id, group_no, scan_revision, decisions_revision, read_at, digest)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[], $5::timestamptz[], $6::text[])
ON CONFLICT (file_id) DO UPDATE SET group_no = excluded.group_no, scan_revision = excluded.scan_revision,
    decisions_revision = excluded.decisions_revision, read_at = excluded.read_at, digest = excluded.digest,
    is_dirty = true
"""
_COUNT = """
UPDATE light_group g SET lights = g.lights + d.lights
FROM unnest($1::bigint[], $2::integer[]) AS d (group_no, lights) WHERE g.group_no = d.group_no
"""
_EMPTY = "DELETE FROM light_group WHERE group_no = ANY($1::bigint[]) AND lights = 0"
_DROP = "DELETE FROM light WHERE file_id = ANY($1::text[]) RETURNING group_no"
_WAITING = """
SELECT l.file_id, l.group_no, g.session_id AS known, s.session_id
FROM (SELECT file_id, group_no FROM light WHERE is_dirty AND file_id > $1 ORDER BY file_id LIMIT $2) l
JOIN light_group g USING (group_no)
LEFT JOIN LATERAL (
    SELECT f.session_id FROM stats.frames f
    WHERE f.file_id = l.file_id AND f.frame_type = 'LIGHT' AND f.night IS NOT DISTINCT FROM g.night
      AND f.rig IS NOT DISTINCT FROM g.rig OFFSET 0) s ON true
ORDER BY l.file_id
"""
"""Stats may have read less or more of a file than we have: its session counts where it knows the same night and rig."""
_ALL = """
SELECT l.file_id, l.group_no, g.session_id AS known, s.session_id
FROM (SELECT file_id, group_no FROM light WHERE file_id > $1 ORDER BY file_id LIMIT $2) l
JOIN light_group g USING (group_no)
LEFT JOIN LATERAL (SELECT f.session_id FROM stats.frames f WHERE f.file_id = l.file_id OFFSET 0) s ON true
ORDER BY l.file_id
"""
_SESSION_GROUPS = f"""
INSERT INTO light_group (session_id, properties_key, {columns.names()})
SELECT m.session_id, g.properties_key, {columns.names("g.")}
FROM unnest($1::bigint[], $2::text[]) AS m (group_no, session_id) JOIN light_group g USING (group_no)
ON CONFLICT (session_id, properties_key) DO NOTHING
"""
_SESSION_NUMBERS = """
SELECT m.group_no AS before, m.session_id, t.group_no
FROM unnest($1::bigint[], $2::text[]) AS m (group_no, session_id) JOIN light_group g USING (group_no)
JOIN light_group t ON t.session_id = m.session_id AND t.properties_key = g.properties_key
"""
_MOVE = """
UPDATE light l SET group_no = m.group_no, is_dirty = false
FROM unnest($1::text[], $2::bigint[]) AS m (file_id, group_no) WHERE l.file_id = m.file_id
"""
_RECOUNT = """
WITH counted AS (SELECT group_no, count(*)::integer AS lights FROM light GROUP BY group_no)
UPDATE light_group g SET lights = coalesce(c.lights, 0)
FROM light_group o LEFT JOIN counted c USING (group_no)
WHERE g.group_no = o.group_no AND g.lights <> coalesce(c.lights, 0)
"""


async def write(connection: Connection, lights: Sequence[NewLight], known: Mapping[str, Known]) -> None:
    """Write lights, each once. What changes waits for its session anew; what is alike stays where it is meanwhile."""
    if not lights:
        return
    new = {light.properties_key: light.group for light in lights if not _stays(light, known)}
    keys = sorted(new)
    await connection.execute(_GROUPS, keys, *columns.values([new[key] for key in keys]))
    numbers = {row["properties_key"]: row["group_no"] for row in await connection.fetch(_NUMBERS, keys)}
    counts: Counter[int] = Counter()
    places: list[int] = []
    for light in lights:
        before = known.get(light.file_id)
        if before is not None and before.group_no is not None:
            counts[before.group_no] -= 1
        place = before.group_no if before is not None and _stays(light, known) else numbers[light.properties_key]
        assert place is not None
        counts[place] += 1
        places.append(place)
    await connection.execute(
        _WRITE, [light.file_id for light in lights], places, *zip(*(light.reading for light in lights), strict=True)
    )
    await _count(connection, counts)


def _stays(light: NewLight, known: Mapping[str, Known]) -> bool:
    before = known.get(light.file_id)
    return before is not None and before.properties_key == light.properties_key


async def drop(connection: Connection, file_ids: Collection[str]) -> None:
    """Take lights away."""
    if file_ids:
        rows = await connection.fetch(_DROP, list(file_ids))
        counts: Counter[int] = Counter()
        counts.subtract(row["group_no"] for row in rows)
        await _count(connection, counts)


async def _count(connection: Connection, counts: Counter[int]) -> None:
    """Change the counts of groups; one without a light goes."""
    if numbers := sorted(number for number, change in counts.items() if change):
        await connection.execute(_COUNT, numbers, [counts[number] for number in numbers])
        await connection.execute(_EMPTY, numbers)


async def waiting(connection: Connection, after: str, limit: int) -> list[Placing]:
    """The next lights, by file_id, whose session is to be looked up, with what stats tells."""
    return [Placing(*row) for row in await connection.fetch(_WAITING, after, limit)]


async def every(connection: Connection, after: str, limit: int) -> list[Placing]:
    """The next of all lights, by file_id, with what stats tells."""
    return [Placing(*row) for row in await connection.fetch(_ALL, after, limit)]


async def place(connection: Connection, lights: Sequence[Placing]) -> None:
    """Put lights, whose sessions are known, into the groups of these sessions."""
    moves = sorted({(one.group_no, one.session_id) for one in lights if one.session_id != one.known})
    before, sessions = [number for number, _ in moves], [session for _, session in moves]
    await connection.execute(_SESSION_GROUPS, before, sessions)
    rows = await connection.fetch(_SESSION_NUMBERS, before, sessions)
    target = {(row["before"], row["session_id"]): row["group_no"] for row in rows}
    places = [target.get((one.group_no, one.session_id), one.group_no) for one in lights]
    await connection.execute(_MOVE, [one.file_id for one in lights], places)
    counts: Counter[int] = Counter(places)
    counts.subtract(one.group_no for one in lights)
    await _count(connection, counts)


async def recount(connection: Connection) -> None:
    """Count the lights of all groups anew, should a count be wrong for whatever reason."""
    await connection.execute(_RECOUNT)
    await connection.execute("DELETE FROM light_group WHERE lights = 0")
