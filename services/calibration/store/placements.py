"""Masters that are placed beside lights: what each session wants, and how far each place is."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.calibration.description import DESCRIPTION
from services.calibration.properties import Properties
from services.calibration.store import columns
from services.calibration.store.places import Reading
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

MADE_BY = DESCRIPTION.name
"""Whose derived files they are."""

_FINGERPRINTS = """
SELECT q.session_id, md5(string_agg(concat_ws('/', q.requirement_id, q.state, q.master_file_id, q.bias_file_id,
           q.lights, m.seen), ',' ORDER BY q.requirement_id)) AS fingerprint
FROM requirements q
LEFT JOIN LATERAL (SELECT md5(f.frame_type || f.scanned::text || f.supplied::text) AS seen
                   FROM frame f WHERE f.file_id = q.master_file_id) m ON true
GROUP BY q.session_id
"""
_DUE = f"""
SELECT coalesce(f.session_id, d.session_id) AS session_id, coalesce(f.fingerprint, 'gone') AS fingerprint,
       coalesce(d.how, $1::text) AS how
FROM ({_FINGERPRINTS}) f FULL JOIN distribution d USING (session_id)
WHERE d.fingerprint IS DISTINCT FROM coalesce(f.fingerprint, 'gone') AND (d.session_id IS NOT NULL OR $1 IS NOT NULL)
ORDER BY 1 LIMIT $2
"""
_STALE = "UPDATE distribution SET fingerprint = '' WHERE planned_at < clock_timestamp() - interval '1 day'"
"""Lights that were moved since change no answer."""
_PLANNED = """
INSERT INTO distribution (session_id, how, fingerprint, planned_at, reason)
VALUES ($1, $2, $3, clock_timestamp(), $4)
ON CONFLICT (session_id) DO UPDATE SET fingerprint = excluded.fingerprint, planned_at = excluded.planned_at,
    reason = excluded.reason
"""
_ASK = """
INSERT INTO distribution AS d (session_id, how)
SELECT DISTINCT q.session_id, $2 FROM requirements q WHERE $1::text[] IS NULL OR q.session_id = ANY($1::text[])
ON CONFLICT (session_id) DO UPDATE SET how = excluded.how, fingerprint = '' RETURNING d.session_id
"""
_LOOK_AGAIN = """
UPDATE placement p SET state = 'wanted', attempt = attempt + 1, reason = NULL, path = NULL,
    changed_at = clock_timestamp()
WHERE p.state = 'failed' AND EXISTS (
    SELECT FROM placement_wish w WHERE (w.folder, w.file_id) = (p.folder, p.file_id) AND w.session_id = ANY($1::text[]))
"""
_OTHERWISE = """
UPDATE placement p SET how = $2, state = CASE WHEN p.state = 'placed' THEN 'leaving' ELSE p.state END
WHERE p.how <> $2 AND EXISTS (
    SELECT FROM placement_wish w WHERE (w.folder, w.file_id) = (p.folder, p.file_id) AND w.session_id = ANY($1::text[]))
"""
_LEAVE_AGAIN = "UPDATE placement SET state = 'leaving', attempt = attempt + 1, reason = NULL WHERE state = 'stays'"
_WANTED = f"""
WITH fit AS (
    SELECT DISTINCT r.file_id AS light, m.file_id
    FROM calibration.light_requirements r CROSS JOIN LATERAL (VALUES (r.master_file_id), (r.bias_file_id)) AS m(file_id)
    WHERE r.session_id = $1 AND r.state = 'matched' AND m.file_id IS NOT NULL
), beside AS (
    SELECT DISTINCT l.root, regexp_replace(l.path, '(^|/)[^/]*$', '') AS folder, fit.file_id
    FROM fit JOIN ingest.file_location l ON l.file_id = fit.light AND l.missing_since IS NULL
)
SELECT b.root, b.folder, b.file_id, f.frame_type, f.name, {columns.names("f.")}, s.focal_length_mm
FROM beside b JOIN calibration.frames f USING (file_id)
LEFT JOIN LATERAL (SELECT s.focal_length_mm FROM stats.files s WHERE s.file_id = b.file_id OFFSET 0) s ON true
ORDER BY b.root, b.folder, b.file_id
"""
"""By views alone: the command line asks it too."""
_WISH = """
INSERT INTO placement_wish (session_id, folder, file_id) SELECT $1, * FROM unnest($2::text[], $3::text[])
ON CONFLICT DO NOTHING
"""
_UNWISH = """
DELETE FROM placement_wish w WHERE session_id = $1
AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS t(folder, file_id)
                WHERE (t.folder, t.file_id) = (w.folder, w.file_id))
"""
_ADD = """
INSERT INTO placement AS p (folder, file_id, name, how) SELECT folder, file_id, name, $4
FROM unnest($1::text[], $2::text[], $3::text[]) AS t(folder, file_id, name)
ON CONFLICT (folder, file_id) DO UPDATE SET state = 'wanted', attempt = p.attempt + 1, reason = NULL
WHERE p.state = 'failed'
"""
_LEAVE = """
UPDATE placement p SET state = 'leaving', changed_at = clock_timestamp()
WHERE p.state IN ('placed', 'wanted', 'failed')
  AND NOT EXISTS (SELECT FROM placement_wish w WHERE (w.folder, w.file_id) = (p.folder, p.file_id))
