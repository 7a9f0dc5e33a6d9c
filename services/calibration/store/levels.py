"""Levels of calibration frames, and which are still to be measured."""

from collections.abc import Collection

import asyncpg

from services.calibration.pixels.levels import Levels
from shared.bus.transaction import Connection

_UNMEASURED = """
SELECT f.file_id
FROM frame f LEFT JOIN levels l USING (file_id)
WHERE l.file_id IS NULL OR l.next_try_at <= clock_timestamp()
ORDER BY l.file_id IS NOT NULL, f.frame_type LIKE 'MASTER!_%' ESCAPE '!' DESC, f.file_id LIMIT $1
"""
_SAVE = f"""
INSERT INTO levels AS l (file_id, {", ".join(Levels._fields)}, problem, next_try_at)
VALUES ($1, {", ".join(f"${number}" for number in range(2, len(Levels._fields) + 2))}, NULL, NULL)
ON CONFLICT (file_id) DO UPDATE SET ({", ".join(Levels._fields)}, problem, next_try_at, tries, measured_at)
    = ({", ".join(f"excluded.{name}" for name in Levels._fields)}, NULL, NULL, l.tries + 1, clock_timestamp())
"""
_FAILED = """
INSERT INTO levels AS l (file_id, problem, next_try_at)
VALUES ($1, $2, CASE WHEN $3 THEN clock_timestamp() + interval '30 seconds' END)
ON CONFLICT (file_id) DO UPDATE SET problem = excluded.problem, tries = l.tries + 1, measured_at = clock_timestamp(),
    next_try_at = CASE WHEN $3 THEN clock_timestamp() + interval '1 second' * least(30 * 2 ^ least(l.tries, 10), 21600)
                  END
WHERE l.problem IS NOT NULL
"""
_MARK = """
UPDATE raw_set SET is_dirty = true
WHERE set_no = (SELECT set_no FROM raw_set_frame WHERE file_id = $1) AND NOT is_dirty
"""
_OF = f"SELECT file_id, {', '.join(Levels._fields)}, problem FROM levels WHERE file_id = ANY($1::text[])"
_FORGET = "DELETE FROM levels l WHERE NOT EXISTS (SELECT FROM frame f WHERE f.file_id = l.file_id)"


async def unmeasured(connection: Connection, most: int) -> list[str]:
    """Frames that are to be measured now: new ones first, masters before raw frames."""
    return [row["file_id"] for row in await connection.fetch(_UNMEASURED, most)]


async def save(connection: Connection, file_id: str, found: Levels) -> None:
    """Write the levels of a frame; its set is judged anew."""
    values = found._replace(grid_adu=list(found.grid_adu))  # type: ignore[arg-type]
    await connection.execute(_SAVE, file_id, *values)
    await connection.execute(_MARK, file_id)


async def failed(connection: Connection, file_id: str, problem: str, *, again: bool) -> None:
    """Write why a frame could not be measured; ``again``: it is tried later."""
    await connection.execute(_FAILED, file_id, problem, again)
    await connection.execute(_MARK, file_id)


async def levels_of(connection: Connection, file_ids: Collection[str]) -> dict[str, Levels | str]:
    """The levels of frames, or why they could not be measured; those that were not tried miss."""
    rows = await connection.fetch(_OF, list(file_ids))
    return {row["file_id"]: _levels(row) if row["problem"] is None else row["problem"] for row in rows}


async def forget_gone(connection: Connection) -> None:
    """Forget the levels of files that are calibration frames no more."""
    await connection.execute(_FORGET)


def _levels(row: asyncpg.Record) -> Levels:
    return Levels(**{name: row[name] for name in Levels._fields} | {"grid_adu": tuple(row["grid_adu"])})
