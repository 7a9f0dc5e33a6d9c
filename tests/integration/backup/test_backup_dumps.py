"""Promises of dumps of the database: whole, proven, on time, before a migration, and a sentence where that fails."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from services.backup.adoption import adopt_archives
from services.backup.database.before import NotDumped, dump_before
from services.backup.database.layout import DATABASE, Note, read_note
from services.backup.database.make import Wish, look_at_server, make_dump
from services.backup.database.pipe import DumpFailed
from services.backup.database.programs import find_programs
from services.backup.destinations.folder import FolderOfArchives
from services.backup.destinations.kinds import opened
from services.backup.destinations.port import Destination
from services.backup.kept_settings.copy import keep_settings, latest_settings
from services.backup.kept_settings.without import secrets_in
from services.backup.settings import BackupSettings, FolderDestination
from services.backup.store import dumps
from services.descriptions import SCHEMAS
from services.standalone.binaries import own_pg_dump
from services.standalone.restoring.source import find_installation, good_dumps
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.db.migrate import migrate
from shared.db.pool import connected, pool_of, transaction
from shared.db.roles import DUMPING
from shared.db.schemas import heads
from shared.errors import Transient, UserError
from shared.events.commands import BackupAccepted, BackupDatabase
from shared.settings import PostgresSettings, Settings
from tests.integration.backup.world import World, noise, until, world
from tests.integration.db.catalogue import relations
from tests.integration.db.test_db_refusals import changed
from tests.moto_server import moto_server
from tests.s3_places import SECRET_KEY, make_bucket, settings_of
from tests.stack import PostgresServer, admin_execute
from tests.stack import connected_as as admitted

INSTALLATION = "0a1b2c3d"
WISH = Wish(dump_id=UUID(int=7), installation_id=INSTALLATION, cause="asked")


@pytest.fixture
async def disk(tmp_path: Path) -> FolderOfArchives:
    """An open folder of archives."""
    folder = FolderOfArchives("disk", tmp_path / "disk", f"nightbus-{INSTALLATION}", INSTALLATION)
    await folder.check(INSTALLATION, first_time=True)
    return folder


async def dump_to(disk: Destination, postgres: PostgresSettings, program: Path | None = None) -> Note:
    """Dump a database as the service does."""
    programs = await find_programs(program or own_pg_dump())
    server = await look_at_server(postgres, DUMPING)
    return await make_dump(programs, postgres, DUMPING, server, disk, WISH, lambda _sent_bytes: None)


def script(folder: Path, *lines: str) -> Path:
    """A program that stands in for pg_dump, with the real pg_restore beside it."""
    program = folder / "programs" / "pg_dump"
    program.parent.mkdir()
    program.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    program.chmod(0o755)
    (program.parent / "pg_restore").symlink_to(own_pg_dump().with_name("pg_restore"))
    return program


async def lies_at(disk: FolderOfArchives) -> list[str]:
    """Keys below the folder of dumps, and uploads that were not ended."""
    keys = [stored.key async for stored in disk.list(DATABASE)]
    return keys + [upload.upload_id async for upload in disk.uploads("")]


async def rows(postgres: PostgresSettings) -> dict[str, int]:
    """How many rows each table has."""
    async with admitted(postgres, postgres.admin_role) as connection:
        tables = [f"{schema}.{table}" for schema, table in await relations(connection, "r")]
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_a_dump_brings_every_row_back(
    settings: Settings, disk: FolderOfArchives, postgres: PostgresServer, tmp_path: Path
) -> None:
    """A dump by the role of dumps restores with plain pg_restore to a database with the same rows and revisions."""
    name = f"{settings.postgres.database}_again"
    async with world(settings, tmp_path) as one:
        await one.put_in_session([await one.bring(f"night/{n}.fits", noise(n, 1000)) for n in range(50)])
    theirs = ["CREATE SCHEMA theirs", "CREATE TABLE theirs.own (id int)", "CREATE TABLE public.mine (id int)"]
    await admin_execute(postgres, theirs, settings.postgres.database)
    note = await dump_to(disk, settings.postgres)
    stored = Path(disk.place, f"nightbus-{INSTALLATION}", note.key)
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == note.sha256
    assert read_note(Path(f"{stored}.json").read_bytes()) == note
    assert set(note.heads) == heads(SCHEMAS)
    await admin_execute(postgres, [f"CREATE DATABASE {name}"])
    again = postgres.settings(name)
    where = [f"--host={again.host}", f"--port={again.port}", f"--username={again.admin_role}", f"--dbname={name}"]
    command = [
        str(own_pg_dump().with_name("pg_restore")),
        *where,
        "--no-owner",
        "--no-acl",
        "--exit-on-error",
        str(stored),
    ]
    environment = {"PGPASSWORD": again.password_of(again.admin_role)}
    restored = await asyncio.create_subprocess_exec(*command, env=environment)
    assert await restored.wait() == 0
    assert await rows(again) == await rows(settings.postgres)
    await migrate(again, SCHEMAS)
    async with pool_of(again, again.admin_role) as pool, connected(pool) as connection:
        assert await connection.fetchval("SELECT to_regclass('public.mine')") is None
        assert await connection.fetchval("SELECT to_regnamespace('theirs')") is None
        assert await dumps.heads(connection) == heads(SCHEMAS)


async def test_a_dump_that_fails_leaves_nothing(settings: Settings, disk: FolderOfArchives, tmp_path: Path) -> None:
    """Where pg_dump fails in the middle, no object, no note and no upload is left, and its last words are told."""
    fails = script(tmp_path, f'[ "$1" = --version ] && exec {own_pg_dump()} --version', "head -c 20000000 /dev/zero",
                   "echo 'the server closed the connection' >&2", "exit 1")  # fmt: skip
    with pytest.raises(DumpFailed, match="pg_dump ended with code 1: the server closed the connection"):
        await dump_to(disk, settings.postgres, fails)
    assert await lies_at(disk) == []


async def test_what_is_no_dump_is_never_good(settings: Settings, disk: FolderOfArchives, tmp_path: Path) -> None:
    """A pg_dump that ends well but writes something else is found out by pg_restore; nothing stays under the key."""
    writes = script(tmp_path, f'[ "$1" = --version ] && exec {own_pg_dump()} --version', "echo not a dump")
    with pytest.raises(DumpFailed, match="cannot be read"):
        await dump_to(disk, settings.postgres, writes)
    assert await lies_at(disk) == []


class _Flips(FolderOfArchives):
    """A folder whose disk gives back a wrong byte in the middle."""

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, the last one of them wrong."""
        found = bytearray(b"".join([piece async for piece in super().read(key, start, end)]))
        found[-1] ^= 1
        yield bytes(found)


