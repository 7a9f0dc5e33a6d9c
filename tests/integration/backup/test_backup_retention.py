"""Promises of retention: what goes, what never does, and what a destination that deletes nothing is told of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.backup.destinations.folder import FolderOfArchives
from services.backup.destinations.port import Refused
from services.backup.retention.plan import read_plan
from services.backup.retention.remove import JOBS
from services.backup.settings import BackupSettings
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, RunRetention
from shared.events.file import FileRemoved
from shared.jobs.store import JobStore
from shared.settings import Settings
from tests.integration.backup.world import World, file_id, noise, until, world

_COPY = """
INSERT INTO archive (archive_id, destination, collection_id, night, number, phase, state, key, files, stored_bytes)
SELECT $1, destination, 'arrived_20200101', night, 1, 'verified', 'done', 'elsewhere.tar.zst', files, stored_bytes
FROM archive WHERE phase = 'verified' LIMIT 1
"""
_COPIED_MEMBERS = """
INSERT INTO member (archive_id, position, file_id, root, path, name, size_bytes, arrived_at, state)
SELECT $1, position, file_id, root, path, name, size_bytes, arrived_at, 'written' FROM member
"""
_DUMP = """
INSERT INTO dump (dump_id, destination, cause, key, size_bytes, dumped_at, verified_at, state)
VALUES ($1, 'disk', 'nightly', $2, 3, $3, $3, 'done')
"""


@asynccontextmanager
async def finished(settings: Settings, folder: Path, *contents: bytes, **backup: Any) -> AsyncIterator[World]:
    """A finished session that has these files, before backup runs."""
    async with world(settings, folder, folder / "disk", look_interval_s=3600.0, **backup) as one:
        ids = [await one.bring(f"night/{number}.fits", content) for number, content in enumerate(contents)]
        await one.put_in_session(ids)
        await one.finish(tell=False)
        yield one


@asynccontextmanager
async def archived(settings: Settings, folder: Path, *contents: bytes, **backup: Any) -> AsyncIterator[World]:
    """Backup running, which has made one archive of them."""
    async with finished(settings, folder, *contents, **backup) as one, one.running():
        await one.settled(archives=1)
        yield one


async def forget(one: World, *file_ids: str) -> None:
    """Have files forgotten, as a person asks, and wait until backup knows."""
    await one.admin.execute("DELETE FROM ingest.location WHERE file_id = ANY($1::text[])", file_ids)
    await one.admin.execute("DELETE FROM ingest.file WHERE file_id = ANY($1::text[])", file_ids)
    about = {"location_revision": 1, "root": "library", "path": "x", "reason": "the cap was on"}
    await one.publish([FileRemoved(file_id=each, **about) for each in file_ids])

    async def known() -> bool:
        query = "SELECT count(*) FROM member WHERE state = 'forgotten' AND file_id = ANY($1::text[])"
        return bool(await one.backup.fetchval(query, list(file_ids)) == len(file_ids))

    await until(known)


async def ask_retention(one: World) -> int:
    """What `nightbus backup retention` asks; how many deletions were committed."""
    client = await connect(one.settings.nats, "test")
    accepted = await ask(client, RunRetention(), BackupAccepted)
    await client.close()
    return accepted.jobs


async def run_retention(one: World) -> int:
    """The same once all of them have ended."""
    asked = await ask_retention(one)

    async def ended() -> bool:
        query = "SELECT count(*) FROM removal WHERE state IN ('waiting', 'running')"
        return not await one.backup.fetchval(query)

    await until(ended)
    return asked


async def removals(one: World) -> list[dict[str, Any]]:
    """The deletions, and how each ended."""
    return [dict(row) for row in await one.backup.fetch("SELECT * FROM removals ORDER BY key")]


def objects(disk: Path) -> list[str]:
    """The endings of what lies at a destination, but its marker."""
    found = [path.name for path in disk.rglob("*") if path.is_file() and path.name != "installation.json"]
    return sorted(name[name.index(".") :] for name in found)


WHOLE = [".SHA256SUMS", ".manifest.json", ".tar.zst"]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A destination."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


async def test_an_archive_goes_once_all_its_files_are_forgotten(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """With `delete_forgotten` alone; its manifest goes too, its row says why, and a dry run said it before."""
    async with archived(settings, tmp_path, b"first", b"second", delete_forgotten=True) as one:
        first, second = file_id(b"first"), file_id(b"second")
        await forget(one, first)
        assert await run_retention(one) == 0
        assert objects(disk) == WHOLE, "one of its files is the only copy there"
        await forget(one, second)
        async with one.backup.acquire() as connection:
            plan = await read_plan(connection, one.settings.section(BackupSettings))
            assert (await read_plan(connection, BackupSettings())).removals == [], "archives stay unless it is set"
        assert [removal.why for removal in plan.removals] == ["all of its files are forgotten"]
        assert await run_retention(one) == 1
        (row,) = await one.archives()
        assert (row["phase"], row["gone_reason"]) == ("gone", "all of its files are forgotten")
        assert await one.backup.fetchval("SELECT count(*) FROM archived_file") == 0
    assert objects(disk) == []


async def test_what_became_the_last_copy_since_it_was_planned_stays(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between plan and deletion the other copy is found damaged: nothing is deleted, and it is no failure."""
    async with archived(settings, tmp_path, b"first", b"second", delete_forgotten=True) as one:
        other = uuid4()
        await one.backup.execute(_COPY, other)
        await one.backup.execute(_COPIED_MEMBERS, other)
        await one.backup.execute("UPDATE member SET state = 'forgotten' WHERE file_id = $1", file_id(b"first"))
        real = JobStore.claim

        async def spoil_first(store: JobStore, most: int) -> Any:
            if store.table is JOBS:
                await one.backup.execute("UPDATE member SET state = 'damaged' WHERE archive_id = $1", other)
            return await real(store, most)

        monkeypatch.setattr(JobStore, "claim", spoil_first)
        assert await run_retention(one) == 1
        (removal,) = await removals(one)
        assert removal["state"] == "done"
        assert removal["reason"].endswith("stays: it is the last good copy there now")
        assert {row["phase"] for row in await one.archives()} == {"verified"}
    assert objects(disk) == WHOLE


