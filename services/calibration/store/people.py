"""What people decided: pinned masters, and changes of optical trains."""

from datetime import date

from shared.bus.transaction import Connection

_PIN = """
INSERT INTO pin (session_id, requirement_id, master_file_id, person) VALUES ($1, $2, $3, $4)
ON CONFLICT (session_id, requirement_id) DO UPDATE SET master_file_id = excluded.master_file_id,
    person = excluded.person, pinned_at = excluded.pinned_at
"""
_UNPIN = "DELETE FROM pin WHERE session_id = $1 AND requirement_id = $2"
_PINNED = "SELECT requirement_id FROM pin WHERE session_id = $1"
_CHANGED = "INSERT INTO train_change (rig, changed_on, person) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_UNCHANGED = "DELETE FROM train_change WHERE rig = $1 AND changed_on = $2"
_CHANGES = "SELECT rig, changed_on FROM train_change ORDER BY rig, changed_on"
_RIG = """
SELECT EXISTS (SELECT FROM light_group WHERE rig = $1) OR EXISTS (SELECT FROM frame WHERE rig = $1)
"""


async def pin(
    connection: Connection, session_id: str, requirement_id: str, master_file_id: str, person: str | None
) -> None:
    """Have a requirement be met by a master that a person chose."""
    await connection.execute(_PIN, session_id, requirement_id, master_file_id, person)


async def unpin(connection: Connection, session_id: str, requirement_id: str) -> None:
    """Take a choice back."""
    await connection.execute(_UNPIN, session_id, requirement_id)


async def pinned(connection: Connection, session_id: str) -> list[str]:
    """The requirements of a session for which people chose masters."""
    return [row["requirement_id"] for row in await connection.fetch(_PINNED, session_id)]


async def record_change(connection: Connection, rig: str, changed_on: date, person: str | None) -> bool:
    """Record that a rig's optical train was changed; whether that is new."""
    done: str = await connection.execute(_CHANGED, rig, changed_on, person)
    return done != "INSERT 0 0"


async def undo_change(connection: Connection, rig: str, changed_on: date) -> bool:
    """Take the record of a change back; whether there was one."""
    done: str = await connection.execute(_UNCHANGED, rig, changed_on)
    return done != "DELETE 0"


async def changes(connection: Connection) -> dict[str, list[date]]:
    """The changes of each rig's train, in order."""
    found: dict[str, list[date]] = {}
    for row in await connection.fetch(_CHANGES):
        found.setdefault(row["rig"], []).append(row["changed_on"])
    return found


async def is_rig(connection: Connection, rig: str) -> bool:
    """Whether any frame was taken with a rig of this name."""
    found: bool = await connection.fetchval(_RIG, rig)
    return found
