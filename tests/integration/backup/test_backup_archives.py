"""Promises of archives: what is in them, what is told of them, and that nothing is sent twice."""

import json
from pathlib import Path

from shared.settings import Settings
from tests.integration.backup.world import SESSION, noise, unpacked, world


async def test_a_finished_session_is_archived_and_told(settings: Settings, tmp_path: Path) -> None:
    """session.finished makes one archive, which zstd and tar unpack to the same bytes, and it is told."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk) as one:
        ids = [await one.bring(f"night/{n}.fits", noise(n, 100_000 + n)) for n in range(5)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
        assert (row["phase"], row["state"], row["files"]) == ("verified", "done", 5)
        (told,) = await one.told()
        assert (told["session_id"], told["revision"], told["destination"]) == (SESSION, 1, "disk")
        assert (told["file_count"], told["left_out"]) == (5, 0)
    contents = unpacked(disk, tmp_path / "out")
    assert contents == {f"{SESSION}/library/night/{n}.fits": noise(n, 100_000 + n) for n in range(5)}
    (manifest,) = disk.rglob("*.manifest.json")
    assert [file["file_id"] for file in json.loads(manifest.read_text())["files"]] == ids
