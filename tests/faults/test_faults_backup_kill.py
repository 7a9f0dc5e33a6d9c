"""Backup killed -9 while it uploads: a short version of what `make faults` does."""

from pathlib import Path

from shared.settings import Settings
from tests.integration.backup.world import world
from tests.killed_backup import killed_while_uploading


async def test_backup_killed_while_uploading_goes_on(settings: Settings, tmp_path: Path) -> None:
    """Killed five times: the upload goes on with the bytes it had, nothing is doubled, and all extracts alike."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, megabytes_per_s=25.0) as one:
        await killed_while_uploading(one, tmp_path, disk, kills=5, files=60, seed=1)
