"""A source that is freed by backup: ingest and backup at work together, on one library and one disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.backup import app as backup_app
from services.backup.settings import BackupSettings, FolderDestination
from services.ingest import app, backed_up, delete
from services.ingest.settings import FolderSettings
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, VerifyBackup
from shared.process import Process
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, configured, delete_what_is_due, ingest, library_files, until, write

FILES = {f"night/{number}.fit": bytes([number]) * 2000 for number in range(20)}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other quickly."""
    monkeypatch.setattr(app, "BACKUP_INTERVAL_S", 0.3)
    monkeypatch.setattr(backed_up, "INTERVAL_S", 0.2)


def both(settings: Settings, folder: Path) -> Settings:
    """A watched source that is freed after a backup, and a disk to back up to; files without a session go at once."""
    source = folder / "captures"
    source.mkdir()
    (folder / "disk").mkdir()
    rig = FolderSettings(
        name="rig", path=source, after_transfer="delete_after_backup", settle_s=0.0, walk_interval_s=0.5
    )
    return configured(settings, folder, rig).model_copy(
        update={
            "destinations": (FolderDestination(name="usb-disk", path=folder / "disk"),),
            "backup": BackupSettings(look_interval_s=0.5, arrival_wait_s=0.0),
        }
    )


@asynccontextmanager
async def backup(settings: Settings) -> AsyncIterator[None]:
    """Backup, running."""
    process = Process(("backup",))
    task = asyncio.create_task(backup_app.run(settings, process))
    try:
        yield
        assert not task.done(), "the service ended"
    finally:
        process.stopping.set()
        await task


def left(folder: Path) -> set[str]:
    """The files that the source still holds."""
    source = folder / "captures"
    return {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


async def archived(service: Ingest, *, state: str = "written") -> int:
    """How many files are in a verified archive in this state, and were read back."""
    query = "SELECT count(*) FROM backup.archived_file WHERE state = $1 AND read_back_at IS NOT NULL"
    return int(await service.pool.fetchval(query, state))


async def test_a_source_is_freed_by_the_backup_of_its_files(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Files come, are copied, archived and read back, and only then leave the source; all are in both places then."""
    chosen = both(settings, tmp_path)
    async with ingest(chosen, nats_client) as service:
        write(tmp_path / "captures", FILES)
        await service.until_ledger(*FILES)
        assert left(tmp_path) == set(FILES), "nothing was archived yet"
        async with backup(chosen):

            async def freed() -> bool:
                return left(tmp_path) == set()

            await until(freed, within_s=60.0)
            assert await archived(service) == len(FILES)
        assert sorted(library_files(service.library).values()) == sorted(FILES.values())


async def test_rot_that_a_check_finds_in_the_archive_keeps_the_source(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read back once, then rotten: the files that the damage touches stay at the source, the others go."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    chosen = both(settings, tmp_path)
    async with ingest(chosen, nats_client) as service:
        write(tmp_path / "captures", FILES)
        await service.until_ledger(*FILES)
        async with backup(chosen):

            async def all_archived() -> bool:
                return await archived(service) == len(FILES)

            await until(all_archived, within_s=60.0)
            (archive,) = (tmp_path / "disk").rglob("*.tar.zst")
            rows = await service.rows("SELECT file_id, stored_offset, stored_bytes FROM backup.archived_file")
            spoilt = rows[len(rows) // 2]
            data = bytearray(archive.read_bytes())
            data[spoilt["stored_offset"] + spoilt["stored_bytes"] // 2] ^= 0xFF
            archive.write_bytes(data)
            await ask(nats_client, VerifyBackup(deep=True), BackupAccepted)

            async def found() -> bool:
                query = "SELECT count(*) FROM backup.archived_file WHERE state = 'damaged'"
                return bool(await service.pool.fetchval(query))

            await until(found, within_s=60.0)

        async def released() -> bool:
            return int(await service.pool.fetchval("SELECT count(*) FROM awaited_backup")) <= 1

        await until(released, within_s=60.0)
        await delete_what_is_due(service)
        kept = {
            row["path"]
            for row in await service.rows("SELECT path FROM awaited_backup WHERE file_id = $1", spoilt["file_id"])
        }
        assert left(tmp_path) == kept
        assert len(kept) == 1
        assert await service.rows("SELECT FROM kept_source") == []
