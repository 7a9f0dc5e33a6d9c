"""The embedded PostgreSQL: closed to strangers, gone when stopped, there again after any crash."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from importlib import metadata
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.descriptions import SCHEMAS
from services.standalone import binaries as binaries_module
from services.standalone.binaries import Binaries, installed_binaries
from services.standalone.home import Home
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from services.standalone.process import ProcessFailed
from services.standalone.stack import Stack, create_database
from shared.db.migrate import migrate
from shared.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
async def begun_home(kept_folder: Path) -> Path:
    """The folder that the tests of this module share, with its data made, whichever of them runs first."""
    if not (kept_folder / "postgres" / "data" / "PG_VERSION").exists():
        with Home.open(kept_folder) as home:
            server = EmbeddedPostgres(home)
            await server.start()
            await server.stop()
    return kept_folder


@pytest.fixture
async def postgres(begun_home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server on the data that the tests of this module share."""
    with Home.open(begun_home) as home:
        server = EmbeddedPostgres(home)
        await server.start()
        yield server
        await server.stop()


async def value(server: EmbeddedPostgres, query: str) -> object:
    """One value, asked for by the superuser over TCP."""
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("way", ["tcp", "socket"])
async def test_only_the_right_password_opens(postgres: EmbeddedPostgres, way: str) -> None:
    """On TCP and on the socket the right password opens, and a wrong, an empty or an unknown user's does not."""
    host = "127.0.0.1" if way == "tcp" else str(postgres.socket_folder)
    right = postgres._home.secret(SUPERUSER)
    for user, password in [(SUPERUSER, "wrong"), (SUPERUSER, right + "x"), ("postgres", right), ("nobody", "x")]:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host=host, port=postgres.port, user=user, password=password, database="postgres")
    connection = await asyncpg.connect(
        host=host, port=postgres.port, user=SUPERUSER, password=right, database="postgres"
    )
    assert await connection.fetchval("SELECT current_user") == SUPERUSER
    await connection.close()


async def test_no_rule_lets_anyone_in_without_a_password(postgres: EmbeddedPostgres) -> None:
    """Every access rule that the server has loaded asks for a scram password, and each is for this machine."""
    connection = await asyncpg.connect(postgres.admin_dsn)
    rules = await connection.fetch("SELECT type, address, auth_method, error FROM pg_hba_file_rules")
    passwords = await connection.fetch("SELECT rolpassword FROM pg_authid WHERE rolcanlogin")
    await connection.close()
    assert {(rule["type"], rule["address"], rule["auth_method"]) for rule in rules} == {
        ("local", None, "scram-sha-256"),
        ("host", "127.0.0.1", "scram-sha-256"),
    }
    assert all(rule["error"] is None for rule in rules)
    assert passwords
    assert all(row["rolpassword"].startswith("SCRAM-SHA-256$") for row in passwords)


async def test_a_role_logs_in_with_the_homes_secret(postgres: EmbeddedPostgres) -> None:
    """A role made with its secret from the home is opened by ``dsn`` and by nothing else."""
    connection = await asyncpg.connect(postgres.admin_dsn)
    await connection.execute(f"CREATE ROLE stats LOGIN PASSWORD '{postgres._home.secret('stats')}'")
    await connection.close()
    connection = await asyncpg.connect(postgres.dsn("stats", "postgres"))
    assert await connection.fetchval("SELECT current_user") == "stats"
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn("stats", "postgres"), password=postgres._home.secret("ingest"))


