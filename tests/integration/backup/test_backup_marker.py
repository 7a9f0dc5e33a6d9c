"""Promises about a destination that lost its marker: what lies there counts as archived no more until it is proven."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.backup.destinations import marker
from services.backup.destinations.keys import MARKER
from services.backup.places import Places
from services.backup.store import retention
from services.standalone.binaries import own_pg_dump
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, BackupDatabase, VerifyBackup
from shared.settings import Settings
from tests.integration.backup.world import OTHER, SESSION, World, noise, until, world


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Markers and what is due are looked at often."""
    monkeypatch.setattr("services.backup.app.PLACES_INTERVAL_S", 0.2)
    monkeypatch.setattr("services.backup.places.MARKER_INTERVAL_S", 0.2)
    monkeypatch.setattr("services.backup.app.CHECKS_INTERVAL_S", 0.2)


@pytest.fixture
async def archived(settings: Settings, tmp_path: Path) -> AsyncIterator[World]:
    """Two sessions of a file each, archived to the folder ``disk`` by a service that runs."""
    (tmp_path / "disk").mkdir()
    async with world(
        settings, tmp_path, tmp_path / "disk", verify_interval_s=0, drill_interval_s=0, pg_dump=tmp_path / "none"
    ) as one:
        for n, session in enumerate((SESSION, OTHER)):
            await one.put_in_session([await one.bring(f"{n}.fits", noise(n, 10_000))], session)
        async with one.running():
            for session in (SESSION, OTHER):
                await one.finish(session)
            await one.settled(archives=2)
            await one.run_now()
            await covered(one, archived=2)
            yield one


async def covered(one: World, *, archived: int) -> None:
    """Wait until so many files are counted as archived, and all others as unprotected, there and at any destination."""

    async def counted() -> bool:
        rows = await one.backup.fetch("SELECT archived, unprotected FROM coverage")
        metric = REGISTRY.get_sample_value("nightbus_backup_unprotected_files")
        return [tuple(row) for row in rows] == [(archived, 2 - archived)] * 2 and metric == 2 - archived

    await until(counted)


async def unproven_metric(one: World) -> float | None:
    """What the metric tells of the destination, once a turn of the checks has set it anew."""
    name, labels = "nightbus_backup_unproven_archives", {"destination": "disk"}
    expected = await one.backup.fetchval("SELECT count(*) FROM archive WHERE phase = 'unproven'")

    async def told() -> bool:
        return bool(REGISTRY.get_sample_value(name, labels) == expected)

    await until(told)
    return REGISTRY.get_sample_value(name, labels)


async def phases(one: World) -> list[str]:
    """Of all archives."""
    return [row["phase"] for row in await one.archives()]


async def test_a_folder_that_was_made_anew_has_archived_nothing(archived: World, tmp_path: Path) -> None:
    """Its files are unprotected at once; nothing is sent there; all counts again once the marker and it all is back."""
    disk = tmp_path / "disk"
    shutil.copytree(disk, tmp_path / "kept")
    shutil.rmtree(disk)
    disk.mkdir()
    await covered(archived, archived=0)
    assert await phases(archived) == ["unproven", "unproven"]
    assert await unproven_metric(archived) == 2
    row = await archived.backup.fetchrow("SELECT state, problem FROM destinations")
    assert row is not None
    assert (row["state"], "has no marker" in row["problem"]) == ("away", True)
    unproven = await archived.admin.fetch("SELECT state FROM backup.archived_file")
    assert [row["state"] for row in unproven] == ["unproven", "unproven"], "no source is freed for these"
    assert list(disk.iterdir()) == []
    shutil.copytree(tmp_path / "kept", disk, dirs_exist_ok=True)

    async def proven() -> bool:
        return await phases(archived) == ["verified", "verified"]

    await until(proven)
    await archived.run_now()
    await covered(archived, archived=2)
    assert await unproven_metric(archived) == 0


