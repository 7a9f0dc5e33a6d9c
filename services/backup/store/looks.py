"""Looks at all files that are asked for, and not made yet."""

from uuid import UUID

from shared.bus.transaction import Connection

_FORGET = "DELETE FROM look WHERE state IN ('failed', 'cancelled', 'dead')"
_ASK = "INSERT INTO look (look_id, everything) VALUES ($1, $2) ON CONFLICT DO NOTHING"


async def ask(connection: Connection, look_id: UUID, *, everything: bool = False) -> None:
    """Commit a look in place of those that failed; the same id twice is one.

    ``everything``: no file waits for its session.
    """
    await connection.execute(_FORGET)
    await connection.execute(_ASK, look_id, everything)
