"""Promises of retention: what goes, what never does, and what a destination that deletes nothing is told of."""

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
from tests.integration.backup.world import World, noise, until, world

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


async def archived(one: World, *contents: bytes) -> list[str]:
    """One archive of a session with these files; their ids."""
    ids = [await one.bring(f"night/{number}.fits", content) for number, content in enumerate(contents)]
    await one.put_in_session(ids)
    await one.finish()
    await one.settled(archives=1)
    return ids


async def forget(one: World, *file_ids: str) -> None:
    """Have files forgotten, as a person asks, and wait until backup knows."""
    for file_id in file_ids:
        await one.admin.execute("DELETE FROM ingest.location WHERE file_id = $1", file_id)
        await one.admin.execute("DELETE FROM ingest.file WHERE file_id = $1", file_id)
    await one.publish(
        [
            FileRemoved(file_id=file_id, location_revision=1, root="library", path="x", reason="the cap was on")
            for file_id in file_ids
        ]
    )

    async def known() -> bool:
        query = "SELECT count(*) FROM member WHERE state = 'forgotten' AND file_id = ANY($1::text[])"
        return bool(await one.backup.fetchval(query, list(file_ids)) == len(file_ids))

    await until(known)


async def run_retention(one: World) -> int:
    """What `nightbus backup retention` asks; how many deletions were committed, all of which have ended."""
    client = await connect(one.settings.nats, "test")
    accepted = await ask(client, RunRetention(), BackupAccepted)
    await client.close()

    async def ended() -> bool:
        query = "SELECT count(*) FROM removal WHERE state IN ('waiting', 'running')"
        return not await one.backup.fetchval(query)

    await until(ended)
    return accepted.jobs


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
    async with world(settings, tmp_path, disk, delete_forgotten=True) as one, one.running():
        first, second = await archived(one, b"first", b"second")
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
    async with world(settings, tmp_path, disk, delete_forgotten=True) as one, one.running():
        first, _second = await archived(one, b"first", b"second")
        other = uuid4()
        await one.backup.execute(_COPY, other)
        await one.backup.execute(_COPIED_MEMBERS, other)
        await forget_in(one, first)
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


async def forget_in(one: World, file_id: str) -> None:
    """Have a file forgotten that two archives hold."""
    await one.backup.execute("UPDATE member SET state = 'forgotten' WHERE file_id = $1", file_id)


async def test_a_destination_that_deletes_nothing_keeps_it_and_says_so(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that may only write: the archive counts as before, a sentence says why, and it is not asked each day."""

    async def refuse(_folder: FolderOfArchives, _key: str) -> None:
        raise Refused("the key may not delete")

    async with world(settings, tmp_path, disk, delete_forgotten=True) as one, one.running():
        ids = await archived(one, b"first", b"second")
        await forget(one, *ids)
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


async def test_a_deletion_whose_process_died_is_done_by_the_next(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the archive was written down as gone and before it was: the object goes, and is told of once."""
    async with world(settings, tmp_path, disk, delete_forgotten=True) as one:

        async def killed(_folder: FolderOfArchives, _key: str) -> None:
            await one.backup.execute("UPDATE removal SET leased_until = now() - interval '1 minute'")
            raise RuntimeError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(FolderOfArchives, "delete", killed)
            async with one.running():
                ids = await archived(one, b"first", b"second")
                await forget(one, *ids)
                client = await connect(one.settings.nats, "test")
                await ask(client, RunRetention(), BackupAccepted)
                await client.close()

                async def written_down() -> bool:
                    return bool((await one.archives())[0]["phase"] == "gone")

                await until(written_down)
        assert objects(disk) == WHOLE
        await one.backup.execute("UPDATE removal SET next_try_at = now()")
        async with one.running():

            async def empty() -> bool:
                return objects(disk) == []

            await until(empty)
        assert [row["phase"] for row in await one.archives()] == ["gone"]


async def test_dumps_that_newer_ones_replace_go_with_their_notes(
    settings: Settings, tmp_path: Path, disk: Path
) -> None:
    """By the days, weeks and months of the settings; the newest dump stays whatever they say."""
    now = datetime.now(UTC)
    async with world(settings, tmp_path, disk, keep_weekly_dumps=0, keep_monthly_dumps=0, keep_daily_dumps=2) as one:
        async with one.running():
            await archived(one, b"first")
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
    async with world(settings, tmp_path, disk, warn_above_gb=0.000001) as one, one.running():
        await archived(one, noise(1, 50_000))
        async with one.backup.acquire() as connection:
            plan = await read_plan(connection, one.settings.section(BackupSettings))
        (warning,) = plan.warnings
        assert warning.startswith("the destination disk holds 5")
        assert warning.endswith("more than 1.0 kB: nothing is deleted for that")
        assert await run_retention(one) == 0
    assert objects(disk) == WHOLE
