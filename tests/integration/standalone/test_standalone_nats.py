"""The embedded NATS: closed to strangers, durable, gone when stopped."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import psutil
import pytest
from nats.js.api import StreamConfig

from services.descriptions import CONSUMERS, SERVICES
from services.standalone.home import Home
from services.standalone.nats import ONE_FOR_ALL, USERS, EmbeddedNats
from shared.bus.provision import provision, provisioning_context, verify
from shared.settings import NatsSettings
from tests.stack import EVERYTHING

USER = EVERYTHING.name
USUAL_WAIT_S = 5.0
"""How long nats-py waits for the answer of JetStream unless it is told otherwise."""


@pytest.fixture
async def server(kept_folder: Path) -> AsyncIterator[EmbeddedNats]:
    """A running server on the store of the tests before."""
    with Home.open(kept_folder) as home:
        embedded = EmbeddedNats(home, users=(EVERYTHING,))
        await embedded.start()
        yield embedded
        await embedded.stop()


async def quiet(_: Exception) -> None:
    """The refusals provoked here need no log."""


async def page(server: EmbeddedNats, path: str) -> dict[str, object]:
    """A monitoring page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.monitor_port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    content = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert isinstance(content, dict)
    return content


async def count(server: EmbeddedNats, stream: str) -> int:
    """The number of messages in a stream."""
    client = await nats.connect(server.url_as("nightbus"))
    try:
        return int((await client.jetstream().stream_info(stream)).state.messages)
    finally:
        await client.close()


async def greeting(server: EmbeddedNats, credentials: dict[str, str]) -> bytes:
    """What the server answers to CONNECT with ``credentials`` and PING, up to its first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert (await reader.readline()).startswith(b"INFO ")
    writer.write(f"CONNECT {json.dumps({'verbose': False} | credentials)}\r\nPING\r\n".encode())
    answer = await reader.readline()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer.strip()


async def test_nobody_enters_without_the_password(server: EmbeddedNats) -> None:
    """No credentials, a token, another user or a wrong password are refused; the url's credentials are accepted."""
    password = server._home.secret(f"nats-{USER}")
    wrong: list[dict[str, str]] = [{}, {"user": USER}, {"user": USER, "pass": "wrong"}, {"auth_token": password}]
    for credentials in [*wrong, {"user": "admin", "pass": password}]:
        assert await greeting(server, credentials) == b"-ERR 'Authorization Violation'"
    assert await greeting(server, {"user": USER, "pass": password}) == b"PONG"
    client = await nats.connect(server.url_as("nightbus"))
    await client.flush()
    await client.close()


async def test_a_service_that_is_refused_ends_with_one_sentence(server: EmbeddedNats) -> None:
    """A service with a wrong password for NATS says so, without the password and without a traceback."""
    url = f"nats://127.0.0.1:{server.port}"
    told = {"NIGHTBUS_NATS__URL": url, "NIGHTBUS_NATS__USER": USER, "NIGHTBUS_NATS__PASSWORD": "wrong-one"}
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", "run", "scanner",
        env={**os.environ, **told}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = (text.decode() for text in await asyncio.wait_for(service.communicate(), 60))
    assert (service.returncode, errors) == (1, f"nightbus: NATS at {url} refuses the login of {USER}\n")
    assert "Traceback" not in output
    assert "wrong-one" not in output


async def test_it_listens_on_loopback_only_and_never_as_root(server: EmbeddedNats) -> None:
    """Client and monitoring ports are on 127.0.0.1, there is no other, and store and configuration are closed."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    listening = {tuple(c.laddr) for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", server.port), ("127.0.0.1", server.monitor_port)}
    assert process.uids().real != 0
    assert stat.S_IMODE(server.store.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.store.parent / "server.conf").stat().st_mode) == 0o600


async def test_every_write_is_synced_and_limits_are_as_chosen(server: EmbeddedNats) -> None:
    """JetStream syncs always, keeps to its share of the disk under the home, and takes events of up to 1 MiB."""
    report = await page(server, "/jsz")
    config = report["config"]
    assert isinstance(config, dict)
    assert config["sync_always"] is True
    assert config["max_storage"] == server.max_file_store_bytes()
    assert 64 * 1024**2 <= server.max_file_store_bytes() <= 10 * 1024**3
    assert Path(str(config["store_dir"])).is_relative_to(server.store)
    assert (await page(server, "/varz"))["max_payload"] == 1024 * 1024


async def test_a_home_with_one_password_for_all_gets_one_for_each(home_folder: Path) -> None:
    """The start after an upgrade makes a password for each user; the old one and its file are of no use any more."""
    with Home.open(home_folder) as home:
        old = home.secret(ONE_FOR_ALL)
        embedded = EmbeddedNats(home)
        await embedded.start()
        try:
            assert not (home.secrets / ONE_FOR_ALL).exists()
            for user in USERS:
                client = await nats.connect(embedded.url_as(user.name))
                await client.close()
            for name in ("nightbus", "nats", "ingest"):
                refused = await greeting(embedded, {"user": name, "pass": old})
                assert refused == b"-ERR 'Authorization Violation'"
            assert stat.S_IMODE((home.nats / "server.conf").stat().st_mode) == 0o600
            assert {stat.S_IMODE(file.stat().st_mode) for file in home.secrets.glob("nats-*")} == {0o600}
        finally:
            await embedded.stop()


async def test_the_share_of_the_disk_stays_what_it_was(server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up does not shrink the limit below what streams have reserved."""
    chosen = server.max_file_store_bytes()
    monkeypatch.setattr("services.standalone.nats.FREE_DISK_SHARE", 0.0)
    assert server.max_file_store_bytes() == chosen


