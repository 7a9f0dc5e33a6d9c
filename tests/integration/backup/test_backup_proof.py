"""Proof on the running service: what verifications, read-backs and drills find, and how it is mended."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from services.backup.archive.extract import Damaged
from services.backup.destinations.port import Destination
from services.backup.proof.examine import Seen, Told, examine
from services.backup.proof.sent import Sent
from services.backup.restore.fetch import fetch
from services.backup.restore.unpack import Readable, unpack
from services.backup.restore.wanted import Copy
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.commands import BackupAccepted, ReadBackFiles, VerifyBackup
from shared.settings import Settings
from tests.integration.backup.world import OTHER, SESSION, World, noise, until, world

FILES = 12


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due, and whether a finding is mended, is looked at often."""
    monkeypatch.setattr("services.backup.app.CHECKS_INTERVAL_S", 0.2)


@pytest.fixture
async def archived(settings: Settings, tmp_path: Path) -> AsyncIterator[World]:
    """Two sessions, each archived to a folder by a service that runs; no check is due by itself."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(
        settings, tmp_path, disk, verify_interval_s=0, drill_interval_s=0, compression="none", look_interval_s=0.5,
        pg_dump=tmp_path / "none",
    ) as one:  # fmt: skip
        for session, seed in ((SESSION, 0), (OTHER, 100)):
            ids = [await one.bring(f"{session}/{n}.fits", noise(seed + n, 60_000)) for n in range(FILES)]
            await one.put_in_session(ids, session)
        async with one.running():
            for session in (SESSION, OTHER):
                await one.finish(session)
            await one.settled(archives=2)
            yield one


def objects(one: World, ending: str) -> list[Path]:
    """What lies at the destination, by key."""
    return sorted((one.library.parent / "disk").rglob(f"*{ending}"))


async def told(one: World, command: VerifyBackup | ReadBackFiles) -> BackupAccepted:
    """What the service answers."""
    client = await connect(one.settings.nats, "test")
    try:
        return await ask(client, command, BackupAccepted)
    finally:
        await client.close()


async def checked(one: World, command: VerifyBackup | ReadBackFiles) -> dict[str, Any]:
    """A check, to its end; its row."""
    accepted = await told(one, command)

    async def row() -> Any:
        return await one.backup.fetchrow("SELECT * FROM check_progress WHERE command_id = $1", command.command_id)

    async def done() -> bool:
        return (await row())["state"] not in ("waiting", "running")

    assert accepted.jobs == 1
    await until(done)
    found = dict(await row())
    assert found["state"] == "done", found["reason"]
    return found


async def row_of(one: World, query: str) -> dict[str, Any]:
    """The one row that a query finds."""
    (row,) = await one.backup.fetch(query)
    return dict(row)


async def findings(one: World) -> list[dict[str, Any]]:
    """All findings."""
    return [dict(row) for row in await one.backup.fetch("SELECT * FROM findings ORDER BY finding_id")]


async def mended(one: World) -> None:
    """Wait until every finding is mended."""

    async def none_open() -> bool:
        return all(row["mended_at"] is not None for row in await findings(one))

    await until(none_open)


async def test_what_is_as_it_was_sent_is_said_so(archived: World) -> None:
    """A deep verification reads every byte, writes when that was, for each file too, and finds nothing."""
    row = await checked(archived, VerifyBackup(deep=True))
    assert (row["checked"], row["files"], row["problems"]) == (2, 2 * FILES, 0)
    assert row["read_bytes"] == row["total_bytes"] == sum(path.stat().st_size for path in objects(archived, ".tar"))
    assert "all is as it was sent" in row["result"]
    assert (
        await archived.backup.fetchval("SELECT count(*) FROM archive WHERE deep_verified_at > $1", row["created_at"])
        == 2
    )
    assert (
        await archived.backup.fetchval("SELECT count(*) FROM member WHERE read_back_at > $1", row["created_at"]) == 24
    )
    last = await row_of(archived, "SELECT * FROM last_check WHERE kind = 'verify'")
    assert last["check_id"] == row["check_id"]


async def test_a_flipped_byte_is_found_named_and_mended(archived: World) -> None:
    """One byte of one frame: that frame is damaged and no other, it is archived again, and the finding is mended."""
    path = objects(archived, ".tar")[0]
    data = bytearray(path.read_bytes())
    at = data.index(noise(3, 60_000))
    data[at + 30_000] ^= 1
    path.write_bytes(data)
    row = await checked(archived, VerifyBackup(deep=True))
    assert row["problems"] == 2
    whole, member = await findings(archived)
    assert (whole["what"], member["what"], member["path"]) == ("archive", "member", f"{SESSION}/3.fits")
    assert member["file_id"] == hashlib.sha256(noise(3, 60_000)).hexdigest()
    await archived.settled(archives=3)
    await mended(archived)
    (again,) = await archived.archives(number=2)
    assert (again["phase"], again["files"], again["collection_id"]) == ("verified", 1, SESSION)


async def test_a_missing_archive_is_found_and_sent_again(archived: World) -> None:
    """An archive that somebody deleted: its files are unprotected until they lie in a new one."""
    objects(archived, ".tar")[0].unlink()
    row = await checked(archived, VerifyBackup())
    assert row["problems"] == 1
    (found,) = await findings(archived)
    assert (found["what"], found["collection_id"]) == ("missing", SESSION)
    await archived.settled(archives=3)
    await mended(archived)
    (again,) = await archived.archives(number=2)
    assert (again["phase"], again["files"]) == ("verified", FILES)


async def test_swapped_archives_are_told_apart(archived: World) -> None:
    """Two archives of one size under each other's names are told by name, and their files sent again."""
    one, two = objects(archived, ".tar")
    assert one.stat().st_size == two.stat().st_size
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    await checked(archived, VerifyBackup(deep=True))
    problems = sorted(row["problem"] for row in await findings(archived) if row["what"] == "archive")
    for problem, key, other in zip(problems, (SESSION, OTHER), (OTHER, SESSION), strict=True):
        assert problem.startswith(f"backups/raw/2026/{key}.tar at disk holds the bytes of backups/raw/2026/{other}.tar")
    await archived.settled(archives=4)
    await mended(archived)


