"""Passwords renewed while events flow: every event is counted once, no service ends, each logs in with the new one."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.cli import passwords as commands
from services.cli.connection import Stack
from services.descriptions import described
from services.settings import AllSettings
from services.standalone.binaries import installed_binaries
from services.standalone.home import Home, new_password_in
from services.standalone.logins import USERS_FILE, follow, write_users_file
from services.standalone.nats import EmbeddedNats
from services.standalone.passwords import USERS, choose, make_passwords, renew
from services.standalone.process import ManagedProcess
from services.stats import app as stats_app
from shared.bus.broker import connect
from shared.bus.names import EVENTS, PROVISION
from shared.bus.private import client_of
from shared.db.migrate import set_passwords
from shared.db.pool import connected, open_pool, pool_of
from shared.errors import Unavailable, UserError
from shared.service import Service
from shared.settings import NatsSettings, PostgresSettings, Settings
from tests.integration.bus.test_bus_rights import rights, until
from tests.integration.stats.world import light
from tests.moto_server import free_port
from tests.own_nats import nats_of_the_module, nats_server
from tests.stack import NatsServer, open_folder, wait_for_port

__all__ = ["nats_of_the_module", "nats_server", "rights"]

pytestmark = pytest.mark.usefixtures("embedded_stack")

ROUNDS, EACH = 2, 60


async def logged_in_anew(client: Client, logins: int) -> None:
    """Wait until a client has logged in again after so many times."""
    async with asyncio.timeout(30):
        while client.stats["reconnects"] <= logins or not client.is_connected:
            await asyncio.sleep(0.05)


async def test_every_event_is_counted_once_while_passwords_change(
    rights: NatsSettings, database: PostgresSettings, nats_server: NatsServer
) -> None:
    """Users of NATS and a role of the database get new passwords again and again, in the middle of a stream of events.

    Files and servers differ for a while each time, and every connection is made anew.
    """
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    secrets = nats_server.secrets
    settings: Settings = AllSettings(postgres=database, nats=rights)
    async with Service(described("scanner"), settings) as scanner, Service(described("stats"), settings) as stats:
        stats_app.read_events(stats)
        running = asyncio.create_task(stats.run())
        told = 0

        async def counted() -> bool:
            try:
                async with connected(stats.pool) as connection:
                    row = await connection.fetchrow("SELECT scanned, waiting FROM counts")
            except Unavailable:
                return False
            return row is not None and tuple(row) == (told, 0)

        told += 1
        await say(scanner, 0)
        await until(counted, 60.0)
        for turn in range(ROUNDS):
            clients = [client_of(service.broker) for service in (scanner, stats)]
            before = [client.stats["reconnects"] for client in clients]
            numbers = range(told, told + EACH)
            told += EACH
            arriving = asyncio.gather(*(say(scanner, number) for number in numbers))
            for user in ("scanner", "stats"):
                new_password_in(secrets, f"nats-{user}")
            new_password_in(database.secrets_dir or Path(), "stats")
            if turn % 2:
                await asyncio.sleep(0.3)  # whoever connects meanwhile is refused
            assert await nats_server.embedded.reload()
            await set_passwords(database, ["stats"])
            for client, logins in zip(clients, before, strict=True):
                await logged_in_anew(client, logins)
            await stats.pool.expire_connections()  # those of now were let in by the password of before
            await arriving

        await until(counted, 60.0)
        async with pool_of(database, "stats") as pool:
            assert await pool.fetchval("SELECT count(*) FROM stats.frame") == told
            assert await pool.fetchval("SELECT sum(exposures) FROM stats.target") == told
        assert not running.done()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    client = await connect(rights, PROVISION, patient=False)
    assert (await client.jetstream().stream_info(EVENTS)).state.messages == told
    await client.close()


async def say(scanner: Service, number: int) -> None:
    """Have the scanner tell of an exposure, until the stream has it."""
    while True:
        try:
            await scanner.publisher.publish(light(f"f{number}", start_s=60.0 * number))
        except Unavailable:
            await asyncio.sleep(0.1)
        else:
            return


async def test_a_client_waits_while_file_and_server_differ(rights: NatsSettings, nats_server: NatsServer) -> None:
    """Refused in the middle of a change, it tries again for as long as it takes, and logs in once both agree."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    secrets = nats_server.secrets
    client = await connect(rights, "scanner")
    old = (secrets / "nats-scanner").read_text()
    new = new_password_in(secrets, "nats-scanner")
    with capture_logs() as logs:

        async def said(words: str) -> bool:
            return any(words in str(line.get("error")).lower() for line in logs)

        assert await nats_server.embedded.reload()
        (secrets / "nats-scanner").write_text(old)  # as a pod sees it whose secret comes later
        await until(lambda: said("authorization violation"))
        (secrets / "nats-scanner").unlink()  # as it is for a moment when a secret is replaced by hand
        await until(lambda: said("the password of the nats user scanner cannot be read"))
        assert client.is_reconnecting
        (secrets / "nats-scanner").write_text(new)

        async def back() -> bool:
            return client.is_connected

        await until(back)
    await client.flush()
    await client.close()


