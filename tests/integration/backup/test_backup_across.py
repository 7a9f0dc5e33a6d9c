"""Promises of destinations that mend each other: what cannot be read here comes from one that holds it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.backup import app
from services.backup.adoption import adopt_archives
from services.backup.archive.manifest import from_json
from services.backup.destinations import kinds
from services.backup.destinations.port import Destination, Label
from services.backup.settings import DestinationSettings, FolderDestination
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, VerifyBackup
from shared.settings import Settings
from tests.integration.backup.world import SESSION, World, file_id, noise, unpacked, until, world
from tests.memory_destination import MemoryDestination

CONTENTS = {f"night/{n}.fits": noise(n, 60_000) for n in range(4)}
EXPECTED = {f"{SESSION}/library/{path}": data for path, data in CONTENTS.items()}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due, and what failed, is tried soon."""
    monkeypatch.setattr("services.backup.app.CHECKS_INTERVAL_S", 0.2)
    monkeypatch.setattr("shared.jobs.outcome.FIRST_PAUSE_S", 0.1)


async def a_night(one: World) -> list[str]:
    """A session; the ids of its files."""
    ids = [await one.bring(path, content) for path, content in CONTENTS.items()]
    await one.put_in_session(ids)
    return ids


async def test_what_is_damaged_at_one_destination_comes_from_another(settings: Settings, tmp_path: Path) -> None:
    """A damaged archive of a file that is nowhere here any more is made anew from the other destination, and mended."""
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    async with world(
        settings, tmp_path, disk, other, verify_interval_s=0, drill_interval_s=0, compression="none",
        pg_dump=tmp_path / "none",
    ) as one, one.running():  # fmt: skip
        ids = await a_night(one)
        await one.finish()
        await one.settled(archives=2)
        (archive,) = disk.rglob(f"{SESSION}.tar")
        data = bytearray(archive.read_bytes())
        at = data.index(CONTENTS["night/1.fits"][:64])
        data[at] ^= 1
        archive.write_bytes(data)
        (one.library / "night/1.fits").unlink()
        await one.admin.execute("UPDATE ingest.location SET missing_since = now() WHERE file_id = $1", ids[1])
        client = await connect(one.settings.nats, "test")
        await ask(client, VerifyBackup(deep=True, destination="disk"), BackupAccepted)
        await client.close()

        async def found() -> bool:
            return bool(await one.backup.fetchval("SELECT count(*) FROM finding WHERE what = 'member'"))

        await until(found)
        await one.run_now()

        async def mended() -> bool:
            return not await one.backup.fetchval("SELECT count(*) FROM finding WHERE mended_at IS NULL")

        await until(mended)
        (member,) = await one.backup.fetch(
            "SELECT m.file_id, m.state FROM member m JOIN archive a USING (archive_id) WHERE m.elsewhere"
            " AND a.destination = 'disk'"
        )
        assert tuple(member) == (ids[1], "written")
        assert not (one.library / "night/1.fits").exists(), "nothing is written to the library"
    (again,) = disk.rglob(f"{SESSION}.r2.tar")
    assert CONTENTS["night/1.fits"] in again.read_bytes()


async def archived_before_it_rotted(one: World) -> dict[str, Any]:
    """Archive the night while the settings name the first destination alone, then spoil a file here; the archive."""
    both = one.settings.destinations  # type: ignore[attr-defined]
    one.settings = one.settings.model_copy(update={"destinations": both[:1]})
    async with one.running():
        await one.finish()
        (row,) = await one.settled(archives=1)
    (one.library / "night/2.fits").write_bytes(noise(99, 60_000))
    one.settings = one.settings.model_copy(update={"destinations": both})
    return row


async def test_a_file_that_rotted_here_comes_from_another_destination(settings: Settings, tmp_path: Path) -> None:
    """A destination that is added later gets the content that arrived, though the library's copy has changed since."""
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    async with world(settings, tmp_path, disk, other, pg_dump=tmp_path / "none") as one:
        await a_night(one)
        await archived_before_it_rotted(one)
        async with one.running():
            rows = await one.settled(archives=2)
        assert [(row["phase"], row["files"], row["left_out"]) for row in rows] == [("verified", 4, 0)] * 2
        assert (one.library / "night/2.fits").read_bytes() == noise(99, 60_000)
    assert unpacked(other, tmp_path / "out") == EXPECTED


