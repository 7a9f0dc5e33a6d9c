"""The id of this installation, by which its objects are told from those of others."""

import secrets

from shared.bus.transaction import Connection

_DRAW = "INSERT INTO installation (installation_id) VALUES ($1) ON CONFLICT DO NOTHING"


async def installation_id(connection: Connection) -> str:
    """The id; it is drawn the first time."""
    await connection.execute(_DRAW, secrets.token_hex(4))
    found: str = await connection.fetchval("SELECT installation_id FROM installation")
    return found
