"""Backup under kill -9, with many small files, and with large ones."""

from pathlib import Path

import pytest

from shared.settings import Settings
from tests.faults.conftest import Say
from tests.integration.backup.world import OTHER, SESSION, noise, unpacked, until, world
from tests.killed_backup import backup_process, killed_while_uploading, written_settings

KILLS = 50
MOST_MEMORY_BYTES = 200_000_000


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


async def test_two_sessions_of_fifty_frames_in_little_memory(
    settings: Settings, tmp_path: Path, disk: Path, say: Say
) -> None:
    """Two sessions of 50 x 52 MB side by side are archived, read back whole and told, in less than 200 MB of memory."""
    async with world(settings, tmp_path, disk) as one:
        for session_id, first in ((SESSION, 0), (OTHER, 50)):
            ids = [await one.bring(f"night/{n}.fits", noise(n, 52_000_000)) for n in range(first, first + 50)]
            await one.put_in_session(ids, session_id)
            await one.finish(session_id)
        async with backup_process(written_settings(one, tmp_path)) as process:

            async def all_archived() -> bool:
                return len(await one.archives(phase="verified")) == 2

            await until(all_archived, within_s=1200)
            status = Path(f"/proc/{process.pid}/status").read_text()
            told = await one.told()
        rows = await one.archives()
    assert [event["size_bytes"] for event in told] == [50 * 52_000_000] * 2
    assert all(row["deep_verified_at"] is not None for row in rows)
    (peak_kib,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    lasted_s = max(row["verified_at"] for row in rows) - min(row["started_at"] for row in rows)
    say(f"5.2 GB in {lasted_s.total_seconds():.0f} s, two archives at once, {peak_kib * 1024 / 1e6:.0f} MB at most")
    assert peak_kib * 1024 < MOST_MEMORY_BYTES
