"""Promises of the periodic look: it costs next to nothing while nothing changes, and passes over no change."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.backup import look as looking
from services.backup.look import Look
from services.backup.store import changes
from shared.settings import Settings
from tests.integration.backup.world import DAY_S, World, world


class Counted(Look):
    """A look that says how often it read everything."""

    times = 0

    async def whole(self, *, at_once: bool = False) -> int:
        """Count, and look."""
        self.times += 1
        return await super().whole(at_once=at_once)


def look_of(one: World) -> Counted:
    """A look at a world that has one destination."""
    return Counted(one.backup, ("disk",), timedelta(seconds=DAY_S))


async def counted(one: World) -> None:
    """Have PostgreSQL count now what was written; by itself it takes some seconds."""
    for pool in (one.admin, one.stats, one.backup):
        for connection in [await pool.acquire() for _ in range(pool.get_idle_size())]:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            await pool.release(connection)


async def test_nothing_is_looked_at_again_until_something_changes(settings: Settings, tmp_path: Path) -> None:
    """Files, sessions, archives and roots: each change leads to a look, and without one there is none."""
    async with world(settings, tmp_path, tmp_path / "disk") as one:
        look = look_of(one)
        await counted(one)
        await look.turn()
        await counted(one)
        await look.turn()  # what was written before the first look is counted by now
        begun = look.times
        await look.turn()
        assert look.times == begun
        for number, change in enumerate((
            one.bring("1.fits", b"first"),
            one.finish(tell=False),
            one.admin.execute("UPDATE ingest.root SET offline_since = clock_timestamp(), offline_reason = 'away'"),
        ), 1):  # fmt: skip
            await change
            await counted(one)
            await look.turn()
            assert look.times > begun, f"change {number} was not seen"
            await counted(one)
            await look.turn()
            begun = look.times
            await look.turn()
            assert look.times == begun


async def test_everything_is_looked_at_now_and_then(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files become due by their age alone, so that a look is made without a change as well."""
    async with world(settings, tmp_path, tmp_path / "disk") as one:
        look = look_of(one)
        await counted(one)
        await look.turn()
        monkeypatch.setattr(looking, "WHOLE_S", 0.0)
        begun = look.times
        await look.turn()
        assert look.times == begun + 1


async def test_the_tables_that_are_watched_are_there(settings: Settings, tmp_path: Path) -> None:
    """Each is a table of the database, so that none is watched in vain after it was given another name."""
    async with world(settings, tmp_path, tmp_path / "disk") as one:
        for table in changes.TABLES:
            assert await one.admin.fetchval("SELECT to_regclass($1) IS NOT NULL", table), table