async def test_a_destination_that_deletes_nothing_keeps_it_and_says_so(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that may only write: the archive counts as before, a sentence says why, and it is not asked each day."""

    async def refuse(_folder: FolderOfArchives, _key: str) -> None:
        raise Refused("the key may not delete")

    async with archived(settings, tmp_path, b"first", b"second", delete_forgotten=True) as one:
        await forget(one, file_id(b"first"), file_id(b"second"))
        with monkeypatch.context() as patch:
            patch.setattr(FolderOfArchives, "delete", refuse)
            assert await run_retention(one) == 1
        (removal,) = await removals(one)
        assert removal["state"] == "failed"
        assert removal["reason"].endswith("stays at disk, which deletes nothing: the key may not delete")
        (row,) = await one.archives()
        assert (row["phase"], row["gone_reason"]) == ("verified", None)
        assert objects(disk) == WHOLE
        assert await run_retention(one) == 1, "a person may ask again at once"
        assert objects(disk) == []


async def test_what_is_deleted_counts_no_more_whatever_lies_beside_it(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive goes, its manifest is refused, as on a disk that becomes read-only: nobody counts on the archive."""
    real = FolderOfArchives.delete

    async def refuse_manifests(folder: FolderOfArchives, key: str) -> None:
        if key.endswith(".manifest.json"):
            raise Refused("the disk is read-only")
        await real(folder, key)

    async with archived(settings, tmp_path, b"first", delete_forgotten=True) as one:
        await forget(one, file_id(b"first"))
        monkeypatch.setattr(FolderOfArchives, "delete", refuse_manifests)
        assert await run_retention(one) == 1
        (removal,) = await removals(one)
        assert removal["state"] == "failed"
        assert "manifest.json stays at disk, without backups/raw/" in removal["reason"]
        assert [row["phase"] for row in await one.archives()] == ["gone"]
    assert objects(disk) == [".SHA256SUMS", ".manifest.json"]


async def test_a_deletion_whose_process_died_is_done_by_the_next(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the archive was written down as gone and before it was: nobody counts on it, and the object goes."""
    hangs = asyncio.Event()

    async def hang(_folder: FolderOfArchives, _key: str) -> None:
        hangs.set()
        await asyncio.sleep(3600)

    async with finished(settings, tmp_path, b"first", b"second", delete_forgotten=True) as one:
        with monkeypatch.context() as patch:
            patch.setattr(FolderOfArchives, "delete", hang)
            async with one.running():
                await one.settled(archives=1)
                await forget(one, file_id(b"first"), file_id(b"second"))
                await ask_retention(one)
                await hangs.wait()
        assert [row["phase"] for row in await one.archives()] == ["gone"]
        assert objects(disk) == WHOLE
        expired = "UPDATE removal SET state = 'running', leased_until = now() - interval '1 minute'"
        await one.backup.execute(expired)
        async with one.running():

            async def done() -> bool:
                return [removal["state"] for removal in await removals(one)] == ["done"]

            await until(done)
        assert objects(disk) == []
        assert [row["phase"] for row in await one.archives()] == ["gone"]


async def test_dumps_that_newer_ones_replace_go_with_their_notes(
    settings: Settings, tmp_path: Path, disk: Path
) -> None:
    """By the days, weeks and months of the settings; the newest dump stays whatever they say."""
    now = datetime.now(UTC)
    kept = {"keep_weekly_dumps": 0, "keep_monthly_dumps": 0, "keep_daily_dumps": 2}
    async with archived(settings, tmp_path, b"first", **kept) as one:
        (marker,) = disk.rglob("installation.json")
        folder = marker.parent / "backups" / "database"
        folder.mkdir(parents=True, exist_ok=True)
        for age in range(5):
            name = f"nightbus-{age}.dump"
            (folder / name).write_bytes(b"pg")
            (folder / f"{name}.json").write_bytes(b"{}")
            await one.backup.execute(
                _DUMP, UUID(int=age), f"backups/database/{name}", now - timedelta(days=age, minutes=1)
            )
        assert await run_retention(one) == 3
        assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
            "nightbus-0.dump", "nightbus-0.dump.json", "nightbus-1.dump", "nightbus-1.dump.json",
        ]  # fmt: skip
        gone = await one.backup.fetch(
            "SELECT dump_id, gone_reason FROM dumps WHERE gone_at IS NOT NULL ORDER BY dump_id"
        )
        assert [row["dump_id"].int for row in gone] == [2, 3, 4]
        assert {row["gone_reason"] for row in gone} == {"newer dumps stay: 2 daily, 0 weekly, 0 monthly"}


async def test_a_cap_warns_and_deletes_nothing(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """What a destination holds above the cap is said in a sentence; all archives stay."""
    async with archived(settings, tmp_path, noise(1, 50_000), warn_above_gb=0.000001) as one:
        async with one.backup.acquire() as connection:
            plan = await read_plan(connection, one.settings.section(BackupSettings))
        (warning,) = plan.warnings
        assert warning.startswith("the destination disk holds 5")
        assert warning.endswith("more than 1.0 kB: nothing is deleted for that")
        assert await run_retention(one) == 0
    assert objects(disk) == WHOLE