async def test_dumps_there_count_as_good_no_more(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are unproven, too; once the marker is back each is good again, or gone where it is not as it was sent.

    One that is gone and is brought back later counts again after the next verification.
    """
    monkeypatch.setattr("services.backup.app.DUMP_LOOK_S", 3600.0)
    disk = tmp_path / "disk"
    disk.mkdir()
    chosen = {"verify_interval_s": 0, "drill_interval_s": 0, "pg_dump": own_pg_dump()}
    async with world(settings, tmp_path, disk, **chosen) as one, one.running():

        async def dumps() -> list[tuple[str, bool, bool, bool]]:
            rows = await one.backup.fetch(
                "SELECT cause, state = 'done', unproven_at IS NOT NULL, gone_at IS NOT NULL FROM dump"
                " ORDER BY created_at"
            )
            return [tuple(row) for row in rows]

        async def become(*expected: tuple[str, bool, bool, bool]) -> None:
            async def are() -> bool:
                return await dumps() == list(expected)

            await until(are)

        await become(("nightly", True, False, False))
        client = await connect(one.settings.nats, "test")
        await ask(client, BackupDatabase(), BackupAccepted)
        await become(("nightly", True, False, False), ("asked", True, False, False))
        (found,) = disk.rglob(MARKER)
        data = found.read_bytes()
        found.unlink()
        await become(("nightly", True, True, False), ("asked", True, True, False))
        async with one.backup.acquire() as connection:
            assert await retention.dumps(connection) == [], "an unproven one lets no other go"
        key = await one.backup.fetchval("SELECT key FROM dump WHERE cause = 'nightly'")
        (first,) = disk.rglob(Path(key).name)
        content = first.read_bytes()
        first.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        found.write_bytes(data)
        await become(("nightly", True, True, True), ("asked", True, False, False))
        reason = await one.backup.fetchval("SELECT gone_reason FROM dump WHERE cause = 'nightly'")
        assert reason == f"the dump {key} at disk is not as it was sent"
        result = await one.backup.fetchval("SELECT result FROM check_job")
        assert "2 dumps of the database" in result
        assert result.endswith("1 problem found")
        first.write_bytes(content)
        await ask(client, VerifyBackup(deep=True), BackupAccepted)
        await client.close()
        await become(("nightly", True, False, False), ("asked", True, False, False))


async def test_what_is_not_there_any_more_is_sent_again(archived: World, tmp_path: Path) -> None:
    """The marker came back and one archive did not: that one is gone and made anew, the other one counts again."""
    disk = tmp_path / "disk"
    (found,) = disk.rglob(MARKER)
    data = found.read_bytes()
    found.write_bytes(marker.marker_of("somebody"))
    await covered(archived, archived=0)
    (lost,) = disk.rglob(f"{SESSION}.tar.zst")
    lost.unlink()
    found.write_bytes(data)

    async def judged() -> bool:
        return sorted(await phases(archived)) == ["gone", "verified"]

    await until(judged)
    await archived.run_now()
    await archived.settled(archives=3)
    await archived.run_now()
    await covered(archived, archived=2)
    assert len(list(disk.rglob(f"{SESSION}.r2.tar.zst"))) == 1


async def test_an_empty_mount_point_has_lost_nothing(
    archived: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was a mount point and is none now is a disk that is unplugged: its archives count all the while."""
    mounted = True

    async def is_mounted(_places: Places, _name: str) -> bool:
        return mounted

    monkeypatch.setattr(Places, "_is_mounted", is_mounted)

    async def known() -> bool:
        facts = await archived.backup.fetchval("SELECT facts->>'mount_point' FROM destination")
        return bool(facts == "true")

    await until(known)
    disk = tmp_path / "disk"
    disk.rename(tmp_path / "unplugged")
    mounted = False
    disk.mkdir()

    async def is_away() -> bool:
        return bool(await archived.backup.fetchval("SELECT state FROM destination") == "away")

    await until(is_away)
    assert await phases(archived) == ["verified", "verified"]
