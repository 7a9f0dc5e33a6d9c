"""A home whose streams lie in the server's global account, as in earlier versions: moved once, and found again."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.descriptions import SERVICES, described
from services.standalone.accounts import service_account
from services.standalone.binaries import provide_binaries
from services.standalone.home import Home
from services.standalone.jetstream import kept_aside
from services.standalone.jetstream_move import move_back, move_streams
from services.standalone.nats import EmbeddedNats
from shared.bus.broker import connect
from shared.bus.names import ACCOUNT, EVENTS, PROVISION
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.settings import NatsSettings
from tests.integration.stats.world import arrived
from tests.moto_server import free_port
from tests.stack import EVERYTHING, STREAM_BYTES, open_folder, wait_for_port

pytestmark = pytest.mark.usefixtures("embedded_stack")

(READER,) = described("scanner").consumers


@pytest.fixture
def home() -> Iterator[Home]:
    """A home in which nothing is yet but the folder of its message store."""
    with open_folder(in_memory=True) as folder, Home.open(folder / "home") as opened:
        account = service_account()
        store = opened.nats / "store"
        store.mkdir(mode=0o700)
        if account is not None:
            shutil.chown(store, account.uid, account.gid)
        yield opened


@contextmanager
def earlier_server(home: Home, *, is_well: bool = True) -> Iterator[NatsSettings]:
    """The message server of a home as earlier versions ran it: all streams are the global account's.

    Where it is not well an earlier `up` keeps its store aside as damaged, and begins anew.
    """
    account = service_account()
    user, group = (account.uid, account.gid) if account else (None, None)
    groups: list[int] | None = [] if account else None
    program = provide_binaries(home.bin, account).nats_server
    port, monitor_port = free_port(), free_port()
    command = [str(program), "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor_port), "-js"]
    command += ["-sd", str(home.nats / "store")]
    server = subprocess.Popen(
        command, stderr=subprocess.DEVNULL, cwd="/", user=user, group=group, extra_groups=groups, umask=0o077
    )
    try:
        wait_for_port(port, server)
        health = httpx.get(f"http://127.0.0.1:{monitor_port}/healthz")
        assert (health.status_code == 200) is is_well, health.text
        yield NatsSettings(url=f"nats://127.0.0.1:{port}", max_bytes=STREAM_BYTES)
    finally:
        server.terminate()
        server.wait(20)


@asynccontextmanager
async def todays_server(home: Home) -> AsyncIterator[NatsSettings]:
    """The message server of a home as `up` runs it today, and leaves it when it ends."""
    embedded = EmbeddedNats(home, users=(EVERYTHING,))
    await embedded.start()
    try:
        assert await embedded.ailment() is None
        url = f"nats://127.0.0.1:{embedded.port}"
        yield NatsSettings(url=url, user=EVERYTHING.name, password_file=home.secrets / f"nats-{EVERYTHING.name}")
    finally:
        await embedded.stop()
        move_back(home.nats / "store")


@asynccontextmanager
async def client_of(settings: NatsSettings) -> AsyncIterator[Client]:
    """A connection that may do all."""
    client = await connect(settings, PROVISION if settings.user is None else settings.user, patient=False)
    try:
        yield client
    finally:
        await client.close()


async def begin(settings: NatsSettings, *names: str) -> None:
    """Make the streams, publish an event for each name, and have the scanner read the first."""
    async with client_of(settings) as client:
        await provision(client.jetstream(), settings, SERVICES)
    await publish(settings, *names)
    assert await read(settings) == names[0]


async def publish(settings: NatsSettings, *names: str) -> None:
    """Publish an event for each name, in this order."""
    async with client_of(settings) as client:
        for name in names:
            await Publisher(client.jetstream(), "ingest").publish(arrived(name))


async def read(settings: NatsSettings) -> str:
    """Read and acknowledge the next event as the scanner does; the name that it was published for."""
    async with client_of(settings) as client:
        consumer = await client.jetstream().pull_subscribe_bind(consumer=READER.durable, stream=EVENTS)
        (message,) = await consumer.fetch(1, timeout=10)
        await message.ack_sync(timeout=10)
        known = {str(arrived(name).event_id): name for name in "abcdefgh"}
        return known[(message.headers or {})["ce-id"]]


async def stored(settings: NatsSettings) -> int:
    """How many events the stream has."""
    async with client_of(settings) as client:
        return (await client.jetstream().stream_info(EVENTS)).state.messages


KILLED = {
    "never": "",
    "before the move": "pathlib.Path.rename = die",
    "after the move": "jetstream_move.sync_folder = die",
}


@pytest.mark.parametrize("moment", KILLED)
async def test_a_home_goes_on_where_it_was_with_either_version(home: Home, moment: str) -> None:
    """Streams and consumers move with the first start, whenever it is killed; an earlier version finds them again."""
    with earlier_server(home) as settings:
        await begin(settings, "a", "b", "c", "d")
    if KILLED[moment]:
        script = (
            "import os, pathlib, signal, sys\nfrom services.standalone import jetstream_move\n"
            f"def die(*_words): os.kill(os.getpid(), signal.SIGKILL)\n{KILLED[moment]}\n"
            "jetstream_move.move_streams(pathlib.Path(sys.argv[1]))\n"
        )
        done = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
            [sys.executable, "-c", script, str(home.nats / "store")], check=False, cwd=Path(__file__).parents[3]
        )
        assert done.returncode == -9
    async with todays_server(home) as settings:
        assert await stored(settings) == 4
        assert await read(settings) == "b"
        await publish(settings, "e")
    with earlier_server(home) as settings:
        assert await stored(settings) == 5
        assert await read(settings) == "c"
        await publish(settings, "f")
    async with todays_server(home) as settings:
        assert await stored(settings) == 6
        assert [await read(settings) for _ in range(3)] == ["d", "e", "f"]
    assert kept_aside(home.nats) == []


async def test_what_an_earlier_version_began_anew_is_gone_on_with(home: Home) -> None:
    """Killed, and then run with an earlier version, which finds no streams: its own hold, ours are kept aside."""
    with earlier_server(home) as settings:
        await begin(settings, "a", "b")
    move_streams(home.nats / "store")
    with earlier_server(home, is_well=False) as settings:
        await begin(settings, "c", "d", "e")
    with capture_logs() as said:
        async with todays_server(home) as settings:
            assert await stored(settings) == 3
            assert await read(settings) == "d"
    (aside,) = kept_aside(home.nats)
    assert (aside / "store" / "jetstream" / ACCOUNT / "streams" / EVENTS).is_dir()
    (told,) = [line["event"] for line in said if line["log_level"] == "error"]
    assert "an earlier version has begun anew beside it" in told
    assert f"the stream {EVENTS}" in told


@pytest.mark.parametrize("rest", ["at rest", "after kill -9"])
async def test_a_folder_that_an_earlier_version_left_empty_changes_nothing(home: Home, rest: str) -> None:
    """It was started and stopped before it had made a stream: what this version has stays where it is."""
    async with todays_server(home) as settings:
        await begin(settings.model_copy(update={"max_bytes": STREAM_BYTES}), "a", "b")
    place = home.nats / "store" / "jetstream"
    if rest == "after kill -9":
        move_streams(home.nats / "store")
    empty = place / ("$G" if rest == "after kill -9" else ACCOUNT)
    account = service_account()
    for folder in (empty, empty / "streams"):
        folder.mkdir()
        if account is not None:
            shutil.chown(folder, account.uid, account.gid)
    async with todays_server(home) as settings:
        assert await stored(settings) == 2
        assert await read(settings) == "b"
    assert kept_aside(home.nats) == []
    assert [folder.name for folder in place.iterdir()] == ["$G"]
