"""Sources whose files are deleted after a backup: not before the very member was read back from a verified archive."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.ingest import app, backed_up, delete
from services.ingest.settings import AfterTransfer, FolderSettings
from shared.bus.rpc import NobodyAnswersError
from shared.db.pool import pool_of
from shared.events.commands import BackupAccepted, ReadBackFiles
from shared.jobs.store import JobStore
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    delete_what_is_due,
    ingest,
    library_files,
    sha256,
    until,
    write,
)

FILES = {"a.fit": b"a", "night/b.fit": b"b"}
_ARCHIVE = """
INSERT INTO archive (archive_id, destination, collection_id, night, number, phase, state, files)
VALUES ($1, 'usb-disk', '20260301_00000001', '2026-03-01', $2, 'verified', 'done', $3)
"""
_MEMBER = """
INSERT INTO member (archive_id, position, file_id, root, path, name, size_bytes, arrived_at, state, read_back_at)
VALUES ($1, $2, $3, 'library', $3, $3, 1, now(), 'written', CASE WHEN $4 THEN now() END)
"""


class Archives:
    """What backup tells of archives, as its own role writes it, and what it was asked for."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.asked: list[str] = []
        self.reads_back = True
        self._number = 0

    async def add(self, *contents: bytes, read_back: bool = False) -> UUID:
        """A verified archive of contents."""
        archive_id = uuid4()
        self._number += 1
        await self.pool.execute(_ARCHIVE, archive_id, self._number, len(contents))
        for position, content in enumerate(contents):
            await self.pool.execute(_MEMBER, archive_id, position, sha256(content), read_back)
        return archive_id

    async def read_back(self, file_ids: Sequence[str]) -> None:
        """Note that members were read back."""
        await self.pool.execute("UPDATE member SET read_back_at = now() WHERE file_id = ANY($1::text[])", file_ids)

    async def answer(self, message: Msg) -> None:
        """Read back what is asked for."""
        command = ReadBackFiles.model_validate_json(message.data)
        self.asked += command.file_ids
        if self.reads_back:
            await self.read_back(command.file_ids)
        await message.respond(BackupAccepted(jobs=1).model_dump_json().encode())


