"""Promises of archives: what is in them, what is told of them, and that nothing is sent twice."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.backup import app
from services.backup.plan import arrival_collection
from shared.errors import UserError
from shared.events.base import utc_now
from shared.events.file import FileRemoved
from shared.settings import Settings
from tests.integration.backup.world import ARRIVED, DAY_S, OTHER, SESSION, World, file_id, noise, unpacked, until, world


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The folder of a destination."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def keys(folder: Path) -> list[str]:
    """Names of the archives below a folder."""
    return sorted(path.name for path in folder.rglob("*.tar.zst"))


async def a_session(one: World, *numbers: int, session_id: str = SESSION) -> list[str]:
    """Files of a session, by their numbers."""
    ids = [await one.bring(f"night/{n}.fits", noise(n, 50_000 + n)) for n in numbers]
    await one.put_in_session(ids, session_id)
    return ids


async def test_a_finished_session_is_archived_and_told(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """session.finished makes one archive, which zstd and tar unpack to the same bytes, and it is told."""
    async with world(settings, tmp_path, disk) as one:
        ids = await a_session(one, *range(5))
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
            (told,) = await one.told()
        assert (row["phase"], row["state"], row["files"]) == ("verified", "done", 5)
        assert (told["session_id"], told["revision"], told["destination"]) == (SESSION, 1, "disk")
        assert (told["file_count"], told["left_out"]) == (5, 0)
    contents = unpacked(disk, tmp_path / "out")
    assert contents == {f"{SESSION}/library/night/{n}.fits": noise(n, 50_000 + n) for n in range(5)}
    (manifest,) = disk.rglob("*.manifest.json")
    assert [file["file_id"] for file in json.loads(manifest.read_text())["files"]] == ids


async def test_three_revisions_in_a_row_send_each_file_once(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Revisions that come while one is uploaded wait for it, send what is new alone, and the last manifest has all."""
    async with world(settings, tmp_path, disk, megabytes_per_s=0.2) as one, one.running():
        await one.run_now()  # the look of the start would find the last revision before the first is heard of
        for n in range(3):
            await a_session(one, n)
            await one.finish()
        rows = await one.settled(archives=3)
        assert sum(row["files"] for row in rows) == 3
        told = await one.told()
        assert [event["revision"] for event in told] == [1, 2, 3]
        assert told[-1]["file_count"] == 3
    assert len(unpacked(disk, tmp_path / "out")) == 3
    last = max(disk.rglob("*.manifest.json"), key=lambda path: len(json.loads(path.read_text())["files"]))
    assert len(json.loads(last.read_text())["files"]) == 3


async def test_a_merge_of_sessions_sends_nothing_again(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Files that come from another session are known by content: the new revision is told without another archive.

    The manifest that is told lists all of them, also those that lie in the archive of the other session.
    """
    async with world(settings, tmp_path, disk) as one, one.running():
        ids = await a_session(one, 1, 2)
        await a_session(one, 3, session_id=OTHER)
        await one.finish()
        await one.finish(OTHER)
        await one.settled(archives=2)
        await one.put_in_session(ids, OTHER)
        await one.finish(OTHER)
        rows = await one.settled(archives=3)
        assert rows[-1]["phase"] == "nothing_new"
        assert len(keys(disk)) == 2
        last = (await one.told())[-1]
        assert (last["session_id"], last["revision"], last["file_count"], last["left_out"]) == (OTHER, 2, 3, 0)
        (path,) = disk.rglob(f"{OTHER}.manifest.json")
        assert (str(path).endswith(last["manifest_key"]), file_id(path.read_bytes())) == (True, last["sha256"])
        listed = json.loads(path.read_bytes())["files"]
        assert len(listed) == 3
        assert {one["archive"].rpartition("/")[2] for one in listed} == {f"{SESSION}.tar.zst", f"{OTHER}.tar.zst"}


async def test_a_session_whose_files_another_archive_gets_is_told_with_it(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged while the other archive is under way, it is told once that is verified, however long it would wait."""
    async with world(settings, tmp_path, disk) as one:
        ids = await a_session(one, 1, 2)
        away = one.library.rename(tmp_path / "unplugged")
        async with one.running():
            await one.finish()

            async def waits(session_id: str, phase: str) -> bool:
                rows = await one.archives(collection_id=session_id, phase=phase, state="waiting")
                return len(rows) == 1 and rows[0]["reason"] is not None

            await until(lambda: waits(SESSION, "planned"))
            monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 3600.0)
            await one.put_in_session(ids, OTHER)
            await one.finish(OTHER)
            await until(lambda: waits(OTHER, "nothing_new"))
            away.rename(one.library)
            await one.backup.execute(
                "UPDATE archive SET next_try_at = clock_timestamp() WHERE collection_id = $1", SESSION
            )
            rows = await one.settled(archives=2)
            told = await one.told()
    assert [(row["collection_id"], row["phase"], row["state"]) for row in rows] == [
        (SESSION, "verified", "done"), (OTHER, "nothing_new", "done")
    ]  # fmt: skip
    assert "nothing to tell" in rows[0]["reason"]
    assert rows[1]["reason"] is None
    assert [(event["session_id"], event["file_count"]) for event in told] == [(OTHER, 2)]