async def test_a_reload_ends_no_other_connection(rights: NatsSettings, nats_server: NatsServer) -> None:
    """Whose password stays as it is goes on over the same connection."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    client = await connect(rights, "stats")
    assert not await nats_server.embedded.reload(), "nothing has changed"
    new_password_in(nats_server.secrets, "nats-scanner")
    assert await nats_server.embedded.reload()
    await asyncio.sleep(0.5)
    await client.flush()
    assert client.stats["reconnects"] == 0
    await client.close()


async def test_a_server_of_ones_own_reloads_its_users(tmp_path: Path) -> None:
    """As in compose and Kubernetes: the configuration includes the file of a folder of passwords; SIGHUP is enough."""
    with open_folder() as folder:
        secrets = folder / "secrets"
        make_passwords(secrets)
        with server_of_ones_own(folder, tmp_path / "nats.log") as (server, nats):
            scanner, stats = await connect(nats, "scanner"), await connect(nats, "stats")
            renew(secrets, ["nats-scanner"])
            write_users_file(secrets, USERS)
            server.send_signal(signal.SIGHUP)
            await logged_in_anew(scanner, 0)
            await scanner.flush()
            await stats.flush()
            assert stats.stats["reconnects"] == 0
            await scanner.close()
            await stats.close()


async def test_passwords_of_a_folder_are_applied(
    database: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a renewal that was cut off: `passwords apply` tells Postgres, waits for NATS, and may be repeated."""
    with open_folder() as folder:
        secrets = folder / "secrets"
        assert database.secrets_dir is not None
        shutil.copytree(database.secrets_dir, secrets)
        make_passwords(secrets)
        with server_of_ones_own(folder, tmp_path / "nats.log") as (server, nats):
            postgres = database.model_copy(update={"secrets_dir": secrets})
            stack = Stack(AllSettings(postgres=postgres, nats=nats), None)
            everything = choose(secrets, (), everything=True)
            renew(secrets, everything.files)
            write_users_file(secrets, USERS)
            try:
                monkeypatch.setattr(commands, "TAKEN_WITHIN_S", 0.0)
                with pytest.raises(UserError, match="does not take the password of ingest: reload it"):
                    await commands._apply(stack, everything)
                monkeypatch.undo()
                server.send_signal(signal.SIGHUP)
                for _ in range(2):
                    await commands._apply(stack, everything)
                for role in everything.roles:
                    async with pool_of(postgres, role, unhurried=True) as pool:
                        assert await _ask_anew(pool) == 1
            finally:
                await set_passwords(postgres.model_copy(update={"secrets_dir": database.secrets_dir}), everything.roles)


@contextlib.contextmanager
def server_of_ones_own(folder: Path, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", NatsSettings]]:
    """A NATS whose users are those of ``secrets`` in a folder, and how they log in."""
    port = free_port()
    configuration = folder / "server.conf"
    configuration.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/store" }}\ninclude "secrets/{USERS_FILE}"\n'
    )
    with log.open("wb") as output:
        server = subprocess.Popen([str(installed_binaries().nats_server), "-c", str(configuration)], stderr=output)
    try:
        wait_for_port(port, server)
        yield server, NatsSettings(url=f"nats://127.0.0.1:{port}", secrets_dir=folder / "secrets")
    finally:
        server.terminate()
        server.wait(20)


async def test_a_server_follows_the_passwords_of_its_home(rights: NatsSettings, nats_server: NatsServer) -> None:
    """As under `up`: a file that is replaced is enough, and the old password opens no more."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    task = asyncio.create_task(follow(nats_server.secrets, nats_server.embedded))
    before = SecretStr((nats_server.secrets / "nats-cli").read_text().strip())
    old = NatsSettings(url=rights.url, user="cli", password=before)
    new_password_in(nats_server.secrets, "nats-cli")

    async def taken() -> bool:
        try:
            client = await connect(rights, "cli", patient=False)
        except (UserError, ConnectionError):  # the server may close before its word of refusal is read
            return False
        await client.close()
        return True

    await until(taken)
    with pytest.raises(UserError, match="refuses the login of cli"):
        await connect(old, "cli")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_password_that_changes_while_the_server_starts_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is started with the passwords of then, and takes those of now as soon as it is up."""
    with open_folder(in_memory=True) as folder, Home.open(folder / "home") as home:
        server = EmbeddedNats(home)
        ready = server._until_ready

        async def renewed_meanwhile(process: ManagedProcess) -> None:
            new_password_in(home.secrets, "nats-cli")
            assert not await server.reload(), "it takes no signals yet"
            await ready(process)

        monkeypatch.setattr(server, "_until_ready", renewed_meanwhile)
        await server.start()
        settings = NatsSettings(url=f"nats://127.0.0.1:{server.port}", secrets_dir=home.secrets)

        async def let_in() -> bool:
            try:
                client = await connect(settings, "cli", patient=False)
            except (UserError, ConnectionError):  # the server may close before its word of refusal is read
                return False
            await client.close()
            return True

        try:
            await until(let_in)
        finally:
            await server.stop()


async def test_a_pool_waits_while_file_and_role_differ(database: PostgresSettings) -> None:
    """A new connection whose password is refused is an outage, and none any more once both agree; others go on."""
    folder = database.secrets_dir or Path()
    async with pool_of(database, "backup") as pool:
        held = await pool.acquire()
        password = (folder / "backup").read_text()
        new_password_in(folder, "backup")
        with pytest.raises(Unavailable, match="refuses the login"):
            await _ask_anew(pool)
        assert await held.fetchval("SELECT 1") == 1, "who was let in stays"
        await pool.release(held)
        await set_passwords(database, ["backup"])
        await pool.expire_connections()
        assert await _ask_anew(pool) == 1
    (folder / "backup").write_text(password)
    with pytest.raises(UserError, match=r"Postgres at .* refuses the connection: password authentication failed"):
        await open_pool(database, "backup")
    await set_passwords(database, ["backup"])


async def _ask_anew(pool: asyncpg.Pool) -> object:
    async with connected(pool) as connection:
        return await connection.fetchval("SELECT 1")
