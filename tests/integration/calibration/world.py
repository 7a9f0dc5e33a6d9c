"""Lights and masters of an invented rig, what calibration makes of them, and what stats tells of their sessions."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg

from services.calibration.commands import Commands
from services.calibration.handlers import forget_files, note_files
from services.calibration.matcher import Matcher
from services.calibration.questions import Questions
from services.calibration.ruling import Ruling
from services.calibration.settings import CalibrationKeys
from shared.bus.transaction import Connection
from shared.db.pool import pool_of, transaction
from shared.events.base import Event
from shared.events.file import FileRemoved, FileScanned
from shared.settings import PostgresSettings, Settings
from tests.integration.stats.world import ARRIVED, CAMERA, DUSK, NIGHT, RIG, apply, light, removed, scanned

COMMON: dict[str, Any] = {
    "camera": CAMERA, "rig": RIG, "telescope": "Esprit100", "gain": 100.0, "offset": 50.0, "x_binning": 1,
    "width_px": 6248, "height_px": 4176,
}  # fmt: skip
TABLES = {
    "frame": "file_id, frame_type, scanned, supplied, name, made_at, scan_revision, decisions_revision, read_at,"
    " digest",
    "light": "file_id, scan_revision, decisions_revision, read_at, digest, is_dirty,"
    " (SELECT (session_id, properties_key) FROM light_group g WHERE g.group_no = t.group_no)::text",
    "light_group": "session_id, properties_key, lights, is_dirty",
    "requirements": "session_id, requirement_id, master_type, state, master_file_id, bias_file_id, nearest_file_id,"
    " explanation, is_pinned, others, lights, capture_frames, capture_s, capture_words",
    "light_requirements": "*",
    "counts": "lights, lights_matched, lights_missing, lights_complete, lights_waiting, requirements_matched,"
    " requirements_missing, requirements_waiting, masters, masters_refused, raw_frames",
}
"""What must be the same however it came to be: without numbers, revisions and times of answers."""


def sub(name: str, **facts: Any) -> FileScanned:
    """A LIGHT of the rig at -10 C."""
    return light(name, **{**COMMON, "set_temp_c": -10.0, **facts})


def dark(name: str, **facts: Any) -> FileScanned:
    """A master dark that fits it."""
    return scanned(
        name,
        **{**COMMON, "frame_type": "MASTER_DARK", "exposure_s": 60.0, "set_temp_c": -10.0, "filter": None, **facts},
    )


def flat(name: str, **facts: Any) -> FileScanned:
    """A master flat that fits it."""
    return scanned(name, **{**COMMON, "frame_type": "MASTER_FLAT", "exposure_s": 2.0, "night": NIGHT, **facts})


class World:
    """Calibration and stats on one database."""

    def __init__(self, pool: asyncpg.Pool, stats: asyncpg.Pool, settings: Settings) -> None:
        assert isinstance(settings, CalibrationKeys)
        self.pool = pool
        self.stats = stats
        self.ruling = Ruling(settings)
        self.matcher = Matcher(pool, self.ruling, 3600.0, lambda: None)
        self.commands = Commands(pool, self.matcher)
        self.questions = Questions(pool, self.ruling)

    async def note(self, *batches: Event | Sequence[Event]) -> None:
        """Handle batches of events as the service does, each in a transaction."""
        for batch in batches:
            events: Any = [batch] if isinstance(batch, Event) else list(batch)
            async with transaction(self.pool) as connection:
                await handle(connection, events)

    async def count(self, *batches: Event | Sequence[Event]) -> None:
        """Have stats handle the same."""
        async with self.stats.acquire() as connection:
            await apply(connection, *batches)

    async def bring(self, *events: Event) -> None:
        """Have stats and calibration handle events, and match."""
        for event in events:
            await self.count(event)
            await self.note(event)
        await self.matcher.turn()

    async def requirements(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of all requirements, by session and type."""
        query = f"SELECT {', '.join(columns)} FROM requirements ORDER BY session_id, master_type, requirement_id"
        return [tuple(row) for row in await self.pool.fetch(query)]

    async def told(self) -> list[tuple[str, int, Any]]:
        """What lies in the outbox, in order: the event's last word, its revision, and the master or None."""
        query = (
            "SELECT split_part(subject, '.', 2), (payload::jsonb->>'revision')::int, payload::jsonb->>'master_file_id'"
            " FROM outbox ORDER BY outbox_id"
        )
        return [tuple(row) for row in await self.pool.fetch(query)]

    async def snapshot(self) -> dict[str, list[str]]:
        """All that must not depend on the order of events."""
        return await snapshot(self.pool)


async def handle(connection: Connection, events: list[Any]) -> None:
    """Handle a batch of events of one subject."""
    await (forget_files if isinstance(events[0], FileRemoved) else note_files)(connection, events)


async def snapshot(pool: asyncpg.Pool) -> dict[str, list[str]]:
    """All rows that must be the same however they came to be."""
    return {
        table: sorted(repr(tuple(row)) for row in await pool.fetch(f"SELECT {columns} FROM {table} t"))
        for table, columns in TABLES.items()
    }


@asynccontextmanager
async def opened(database: PostgresSettings, settings: Settings) -> AsyncIterator[World]:
    """An empty world."""
    async with pool_of(database, "calibration") as pool, pool_of(database, "stats") as stats:
        yield World(pool, stats, settings)


def night_after(days: int) -> dict[str, Any]:
    """Facts of a frame so many nights later."""
    return {"night": NIGHT + timedelta(days=days), "observed_at": DUSK + timedelta(days=days)}


def kinds(found: Iterable[tuple[str, int, Any]]) -> list[tuple[str, int]]:
    """What was told, without the masters."""
    return [(word, revision) for word, revision, _ in found]


__all__ = ["ARRIVED", "NIGHT", "RIG", "World", "dark", "flat", "night_after", "opened", "removed", "sub"]