async def test_it_listens_on_loopback_only_and_never_as_root(postgres: EmbeddedPostgres) -> None:
    """The one TCP address is 127.0.0.1; data and socket folder are closed; no server process is root's."""
    assert postgres.pid is not None
    process = psutil.Process(postgres.pid)
    listening = [c.laddr for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", postgres.port)]
    for folder in (postgres.data, postgres.socket_folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == process.uids().real
    assert {p.uids().real for p in [process, *process.children(recursive=True)]} == {process.uids().real}
    assert process.uids().real != 0


async def test_it_is_set_up_for_safety_and_a_small_machine(postgres: EmbeddedPostgres) -> None:
    """Checksums, synced commits and UTF-8 with a locale that does not change under an index are in force."""
    connection = await asyncpg.connect(postgres.admin_dsn)
    rows = await connection.fetch("SELECT name, setting FROM pg_settings")
    settings = {row["name"]: row["setting"] for row in rows}
    database = await connection.fetchrow(
        "SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider, datlocale FROM pg_database "
        "WHERE datname = 'template1'"
    )
    await connection.close()
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "autovacuum": "on",
        "jit": "off",
        "huge_pages": "off",
        "max_connections": "80",
        "reserved_connections": "45",
        "shared_buffers": str(128 * 1024 // 8),
        "max_wal_size": "1024",
        "checkpoint_timeout": "900",
        "TimeZone": "UTC",
    }
    assert {name: settings[name] for name in expected} == expected
    assert settings["wal_compression"] in {"lz4", "off"}
    assert database is not None
    assert tuple(database) == ("UTF8", b"b", "C.UTF-8")


async def test_kill_9_of_the_postmaster_loses_nothing(postgres: EmbeddedPostgres) -> None:
    """After kill -9 under an open connection the next start waits for the orphans and has every committed row."""
    connection = await asyncpg.connect(postgres.admin_dsn)
    await connection.execute("CREATE TABLE frame AS SELECT generate_series(1, 1000) AS id")
    sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)
    assert await postgres.wait() == -signal.SIGKILL
    assert not postgres.running
    # The number of the dead postmaster may meanwhile be another program's.
    lock = postgres.data / "postmaster.pid"
    lock.write_text(lock.read_text().replace(str(postgres.pid), "1", 1))
    await postgres.start()
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await sleeping
    connection.terminate()
    assert await value(postgres, "SELECT count(*) FROM frame") == 1000


async def test_a_server_whose_supervisor_vanished_is_replaced(begun_home: Path) -> None:
    """A start finds a postmaster that an earlier supervisor left running, ends it in order and continues its data."""
    first = Home.open(begun_home)
    left = EmbeddedPostgres(first)
    await left.start()
    connection = await asyncpg.connect(left.admin_dsn)
    await connection.execute("CREATE TABLE left_running AS SELECT generate_series(1, 1000) AS id")
    await connection.close()
    first.close()
    with Home.open(begun_home) as home:
        server = EmbeddedPostgres(home)
        await server.start()
        assert await left.wait() == 0
        assert server.pid != left.pid
        assert server.port == left.port
        assert await value(server, "SELECT count(*) FROM left_running") == 1000
        await server.stop()


async def test_kill_9_of_everything_loses_nothing(begun_home: Path) -> None:
    """When supervisor and postmaster are killed at once, the next start continues with every committed row."""
    code = f"""
import asyncio
from services.standalone.home import Home
from services.standalone.postgres import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(Home.open({str(begun_home)!r}))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    postmaster = int(await supervisor.stdout.readline())
    with pytest.raises(UserError, match="in use by another"):
        Home.open(begun_home)
    async with asyncio.TaskGroup() as group:  # a busy client, so that backends are at work when the end comes
        attached = EmbeddedPostgres(Home.attach(begun_home), port=Home.attach(begun_home).ports()["postgres"])
        connection = await asyncpg.connect(attached.admin_dsn)
        await connection.execute("CREATE TABLE killed AS SELECT generate_series(1, 500) AS id")
        busy = group.create_task(ignore_loss(connection.execute("SELECT count(*) FROM generate_series(1, 1e9)")))
        await asyncio.sleep(0.1)
        os.kill(postmaster, signal.SIGKILL)
        supervisor.kill()
        await supervisor.wait()
        with Home.open(begun_home) as home:
            server = EmbeddedPostgres(home)
            await server.start()
            assert await value(server, "SELECT count(*) FROM killed") == 500
            await server.stop()
        assert await busy
    connection.terminate()


async def ignore_loss(running: Coroutine[None, None, object]) -> bool:
    """Whether the connection of a statement was lost, as it must be."""
    try:
        await running
    except (asyncpg.PostgresError, OSError):
        return True
    return False


async def test_stop_leaves_no_process_and_the_next_start_continues(home_folder: Path) -> None:
    """Stopped means no process and no socket; started again the table is there, at the same address."""
    addresses = set()
    for expected in (1, 2):
        with Home.open(home_folder) as home:
            server = EmbeddedPostgres(home)
            await server.start()
            addresses.add(server.admin_dsn)
            connection = await asyncpg.connect(server.admin_dsn)
            await connection.execute("CREATE TABLE IF NOT EXISTS night (started int)")
            await connection.execute("INSERT INTO night VALUES (1)")
            assert await connection.fetchval("SELECT count(*) FROM night") == expected
            assert server.pid is not None
            family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
            await server.stop()
            await connection.close()
            assert [process for process in family if process.is_running()] == []
            assert list(server.socket_folder.iterdir()) == []
            assert not (server.data / "postmaster.pid").exists()
    assert len(addresses) == 1


def snapshot(home: Path) -> dict[Path, tuple[int, int, int, int]]:
    """Mode, owner and group of all that surrounds the home; of the installed servers the time of change, too."""
    binaries = installed_binaries()
    wheel = binaries.postgres_install.parent
    around = {*home.parents, binaries.nats_server, Path(sys.prefix), *Path(sys.prefix).parents}
    around |= {wheel, *wheel.rglob("*"), *wheel.parents, *Path.home().iterdir()}
    around |= {Path("/etc/passwd"), Path("/etc/group"), Path("/etc/shadow")}
    facts = {}
    for path in around:
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            time = found.st_ctime_ns if path.is_relative_to(wheel) else 0
            facts[path] = (found.st_mode, found.st_uid, found.st_gid, time)
    return facts


async def test_nothing_outside_the_home_changes(home_folder: Path) -> None:
    """A first start and a stop change no mode and no owner outside the home, and add no user."""
    users = Path("/etc/passwd").read_bytes(), Path("/etc/group").read_bytes()
    before = snapshot(home_folder)
    with Home.open(home_folder) as home:
        server = EmbeddedPostgres(home)
        await server.start()
        await server.stop()
    assert snapshot(home_folder) == before
    assert users == (Path("/etc/passwd").read_bytes(), Path("/etc/group").read_bytes())


async def test_a_home_with_a_long_path_works(home_folder: Path) -> None:
    """Where the path is too long for a socket, a private short folder takes it and is removed again."""
    home_folder.chmod(0o711)  # as root the server's account must get through
    with Home.open(home_folder / ("long 'quoted' \\ path " + "x" * 90)) as home:
        server = EmbeddedPostgres(home)
        await server.start()
        assert len(os.fsencode(server.socket_folder)) < 85
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert await value(server, "SELECT 1") == 1
        await server.stop()
        assert not server.socket_folder.exists()


async def test_an_interrupted_first_start_is_begun_anew(home_folder: Path) -> None:
    """What a first start left behind when it was cut short is removed, and the cluster is made."""
    with Home.open(home_folder) as home:
        unfinished = home.postgres / "initdb-torn"
        (unfinished / "data").mkdir(parents=True)
        server = EmbeddedPostgres(home)
        starting = asyncio.create_task(server.start())
        async with asyncio.timeout(30):
            while not list(home.postgres.glob("initdb-*/data/base")):
                await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not server.data.exists()
        await server.start()
        assert await value(server, "SELECT 1") == 1
        await server.stop()
        assert sorted(entry.name for entry in home.postgres.iterdir()) == ["data", "nightbus.conf", "pg_hba.conf"]


async def test_a_lost_secret_is_named(begun_home: Path) -> None:
    """With another password in the home the start fails with a sentence naming the file, and leaves no process."""
    with Home.open(begun_home) as home:
        secret = home.secrets / SUPERUSER
        kept = secret.read_text()
        secret.write_text("another\n")
        with pytest.raises(UserError, match=f"{secret} does not open"):
            await EmbeddedPostgres(home).start()
        secret.write_text(kept)


async def test_data_of_another_version_is_not_touched(begun_home: Path) -> None:
    """Data made by another PostgreSQL is refused before a server sees it."""
    with Home.open(begun_home) as home:
        version = home.postgres / "data" / "PG_VERSION"
        version.write_text("17\n")
        with pytest.raises(UserError, match="was made by PostgreSQL 17, and 18 is installed"):
            await EmbeddedPostgres(home).start()
        version.write_text("18\n")


async def test_a_bad_setting_is_told_with_the_servers_words(begun_home: Path) -> None:
    """A server that does not come up is reported with the end of its log."""
    with Home.open(begun_home) as home, pytest.raises(ProcessFailed, match=r"ended with code 1.*shared_buffers"):
        await EmbeddedPostgres(home, settings={"shared_buffers": "plenty"}).start()


async def test_a_wanted_port_that_is_taken_is_refused(begun_home: Path) -> None:
    """A port that the user chose is never silently exchanged."""
    with (
        Home.open(begun_home) as home,
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(UserError, match="is in use by another program"),
    ):
        await EmbeddedPostgres(home, port=other.getsockname()[1]).start()


@as_root
async def test_an_account_that_cannot_read_the_environment_gets_copies(
    home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the installed binaries are closed to the account, they are copied into the home once and run from there."""
    installed = installed_binaries()
    with tempfile.TemporaryDirectory() as closed:  # 0700 and root's
        site = Path(closed, "site")
        site.symlink_to(installed.postgres_install.parent.parent)
        Path(closed, "bin").symlink_to(installed.nats_server.parent)
        hidden = Binaries(
            site / installed.postgres_install.relative_to(site.resolve()),
            Path(closed, "bin", installed.nats_server.name),
            installed.postgres_version,
            installed.nats_version,
        )
        monkeypatch.setattr(binaries_module, "installed_binaries", lambda: hidden)
        with Home.open(home_folder) as home:
            (home.bin / "postgres-0.0.1").mkdir()
            server = EmbeddedPostgres(home)
            await server.start()
            copied = sorted(entry.name for entry in home.bin.iterdir() if entry.is_dir())
            assert copied == [f"nats-{installed.nats_version}", f"postgres-{installed.postgres_version}"]
            assert server.pid is not None
            assert psutil.Process(server.pid).exe().startswith(str(home.bin))
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(server.admin_dsn, password="wrong")
            assert await value(server, "SELECT 1") == 1
            made = (home.bin / copied[1]).stat().st_ctime_ns
            await server.stop()
            await server.start()
            assert (home.bin / copied[1]).stat().st_ctime_ns == made
            await server.stop()


@as_root
async def test_a_home_below_a_closed_folder_is_refused(home_folder: Path) -> None:
    """Root is told which folder keeps the account out; the folder is not opened."""
    sentence = f"{home_folder} is closed to the account nobody"
    with Home.open(home_folder / "home") as home, pytest.raises(UserError, match=sentence):
        await EmbeddedPostgres(home).start()
    assert stat.S_IMODE(home_folder.stat().st_mode) == 0o700


def test_missing_wheels_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the user is told what to install."""

    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(UserError, match=r"pip install 'nightbus\[standalone\]'"):
        installed_binaries()


def test_the_copy_leaves_out_what_a_server_does_not_need(home_folder: Path) -> None:
    """Copies are complete enough to run for everyone, and without headers and static libraries."""
    copy = binaries_module._copied(installed_binaries(), home_folder)
    files = [path for path in home_folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix == ".a" or "include" in path.parts]
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)
    assert shutil.which("postgres", path=str(copy.postgres_bin)) == str(copy.postgres_bin / "postgres")


async def test_nobody_but_the_superuser_enters_the_servers_own_databases(home_folder: Path) -> None:
    """A role has nothing to do in the databases that every server comes with, where it might make temporary tables."""
    with Home.open(home_folder) as home:
        stack = Stack(home)
        await stack.postgres.start()
        try:
            await create_database(stack.postgres_settings())
            await migrate(stack.postgres_settings(), SCHEMAS)
            for database in ("postgres", "template1"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
                    await asyncpg.connect(stack.postgres.dsn("reader", database))
            connection = await asyncpg.connect(stack.postgres.dsn("reader", "nightbus"))
            assert await connection.fetchval("SELECT files FROM stats.counts") == 0
            await connection.close()
        finally:
            await stack.postgres.stop()