async def test_a_short_archive_costs_what_it_lacks(archived: World) -> None:
    """Of an archive that was cut off the size tells without reading: what still lies in it stays archived."""
    path = objects(archived, ".tar")[0]
    path.write_bytes(path.read_bytes()[: 4 * 62_000])
    await checked(archived, VerifyBackup())
    damaged = [row["path"] for row in await findings(archived) if row["what"] == "member"]
    assert 8 <= len(damaged) < FILES
    assert f"{SESSION}/0.fits" not in damaged


@pytest.mark.parametrize("spoilt", [".manifest.json", ".SHA256SUMS"])
async def test_what_lies_beside_is_put_anew(archived: World, spoilt: str) -> None:
    """A manifest or a list of sums that is missing or other is written again from the database, and that is said."""
    one, two = objects(archived, spoilt)
    before = one.read_bytes(), two.read_bytes()
    one.unlink()
    two.write_bytes(before[1].replace(b"60000", b"60001").replace(b"0.fits", b"9.fits"))
    row = await checked(archived, VerifyBackup())
    assert row["problems"] == 2
    assert [found["mended_by"] for found in await findings(archived)] == ["it was written anew from the database"] * 2
    assert (one.read_bytes(), two.read_bytes()) == before
    assert (await checked(archived, VerifyBackup()))["problems"] == 0


async def test_an_unplugged_disk_has_lost_nothing(archived: World) -> None:
    """A destination that is away is waited for: nothing is found missing, and the check goes on when it is back."""
    disk = archived.library.parent / "disk"
    disk.rename(disk.with_name("unplugged"))
    disk.mkdir()
    command = VerifyBackup(deep=True)
    await told(archived, command)

    async def waits() -> bool:
        row = await row_of(archived, "SELECT state, reason FROM check_progress")
        return bool(row["state"] == "waiting" and row["reason"])

    await until(waits)
    assert await findings(archived) == []
    disk.rmdir()
    disk.with_name("unplugged").rename(disk)
    await archived.backup.execute("UPDATE check_job SET next_try_at = clock_timestamp()")

    async def done() -> bool:
        return bool(await archived.backup.fetchval("SELECT state = 'done' FROM check_progress"))

    await until(done)
    assert await findings(archived) == []


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_what_retention_lets_go_meanwhile_stays_gone(
    archived: World, monkeypatch: pytest.MonkeyPatch, is_deleted: bool
) -> None:
    """While an archive is looked at retention lets it go: it is neither told as there again, nor found missing."""
    path = objects(archived, ".tar")[0]

    async def let_go(destination: Destination, sent: Sent, told: Told, *, deep: bool) -> Seen:
        query = "UPDATE archive SET phase = 'gone', gone_reason = 'forgotten' WHERE archive_id = $1"
        await archived.backup.execute(query, sent.archive_id)
        if is_deleted:
            path.unlink()
        return await examine(destination, sent, told, deep=deep)

    monkeypatch.setattr("services.backup.proof.verify.examine", let_go)
    row = await checked(archived, VerifyBackup(session_ids=(SESSION,), deep=True))
    assert (row["checked"], row["problems"]) == (1, 0)
    (gone,) = await archived.archives(collection_id=SESSION, number=1)
    assert (gone["phase"], gone["gone_reason"]) == ("gone", "forgotten")
    assert await findings(archived) == []


