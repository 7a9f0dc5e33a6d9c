"""An upgrade moves the dead letters of earlier versions into the work queue: none is lost, none is entered twice."""

import asyncio
from collections import Counter

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.errors import NotFoundError, ServiceUnavailableError

from services.api.handlers import register
from services.descriptions import SERVICES
from shared.bus import moving
from shared.bus.names import DEAD_LETTERS, OLD_DEAD_LETTERS
from shared.bus.provision import provision
from shared.bus.streams import streams
from shared.db.pool import pool_of
from shared.settings import PostgresSettings
from tests.stack import NatsServer

LETTERS, REGISTERED = 250, 100


@pytest.fixture
async def js(nats_client: Client, nats_server: NatsServer) -> JetStreamContext:
    """NATS as the version before provisioned it, with letters of which the register knows some."""
    context = nats_client.jetstream()
    await context.add_stream(
        StreamConfig(
            name=OLD_DEAD_LETTERS,
            subjects=["dead.>"],
            storage=StorageType.FILE,
            compression=StoreCompression.S2,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=0.0,
            max_bytes=8 * 1024**2,
            duplicate_window=300.0,
        )
    )
    await context.add_consumer(
        OLD_DEAD_LETTERS,
        ConsumerConfig(
            durable_name="api-dead-all",
            filter_subject="dead.>",
            ack_policy=AckPolicy.EXPLICIT,
            max_deliver=-1,
            metadata={"nightbus-service": "api"},
        ),
    )
    for number in range(LETTERS):
        headers = {} if number % 10 == 7 else {"Nats-Msg-Id": f"dead/stats/{number}/x"}
        await context.publish("dead.stats", b"letter %d" % number, headers=headers)
    reader = await context.pull_subscribe_bind("api-dead-all", OLD_DEAD_LETTERS)
    for message in await reader.fetch(REGISTERED + 1):
        if message.data != b"letter 40":  # the register works on this one
            await message.ack_sync()
    await reader.unsubscribe()
    return context


async def payloads(js: JetStreamContext) -> Counter[bytes]:
    """What lies in the work queue, and how often."""
    state = (await js.stream_info(DEAD_LETTERS)).state
    found: Counter[bytes] = Counter()
    for position in range(1, state.last_seq + 1):
        found[(await js.get_msg(DEAD_LETTERS, position)).data or b""] += 1
    return found


UNREAD = Counter(b"letter %d" % number for number in (40, *range(REGISTERED + 1, LETTERS)))
"""What the register has not acknowledged."""
WANTED = Counter(b"letter %d" % number for number in range(40, LETTERS))
"""With them what it acknowledged behind the letter that it works on: the server tells how far all are acknowledged."""


async def test_provisioning_moves_the_letters(js: JetStreamContext, nats_server: NatsServer) -> None:
    """The old stream is gone, the new one is a work queue with every letter that was not read, once, under its id."""
    await provision(js, nats_server.settings, SERVICES)
    assert await payloads(js) == WANTED
    with pytest.raises(NotFoundError):
        await js.stream_info(OLD_DEAD_LETTERS)
    found = (await js.stream_info(DEAD_LETTERS)).config
    assert (found.retention, found.deny_purge, found.deny_delete) == (RetentionPolicy.WORK_QUEUE, True, True)
    first = await js.get_msg(DEAD_LETTERS, 1)
    assert first.headers is not None
    assert first.headers["Nats-Msg-Id"] == "dead/stats/40/x"
    await js.publish("dead.scanner", b"a new one")
    await provision(js, nats_server.settings, SERVICES)
    assert await payloads(js) == WANTED + Counter([b"a new one"])


STEPS = ("update_stream", "add_stream", "purge_stream", "publish", "delete_msg", "delete_stream")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [True, False])
async def test_a_move_that_is_cut_short_goes_on(
    js: JetStreamContext, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, step: str, done: bool
) -> None:
    """Killed before or after any step, the next provisioning ends with each letter once."""
    original = getattr(JetStreamContext, step)
    calls = 0

    async def dying(self: JetStreamContext, *args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        deadly = calls == (57 if step in {"publish", "delete_msg"} else 2 if step == "add_stream" else 1)
        if deadly and not done:
            raise asyncio.CancelledError
        result = await original(self, *args, **kwargs)
        if deadly:
            raise asyncio.CancelledError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(JetStreamContext, step, dying)
        with pytest.raises(asyncio.CancelledError):
            await provision(js, nats_server.settings, SERVICES)
    await provision(js, nats_server.settings, SERVICES)
    assert UNREAD <= await payloads(js) <= WANTED
    with pytest.raises(NotFoundError):
        await js.stream_info(OLD_DEAD_LETTERS)


async def test_a_letter_that_was_entered_before_the_move_is_entered_once(
    js: JetStreamContext, nats_server: NatsServer, database: PostgresSettings
) -> None:
    """The register knows a moved letter by its id and the time at which it was first stored."""
    async with pool_of(database, "api") as pool:
        for stream in (OLD_DEAD_LETTERS, DEAD_LETTERS):
            everything = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT)
            reader = await js.pull_subscribe("", durable="mine", stream=stream, config=everything)
            for message in await reader.fetch(LETTERS):
                await register(pool, "api-dead-all", None, message)
            await reader.unsubscribe()
            if stream == OLD_DEAD_LETTERS:
                await moving.close_old(js)
                await js.add_stream(next(one for one in streams(nats_server.settings) if one.name == DEAD_LETTERS))
                assert await moving.move_letters(js) == LETTERS - 40
        assert await pool.fetchval("SELECT count(*) FROM dead_letter") == LETTERS


async def test_a_new_stream_without_room_keeps_the_letters_where_they_were(
    js: JetStreamContext, nats_server: NatsServer
) -> None:
    """A letter that the new stream refuses stays in the old one, and the move goes on when there is room."""
    await moving.close_old(js)
    small = next(one for one in streams(nats_server.settings) if one.name == DEAD_LETTERS)
    small.max_bytes = 3000
    await js.add_stream(small)
    with pytest.raises(ServiceUnavailableError, match="maximum bytes exceeded"):
        await moving.move_letters(js)
    await provision(js, nats_server.settings, SERVICES)
    assert UNREAD <= await payloads(js) <= WANTED
