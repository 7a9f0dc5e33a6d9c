"""A damaged JetStream store: kept aside, made anew, with one sentence; what is sound stays as it is."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.descriptions import CONSUMERS, SERVICES
from services.standalone import jetstream
from services.standalone.accounts import service_account
from services.standalone.home import Home
from services.standalone.jetstream import kept_aside
from services.standalone.keeper import BAD_LOOKS
from services.standalone.nats import EmbeddedNats
from services.standalone.process import ProcessFailed
from shared.bus import streams
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.provision import provision
from shared.settings import NatsSettings
from tests.stack import EVERYTHING, open_folder
from tests.store_damage import DAMAGES, Damage

MESSAGES, MESSAGE_BYTES = 3000, 3000
"""Enough to fill a block of the store, which is compressed then."""
READ = 200
MAX_BYTES = 64 * 1024**2


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all streams, events of which some were read, and dead letters."""
    return asyncio.run(_filled(tmp_path_factory.mktemp("sound")))


@pytest.fixture(scope="module")
def settled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a store whose messages are no longer compared with new ones, so that none is read at a start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "DUPLICATE_WINDOW_S", 0.1)
        return asyncio.run(_filled(tmp_path_factory.mktemp("settled")))


async def _filled(folder: Path) -> Path:
    with open_folder() as place, Home.open(place / "home") as home:
        server = EmbeddedNats(home, users=(EVERYTHING,))
        await server.start()
        client = await nats.connect(server.url_as("nightbus"))
        js = client.jetstream()
        await provision(js, NatsSettings(max_bytes=MAX_BYTES), SERVICES)
        events = (os.urandom(MESSAGE_BYTES) for _ in range(MESSAGES))
        await asyncio.gather(*[await js.publish_async("file.arrived", event, stream=EVENTS) for event in events])
        await js.publish("dead.scanner", b"a letter")
        reader = await js.pull_subscribe_bind("stats-file-arrived", EVENTS)
        for message in await reader.fetch(READ, timeout=5):
            await message.ack_sync()
        await client.close()
        await server.stop()
        shutil.copytree(server.store, folder / "store", symlinks=True)
    return folder / "store"


@pytest.fixture
async def home(home_folder: Path) -> AsyncIterator[Home]:
    """A home whose NATS has never run."""
    with Home.open(home_folder) as opened:
        yield opened