@pytest.fixture
async def archives(settings: Settings) -> AsyncIterator[Archives]:
    """The tables of backup, which does not run."""
    async with pool_of(settings.postgres, "backup") as pool:
        yield Archives(pool)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other quickly."""
    monkeypatch.setattr(app, "BACKUP_INTERVAL_S", 0.2)
    monkeypatch.setattr(backed_up, "INTERVAL_S", 0.1)


def rig(source: Path, after_transfer: AfterTransfer = "delete_after_backup") -> FolderSettings:
    """A watched source."""
    return FolderSettings(name="rig", path=source, after_transfer=after_transfer, settle_s=0.0, walk_interval_s=0.5)


def there(source: Path) -> set[str]:
    """The files that a source holds."""
    return {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


async def awaited(service: Ingest) -> set[str]:
    """The files that wait for a backup, as others see them."""
    return {row["path"] for row in await service.rows("SELECT path FROM awaited_backup")}


async def nobody(_command: ReadBackFiles) -> BackupAccepted:
    """Backup, where it does not run."""
    raise NobodyAnswersError("the backup service is not running")


@asynccontextmanager
async def answering(client: Client, archives: Archives) -> AsyncIterator[None]:
    """Backup answers."""
    subscription = await client.subscribe(ReadBackFiles.subject, cb=archives.answer)
    await client.flush()
    yield
    await subscription.unsubscribe()


async def looked_again(service: Ingest) -> None:
    """Wait until every file that waits was looked at once more."""
    before = {row["name"]: row["at"] for row in await service.rows("SELECT name, next_try_at AS at FROM deletion")}

    async def seen() -> bool:
        rows = await service.rows("SELECT name, next_try_at AS at FROM deletion")
        return all(row["at"] > before[row["name"]] for row in rows)

    await until(seen)


async def test_a_file_goes_once_its_member_was_read_back(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, archives: Archives
) -> None:
    """It stays while no archive has it, and while its member was not read back; ingest asks for that, and deletes."""
    write(source, FILES)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger(*FILES)
        await looked_again(service)
        assert there(source) == await awaited(service) == set(FILES)
        await archives.add(b"a")
        await looked_again(service)
        assert there(source) == set(FILES), "backup does not run, so that nobody reads anything back"
        async with answering(nats_client, archives):
            await until(lambda: _holds(source, {"night/b.fit"}))
            await looked_again(service)
        assert set(archives.asked) == {sha256(b"a")}
        assert await awaited(service) == there(source) == {"night/b.fit"}
        await archives.add(b"b", read_back=True)
        await until(lambda: _holds(source, set()))
        assert sorted(library_files(service.library).values()) == [b"a", b"b"]
        assert await service.rows("SELECT FROM kept_source") == []


async def _holds(source: Path, names: set[str]) -> bool:
    return there(source) == names


async def test_a_read_back_is_not_asked_for_again_and_again(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, archives: Archives
) -> None:
    """Once for each content, however often it is looked at; but again after hours, since the work may be lost."""
    archives.reads_back = False
    await archives.add(b"a", b"b")
    write(source, FILES)
    async with (
        answering(nats_client, archives),
        ingest(configured(settings, tmp_path, rig(source)), nats_client) as service,
    ):
        await service.until_ledger(*FILES)

        async def asked(times: int) -> bool:
            return len(archives.asked) == times * len(FILES)

        await until(lambda: asked(1))
        await looked_again(service)
        await looked_again(service)
        assert len(archives.asked) == len(FILES)
        await service.pool.execute("UPDATE deletion SET read_back_asked_at = now() - interval '7 hours'")
        await until(lambda: asked(2))
        assert there(source) == set(FILES)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE member SET state = 'damaged', reason = 'a bit is flipped'",
        "UPDATE archive SET phase = 'gone', gone_reason = 'somebody deleted it'",
        "UPDATE member SET read_back_at = NULL",
    ],
    ids=["damaged", "gone", "not read back"],
)
async def test_an_archive_that_is_found_spoilt_frees_nothing(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    archives: Archives,
    monkeypatch: pytest.MonkeyPatch,
    spoil: str,
) -> None:
    """What was released a moment ago waits again where the archive is not good any more, and is no failure."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    monkeypatch.setattr(app, "BACKUP_INTERVAL_S", 3600.0)
    await archives.add(b"a", b"b", read_back=True)
    write(source, FILES)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger(*FILES)
        await backed_up.look_for_backups(service.pool, nobody)
        assert await awaited(service) == set()
        await archives.pool.execute(spoil)
        await delete_what_is_due(service)
        assert there(source) == await awaited(service) == set(FILES)
        assert await service.rows("SELECT FROM kept_source") == []
        await archives.add(b"a", b"b", read_back=True)
        await service.pool.execute("UPDATE deletion SET next_try_at = now()")
        await backed_up.look_for_backups(service.pool, nobody)
        await delete_what_is_due(service)
        assert there(source) == set()


async def test_an_archive_that_nobody_looks_after_frees_nothing(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, archives: Archives
) -> None:
    """Where the settings name the destination no more; once they name it again the file goes."""
    write(source, {"a.fit": b"a"})
    await archives.pool.execute("INSERT INTO installation (installation_id) VALUES ('3f9c21ab')")
    await archives.pool.execute(
        "INSERT INTO destination (name, kind, place, state) VALUES ('usb-disk', 'folder', '/mnt/usb-disk', 'unused')"
    )
    await archives.add(b"a", read_back=True)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger("a.fit")
        await looked_again(service)
        await looked_again(service)
        assert there(source) == {"a.fit"}
        await archives.pool.execute("UPDATE destination SET state = 'ready'")

        async def gone() -> bool:
            return not there(source)

        await until(gone)