async def test_moved_files_add_nothing(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """A file that was moved within the library is archived already: looks and revisions send nothing."""
    async with world(settings, tmp_path, disk) as one, one.running():
        await a_session(one, 1, 2)
        await one.finish()
        await one.settled(archives=1)
        await one.move("night/1.fits", "M42/1.fits")
        await one.run_now(everything=True)
        await one.finish()
        rows = await one.settled(archives=2)
        assert [row["phase"] for row in rows] == ["verified", "nothing_new"]
        assert len(keys(disk)) == 1


async def test_a_file_that_moves_before_it_is_read_is_found(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """A member that is elsewhere by now is looked up by its id and read from there."""
    async with world(settings, tmp_path, disk) as one:
        await a_session(one, 1, 2)
        (one.library / "night/1.fits").rename(one.library / "1.fits")
        await one.admin.execute("INSERT INTO ingest.location SELECT root, '1.fits', file_id FROM ingest.location"
                                " WHERE path = 'night/1.fits'")  # fmt: skip
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
        assert (row["files"], row["left_out"]) == (2, 0)
        assert len(unpacked(disk, tmp_path / "out")) == 2


async def test_a_file_that_changed_is_left_out_by_name(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that changed and one that vanished are tried again, then the archive goes on without them, and says so."""
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)
    async with world(settings, tmp_path, disk) as one:
        await a_session(one, *range(6))
        (one.library / "night/2.fits").write_bytes(noise(99, 50_002))
        (one.library / "night/4.fits").unlink()
        async with one.running():
            await one.finish()
            (row,) = await one.settled(archives=1)
        assert (row["phase"], row["files"], row["left_out"]) == ("verified", 4, 2)
        reasons = [tuple(row) for row in await one.backup.fetch("SELECT path, reason FROM left_out_file ORDER BY path")]
        assert [path for path, _ in reasons] == ["night/2.fits", "night/4.fits"]
        assert "another content" in reasons[0][1]
        assert "not in" in reasons[1][1]
        (told,) = await one.told()
        assert (told["file_count"], told["left_out"]) == (4, 2)
        assert [
            row["tries"] for row in await one.backup.fetch("SELECT tries FROM member WHERE state = 'left_out'")
        ] == [
            3,
            3,
        ]
    assert len(unpacked(disk, tmp_path / "out")) == 4
    (manifest,) = disk.rglob("*.manifest.json")
    assert [file["path"] for file in json.loads(manifest.read_text())["left_out"]] == ["night/2.fits", "night/4.fits"]


async def test_a_night_of_which_nothing_can_be_read_leaves_nothing_behind(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every file is left out there is no archive, no unfinished upload and nothing told; the files are named."""
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)
    async with world(settings, tmp_path, disk) as one, one.running():
        await a_session(one, 1)
        (one.library / "night/1.fits").write_bytes(b"other")
        await one.finish()
        (row,) = await one.settled(archives=1)
        assert (row["phase"], row["state"], row["left_out"]) == ("nothing_new", "done", 1)
        assert await one.told() == []
        assert keys(disk) == []
        assert [path for path in disk.rglob("*") if path.suffix == ".bytes"] == []
        assert await one.backup.fetchval("SELECT count(*) FROM left_out_file") == 1


async def test_without_a_destination_nothing_is_asked_and_files_count_as_unprotected(
    settings: Settings, tmp_path: Path
) -> None:
    """Off until a destination is set: no rows, no waits, files and nights counted; asking for a run says what to do."""
    async with world(settings, tmp_path, look_interval_s=0.5) as one, one.running():
        await a_session(one, 1, 2)
        await one.finish()

        async def counted() -> bool:
            return bool(await one.backup.fetchval("SELECT nights FROM coverage WHERE destination = ''") == 1)

        await until(counted)
        row = await one.backup.fetchrow("SELECT files, unprotected, archived FROM coverage WHERE destination = ''")
        assert row is not None
        assert tuple(row) == (2, 2, 0)
        assert await one.archives() == []
        with pytest.raises(UserError, match="no destination is set: `nightbus backup setup` adds one"):
            await one.run_now(everything=True)


async def test_a_destination_that_is_added_later_takes_the_past(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Sessions that finished before, and were never told to backup, are archived by the look."""
    async with world(settings, tmp_path, disk) as one:
        await a_session(one, 1, 2)
        await a_session(one, 3, session_id=OTHER)
        await one.finish(tell=False)
        await one.finish(OTHER, tell=False)
        async with one.running():
            rows = await one.settled(archives=2)
            assert [row["phase"] for row in rows] == ["verified", "verified"]
            assert sorted(event["session_id"] for event in await one.told()) == sorted([SESSION, OTHER])


async def test_files_of_no_session_go_by_their_day_of_arrival(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Quarantined, unscanned and side files are archived by arrival day once they waited; every file is covered."""
    async with world(settings, tmp_path, disk, arrival_wait_s=2 * DAY_S) as one:
        await one.bring("night/note.txt", b"seeing was bad")
        await one.bring("night/broken.fits", noise(7, 1000), arrived_at=ARRIVED + timedelta(days=1))
        await one.bring("night/fresh.fits", noise(8, 1000), arrived_at=utc_now())
        async with one.running():
            rows = await one.settled(archives=2)
            await one.run_now()

            async def covered() -> bool:
                return bool(await one.backup.fetchval("SELECT archived FROM coverage WHERE destination = 'disk'") == 2)

            await until(covered)
        assert sorted(row["collection_id"] for row in rows) == ["arrived_20260301", "arrived_20260302"]
        assert arrival_collection(date(2026, 3, 1)) == "arrived_20260301"
        assert await one.told() == []
        assert await one.backup.fetchval("SELECT unprotected FROM coverage WHERE destination = 'disk'") == 1
    assert unpacked(disk, tmp_path / "out")["arrived_20260301/library/night/note.txt"] == b"seeing was bad"


async def test_all_means_all_files_now(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """`run` leaves a new file of no session to its session; `run --all` archives it at once, once."""
    arrived_at = utc_now()
    async with world(settings, tmp_path, disk, arrival_wait_s=2 * DAY_S) as one, one.running():
        await one.bring("new/1.fits", noise(1, 10_000), arrived_at=arrived_at)
        await one.run_now()
        assert await one.archives() == []
        await one.run_now(everything=True)
        (row,) = await one.settled(archives=1)
        assert (row["phase"], row["files"]) == ("verified", 1)
        await one.run_now(everything=True)
        assert len(await one.archives()) == 1
    assert keys(disk) == [f"{arrival_collection(arrived_at.date())}.tar.zst"]


async def test_a_root_that_is_away_is_waited_for(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the files' disk is unplugged the archive waits with the reason; nothing is left out."""
    monkeypatch.setattr(app, "PLACES_INTERVAL_S", 0.2)
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 3600.0)
    async with world(settings, tmp_path, disk) as one:
        await a_session(one, 1, 2)
        one.library.rename(tmp_path / "unplugged")
        async with one.running():
            await one.finish()

            async def waits() -> bool:
                rows = await one.archives()
                return bool(rows) and "the root library" in (rows[0]["reason"] or "")

            await until(waits)
            states = await one.backup.fetch("SELECT state, problem FROM destination")
            assert [tuple(row) for row in states] == [("ready", None)], "nothing is wrong with the destination"
            (tmp_path / "unplugged").rename(one.library)
            (row,) = await one.settled(archives=1)
        assert (row["phase"], row["left_out"]) == ("verified", 0)


async def test_forgotten_files_are_marked_in_their_archives(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """file.removed marks the member; the archive stays as it is until its time is over."""
    async with world(settings, tmp_path, disk) as one, one.running():
        first, _second = await a_session(one, 1, 2)
        await one.finish()
        await one.settled(archives=1)
        await one.publish(
            [
                FileRemoved(
                    file_id=first,
                    location_revision=1,
                    scan_revision=1,
                    root="library",
                    path="night/1.fits",
                    reason="twin",
                )
            ]
        )

        async def marked() -> bool:
            return bool(await one.backup.fetchval("SELECT state FROM member WHERE file_id = $1", first) == "forgotten")

        await until(marked)
        assert len(keys(disk)) == 1


async def test_two_destinations_each_get_all(settings: Settings, tmp_path: Path, disk: Path) -> None:
    """Each destination has an archive of its own and is told of by itself; one that is away holds up no other."""
    nas = tmp_path / "nas"
    async with world(settings, tmp_path, disk, nas / "backups") as one, one.running():
        await a_session(one, 1)
        await one.finish()

        async def one_is_there() -> bool:
            return [row["destination"] for row in await one.archives(phase="verified")] == ["disk"]

        await until(one_is_there)
        (waiting,) = await one.archives(destination="backups")
        assert waiting["phase"] == "asked"
        nas.mkdir()
        await one.retry()
        await one.settled(archives=2)
        assert sorted(event["destination"] for event in await one.told()) == ["backups", "disk"]


async def test_quiet_hours_hold_uploads_back(
    settings: Settings, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the hours are quiet nothing is sent, and the archive says why it waits."""
    async with world(settings, tmp_path, disk, quiet_hours="00:00-00:00") as one, one.running():
        await a_session(one, 1)
        await one.finish()

        async def waits() -> bool:
            rows = await one.archives()
            return bool(rows) and "the hours are quiet: 00:00-00:00 UTC" in (rows[0]["reason"] or "")

        await until(waits)
        await asyncio.sleep(0)
        assert keys(disk) == []
