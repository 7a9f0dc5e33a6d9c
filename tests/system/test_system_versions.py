"""The version before this one and this one, side by side on one NATS and one Postgres, and the way back.

Captures land all the while. What the version before wrote stays readable, and every file is counted once.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.backup.database.layout import DATABASE, DUMP, NOTE, Note, read_note
from services.descriptions import SCHEMAS
from services.standalone.binaries import own_pg_dump
from shared.bus.names import DEAD_LETTERS
from shared.db.schemas import heads
from shared.tasks import beside
from tests.faults.checker import check_accounted, check_delivered, check_single, fingerprint
from tests.stack import NatsServer, PostgresServer, open_folder
from tests.system.containers import BUILD_S, Docker
from tests.system.versions import NotHere, Place, both_versions

pytestmark = [pytest.mark.usefixtures("embedded_stack"), pytest.mark.timeout(1800)]
QUIET = ("ingest", "backup", "api")
STEP = 4
"""Captures that come home in each constellation of versions before the next one."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' account can enter."""
    with open_folder() as made:
        yield made


@pytest.fixture(params=["processes", pytest.param("images", marks=pytest.mark.timeout(1800 + 3 * BUILD_S))])
def docker_of_versions(request: pytest.FixtureRequest) -> Docker | None:
    """What both versions are run by: none of them in a container, or both."""
    return request.getfixturevalue("docker") if request.param == "images" else None


@pytest.fixture
async def place(
    folder: Path, postgres: PostgresServer, nats_server: NatsServer, docker_of_versions: Docker | None
) -> AsyncIterator[Place]:
    """Both versions on empty servers."""
    try:
        async with both_versions(folder, postgres, nats_server, docker_of_versions) as made:
            yield made
    except NotHere as reason:
        pytest.skip(str(reason))


async def require_each_counted_once(place: Place) -> None:
    """Fail unless each capture came home, is counted once, and no message was given up."""
    async with place.connected() as connection, place.jetstream() as js:
        landed = fingerprint(place.captures.folder)
        await check_accounted(connection, landed)
        await check_single(connection, place.library)
        await check_delivered(connection, js)
        assert await connection.fetchval("SELECT sum(exposures) FROM stats.session_target") == place.captures.count
        assert await connection.fetchval("SELECT count(*) FROM api.dead_letter") == 0
        assert (await js.stream_info(DEAD_LETTERS)).state.messages == 0


async def test_both_versions_work_side_by_side(place: Place) -> None:
    """An upgrade while captures land: each version works with the other's services, and each file is counted once."""
    before, now = place.before, place.now
    await place.command(before, "migrate")
    await place.command(before, "provision")
    place.captures.land(STEP)
    with contextlib.ExitStack() as stack:
        old_quiet, old_scanner, old_stats = (stack.enter_context(contextlib.ExitStack()) for _ in range(3))
        old_quiet.enter_context(before.running(*QUIET))
        old_scanner.enter_context(before.running("scanner"))
        old_stats.enter_context(before.running("stats"))
        await place.until_scanned(place.captures.count)
        await place.until_destination_is_known()
        events_of_before = await place.events()
        sources = fingerprint(place.captures.folder)
        async with beside(place.captures.keep_landing(), name="captures"):

            async def more_come_home() -> None:
                await place.until_scanned(await place.scanned() + STEP)

            said = await place.command(now, "migrate", "--require-dump")
            assert "the database was dumped before it changes" in said
            await place.command(now, "provision")
            await more_come_home()  # all services of before, on the database of now
            new_scanner = stack.enter_context(contextlib.ExitStack())
            new_scanner.enter_context(now.running("scanner"))
            old_scanner.close()
            await more_come_home()  # the scanner of now, stats of before
            new_scanner.close()
            with before.running("scanner"):
                stack.enter_context(now.running("stats"))
                await more_come_home()  # the scanner of before, stats of both
                old_stats.close()
                await more_come_home()  # the scanner of before, stats of now
            stack.enter_context(now.running("scanner"))
            await more_come_home()  # ingest, backup and api of before
            old_quiet.close()
            stack.enter_context(now.running(*QUIET))
            await more_come_home()
        await place.until_done()
        # stats of before knows no sums of what was measured: the check that waits after a migration finds these alone.
        first = json.loads(await place.command(now, "stats", "check", "--json"))
        assert first["differences"] == first["mended"] > 0
        assert all(line.startswith("session_target ") for line in first["lines"]), first["lines"]
        again = json.loads(await place.command(now, "stats", "check", "--dry-run", "--json"))
        assert again["differences"] == 0, again["lines"]
        await place.until_done()
    await require_each_counted_once(place)
    after = fingerprint(place.captures.folder)
    assert {path: after[path] for path in sources} == sources
    now.require_readable(events_of_before)
    before.require_readable(await place.events())


async def test_the_way_back(place: Place) -> None:
    """The version before refuses the database of now; with the dump from before and new streams it counts all, once."""
    before, now = place.before, place.now
    await place.command(before, "migrate")
    await place.command(before, "provision")
    place.captures.land(STEP)
    with before.running(*QUIET, "scanner", "stats"):
        await place.until_done()
        await place.until_destination_is_known()
    await place.command(now, "migrate", "--require-dump")
    await place.command(now, "provision")
    place.captures.land(STEP)
    with now.running(*QUIET, "scanner", "stats"):
        await place.until_done()
    before.require_readable(await place.events())
    note = dump_of_migration(place)
    refused = await asyncio.to_thread(before.run, "migrate")
    assert refused.returncode == 1
    assert "the database was made by a newer Nightbus (" in refused.stderr
    assert all(name in refused.stderr for name in heads(SCHEMAS) - set(note.heads))
    await restore(place, note)
    await place.command(before, "migrate")
    await place.command(before, "provision")
    with before.running(*QUIET, "scanner", "stats"):
        await place.until_done()
    await require_each_counted_once(place)


def dump_of_migration(place: Place) -> Note:
    """What lies beside the dump that was made before the migration."""
    notes = [read_note(file.read_bytes()) for file in place.disk.rglob(f"{DATABASE}*{DUMP}{NOTE}")]
    (found,) = (note for note in notes if note is not None and note.cause == "migration")
    return found


async def restore(place: Place, note: Note) -> None:
    """A database out of the dump and an empty NATS in place of what is there, as docs/howto/upgrade.md says."""
    await place.empty_servers()
    database = place.database
    (dump,) = place.disk.glob(f"*/{note.key}")
    process = await asyncio.create_subprocess_exec(
        str(own_pg_dump().with_name("pg_restore")),
        f"--host={database.host}", f"--port={database.port}", f"--username={database.admin_role}",
        f"--dbname={database.database}", "--no-owner", "--no-acl", "--exit-on-error", str(dump),
        env={"PGPASSWORD": database.password_of(database.admin_role)},
    )  # fmt: skip
    assert await process.wait() == 0