async def test_the_proof_before_a_deletion_is_asked_for_after_a_backup_as_well(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    archives: Archives,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An archive frees no file that changed since, or whose copy has gone; one whose copy rotted is mended first."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    files = {"changed.fit": b"changed", "gone.fit": b"gone", "rotten.fit": b"rotten"}
    await archives.add(*files.values(), read_back=True)
    write(source, files)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger(*files)
        stored = {path.name: path for path in service.library.rglob("*.fit")}
        stored["gone.fit"].unlink()
        mtime_ns = stored["rotten.fit"].stat().st_mtime_ns
        stored["rotten.fit"].write_bytes(b"rOtten")
        os.utime(stored["rotten.fit"], ns=(mtime_ns, mtime_ns))
        (source / "changed.fit").write_bytes(b"changed since")

        async def released() -> bool:
            return not await awaited(service) & {"gone.fit", "rotten.fit"}

        await until(released)
        await delete_what_is_due(service)
        assert there(source) == {"changed.fit", "gone.fit"}
        assert stored["rotten.fit"].read_bytes() == b"rotten"


@pytest.mark.parametrize("step", ["waiting", "released", "claimed", "deleted"])
async def test_a_process_that_is_killed_around_it_leaves_nothing_undone(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    archives: Archives,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """Whatever was done when ingest was killed, the next one goes on there, and deletes no file without an archive."""
    write(source, {"a.fit": b"a", "kept.fit": b"kept"})
    with monkeypatch.context() as patch:
        patch.setattr(delete, "AT_ONCE", 0)
        async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
            await service.until_ledger("a.fit", "kept.fit")
            if step != "waiting":
                await archives.add(b"a", read_back=True)

                async def released() -> bool:
                    return await awaited(service) == {"kept.fit"}

                await until(released)
            if step in {"claimed", "deleted"}:
                (claimed,) = await JobStore(service.pool, delete.DELETIONS).claim(5)
                assert claimed["name"] == "a.fit"
            if step == "deleted":
                (source / "a.fit").unlink()
            expired = "UPDATE deletion SET leased_until = now() - interval '1 minute' WHERE state = 'running'"
            await service.pool.execute(expired)
    if step == "waiting":
        await archives.add(b"a", read_back=True)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:

        async def only_the_other_waits() -> bool:
            rows = await service.rows("SELECT name FROM deletion")
            return [row["name"] for row in rows] == ["kept.fit"]

        await until(only_the_other_waits)
        await looked_again(service)
    assert there(source) == {"kept.fit"}


@pytest.mark.parametrize(("now", "left"), [("delete", set()), ("keep", set(FILES)), (None, set(FILES))])
async def test_the_settings_of_today_decide(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    archives: Archives,
    now: AfterTransfer | None,
    left: set[str],
) -> None:
    """What waits for a backup goes at once where the settings say so now, and stays where they keep the source."""
    write(source, FILES)
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger(*FILES)
    sources = [] if now is None else [rig(source, now)]
    async with ingest(configured(settings, tmp_path, *sources), nats_client) as service:

        async def nothing_waits() -> bool:
            return not await service.rows("SELECT FROM deletion")

        await until(nothing_waits)
    await archives.add(b"a", b"b", read_back=True)
    assert there(source) == left


async def test_what_waited_to_be_deleted_waits_for_a_backup_once_the_settings_say_so(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that deleted at once and is told to wait deletes nothing more without an archive."""
    write(source, FILES)
    with monkeypatch.context() as patch:
        patch.setattr(delete, "AT_ONCE", 0)
        async with ingest(configured(settings, tmp_path, rig(source, "delete")), nats_client) as service:
            await service.until_ledger(*FILES)
            assert await awaited(service) == set()
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:

        async def waits() -> bool:
            return await awaited(service) == set(FILES)

        await until(waits)
        assert there(source) == set(FILES)


async def test_an_import_that_moves_waits_for_no_backup(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """What a person moves by an import goes as before, while the files of the source wait."""
    card = tmp_path / "card"
    write(source, FILES)
    write(card, {"a.fit": b"a", "c.fit": b"c"})
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger(*FILES)
        await service.take(card, mode="move")
        await until(lambda: _holds(card, set()))
        await looked_again(service)
        assert there(source) == await awaited(service) == set(FILES)
