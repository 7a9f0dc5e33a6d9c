"""Masters as matching takes them, and those that may not be used."""

import asyncpg

from services.calibration.matching.model import Master
from services.calibration.store import columns, needs
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

MASTER = f"""f.file_id, f.frame_type, f.made_at, f.name, {columns.names("f.")},
       (SELECT r.reason FROM master_refusal r WHERE r.file_id = f.file_id
        ORDER BY r.refused_by = 'person' DESC LIMIT 1) AS refused"""
"""What ``master_of`` reads, of frames called f."""
_MASTERS = f"""
SELECT {MASTER}
FROM frame f WHERE f.frame_type = ANY($1::text[])
"""
_TYPE = "SELECT frame_type FROM frame WHERE file_id = $1"
_REFUSE = """
INSERT INTO master_refusal AS r (file_id, refused_by, reason) VALUES ($1, $2, $3)
ON CONFLICT (file_id, refused_by) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at
WHERE r.reason <> excluded.reason
"""
_ALLOW = "DELETE FROM master_refusal WHERE file_id = $1 AND refused_by = $2"
MASTER_TYPES = (FrameType.MASTER_DARK, FrameType.MASTER_FLAT, FrameType.MASTER_BIAS, FrameType.MASTER_DARKFLAT)


async def masters(connection: Connection) -> list[Master]:
    """All masters of the library, refused ones among them."""
    rows = await connection.fetch(_MASTERS, [one.value for one in MASTER_TYPES])
    return [master_of(row) for row in rows]


def master_of(row: asyncpg.Record) -> Master:
    """The master of a row that has the columns of ``MASTER``."""
    return Master(
        row["file_id"], FrameType(row["frame_type"]), columns.read(row), row["made_at"], row["name"], row["refused"]
    )


async def type_of(connection: Connection, file_id: str) -> FrameType | None:
    """The type of a calibration frame; None where there is none of this id."""
    found = await connection.fetchval(_TYPE, file_id)
    return None if found is None else FrameType(found)


async def refuse(connection: Connection, file_id: str, refused_by: str, reason: str) -> bool:
    """Have a master used no more; whether that is new. ``refused_by``: sanity or person.

    Needs that it may meet are answered anew.

    Runs in the caller's transaction, under the writers' lock. A master that is not known yet may be refused as well.
    """
    done: str = await connection.execute(_REFUSE, file_id, refused_by, reason)
    await _mark(connection, file_id)
    return done != "INSERT 0 0"


async def allow(connection: Connection, file_id: str, refused_by: str) -> bool:
    """Take a refusal back; whether there was one."""
    done: str = await connection.execute(_ALLOW, file_id, refused_by)
    await _mark(connection, file_id)
    return done != "DELETE 0"


async def _mark(connection: Connection, file_id: str) -> None:
    if (master_type := await type_of(connection, file_id)) is not None:
        await needs.mark_dirty(connection, [master_type])