async def test_samples_cover_everything(archived: World) -> None:
    """As many runs as one in so many check every archive once."""
    seen = []
    for _ in range(3):
        before = await archived.backup.fetchval("SELECT clock_timestamp()")
        row = await checked(archived, VerifyBackup(sample=3))
        rows = await archived.backup.fetch("SELECT archive_id FROM archive WHERE verified_at > $1", before)
        assert row["checked"] == len(rows)
        seen += [found["archive_id"] for found in rows]
    assert len(seen) == len(set(seen)) == 2


async def test_a_session_alone_is_checked(archived: World) -> None:
    """Of a session only its archives are looked at; one that nobody knows is said to be so."""
    assert (await checked(archived, VerifyBackup(session_ids=(SESSION,))))["checked"] == 1
    with pytest.raises(UserError, match="20250101_00000000"):
        await told(archived, VerifyBackup(session_ids=("20250101_00000000",)))
    with pytest.raises(UserError, match="no destination elsewhere"):
        await told(archived, VerifyBackup(destination="elsewhere"))


async def test_the_very_members_are_read_back(archived: World) -> None:
    """A read-back notes for each file that its member was read; of a damaged one it says so instead."""
    good, bad = (hashlib.sha256(noise(n, 60_000)).hexdigest() for n in (1, 2))
    await archived.backup.execute("UPDATE member SET read_back_at = NULL")
    path = objects(archived, ".tar")[0]
    data = bytearray(path.read_bytes())
    data[data.index(noise(2, 60_000)) + 7] ^= 1
    path.write_bytes(data)
    row = await checked(archived, ReadBackFiles(file_ids=(good, bad, "0" * 64)))
    assert (row["files"], row["problems"]) == (1, 1)
    assert row["read_bytes"] < 4 * 62_000
    read = await archived.backup.fetch("SELECT file_id FROM member WHERE read_back_at IS NOT NULL")
    assert [one["file_id"] for one in read] == [good]
    (found,) = await findings(archived)
    assert (found["what"], found["file_id"]) == ("member", bad)
    await archived.settled(archives=3)
    await mended(archived)


async def test_what_reads_wrong_once_is_read_back_once_more(archived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that was changed on its way here is read again: it is sound, and no finding."""

    async def changed(*asked: Any) -> AsyncIterator[tuple[Copy, str | None]]:
        async for copy, _reason in fetch(*asked):
            yield copy, "it came here otherwise"

    monkeypatch.setattr("services.backup.proof.read_back.fetch", changed)
    wanted = [hashlib.sha256(noise(n, 60_000)).hexdigest() for n in (1, 2)]
    row = await checked(archived, ReadBackFiles(file_ids=tuple(wanted)))
    assert (row["files"], row["problems"]) == (2, 0)
    assert await findings(archived) == []


async def test_what_reads_wrong_once_fails_no_drill(archived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drill that was given other bytes once is made again, and nothing counts as damaged."""
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)
    wrong = [True]

    def once(stored: Readable, copy: Copy, target: BinaryIO | None = None) -> None:
        if wrong:
            wrong.clear()
            raise Damaged("it came here otherwise")
        unpack(stored, copy, target)

    monkeypatch.setattr("services.backup.restore.restore.unpack", once)
    await archived.backup.execute(
        "INSERT INTO check_job (check_id, kind, destination) VALUES (gen_random_uuid(), 'drill', 'disk')"
    )

    async def done() -> bool:
        return bool(await archived.backup.fetchval("SELECT state = 'done' FROM check_progress WHERE kind = 'drill'"))

    await until(done)
    row = await row_of(archived, "SELECT * FROM check_progress WHERE kind = 'drill'")
    assert (row["attempt"], row["problems"]) == (2, 0)
    assert await findings(archived) == []
    assert await archived.backup.fetchval("SELECT count(*) FROM member WHERE state = 'damaged'") == 0