"""
_OPEN = """
SELECT p.folder, p.file_id, p.name, p.how, p.state, p.path, p.attempt,
       EXISTS (SELECT FROM placement_wish w WHERE (w.folder, w.file_id) = (p.folder, p.file_id)) AS is_wished
FROM placement p WHERE p.state IN ('wanted', 'leaving') AND (p.folder, p.file_id) > ($1, $2)
ORDER BY p.folder, p.file_id LIMIT $3
"""
_FOUND = f"""
SELECT d.path, d.missing_since IS NOT NULL AS is_missing FROM ingest.derived_location d
WHERE d.file_id = $1 AND d.root = 'library' AND d.made_by = '{MADE_BY}'
  AND regexp_replace(d.path, '(^|/)[^/]*$', '') = $2
ORDER BY d.path LIMIT 1
"""
_STATE = """
UPDATE placement SET state = $3, path = $4, attempt = $5, reason = $6, changed_at = clock_timestamp()
WHERE (folder, file_id) = ($1, $2)
"""
_PLACED = """
SELECT p.folder, p.file_id, p.path, r.path AS root_path FROM placement p
JOIN ingest.root_state r ON r.root = 'library'
WHERE p.state = 'placed' AND EXISTS (
    SELECT FROM placement_wish w WHERE (w.folder, w.file_id) = (p.folder, p.file_id) AND w.session_id = ANY($1::text[]))
"""


class Due(NamedTuple):
    """A session whose answers changed since it was planned."""

    session_id: str
    fingerprint: str
    how: str


class Wanted(NamedTuple):
    """A master that lights in a folder fit; ``root`` is theirs."""

    root: str
    folder: str
    file_id: str
    master_type: FrameType
    name: str
    known: Properties
    focal_length_mm: float | None


class Placement(NamedTuple):
    """A master beside lights."""

    folder: str
    file_id: str
    name: str
    how: str
    state: str
    path: str | None
    attempt: int
    is_wished: bool


async def due(connection: Connection, how: str | None, most: int) -> list[Due]:
    """Sessions to be planned: all whose answers changed, or with ``how`` None those that were distributed once."""
    await connection.execute(_STALE)
    return [Due(*row) for row in await connection.fetch(_DUE, how, most)]


async def ask(connection: Connection, session_ids: Sequence[str] | None, how: str) -> list[str]:
    """Have sessions planned anew (None: all that need masters); those that were found."""
    rows = await connection.fetch(_ASK, session_ids, how)
    found = [row["session_id"] for row in rows]
    await connection.execute(_OTHERWISE, found, how)
    await connection.execute(_LOOK_AGAIN, found)
    await connection.execute(_LEAVE_AGAIN)
    return found


async def wanted(connection: Reading, session_id: str) -> list[Wanted]:
    """The masters that the lights of a session fit, once for each folder of lights."""
    rows = await connection.fetch(_WANTED, session_id)
    return [
        Wanted(
            row["root"], row["folder"], row["file_id"], FrameType(row["frame_type"]), row["name"], columns.read(row),
            row["focal_length_mm"],
        )
        for row in rows
    ]  # fmt: skip


async def plan(connection: Connection, one: Due, wishes: Mapping[tuple[str, str], str], why: str | None) -> None:
    """Write what a session wants: the name of each master by folder and file; ``why``: what is placed nowhere."""
    folders, file_ids = [folder for folder, _ in wishes], [file_id for _, file_id in wishes]
    await connection.execute(_ADD, folders, file_ids, list(wishes.values()), one.how)
    await connection.execute(_UNWISH, one.session_id, folders, file_ids)
    await connection.execute(_WISH, one.session_id, folders, file_ids)
    await connection.execute(_PLANNED, one.session_id, one.how, one.fingerprint, why)
    await connection.execute(_LEAVE)


async def open_ones(connection: Connection, after: tuple[str, str], most: int) -> list[Placement]:
    """The next placements that are to be made or removed."""
    return [Placement(*row) for row in await connection.fetch(_OPEN, *after, most)]


async def found(connection: Connection, one: Placement) -> str | None:
    """Where ingest knows a placed master in its folder; None where it knows of none."""
    row = await connection.fetchrow(_FOUND, one.file_id, one.folder)
    return None if row is None or row["is_missing"] else str(row["path"])


async def save(connection: Connection, one: Placement, reason: str | None = None) -> None:
    """Write how far a placement is."""
    await connection.execute(_STATE, one.folder, one.file_id, one.state, one.path, one.attempt, reason)


async def drop(connection: Connection, one: Placement) -> None:
    """Take a placement away that is gone."""
    await connection.execute("DELETE FROM placement WHERE (folder, file_id) = ($1, $2)", one.folder, one.file_id)


async def placed(connection: Connection, session_ids: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """What lies beside the lights of sessions: folder, master, path, and the library's folder on the host of ingest."""
    return [(row[0], row[1], row[2], row[3]) for row in await connection.fetch(_PLACED, session_ids)]


async def want_again(connection: Connection, folder: str, file_id: str) -> None:
    """Have a master placed again that somebody removed by hand."""
    await connection.execute(
        "UPDATE placement SET state = 'wanted', path = NULL, attempt = attempt + 1, reason = NULL, "
        "changed_at = clock_timestamp() WHERE (folder, file_id) = ($1, $2) AND state = 'placed'", folder, file_id,
    )  # fmt: skip
