"""Promises of days on which much arrives, of what is forgotten meanwhile, and of sessions without an archive."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.backup import plan, strays
from services.backup.adoption import adopt_archives
from services.backup.archive.manifest import from_json
from services.backup.destinations.folder import FolderOfArchives
from services.backup.destinations.port import Label, Upload
from services.backup.look import Look
from services.backup.strays import Strays
from services.standalone.restoring.files import FilesBack, Folders
from shared.events.commands import RunBackup
from shared.events.file import FileRemoved
from shared.settings import Settings
from tests.integration.backup.world import OTHER, SESSION, World, file_id, noise, unpacked, until, world
from tests.memory_destination import MemoryDestination

DAY = "arrived_20260301"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The folder of a destination."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


async def forget(one: World, forgotten: str, path: str) -> None:
    """Forget a file, as ingest does."""
    await one.admin.execute("DELETE FROM ingest.location WHERE file_id = $1", forgotten)
    await one.admin.execute("DELETE FROM ingest.file WHERE file_id = $1", forgotten)
    await one.publish(
        [
            FileRemoved(
                file_id=forgotten, location_revision=1, scan_revision=1, root="library", path=path, reason="a person"
            )
        ]
    )  # fmt: skip


async def test_a_day_with_too_much_goes_on_in_other_collections(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No collection of a day has more files than its manifest may list; each file is sent once, also later ones."""
    monkeypatch.setattr(plan, "MOST_FILES", 2)
    async with world(settings, tmp_path, disk, arrival_wait_s=0, pg_dump=tmp_path / "none") as one:
        contents = {f"side/{n}.txt": noise(n, 1000 + n) for n in range(5)}
        for path, data in contents.items():
            await one.bring(path, data)
        async with one.running():
            rows = await one.settled(archives=3)
            found = {row["collection_id"]: (row["phase"], row["files"]) for row in rows}
            assert found == {DAY: ("verified", 2), f"{DAY}_2": ("verified", 2), f"{DAY}_3": ("verified", 1)}
            await one.bring("side/late.txt", noise(9, 2000))
            await one.run_now()
            rows = await one.settled(archives=4)
            assert (rows[-1]["collection_id"], rows[-1]["files"], rows[-1]["number"]) == (f"{DAY}_3", 1, 2)
    manifests = [from_json(path.read_bytes(), path.name) for path in disk.rglob("*.manifest.json")]
    assert max(len(manifest.files) for manifest in manifests) == 2
    sent = {Path(name).name: data for name, data in unpacked(disk, tmp_path / "out").items()}
    assert sent == {Path(path).name: data for path, data in contents.items()} | {"late.txt": noise(9, 2000)}


