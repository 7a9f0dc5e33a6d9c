"""Promises of `backup status`, `list`, `run` and `retry`, as a person sees them."""

import asyncio
import csv
import io
import json
from pathlib import Path

from services.cli.backup.covered import NOT_YET
from services.standalone.binaries import own_pg_dump
from shared.settings import Settings
from tests.integration.backup.world import OTHER, SESSION, noise, until, world
from tests.integration.cli.conftest import Run


async def test_what_is_archived_is_shown_and_adds_up(settings: Settings, tmp_path: Path, run: Run) -> None:
    """`run` waits until the night is archived; `list` and `status` show it, with counts that add up, also as JSON."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, pg_dump=own_pg_dump()) as one:
        contents = {f"night/{n}.fits": noise(n, 10_000) for n in range(3)}
        ids = [await one.bring(path, content) for path, content in contents.items()]
        await one.put_in_session(ids[:2])
        await one.finish(tell=False)
        async with one.running():
            await one.settled(archives=1)
            await one.bring("night/late.fits", noise(9, 10_000))
            await one.put_in_session(ids)
            await one.finish(tell=False)
            ran = await asyncio.to_thread(run, "backup", "run", "--session", SESSION)
            again = await asyncio.to_thread(run, "backup", "run", "--json")
            wrong = await asyncio.to_thread(run, "backup", "run", "--session", "20000101_00000000")
            retried = await asyncio.to_thread(run, "backup", "retry")
        listed = await asyncio.to_thread(run, "backup", "list", "--year", "2026", "--json")
        table = await asyncio.to_thread(run, "backup", "list", "--csv", "--destination", "disk")
        status = await asyncio.to_thread(run, "backup", "status")
        as_json = await asyncio.to_thread(run, "backup", "status", "--json")
        overview = await asyncio.to_thread(run, "status")
    assert (ran.returncode, ran.stderr.count("Traceback")) == (0, 0), ran.stderr
    assert ran.stdout == "1 archive made and verified: 1 file, 10.2 kB stored\n"
    assert json.loads(again.stdout)["open"] == 0
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].endswith(
        "there is no session 20000101_00000000; `nightbus sessions` lists them"
    )
    assert retried.stdout == f"nothing new to archive\n{NOT_YET}\n"
    rows = json.loads(listed.stdout)
    assert [(row["phase"], row["files"]) for row in rows] == [("verified", 2), ("verified", 1)]
    assert len(list(csv.DictReader(io.StringIO(table.stdout)))) == 2
    covered = json.loads(as_json.stdout)["covered"]
    assert covered["files"] == covered["archived"] + covered["unprotected"] + covered["unreadable"] == 4
    assert "4 files = 3 archived + 1 unprotected (10.0 kB)" in status.stdout
    assert "2 archives verified" in status.stdout
    assert NOT_YET in status.stdout
    assert "4 files = 3 archived + 1 unprotected" in overview.stdout


async def test_what_lies_good_elsewhere_alone_is_told_with_its_commands(
    settings: Settings, tmp_path: Path, run: Run
) -> None:
    """A damaged file that the library has no more is brought home from the other destination: `status` says how."""
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    async with world(settings, tmp_path, disk, other, verify_interval_s=0, drill_interval_s=0) as one:
        file_id = await one.bring("night/1.fits", noise(1, 10_000))
        await one.put_in_session([file_id])
        async with one.running():
            await one.finish()
            await one.settled(archives=2)
        await one.backup.execute(
            "WITH c AS (INSERT INTO check_job (check_id, kind, destination, state, result,"
            " finished_at) VALUES (gen_random_uuid(), 'verify', 'disk', 'done', 'why', now()) RETURNING check_id),"
            " m AS (UPDATE member m SET state = 'damaged', reason = 'a bit is flipped' FROM archive a"
            " WHERE a.archive_id = m.archive_id AND a.destination = 'disk' RETURNING m.*, a.key)"
            " INSERT INTO finding (check_id, destination, archive_id, key, what, position, file_id, problem)"
            " SELECT check_id, 'disk', archive_id, key, 'member', position, file_id, reason FROM c, m"
        )
        readable = await asyncio.to_thread(run, "backup", "status")
        await one.admin.execute("UPDATE ingest.location SET missing_since = now()")
        absent = await asyncio.to_thread(run, "backup", "status")
    assert "not mended yet: a bit is flipped\n" in readable.stdout
    assert (
        "not mended yet: a bit is flipped; it cannot be read in the library and lies good at other: `nightbus backup "
        f"restore {file_id[:16]} --from other` and `nightbus ingest restored` bring it home"
    ) in absent.stdout


async def test_what_is_unproven_is_told(settings: Settings, tmp_path: Path, run: Run) -> None:
    """`status` says since when archives and dumps count no more and what counts them again; `list` calls them so."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, pg_dump=own_pg_dump()) as one:
        await one.put_in_session([await one.bring("night/1.fits", noise(1, 10_000))])
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
            await until(lambda: one.backup.fetchval("SELECT count(*) FROM dump WHERE state = 'done'"))
        await one.backup.execute("UPDATE archive SET phase = 'unproven', unproven_at = '2026-03-02 08:30Z'")
        await one.backup.execute("UPDATE dump SET unproven_at = '2026-03-02 08:30Z'")
        status = await asyncio.to_thread(run, "backup", "status")
        as_json = await asyncio.to_thread(run, "backup", "status", "--json")
        listed = await asyncio.to_thread(run, "backup", "list", "--csv")
    assert (
        "1 archive at disk counts as unproven: its marker lacked on 2026-03-02 08:30 UTC; once it is there again, a "
        "verification counts what is whole\n"
    ) in status.stdout
    assert (
        "no dump of the database at disk counts as good; 1 dump there is unproven since its marker lacked on "
        "2026-03-02 08:30 UTC"
    ) in status.stdout
    found = json.loads(as_json.stdout)
    assert [(row["name"], row["unproven"]) for row in found["destinations"]] == [("disk", 1)]
    assert [(row["key"], row["unproven"]) for row in found["dumps"]] == [(None, 1)]
    (row,) = csv.DictReader(io.StringIO(listed.stdout))
    assert (row["phase"], row["unproven_at"][:16]) == ("unproven", "2026-03-02T08:30")


