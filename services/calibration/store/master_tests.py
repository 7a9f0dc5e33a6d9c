"""Tests of masters before they are used: which are due, on which light, and what came of them."""

from typing import NamedTuple

from services.calibration.properties import Properties
from services.calibration.store import columns
from services.calibration.store.masters import MASTER_TYPES
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_SEEN = "md5(concat_ws('|', f.frame_type, f.digest, f.supplied::text, l.measured_at))"
_ALIKE = """
SELECT i.file_id FROM light_group g JOIN light i USING (group_no)
WHERE g.width_px = l.width_px AND g.height_px = l.height_px
  AND (g.camera IS NULL OR f.camera IS NULL OR g.camera = f.camera)
  AND coalesce(g.gain = f.gain, true) AND coalesce(g."offset" = f."offset", true)
  AND coalesce(g.x_binning = f.x_binning, true)
  AND (f.frame_type = 'MASTER_BIAS' OR abs(g.exposure_s - f.exposure_s) <= greatest(0.05, 0.001 * f.exposure_s))
"""
"""Lights that a bias or a dark can be tried on: what both know is equal; a dark needs its very exposure."""
_DUE = f"""
SELECT f.file_id, f.frame_type, f.name, {_SEEN} AS seen, {columns.names("f.")}
FROM frame f JOIN levels l USING (file_id) LEFT JOIN master_test t USING (file_id)
WHERE f.frame_type = ANY($1::text[]) AND l.next_try_at IS NULL
  AND (t.file_id IS NULL OR t.seen <> {_SEEN}
       OR t.light_file_id IS NULL AND f.frame_type IN ('MASTER_BIAS', 'MASTER_DARK') AND l.problem IS NULL
          AND EXISTS ({_ALIKE}))
ORDER BY f.file_id LIMIT $2
"""
_LIGHTS = f"""
SELECT a.file_id FROM frame f JOIN levels l USING (file_id) CROSS JOIN LATERAL ({_ALIKE} LIMIT $2) a
WHERE f.file_id = $1 ORDER BY a.file_id
"""
_SAVE = """
INSERT INTO master_test (file_id, seen, light_file_id, negative_share, refused) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (file_id) DO UPDATE SET seen = excluded.seen, light_file_id = excluded.light_file_id,
    negative_share = excluded.negative_share, refused = excluded.refused, tested_at = clock_timestamp()
"""
_FORGET = """
WITH gone AS (
    DELETE FROM master_test t WHERE NOT EXISTS (
        SELECT FROM frame f WHERE f.file_id = t.file_id AND f.frame_type LIKE 'MASTER!_%' ESCAPE '!')
    RETURNING file_id)
DELETE FROM master_refusal r USING gone WHERE r.file_id = gone.file_id AND r.refused_by = 'sanity'
"""


class DueTest(NamedTuple):
    """A master that is to be tested."""

    file_id: str
    master_type: FrameType
    name: str
    seen: str
    properties: Properties


class Tested(NamedTuple):
    """What came of a test."""

    refused: str | None
    light_file_id: str | None = None
    negative_share: float | None = None


async def due(connection: Connection, most: int) -> list[DueTest]:
    """Masters that are measured and to be tested: new ones, changed ones, and those for which there is a light now."""
    rows = await connection.fetch(_DUE, [one.value for one in MASTER_TYPES], most)
    return [
        DueTest(row["file_id"], FrameType(row["frame_type"]), row["name"], row["seen"], columns.read(row))
        for row in rows
    ]


async def lights_for(connection: Connection, file_id: str, most: int) -> list[str]:
    """Lights that a master can be tried on, by file_id."""
    return [row["file_id"] for row in await connection.fetch(_LIGHTS, file_id, most)]


async def save(connection: Connection, one: DueTest, came_of_it: Tested) -> None:
    """Write what came of a test."""
    await connection.execute(
        _SAVE, one.file_id, one.seen, came_of_it.light_file_id, came_of_it.negative_share, came_of_it.refused
    )


async def forget_gone(connection: Connection) -> None:
    """Forget tests, and what they refused, of files that are masters no more."""
    await connection.execute(_FORGET)