async def test_what_is_forgotten_while_its_archive_is_made_is_marked(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose bytes were sent, and one that cannot be read any more: both are forgotten once the archive is there."""
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)
    async with world(
        settings, tmp_path, disk, megabytes_per_s=4.0, compression="none", pg_dump=tmp_path / "none"
    ) as one:
        ids = [await one.bring(f"night/{n}.fits", noise(n, 6_000_000)) for n in range(6)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()

            async def sent() -> bool:
                return bool(await one.backup.fetchval("SELECT max(sent_bytes) > 0 FROM archive"))

            await until(sent)
            await forget(one, ids[0], "night/0.fits")
            (one.library / "night/5.fits").unlink()
            await forget(one, ids[5], "night/5.fits")

            async def heard() -> bool:
                return bool(await one.backup.fetchval("SELECT count(*) FROM inbox") >= 3)

            await until(heard)
            (row,) = await one.settled(archives=1)
        assert row["phase"] == "verified"
        states = await one.backup.fetch("SELECT file_id, state FROM member ORDER BY position")
        assert [row["state"] for row in states] == ["forgotten", *["written"] * 4, "forgotten"]
        assert await one.backup.fetchval("SELECT count(*) FROM left_out_file") == 0


async def test_a_session_without_an_archive_has_a_manifest(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """All of its files came from another session: its own manifest lists where they lie, and is no archive to adopt."""
    async with world(settings, tmp_path, disk, pg_dump=tmp_path / "none") as one:
        ids = [await one.bring(f"night/{n}.fits", noise(n, 5000)) for n in range(3)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
            await one.put_in_session(ids[:2], OTHER)
            late = await one.bring("night/late.fits", noise(8, 5000))
            await one.finish(OTHER)
            rows = await one.settled(archives=2)
            assert rows[-1]["phase"] == "nothing_new"
            await one.put_in_session([late], OTHER)
            (told,) = [event for event in await one.told() if event["session_id"] == OTHER]
            assert (told["file_count"], told["left_out"]) == (2, 0)
            (path,) = disk.rglob(f"{OTHER}.manifest.json")
            assert (str(path).endswith(told["manifest_key"]), file_id(path.read_bytes())) == (True, told["sha256"])
            manifest = from_json(path.read_bytes(), path.name)
            assert (manifest.key, [one.archive for one in manifest.files]) == (None, [told["key"]] * 2)
            await one.finish(OTHER)
            await one.settled(archives=3)
        installation = await one.backup.fetchval("SELECT installation_id FROM installation")
        folder = FolderOfArchives("disk", disk, f"nightbus-{installation}", installation)
        async with one.admin.acquire() as connection:
            await connection.execute("DELETE FROM backup.archive")
            assert await adopt_archives(connection, folder, "disk") == 2
    assert sorted(path.name for path in disk.rglob(f"{OTHER}*.tar.zst")) == [f"{OTHER}.r2.tar.zst"]


async def test_a_run_is_answered_before_anything_is_looked_at(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look is a job: the answer names it and comes at once, however many files there are."""
    async with world(settings, tmp_path, disk, pg_dump=tmp_path / "none") as one, one.running():
        go = asyncio.Event()
        whole = Look.whole

        async def slow(look: Look, *, at_once: bool = False) -> int:
            await go.wait()
            return await whole(look, at_once=at_once)

        monkeypatch.setattr(Look, "whole", slow)
        command = RunBackup()
        accepted = await one._ask(command)
        assert accepted.job_id == command.command_id
        state = await one.backup.fetchval("SELECT count(*) FROM look_progress WHERE look_id = $1", command.command_id)
        assert state == 1
        go.set()

        async def over() -> bool:
            return not await one.backup.fetchval("SELECT count(*) FROM look")

        await until(over)


async def test_a_start_tries_at_once_what_waits(settings: Settings, tmp_path: Path) -> None:
    """An archive that waits an hour for its disk is made as soon as the service starts with the disk there."""
    disk = tmp_path / "away" / "disk"
    async with world(settings, tmp_path, disk, pg_dump=tmp_path / "none") as one:
        await one.put_in_session([await one.bring("night/1.fits", noise(1, 5000))])
        async with one.running():
            await one.finish()

            async def is_away() -> bool:
                return bool(await one.backup.fetchval("SELECT state FROM destination") == "away")

            await until(is_away)
        await one.backup.execute("UPDATE archive SET next_try_at = clock_timestamp() + interval '50 minutes'")
        disk.parent.mkdir()
        async with one.running():
            (row,) = await one.settled(archives=1)
        assert row["phase"] == "verified"


async def test_uploads_that_nobody_goes_on_with_are_aborted(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Once they are a day old; what an archive goes on with stays, and a destination that is away holds up no other."""
    old = datetime.now(UTC) - strays.STALE_AFTER - timedelta(minutes=1)
    async with world(settings, tmp_path, disk) as one:
        gone, there = MemoryDestination("gone"), MemoryDestination("disk")
        gone.is_away = True
        uploads = [await there.begin(f"backups/raw/2026/{n}.tar", Label(), 1000) for n in range(3)]
        for upload in uploads[:2]:
            there.begun[upload.upload_id].upload = Upload(upload.key, upload.upload_id, old)
        await one.backup.execute(
            "INSERT INTO archive (archive_id, destination, collection_id, night, phase, upload_id)"
            " VALUES (gen_random_uuid(), 'disk', $1, '2026-02-28', 'planned', $2)",
            SESSION, uploads[1].upload_id,
        )  # fmt: skip
        await Strays(one.backup, {"gone": gone, "disk": there}).turn()
        assert set(there.begun) == {upload.upload_id for upload in uploads[1:]}


async def test_everything_that_is_cold_is_known_before_it_is_restored(
    settings: Settings, tmp_path: Path, disk: Path
) -> None:
    """The archives that have to be thawed, each once with what is read of it; none for files that are here."""
    async with world(settings, tmp_path, disk, compression="none", pg_dump=tmp_path / "none") as one:
        for n, session in enumerate((SESSION, OTHER)):
            ids = [await one.bring(f"{n}/{m}.fits", noise(10 * n + m, 5000)) for m in range(3)]
            await one.put_in_session(ids, session)
        async with one.running():
            for session in (SESSION, OTHER):
                await one.finish(session)
            await one.settled(archives=2)
        cold = MemoryDestination("disk")
        for path in disk.rglob("*.tar"):
            key = str(path.relative_to(next(disk.glob("nightbus-*"))))
            cold.objects[key] = path.read_bytes()
            cold.labels[key] = Label(storage_class="DEEP_ARCHIVE")
            cold.frost[key] = "frozen"
        folders = Folders(tmp_path / "back", tmp_path / "trees", tmp_path / "newer")
        async with one.admin.acquire() as connection:
            back = FilesBack(connection, cold, "disk", folders, lambda _files: None)
            found = await back.cold()
            assert sorted(archive.key for archive in found) == sorted(cold.objects)
            assert {archive.frost for archive in found} == {"frozen"}
            assert sum(archive.read_bytes for archive in found) == await connection.fetchval(
                "SELECT sum(stored_bytes) FROM backup.member"
            )
            assert back.so_far.archived == 0, "nothing is counted before it is restored"
            key = next(key for key in cold.objects if SESSION in key)
            del cold.frost[key]
            for copied in range(3):
                (tmp_path / "back" / "1").mkdir(parents=True, exist_ok=True)
                (tmp_path / "back" / "1" / f"{copied}.fits").write_bytes(noise(10 + copied, 5000))
            assert await FilesBack(connection, cold, "disk", folders, lambda _files: None).cold() == ()
