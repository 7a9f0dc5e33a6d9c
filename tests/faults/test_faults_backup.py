"""Backup under kill -9, with many small files, and with large ones."""

from pathlib import Path

import pytest

from shared.settings import Settings
from tests.faults.conftest import Say
from tests.integration.backup.world import SESSION, noise, unpacked, world
from tests.killed_backup import killed_while_uploading

KILLS = 50


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The folder of a destination."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


async def test_backup_survives_fifty_kills(settings: Settings, tmp_path: Path, disk: Path, seed: int, say: Say) -> None:
    """50 kills -9 while one archive is uploaded: resumed, nothing doubled, byte-identical, no orphan uploads."""
    async with world(settings, tmp_path, disk, megabytes_per_s=25.0) as one:
        say(await killed_while_uploading(one, tmp_path, disk, kills=KILLS, files=400, seed=seed))


async def test_ten_thousand_small_files(settings: Settings, tmp_path: Path, disk: Path, say: Say) -> None:
    """A session of 10,000 small files is one archive, which extracts to the same bytes."""
    async with world(settings, tmp_path, disk) as one:
        contents = {f"night/{n:05}.fits": noise(n, 2880) for n in range(10_000)}
        await one.put_in_session([await one.bring(path, content) for path, content in contents.items()])
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
    assert (row["phase"], row["files"]) == ("verified", 10_000)
    assert unpacked(disk, tmp_path / "out") == {f"{SESSION}/library/{path}": data for path, data in contents.items()}
    say(f"10,000 files in {(row['verified_at'] - row['started_at']).total_seconds():.1f} s")


async def test_fifty_files_of_52_mb(settings: Settings, tmp_path: Path, disk: Path, say: Say) -> None:
    """A session of 50 frames of 52 MB is one archive, read back whole and told."""
    async with world(settings, tmp_path, disk) as one:
        ids = [await one.bring(f"night/{n}.fits", noise(n, 52_000_000)) for n in range(50)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
        (told,) = await one.told()
    assert (row["phase"], row["files"], told["size_bytes"]) == ("verified", 50, 50 * 52_000_000)
    assert row["deep_verified_at"] is not None
    say(f"2.6 GB in {(row['verified_at'] - row['started_at']).total_seconds():.1f} s")