async def test_a_dump_that_reads_back_differently_is_not_good(settings: Settings, tmp_path: Path) -> None:
    """One flipped bit at the destination is found when the dump is read back: it is thrown away and made again."""
    disk = _Flips("disk", tmp_path / "disk", "prefix", INSTALLATION)
    await disk.check(INSTALLATION, first_time=True)
    with pytest.raises(Transient, match="other bytes than were sent"):
        await dump_to(disk, settings.postgres)
    assert await lies_at(disk) == []


async def test_an_older_pg_dump_is_refused_in_a_sentence(
    settings: Settings, disk: FolderOfArchives, tmp_path: Path
) -> None:
    """A pg_dump that is older than the server is named with both versions and the setting to change."""
    old = script(tmp_path, "echo 'pg_dump (PostgreSQL) 9.6.24'")
    with pytest.raises(UserError, match=r"is of PostgreSQL 9\.6\.24 and the server of 1\d; .*backup\.pg_dump"):
        await dump_to(disk, settings.postgres, old)
    with pytest.raises(UserError, match="is no program; install"):
        await find_programs(tmp_path / "missing")


async def test_what_a_killed_dump_left_goes_after_a_day(settings: Settings, tmp_path: Path) -> None:
    """A dump without a note was never proven: a day later the next dump throws it away, and no other one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, pg_dump=own_pg_dump()) as one, one.running():

        async def proven(count: int) -> bool:
            return bool(
                await one.backup.fetchval("SELECT count(*) = $1 FROM dump WHERE verified_at > '-infinity'", count)
            )

        await until(lambda: proven(1))
        (first,) = disk.rglob("*.dump")
        old, new = (first.with_name(f"nightbus-2026010{day}T000000Z-stats_0001.dump") for day in (1, 2))
        for left in (old, new):
            left.write_bytes(b"half")
        for left in (first, old):
            os.utime(left, (1, 1))
        client = await connect(settings.nats, "test")
        await ask(client, BackupDatabase(), BackupAccepted)
        await client.close()
        await until(lambda: proven(2))
        there = set(disk.rglob("*.dump"))
        assert {first, new} < there
        assert old not in there


async def test_a_dump_is_asked_for_and_shown(settings: Settings, tmp_path: Path) -> None:
    """cmd.backup.database makes a dump at each destination; the view tells key, size, hash and revisions."""
    one_disk, other = tmp_path / "one", tmp_path / "other"
    one_disk.mkdir()
    other.mkdir()
    async with world(settings, tmp_path, one_disk, other, pg_dump=own_pg_dump()) as one, one.running():
        client = await connect(settings.nats, "test")
        accepted = await ask(client, BackupDatabase(), BackupAccepted)
        await client.close()
        assert accepted.jobs == 2

        async def all_done() -> bool:
            found = await one.backup.fetch("SELECT state FROM backup.dumps")
            return [row["state"] for row in found] == ["done"] * 4

        await until(all_done)
        found = await one.backup.fetch("SELECT * FROM backup.dumps ORDER BY destination, cause")
        assert [(row["destination"], row["cause"]) for row in found] == [
            ("one", "asked"), ("one", "nightly"), ("other", "asked"), ("other", "nightly"),
        ]  # fmt: skip
        for row in found:
            (stored,) = (tmp_path / row["destination"]).glob(f"*/{row['key']}")
            assert (stored.stat().st_size, frozenset(row["heads"])) == (row["size_bytes"], heads(SCHEMAS))
            assert hashlib.sha256(stored.read_bytes()).hexdigest() == row["sha256"]


async def test_dumps_for_a_disk_that_is_away_do_not_pile_up(settings: Settings, tmp_path: Path) -> None:
    """While the dump of one day waits for its destination, that of the next day is the same job."""
    async with world(settings, tmp_path) as one, transaction(one.backup) as connection:
        asked = [await dumps.ask(connection, UUID(int=day), "disk", "nightly") for day in range(30)]
        assert set(asked) == {UUID(int=0)}
        assert await dumps.ask(connection, UUID(int=99), "disk", "asked") == UUID(int=99)
        await connection.execute("UPDATE dump SET state = 'done' WHERE cause = 'nightly'")
        assert await dumps.ask(connection, UUID(int=0), "disk", "nightly") == UUID(int=0)
        assert await connection.fetchval("SELECT count(*) FROM dump WHERE state = 'waiting'") == 1


def with_disk(settings: Settings, folder: Path) -> Settings:
    """Settings with one destination."""
    return settings.model_copy(
        update={
            "destinations": (FolderDestination(name="disk", path=folder),),
            "backup": BackupSettings(pg_dump=own_pg_dump()),
        }
    )


async def in_use(one: World) -> None:
    """Write down that the destination got the marker of this installation."""
    await one.backup.execute("INSERT INTO installation (installation_id) VALUES ($1)", INSTALLATION)
    await one.backup.execute(
        "INSERT INTO destination (name, kind, place, opened_at) VALUES ('disk', 'folder', '/', clock_timestamp())"
    )


async def test_the_database_is_dumped_before_it_changes(
    settings: Settings, disk: FolderOfArchives, tmp_path: Path
) -> None:
    """A migration that changes something is preceded by a dump of the old revisions; another one is not."""
    chosen, postgres = with_disk(settings, Path(disk.place)), settings.postgres
    (tmp_path / "schemas").mkdir()
    schemas, revision = changed(tmp_path / "schemas", "CREATE TABLE stats.extra (id int);\n")
    with pytest.raises(NotDumped, match="no destination was in use before"):
        await dump_before(chosen, postgres, heads(schemas), opened)
    async with world(settings, tmp_path) as one:
        await in_use(one)
    assert await dump_before(settings, postgres, heads(schemas), opened) is None
    assert await dump_before(chosen, postgres, heads(SCHEMAS), opened) is None
    note = await dump_before(chosen, postgres, heads(schemas), opened)
    assert note is not None
    assert (note.cause, revision in note.heads, await good_dumps(disk)) == ("migration", False, [note])
    Path(disk.place).rename(tmp_path / "unplugged")
    with pytest.raises(NotDumped, match="was not dumped to disk before it changes"):
        await dump_before(chosen, postgres, heads(schemas), opened)


async def test_a_bucket_is_as_good_as_a_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bucket alone the installation, its good dump and the settings without the key are found again."""
    with moto_server() as address:
        configured = settings_of(address, "nights")
        await make_bucket(configured)
        with pytest.raises(UserError, match="no Nightbus has ever written"):
            await find_installation(configured, None)
        config = tmp_path / "nightbus.toml"
        config.write_text(f'[[destinations]]\nname = "cloud"\nsecret_access_key = "{SECRET_KEY}"\n')
        monkeypatch.setenv("NIGHTBUS_CONFIG", str(config))
        async with opened(configured, INSTALLATION) as bucket:
            await bucket.check(INSTALLATION, first_time=True)
            note = await dump_to(bucket, settings.postgres)
            assert await keep_settings(bucket, type(settings), note.dumped_at) is not None
            assert await keep_settings(bucket, type(settings), note.dumped_at) is None, "it has not changed"
        source = await find_installation(configured, None)
        assert (source.installation_id, source.configured.prefix) == (INSTALLATION, f"nightbus-{INSTALLATION}")
        async with opened(source.configured, source.installation_id) as bucket:
            assert await good_dumps(bucket) == [note]
            kept = await latest_settings(bucket)
        assert kept is not None
        assert SECRET_KEY not in kept
        assert secrets_in(kept) == ["destinations.cloud.secret_access_key"]


