"""Publishing: messages that wait together are one atomic batch, and each still gets its own answer."""

import asyncio

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from services.descriptions import SERVICES
from shared.bus.names import EVENTS
from shared.bus.provision import provision
from shared.bus.publish import FEWEST, Publisher
from shared.errors import Permanent, Unavailable
from shared.settings import Settings
from tests.stack import NatsServer

SUBJECT = "file.arrived"


@pytest.fixture
async def js(settings: Settings, nats_client: Client) -> JetStreamContext:
    """JetStream with our streams."""
    context = nats_client.jetstream()
    await provision(context, settings.nats, SERVICES)
    return context


async def publish(publisher: Publisher, *numbers: int) -> list[BaseException | None]:
    """Publish numbered messages at the same moment; the answer to each."""
    return await asyncio.gather(
        *(publisher.publish_raw(SUBJECT, b"%d" % number, {"Nats-Msg-Id": str(number)}) for number in numbers),
        return_exceptions=True,
    )


async def stored(js: JetStreamContext) -> list[tuple[str, str | None]]:
    """Payload and batch of every message in the stream, in order."""
    state = (await js.stream_info(EVENTS)).state
    messages = [await js.get_msg(EVENTS, seq) for seq in range(state.first_seq, state.last_seq + 1)]
    return [((message.data or b"").decode(), (message.headers or {}).get("Nats-Batch-Id")) for message in messages]


async def test_messages_that_wait_together_are_one_batch(js: JetStreamContext) -> None:
    """A hundred messages published at once are stored in order as one batch; a few are stored one by one."""
    assert await publish(Publisher(js, "test"), *range(100)) == [None] * 100
    assert await publish(Publisher(js, "test"), 100, 101) == [None, None]
    found = await stored(js)
    assert [payload for payload, _ in found] == [str(number) for number in range(102)]
    assert len({batch for _, batch in found[:100]}) == 1
    assert [batch for _, batch in found[100:]] == [None, None]


async def test_a_batch_with_something_stored_before_takes_effect_once(js: JetStreamContext) -> None:
    """A retry after a lost confirmation: what was stored before stays once, what was not is stored."""
    publisher = Publisher(js, "test")
    assert await publish(publisher, *range(FEWEST)) == [None] * FEWEST
    assert await publish(publisher, *range(2 * FEWEST)) == [None] * (2 * FEWEST)
    found = [payload for payload, _ in await stored(js)]
    assert sorted(found, key=int) == [str(number) for number in range(2 * FEWEST)]


@pytest.mark.parametrize("headers", [{}, {"note": "x" * 700_000}], ids=["body", "headers"])
async def test_one_message_too_large_does_not_hold_back_the_others(
    js: JetStreamContext, nats_client: Client, headers: dict[str, str]
) -> None:
    """Of messages with one that no server takes, the others are stored; that one is never sent, and says for good."""
    publisher = Publisher(js, "test")
    body = bytes(nats_client.max_payload - sum(map(len, headers.values())))
    too_large = asyncio.create_task(publisher.publish_raw(SUBJECT, body, {"Nats-Msg-Id": "large", **headers}))
    assert await publish(publisher, *range(40)) == [None] * 40
    with pytest.raises(Permanent, match="more than the server takes"):
        await too_large
    assert len(await stored(js)) == 40
    assert nats_client.stats["reconnects"] == 0


async def test_one_message_that_cannot_be_sent_does_not_hold_back_the_others(js: JetStreamContext) -> None:
    """Of a batch with one message that the client refuses, the others are stored and that one fails."""
    publisher = Publisher(js, "test")
    bad = asyncio.create_task(publisher.publish_raw(SUBJECT, b"bad", {"no name": "?"}))
    assert await publish(publisher, *range(40)) == [None] * 40
    with pytest.raises(Unavailable):
        await bad
    assert len(await stored(js)) == 40


async def test_whoever_waits_is_told_when_sending_is_cancelled(js: JetStreamContext) -> None:
    """When the task that sends is cancelled, nobody waits for ever, and what is published next is stored."""
    publisher = Publisher(js, "test")
    waiting = [
        asyncio.create_task(publisher.publish_raw(SUBJECT, b"%d" % number, {"Nats-Msg-Id": str(number)}))
        for number in range(40)
    ]
    await asyncio.sleep(0)
    assert publisher._sender is not None
    await asyncio.sleep(0)
    publisher._sender.cancel()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)
    assert await publish(publisher, *range(40)) == [None] * 40
    assert len(await stored(js)) == 40


async def test_a_caller_that_is_cancelled_leaves_the_others_alone(js: JetStreamContext) -> None:
    """One of those who wait for a batch is cancelled: all others get their answer."""
    publisher = Publisher(js, "test")
    waiting = [
        asyncio.create_task(publisher.publish_raw(SUBJECT, b"%d" % number, {"Nats-Msg-Id": str(number)}))
        for number in range(40)
    ]
    await asyncio.sleep(0)
    waiting[7].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers.pop(7), asyncio.CancelledError)
    assert answers == [None] * 39


async def test_a_full_stream_refuses_each_message_of_a_batch(settings: Settings, nats_client: Client) -> None:
    """A batch that does not fit is not stored in part: what fits is stored by itself, every other message fails."""
    js = nats_client.jetstream()
    await provision(js, settings.nats.model_copy(update={"max_bytes": 1024**2}), SERVICES)
    publisher = Publisher(js, "test")
    answers = await asyncio.gather(
        *(publisher.publish_raw(SUBJECT, bytes(60_000), {"Nats-Msg-Id": str(number)}) for number in range(40)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert 20 < len(refused) < 40
    assert all("maximum bytes exceeded" in str(answer) for answer in refused), "each is told the server's reason"
    assert (await js.stream_info(EVENTS)).state.messages == 40 - len(refused)


async def test_a_stream_that_takes_no_batches_gets_single_messages(
    nats_server: NatsServer, nats_client: Client
) -> None:
    """On a server that knows no batches, each message is published and confirmed by itself."""
    js = nats_client.jetstream()
    await js.add_stream(StreamConfig(name=EVENTS, subjects=["file.>"], max_bytes=nats_server.settings.max_bytes))
    assert await publish(Publisher(js, "test"), *range(30)) == [None] * 30
    assert [batch for _, batch in await stored(js)] == [None] * 30


async def test_while_disconnected_every_message_is_told_so(settings: Settings, nats_client: Client) -> None:
    """Without a connection nothing is buffered: every message of a batch fails at once and may be published again."""
    publisher = Publisher(nats_client.jetstream(), "test")
    await provision(nats_client.jetstream(), settings.nats, SERVICES)
    await nats_client.close()
    answers = await publish(publisher, *range(40))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len({id(answer) for answer in answers}) == 40