async def test_a_damaged_note_of_the_limit_is_made_anew(server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the note is empty or holds something else, the limit is that of the last start; else the disk decides."""
    chosen = server.max_file_store_bytes()
    note = server.store.parent / "limits.json"
    monkeypatch.setattr("services.standalone.nats.FREE_DISK_SHARE", 0.0)
    for damaged in (b"", b"{}", b"[]", b"\xff", b'{"max_file_store_bytes": "x"}', b'{"max_file_store_bytes": -1}'):
        note.write_bytes(damaged)
        assert server.max_file_store_bytes() == chosen
    note.unlink()
    (server.store.parent / "server.conf").write_text("")
    assert server.max_file_store_bytes() == 64 * 1024**2
    note.write_text(json.dumps({"max_file_store_bytes": chosen}))


async def test_jetstream_survives_kill_9(server: EmbeddedNats) -> None:
    """Every acknowledged message is there after kill -9 and a restart, on the same address."""
    client = await nats.connect(server.url_as("nightbus"), allow_reconnect=False, error_cb=quiet)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name="NIGHT", subjects=["night.>"]))
    for number in range(50):
        await stream.publish("night.frame", str(number).encode())
    url, pid = server.url_as("nightbus"), server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    await client.close()
    await server.start()
    assert server.url_as("nightbus") == url
    assert server.pid != pid
    assert await count(server, "NIGHT") == 50


async def test_streams_are_made_on_a_disk_that_is_busy(home_folder: Path) -> None:
    """A server that takes longer for a stream than a request usually waits is waited for."""
    with Home.open(home_folder) as home:
        embedded = EmbeddedNats(home, users=(EVERYTHING,))
        await embedded.start()
        client = await nats.connect(embedded.url_as("nightbus"))
        assert embedded.pid is not None
        process = psutil.Process(embedded.pid)
        process.suspend()
        making = asyncio.create_task(
            provision(provisioning_context(client), NatsSettings(max_bytes=64 * 1024**2), SERVICES)
        )
        await asyncio.sleep(USUAL_WAIT_S + 1)
        process.resume()
        await making
        await verify(client.jetstream(), list(CONSUMERS))
        await client.close()
        await embedded.stop()


async def test_a_server_whose_supervisor_vanished_is_replaced(kept_folder: Path) -> None:
    """A start ends a server that an earlier supervisor left running, so that two never write one store."""
    first = Home.open(kept_folder)
    left = EmbeddedNats(first, users=(EVERYTHING,))
    await left.start()
    client = await nats.connect(left.url_as("nightbus"), allow_reconnect=False, error_cb=quiet)
    await client.jetstream().add_stream(StreamConfig(name="LEFT", subjects=["left.>"]))
    await client.jetstream().publish("left.frame", b"1")
    await client.close()
    first.close()
    with Home.open(kept_folder) as home:
        embedded = EmbeddedNats(home, users=(EVERYTHING,))
        await embedded.start()
        await left.wait()
        assert not left.running
        assert await count(embedded, "LEFT") == 1
        await embedded.stop()


async def test_stop_leaves_no_process_and_the_next_start_continues(home_folder: Path) -> None:
    """Stopped means gone; started again the stream is there, on the same ports with the same password."""
    addresses = set()
    for expected in (1, 2):
        with Home.open(home_folder) as home:
            embedded = EmbeddedNats(home, users=(EVERYTHING,))
            await embedded.start()
            addresses.add((embedded.url_as("nightbus"), embedded.monitor_url))
            client = await nats.connect(embedded.url_as("nightbus"))
            await client.jetstream().add_stream(StreamConfig(name="NIGHT", subjects=["night.>"]))
            await client.jetstream().publish("night.started", b"")
            await client.close()
            assert await count(embedded, "NIGHT") == expected
            pid = embedded.pid
            assert pid is not None
            await embedded.stop()
            assert not psutil.pid_exists(pid)
            assert not (home.run / "nats.pid").exists()
    assert len(addresses) == 1


async def test_a_home_with_an_odd_name_works(home_folder: Path) -> None:
    """Blanks, quotes and backslashes in the home's path reach the configuration unharmed."""
    odd = home_folder / 'a "b" \\n $c #d'
    home_folder.chmod(0o711)  # as root the server's account must get through
    with Home.open(odd) as home:
        embedded = EmbeddedNats(home, users=(EVERYTHING,))
        await embedded.start()
        await embedded.stop()
        assert embedded.store.is_relative_to(odd)
        assert (embedded.store / "jetstream").is_dir()