async def test_a_verification_that_was_killed_goes_on(archived: World) -> None:
    """What was found sound before is not read again by a later attempt, and is counted once."""
    command = VerifyBackup(deep=True)
    row = await checked(archived, command)
    await archived.backup.execute(
        "UPDATE check_job SET state = 'waiting', next_try_at = clock_timestamp() WHERE check_id = $1",
        row["check_id"],
    )

    async def done() -> bool:
        return bool(await archived.backup.fetchval("SELECT state = 'done' AND attempt = 2 FROM check_progress"))

    await until(done)
    again = await row_of(archived, "SELECT * FROM check_progress")
    assert (again["checked"], again["read_bytes"], again["files"]) == (2, row["read_bytes"], 2 * FILES)


async def test_checks_are_due_by_themselves(settings: Settings, tmp_path: Path) -> None:
    """Without anybody asking, a share of the archives is verified and some files are brought back for once."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, verify_sample=1, drill_files=3) as one:
        ids = [await one.bring(f"{n}.fits", noise(n, 30_000)) for n in range(4)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()

            async def both() -> bool:
                kinds = await one.backup.fetch("SELECT kind, result FROM last_check")
                return {row["kind"] for row in kinds} == {"verify", "drill"}

            await until(both)
            rows = {row["kind"]: dict(row) for row in await one.backup.fetch("SELECT * FROM last_check")}
    assert (rows["verify"]["checked"], rows["verify"]["deep"], rows["verify"]["problems"]) == (1, True, 0)
    assert 1 <= rows["drill"]["files"] <= 3
    assert "each with its content" in rows["drill"]["result"]


async def test_a_drill_finds_what_cannot_come_back(settings: Settings, tmp_path: Path) -> None:
    """A drill that meets a damaged file says so, and the file is archived again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(
        settings,
        tmp_path,
        disk,
        verify_interval_s=0,
        drill_interval_s=0,
        drill_files=50,
        compression="none",
        look_interval_s=0.5,
    ) as one:
        ids = [await one.bring(f"{n}.fits", noise(n, 30_000)) for n in range(2)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
            (path,) = disk.rglob("*.tar")
            data = bytearray(path.read_bytes())
            data[data.index(noise(0, 30_000)) + 7] ^= 1
            data[data.index(noise(1, 30_000)) + 7] ^= 1
            path.write_bytes(data)
            await one.backup.execute(
                "INSERT INTO check_job (check_id, kind, destination) VALUES (gen_random_uuid(), 'drill', 'disk')"
            )
            await one.settled(archives=2)
            await mended(one)
            assert {row["what"] for row in await findings(one)} == {"member"}


async def test_a_retry_makes_failed_dumps_and_checks_again(archived: World) -> None:
    """What failed and was not asked for since is tried again; what a later one stands for stays as it ended."""

    async def failed() -> bool:
        return bool(await archived.backup.fetchval("SELECT state = 'failed' FROM dump"))

    await until(failed)  # there is no pg_dump
    await archived.backup.execute(
        "INSERT INTO dump (dump_id, destination, cause, state, created_at, finished_at)"
        " VALUES (gen_random_uuid(), 'disk', 'nightly', 'dead', now() - interval '1 day', now())"
    )
    await archived.backup.execute(
        "INSERT INTO check_job (check_id, kind, destination, state, created_at, finished_at) VALUES"
        " (gen_random_uuid(), 'drill', 'disk', 'dead', now() - interval '1 day', now()),"
        " (gen_random_uuid(), 'drill', 'disk', 'failed', clock_timestamp(), clock_timestamp())"
    )
    assert (await archived.retry()).jobs == 2

    async def ended() -> bool:
        dumps = await archived.backup.fetch("SELECT attempt, state FROM dump ORDER BY created_at")
        drills = await archived.backup.fetch("SELECT state FROM check_job ORDER BY created_at")
        return [*map(tuple, dumps), *map(tuple, drills)] == [(0, "dead"), (2, "failed"), ("dead",), ("done",)]

    await until(ended)