async def test_a_file_that_rotted_here_is_told_until_it_is_whole(settings: Settings, tmp_path: Path) -> None:
    """A view and the manifest say that it came from elsewhere; read again and whole, it is told no more.

    An archive that is known again by its manifest knows that, too.
    """
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    told = "SELECT file_id, destination, root, path, reason FROM backup.taken_elsewhere"
    async with world(settings, tmp_path, disk, other, pg_dump=tmp_path / "none") as one:
        ids = await a_night(one)
        await archived_before_it_rotted(one)
        rotten = one.library / "night/2.fits"
        reason = f"{rotten} has another content than when it arrived"

        async def reads_again() -> None:
            before = await one.backup.fetchval("SELECT max(not_read_at) FROM backup.taken_elsewhere")
            await one.admin.execute("UPDATE ingest.file SET announced_at = clock_timestamp()")

            async def read() -> bool:
                at = await one.backup.fetchval("SELECT max(not_read_at) FROM backup.taken_elsewhere")
                return at is None or at > before

            await until(read)

        async with one.running():
            await one.settled(archives=2)
            expected = (ids[2], "other", "library", "night/2.fits", reason)
            assert [tuple(row) for row in await one.backup.fetch(told)] == [expected]
            await reads_again()
            assert [tuple(row) for row in await one.backup.fetch(told)] == [expected], "it is rotten still"
            long_ago = "UPDATE member SET not_read_at = clock_timestamp() - interval '25 hours' WHERE elsewhere"
            await one.backup.execute(long_ago)
            recent = "SELECT count(*) FROM backup.taken_elsewhere WHERE not_read_at > now() - interval '1 hour'"
            await until(lambda: one.backup.fetchval(recent))
            assert [tuple(row) for row in await one.backup.fetch(told)] == [expected], "it is rotten a day later"
            rotten.write_bytes(CONTENTS["night/2.fits"])
            await reads_again()
            assert await one.backup.fetch(told) == []
        (path,) = other.rglob(f"{SESSION}.manifest.json")
        manifest = from_json(path.read_bytes(), path.name)
        assert {entry.file_id for entry in manifest.files if entry.elsewhere} == {ids[2]}
        await one.backup.execute(
            "UPDATE archive SET phase = 'planned', state = 'waiting', finished_at = NULL WHERE destination = 'other'"
        )
        installation = await one.backup.fetchval("SELECT installation_id FROM installation")
        configured = one.settings.sections(FolderDestination)[1]
        async with kinds.opened(configured, installation) as lies_at, one.admin.acquire() as connection:
            assert await adopt_archives(connection, lies_at, "other") == 1
        known = await one.backup.fetch("SELECT file_id FROM member WHERE elsewhere")
        assert [row["file_id"] for row in known] == [ids[2]]
        assert await one.backup.fetchval("SELECT manifest_sha256 FROM archive WHERE destination = 'other'") == file_id(
            path.read_bytes()
        )


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> dict[str, MemoryDestination]:
    """Destinations in memory, in place of the folders of the settings."""
    made = {name: MemoryDestination(name) for name in ("disk", "other")}

    @asynccontextmanager
    async def opened(
        configured: Iterable[DestinationSettings], _installation_id: str
    ) -> AsyncIterator[Mapping[str, Destination]]:
        yield {one.name: made[one.name] for one in configured}

    monkeypatch.setattr(app, "all_opened", opened)
    return made


@pytest.mark.parametrize("copy_across", [True, False])
async def test_what_has_to_be_thawed_stays_where_it_is(
    settings: Settings, tmp_path: Path, memories: dict[str, MemoryDestination], *, copy_across: bool
) -> None:
    """Nothing is thawed by itself, nor read where the settings forbid it: the archive goes on and names the command."""
    async with world(
        settings, tmp_path, tmp_path / "disk", tmp_path / "other", pg_dump=tmp_path / "none", copy_across=copy_across
    ) as one:
        ids = await a_night(one)
        row = await archived_before_it_rotted(one)
        memories["disk"].labels[row["key"]] = Label(storage_class="DEEP_ARCHIVE")
        memories["disk"].frost[row["key"]] = "frozen"
        async with one.running():
            rows = await one.settled(archives=2)
        (new,) = (row for row in rows if row["destination"] == "other")
        assert (new["phase"], new["files"], new["left_out"]) == ("verified", 3, 1)
        (left,) = await one.backup.fetch("SELECT file_id, reason FROM left_out_file")
        assert left["file_id"] == ids[2]
        assert (f"`nightbus backup restore {ids[2][:16]} --from disk` thaws" in left["reason"]) is copy_across
        assert memories["disk"].asked == []


async def test_another_destination_that_is_away_is_waited_for(
    settings: Settings, tmp_path: Path, memories: dict[str, MemoryDestination], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive waits for the one that holds the content, and says so; its own destination is not called away."""
    monkeypatch.setattr(app, "PLACES_INTERVAL_S", 0.2)
    async with world(settings, tmp_path, tmp_path / "disk", tmp_path / "other", pg_dump=tmp_path / "none") as one:
        await a_night(one)
        await archived_before_it_rotted(one)
        memories["disk"].is_away = True
        async with one.running():

            async def waits() -> bool:
                reasons = [row["reason"] or "" for row in await one.archives(destination="other")]
                return any("another destination is away" in reason for reason in reasons)

            await until(waits)
            assert await one.backup.fetchval("SELECT state FROM destination WHERE name = 'other'") == "ready"
            memories["disk"].is_away = False
            rows = await one.settled(archives=2)
        assert [(row["phase"], row["left_out"]) for row in rows] == [("verified", 0)] * 2