async def test_where_nothing_was_new_the_archives_with_the_files_are_named(
    settings: Settings, tmp_path: Path, run: Run
) -> None:
    """The files of a session that was merged lie in another one's archive: `list` says in which."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, pg_dump=tmp_path / "none") as one:
        ids = [await one.bring(f"night/{n}.fits", noise(n, 10_000)) for n in range(2)]
        await one.put_in_session(ids)
        async with one.running():
            await one.finish()
            (made,) = await one.settled(archives=1)
            await one.put_in_session(ids, OTHER)
            await one.finish(OTHER)
            await one.settled(archives=2)
        listed = await asyncio.to_thread(run, "backup", "list", "--session", OTHER, "--json")
        table = await asyncio.to_thread(run, "backup", "list", "--session", OTHER)
    (row,) = json.loads(listed.stdout)
    assert (row["phase"], row["key"], row["lies_in"]) == ("nothing_new", None, [made["key"]])
    assert f"its files lie in {made['key']}" in " ".join(table.stdout.split())


async def test_a_file_that_rotted_here_is_told_with_its_commands(settings: Settings, tmp_path: Path, run: Run) -> None:
    """An archive has it from another destination, and the library's copy is rotten still: `status` says so, and how."""
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    async with world(settings, tmp_path, disk, other, verify_interval_s=0, drill_interval_s=0) as one:
        rotten = await one.bring("night/1.fits", noise(1, 10_000))
        await one.put_in_session([rotten])
        async with one.running():
            await one.finish()
            await one.settled(archives=2)
        await one.backup.execute(
            "UPDATE member m SET elsewhere = true, not_read_at = '2026-03-02 08:30Z', not_read_reason = 'it is rotten'"
            " FROM archive a WHERE a.archive_id = m.archive_id AND a.destination = 'other'"
        )
        status = await asyncio.to_thread(run, "backup", "status")
        as_json = await asyncio.to_thread(run, "backup", "status", "--json")
        await one.backup.execute("UPDATE member SET root = 'tree'")
        indexed = await asyncio.to_thread(run, "backup", "status")
    restore = f"`nightbus backup restore {rotten[:16]}`"
    found = (
        "night/1.fits is not as it arrived, found on 2026-03-02 08:30 UTC: it is rotten; it lies good at disk, other"
    )
    assert f"library/{found}: {restore} and `nightbus ingest restored --verify` bring it home\n" in status.stdout
    assert [row["file_id"] for row in json.loads(as_json.stdout)["taken_elsewhere"]] == [rotten]
    assert f"tree/{found}: {restore} brings it back, to be put in its place\n" in indexed.stdout


async def test_what_was_archived_since_the_count_is_told_with_the_interval_of_the_settings(
    settings: Settings, tmp_path: Path, run: Run
) -> None:
    """An archive that is newer than the count: `status` says how often files are counted, as these settings have it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, pg_dump=tmp_path / "none") as one:
        await one.put_in_session([await one.bring("night/1.fits", noise(1, 10_000))])
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
        await one.backup.execute("UPDATE coverage SET counted_at = clock_timestamp() - interval '1 day'")
        interval = {"NIGHTBUS_BACKUP__LOOK_INTERVAL_S": "7200"}
        status = await asyncio.to_thread(lambda: run("backup", "status", extra=interval))
    assert (
        "archives were made since this was counted, which is done every 2 h (backup.look_interval_s)\n"
    ) in status.stdout


async def test_without_a_destination_nothing_is_alarming(settings: Settings, tmp_path: Path, run: Run) -> None:
    """One line says how much is unprotected and what to do; `run` is refused in a sentence."""
    async with world(settings, tmp_path) as one:
        await one.put_in_session([await one.bring("night/1.fits", noise(1, 10_000))])
        await one.finish(tell=False)
        async with one.running():
            ran = await asyncio.to_thread(run, "backup", "run")
            overview = await asyncio.to_thread(run, "status")
        status = await asyncio.to_thread(run, "backup", "status")
        listed = await asyncio.to_thread(run, "backup", "list")
    line = "no destination is set: 1 file in 1 night is unprotected; `nightbus backup setup`"
    assert line in status.stdout
    assert line in overview.stdout
    assert ran.returncode == 1
    assert ran.stderr == "nightbus: no destination is set: `nightbus backup setup` adds one\n"
    assert listed.stdout == "no archives\n"
