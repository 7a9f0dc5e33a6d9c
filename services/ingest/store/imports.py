"""Imports that people asked for; ``shared.jobs`` does the rest of their table."""

from collections.abc import Sequence
from uuid import UUID

from services.ingest.source import Mode
from shared.bus.transaction import Connection

_ADD = "INSERT INTO import (import_id, paths, mode, verify) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"


async def add(connection: Connection, import_id: UUID, paths: Sequence[str], mode: Mode, *, verify: bool) -> None:
    """Commit an import; the same id twice is one import."""
    await connection.execute(_ADD, import_id, paths, mode, verify)