async def test_only_proven_dumps_are_good(settings: Settings, disk: FolderOfArchives) -> None:
    """A dump without its note, with a damaged one or of another size is not taken for a restore."""
    note = await dump_to(disk, settings.postgres)
    stored = Path(disk.place, f"nightbus-{INSTALLATION}", note.key)
    beside = Path(f"{stored}.json")
    assert await good_dumps(disk) == [note]
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "size_bytes": 1}))
    assert await good_dumps(disk) == []
    beside.write_text("{")
    assert await good_dumps(disk) == []
    beside.unlink()
    assert await good_dumps(disk) == []


async def test_archives_after_the_dump_are_known_again(settings: Settings, tmp_path: Path) -> None:
    """Archives that an older database does not know are told by their manifests, and nothing of them is sent again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    held = (
        "SELECT file_id, key, root, path, size_bytes, stored_offset, stored_bytes, frame_sizes"
        " FROM backup.archived_file ORDER BY file_id"
    )
    async with world(settings, tmp_path, folder) as one:
        await one.put_in_session([await one.bring(f"night/{n}.fits", noise(n, 10_000)) for n in range(3)])
        async with one.running():
            await one.finish()
            await one.settled(archives=1)
        before = await one.backup.fetch(held)
        await one.backup.execute("UPDATE archive SET phase = 'planned', state = 'waiting', finished_at = NULL")
        installation = await one.backup.fetchval("SELECT installation_id FROM installation")
        configured = one.settings.sections(FolderDestination)[0]
        async with opened(configured, installation) as disk, connected(one.admin) as connection:
            assert await adopt_archives(connection, disk, "disk") == 1
            assert await adopt_archives(connection, disk, "disk") == 0
        assert await one.backup.fetch(held) == before
        objects = sorted(folder.rglob("*.tar.zst"))
        async with one.running():
            await one.finish()
            found = await one.settled(archives=2)
        assert [row["phase"] for row in found] == ["verified", "nothing_new"]
        assert sorted(folder.rglob("*.tar.zst")) == objects