def prepared(home: Home, sound_store: Path, damage: Damage) -> EmbeddedNats:
    """A server that has a copy of the sound store, damaged."""
    server = EmbeddedNats(home, users=(EVERYTHING,))
    shutil.copytree(sound_store, server.store, symlinks=True)
    damage(server.store)
    if (account := service_account()) is not None:
        for path in (server.store, *server.store.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return server


ALL, NO_EVENTS, NO_LETTERS, NOTHING = (MESSAGES, 1), (0, 1), (MESSAGES, 0), (0, 0)
"""Events and dead letters that are left."""
OTHERWISE = {
    "the dead letters' description": (NO_LETTERS, "the stream NIGHTBUS_LETTERS"),
    "the dead letters' consumer": (ALL, "the consumer api-dead-all of the stream NIGHTBUS_LETTERS"),
    "a stream of somebody else": (ALL, "the stream THEIRS"),
    "the bucket's description": (ALL, "the stream KV_NIGHTBUS_DECISIONS"),
    "every file": (NOTHING, "the stream KV_NIGHTBUS_DECISIONS, the stream NIGHTBUS, the stream NIGHTBUS_LETTERS"),
    "a block that is read again and again": (NOTHING, "the whole store"),
    "no store at all": (NOTHING, "the whole store"),
}
"""What is left and what is kept aside, where that is not the stream of events."""


@pytest.mark.parametrize("kind", DAMAGES)
async def test_what_is_damaged_is_set_aside_and_made_anew(home: Home, sound_store: Path, kind: str) -> None:
    """NATS comes up, one sentence says what was kept aside, that is kept, and everything can be written and read."""
    (events, letters), named = OTHERWISE.get(kind, (NO_EVENTS, "the stream NIGHTBUS"))
    server = prepared(home, sound_store, DAMAGES[kind])
    before = _files(server.store)
    with capture_logs() as logs:
        await server.start()
    client = await nats.connect(server.url_as("nightbus"))
    try:
        assert await _messages(client) == (events, letters)
        await _everything_works(client)
    finally:
        await client.close()
        await server.stop()
    said = [line["event"] for line in logs if "the message store was damaged" in line["event"]]
    assert len(said) == 1
    (folder,) = kept_aside(home.nats)
    assert f": {named} was kept aside in {folder}" in said[0]
    kept = _files(folder / "store")
    assert kept or kind == "a stream of somebody else"
    assert all(before[name] == content for name, content in kept.items())
    lost_letters = "dead letters that were not in the register yet" in said[0]
    assert lost_letters == (letters == 0)


async def test_a_sound_store_is_left_alone(home: Home, sound_store: Path) -> None:
    """Also after kill -9 nothing is kept aside, and what was read stays read."""
    server = prepared(home, sound_store, lambda _store: None)
    for _ in range(2):
        await server.start()
        assert await server.ailment() is None
        await server.kill()
        await server.wait()
    await server.start()
    client = await nats.connect(server.url_as("nightbus"))
    info = await client.jetstream().consumer_info(EVENTS, "stats-file-arrived")
    await client.close()
    await server.stop()
    assert (info.num_pending, kept_aside(home.nats)) == (MESSAGES - READ, [])


async def test_a_stream_that_delivers_nothing_is_found_and_set_aside(home: Home, settled_store: Path) -> None:
    """A byte of a block lets the server run and deliver nothing more; where a new start does not help, it is new."""
    server = prepared(home, settled_store, DAMAGES["a block that is read again and again"])
    with capture_logs() as logs:
        for _ in range(2):
            await server.start()
            assert kept_aside(home.nats) == []
            client = await nats.connect(server.url_as("nightbus"), allow_reconnect=False)
            readers = [await _pulling(client, row.durable) for row in CONSUMERS if row.subject == "file.arrived"]
            ailments = {await server.ailment() for _ in range(BAD_LOOKS)}
            assert ailments == {None, "delivers nothing of the stream NIGHTBUS, though messages and readers wait"}
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            await client.close()
            await server.kill()
            await server.wait()
        await server.start()
    client = await nats.connect(server.url_as("nightbus"))
    await _everything_works(client)
    await client.close()
    await server.stop()
    assert [line["event"] for line in logs if "a stream stood still, also after a new start" in line["event"]]
    assert len(kept_aside(home.nats)) == 1


async def _pulling(client: Client, durable: str) -> "asyncio.Task[Any]":
    """A reader that waits for messages."""
    subscription = await client.jetstream().pull_subscribe_bind(durable, EVENTS)
    task = asyncio.create_task(subscription.fetch(10, timeout=60))
    async with asyncio.timeout(10):
        while not (await subscription.consumer_info()).num_waiting:
            await asyncio.sleep(0.05)
    return task


async def test_a_store_is_not_to_blame_when_no_server_starts(
    home: Home, sound_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where NATS does not start on an empty store either, as with settings it does not take, the store is as it was."""
    server = prepared(home, sound_store, lambda _store: None)
    before = _files(server.store)
    monkeypatch.setattr(server, "_max_payload_bytes", "all")
    with pytest.raises(ProcessFailed, match="is string, not int64"):
        await server.start()
    assert _files(server.store) == before
    assert kept_aside(home.nats) == []


async def test_a_server_that_is_killed_while_it_starts_blames_no_store(
    home: Home, sound_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill -9 says nothing of the store: the start fails, to be tried again."""
    server = prepared(home, sound_store, lambda _store: None)

    async def killed(*_args: object) -> bool:
        assert server._process is not None
        await server._process.kill()
        await server._process.wait()
        return False

    with monkeypatch.context() as patch:
        patch.setattr(server, "_is_ready", killed)
        with pytest.raises(ProcessFailed, match="ended with code -9"):
            await server.start()
    assert kept_aside(home.nats) == []
    await server.start()
    await server.stop()


def test_what_was_done_is_one_sentence() -> None:
    """Facts that cannot come back are named where there are some."""
    part = jetstream.Part("THEIRS", "one")
    assert jetstream.what_was_done([part], "why", Path("/x")) == (
        "the message store was damaged (why): the consumer one of the stream THEIRS was kept aside in /x and is made "
        "anew, and what had not been read is told again"
    )


async def _messages(client: Client) -> tuple[int, int]:
    """Messages in the streams of events and letters; all streams are made where they are missing."""
    js = client.jetstream()
    await provision(js, NatsSettings(max_bytes=MAX_BYTES), SERVICES)
    return tuple([(await js.stream_info(name)).state.messages for name in (EVENTS, DEAD_LETTERS)])  # type: ignore[return-value]


async def _everything_works(client: Client) -> None:
    """A new event reaches every consumer of its subject, whatever it had read before."""
    js = client.jetstream()
    await provision(js, NatsSettings(max_bytes=MAX_BYTES), SERVICES)
    for subject, stream in (("file.arrived", EVENTS), ("file.scanned", EVENTS), ("dead.api", DEAD_LETTERS)):
        last = (await js.publish(subject, b"new")).seq
        for row in CONSUMERS:
            if row.stream != stream or row.subject.split(".")[1] not in (subject.split(".")[1], ">"):
                continue
            reader = await js.pull_subscribe_bind(row.durable, stream)
            async with asyncio.timeout(20):
                read = 0
                while read < last:
                    messages = await reader.fetch(1000, timeout=10)
                    read = messages[-1].metadata.sequence.stream
                    for message in messages:
                        await message.ack()


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
