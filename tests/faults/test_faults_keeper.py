"""The keeper under kills, a library that was renamed by hand in one go, and one that a sync emptied."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from services.ingest.shelf import Shelf
from services.ingest.sweep import Sweep, Swept
from shared.settings import PostgresSettings
from tests.faults.conftest import Say
from tests.integration.ingest.keeperworld import DEEDS, Kept, kept_library, killed_at_every_step
from tests.integration.ingest.world import sha256

TIMES = 20
MANY = 50_000
FOLDER_FILES = 500


@pytest.mark.parametrize("deed", DEEDS)
async def test_killed_at_every_step_again_and_again(
    database: PostgresSettings, tmp_path: Path, deed: str, say: Say
) -> None:
    """Twenty times each: killed -9 before any step, nothing is lost, and whoever comes next does it once."""
    began = time.monotonic()
    async with kept_library(database, tmp_path) as kept:
        steps = [await killed_at_every_step(kept, DEEDS[deed]) for _ in range(TIMES)]
    say(f"{sum(steps)} kills at {min(steps)} to {max(steps)} steps in {time.monotonic() - began:.0f} s")


async def fill(kept: Kept, files: int) -> dict[str, str]:
    """Put many files into the library that are known there, all of one size; file ids by path."""
    names = [f"night-{number // FOLDER_FILES:03}/{number:06}.fit" for number in range(files)]

    def make() -> dict[str, str]:
        found = {}
        for name in names:
            path = kept.root.path / name
            path.parent.mkdir(exist_ok=True)
            content = name.encode()
            path.write_bytes(content)
            found[name] = sha256(content)
        return found

    ids = await asyncio.to_thread(make)
    size_bytes = len(names[0])
    async with kept.pool.acquire() as connection:
        await connection.copy_records_to_table(
            "file",
            records=((file_id, size_bytes, "rig", name) for name, file_id in ids.items()),
            columns=("file_id", "size_bytes", "source", "origin"),
        )
        await connection.copy_records_to_table(
            "location",
            records=(("library", name, file_id) for name, file_id in ids.items()),
            columns=("root", "path", "file_id"),
        )
    return ids


def sweep_of(kept: Kept) -> Sweep:
    """A sweep of a library."""
    return Sweep(kept.pool, Shelf(kept.pool, kept.root, quiet_s=0.0), interval_s=3600.0)


async def test_a_whole_library_renamed_by_hand(database: PostgresSettings, tmp_path: Path, say: Say) -> None:
    """50,000 files of one size get other names in other folders in one go: each is recognised, once, by its content."""
    async with kept_library(database, tmp_path) as kept:
        ids = await fill(kept, MANY)
        new = {name: f"renamed/{number % 97:02}/{number}.fit" for number, name in enumerate(reversed(ids))}

        def rename() -> None:
            for name, other in new.items():
                (kept.root.path / other).parent.mkdir(parents=True, exist_ok=True)
                (kept.root.path / name).rename(kept.root.path / other)

        await asyncio.to_thread(rename)
        began, swept = time.monotonic(), Swept()
        assert await sweep_of(kept).sweep(swept, gently=False) is None
        say(f"{swept.moved} files recognised in {time.monotonic() - began:.0f} s")
        assert (swept.moved, swept.gone, swept.strangers) == (MANY, 0, 0)
        rows = await kept.pool.fetch("SELECT path, file_id FROM location WHERE missing_since IS NULL")
        assert {row["path"]: row["file_id"] for row in rows} == {new[name]: file_id for name, file_id in ids.items()}
        told = await kept.pool.fetchval("SELECT count(DISTINCT event_id) FROM outbox WHERE subject = 'file.moved'")
        assert told == await kept.pool.fetchval("SELECT count(*) FROM outbox") == MANY
        again = Swept()
        assert await sweep_of(kept).sweep(again, gently=False) is None
        assert (again.moved, again.gone, again.strangers) == (0, 0, 0)


async def test_a_library_that_a_sync_emptied(database: PostgresSettings, tmp_path: Path, say: Say) -> None:
    """Everything gone at once but the marker: nothing counts as missing, that is said, and ends when it is back."""
    async with kept_library(database, tmp_path) as kept:
        ids = await fill(kept, MANY)
        trash = tmp_path / "trash"
        trash.mkdir()
        for folder in [path for path in kept.root.path.iterdir() if path.name != ".nightbus"]:
            shutil.move(folder, trash)
        began = time.monotonic()
        problem = await sweep_of(kept).sweep(gently=False)
        say(f"an emptied library of {MANY} files is seen through in {time.monotonic() - began:.0f} s")
        assert problem is not None
        assert f"{MANY} of {MANY} files have gone from the library at once" in problem
        assert await kept.pool.fetchval("SELECT count(*) FROM location WHERE missing_since IS NOT NULL") == 0
        assert await kept.pool.fetchval("SELECT count(*) FROM location") == len(ids)
        assert await kept.pool.fetchval("SELECT count(*) FROM walk_absent") == 0
        for folder in trash.iterdir():
            shutil.move(folder, kept.root.path)
        assert await sweep_of(kept).sweep(gently=False) is None
        assert await kept.pool.fetchval("SELECT count(*) FROM outbox") == 0
