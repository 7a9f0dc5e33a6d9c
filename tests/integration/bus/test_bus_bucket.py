"""Buckets on the real server: of two values the one with the higher number stays, in whatever order they are put."""

import asyncio
import json
import random
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from structlog.testing import capture_logs

from services.descriptions import SERVICES, described
from shared.bus import watchdog
from shared.bus.bucket import NO_REVISION, Bucket
from shared.bus.names import DECISIONS, stream_of_bucket, subject_of_key
from shared.bus.outbox import OutboxRelay, Put, enqueue, enqueue_puts
from shared.bus.provision import provision, verify
from shared.bus.puts import PutRelay
from shared.db.pool import pool_of, transaction
from shared.errors import Unavailable
from shared.exits import EX_TEMPFAIL
from shared.service import Service
from shared.settings import Settings
from tests.integration.bus.test_bus_transaction import updated

STREAM = stream_of_bucket(DECISIONS)


def value(revision: int, text: str = "") -> bytes:
    """A value with its number."""
    return json.dumps({"revision": revision, "text": text}).encode()


@pytest.fixture
async def bucket(settings: Settings, nats_client: Client) -> Bucket:
    """The provisioned, empty bucket."""
    return Bucket(nats_client.jetstream(), DECISIONS)


@pytest.fixture
async def pool(settings: Settings) -> Any:
    """Connections of a service with an outbox."""
    async with pool_of(settings.postgres, "stats") as opened:
        yield opened


async def test_the_higher_number_stays(bucket: Bucket) -> None:
    """An older value after a newer one, and the same one twice, change nothing; a newer one replaces it."""
    assert (await bucket.get("a")).revision == NO_REVISION
    assert await bucket.put("a", value(0))
    assert await bucket.put("a", value(5, "five"))
    place = (await bucket.get("a")).sequence
    assert not await bucket.put("a", value(4, "four"))
    assert not await bucket.put("a", value(5, "five"))
    assert (await bucket.get("a")) == (value(5, "five"), 5, place)
    assert await bucket.put("a", value(6))
    assert (await bucket.get("a")).revision == 6
    assert (await bucket.get("b")).is_there is False


async def test_many_writers_at_once_leave_the_highest(bucket: Bucket, nats_client: Client) -> None:
    """Ten writers that put forty values each, in any order, leave the last of all, once per number that was put."""
    numbers = [number for number in range(1, 41) for _ in range(10)]
    random.Random(7).shuffle(numbers)
    writers = [Bucket(nats_client.jetstream(), DECISIONS) for _ in range(10)]

    async def write(writer: Bucket, mine: list[int]) -> int:
        return sum([await writer.put("a", value(number)) for number in mine])

    put = await asyncio.gather(*(write(writer, numbers[index::10]) for index, writer in enumerate(writers)))
    assert (await bucket.get("a")).revision == 40
    assert 0 < sum(put) <= 40


async def test_what_was_damaged_is_put_again(bucket: Bucket, nats_client: Client) -> None:
    """A value that tells no number gives way to one that does."""
    for damage in (b"", b"no", b"[1]", b'{"revision": "x"}', b"{"):
        await nats_client.jetstream().publish(subject_of_key(DECISIONS, "a"), damage)
        assert (await bucket.get("a")).revision == NO_REVISION
        assert await bucket.put("a", value(1))


async def test_what_is_removed_is_gone_and_may_come_again(bucket: Bucket) -> None:
    """Removing names the place of what was looked at: what was put since stays."""
    await bucket.put("a", value(1))
    await bucket.put("b.c", value(2))
    looked_at = await bucket.get("a")
    await bucket.put("a", value(3))
    assert not await bucket.remove("a", looked_at.sequence)
    assert {key: stored.revision for key, stored in (await bucket.entries()).items()} == {"a": 3, "b.c": 2}
    assert await bucket.remove("a", (await bucket.get("a")).sequence)
    assert set(await bucket.entries()) == {"b.c"}
    assert await bucket.put("a", value(1))
    assert (await bucket.get("a")).revision == 1


async def test_every_key_is_read(bucket: Bucket) -> None:
    """More keys than are asked for at a time."""
    await asyncio.gather(*(bucket.put(f"k{number}", value(number)) for number in range(350)))
    found = await bucket.entries()
    assert {key: stored.revision for key, stored in found.items()} == {f"k{number}": number for number in range(350)}


async def test_a_bucket_that_is_not_there_is_an_outage(bucket: Bucket, nats_client: Client) -> None:
    """Every question is answered by one word, also after the bucket was there; provisioning makes it again, empty."""
    await bucket.put("a", value(1))
    await nats_client.jetstream().delete_stream(STREAM)
    for one in (bucket, Bucket(nats_client.jetstream(timeout=1), DECISIONS)):
        for ask in (one.get("a"), one.put("a", value(2)), one.remove("a", 1), one.entries()):
            with pytest.raises(Unavailable, match="the bucket NIGHTBUS_DECISIONS does not answer"):
                await ask


async def test_provisioning_makes_the_bucket_and_leaves_it(
    settings: Settings, bucket: Bucket, nats_client: Client
) -> None:
    """One value a key, no age, no deletion by hand; provisioned again it is as it was, with what it holds."""
    js = nats_client.jetstream()
    before = (await js.stream_info(STREAM)).config
    assert (before.max_msgs_per_subject, before.max_age, before.deny_delete) == (1, 0, True)
    assert 0 < (before.max_bytes or 0) < (settings.nats.max_bytes or 0)
    await bucket.put("a", value(1))
    await provision(js, settings.nats, SERVICES)
    assert (await js.stream_info(STREAM)).config == before
    assert (await bucket.get("a")).revision == 1
    await verify(js, (), described("stats").buckets)
    await js.delete_stream(STREAM)
    with pytest.raises(Unavailable, match="the bucket NIGHTBUS_DECISIONS is missing"):
        await verify(js, (), described("scanner").buckets)


@pytest.mark.parametrize("name", ["stats", "scanner"])
async def test_a_lost_bucket_ends_those_who_need_it(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A bucket that is deleted underneath is noticed: the service ends with code 75, to be provisioned and started."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)
    async with Service(described(name), settings) as service:
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await nats_client.jetstream().delete_stream(STREAM)
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL


async def put_later(pool: Any, *puts: tuple[str, int]) -> None:
    """Commit values for the bucket."""
    async with transaction(pool) as connection:
        await enqueue_puts(
            connection, DECISIONS, [Put(key, revision, value(revision).decode()) for key, revision in puts]
        )


async def test_committed_values_are_put_in_order(
    pool: Any, bucket: Bucket, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value lies in the bucket behind those that were committed before it; rolled-back ones never come."""
    await put_later(pool, ("a", 1), ("b", 2), ("whole", 2))
    with pytest.raises(ZeroDivisionError):
        async with transaction(pool) as connection:
            await enqueue_puts(connection, DECISIONS, [Put("x", 9, value(9).decode())])
            raise ZeroDivisionError
    await put_later(pool, ("a", 3), ("c", 4), ("whole", 4))
    seen: list[str] = []

    async def note(message: Any) -> None:
        seen.append(message.subject.rpartition(".")[2])

    heard = await nats_client.subscribe(subject_of_key(DECISIONS, ">"), cb=note)
    await nats_client.flush()
    assert await PutRelay(pool, nats_client.jetstream()).relay_once() == 6
    await nats_client.flush()
    await heard.unsubscribe()
    assert seen == ["a", "b", "whole", "a", "c", "whole"]
    assert {key: stored.revision for key, stored in (await bucket.entries()).items()} == {
        "a": 3, "b": 2, "c": 4, "whole": 4,
    }  # fmt: skip
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_put_whose_confirmation_was_lost_is_no_harm(pool: Any, bucket: Bucket, nats_client: Client) -> None:
    """A relay that dies between put and delete puts again, behind newer values of others: the newest stays."""
    await put_later(pool, ("a", 1), ("a", 2))
    await bucket.put("a", value(1))
    assert await PutRelay(pool, nats_client.jetstream()).relay_once() == 2
    await put_later(pool, ("a", 3))
    await bucket.put("a", value(7))
    assert await PutRelay(pool, nats_client.jetstream()).relay_once() == 1
    assert (await bucket.get("a")).revision == 7


async def test_no_value_is_put_before_those_before_it(
    pool: Any, bucket: Bucket, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be put holds back what comes behind it, and those before it are done."""
    await put_later(pool, ("a", 1), ("b", 2), ("whole", 2))
    put = Bucket.put

    async def refuse(self: Bucket, key: str, content: bytes) -> bool:
        if key == "b":
            raise Unavailable("not now")
        return await put(self, key, content)

    monkeypatch.setattr(Bucket, "put", refuse)
    relay = PutRelay(pool, nats_client.jetstream())
    with pytest.raises(Unavailable, match="not now"):
        await relay.relay_once()
    assert set(await bucket.entries()) == {"a"}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 2
    monkeypatch.undo()
    assert await relay.relay_once() == 2
    assert set(await bucket.entries()) == {"a", "b", "whole"}


async def test_one_relay_puts_at_a_time(
    pool: Any, bucket: Bucket, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one replica has values in hand, another puts none, so that none overtakes them."""
    await put_later(pool, ("a", 1))
    in_hand, go_on = asyncio.Event(), asyncio.Event()
    put = Bucket.put

    async def slowly(self: Bucket, key: str, content: bytes) -> bool:
        if key == "a":
            in_hand.set()
            await go_on.wait()
        return await put(self, key, content)

    monkeypatch.setattr(Bucket, "put", slowly)
    first = asyncio.create_task(PutRelay(pool, nats_client.jetstream()).relay_once())
    await in_hand.wait()
    await put_later(pool, ("whole", 1))
    other = PutRelay(pool, nats_client.jetstream())
    assert await other.relay_once() == 0
    assert await bucket.entries() == {}
    go_on.set()
    assert await first == 1
    assert await other.relay_once() == 1
    assert set(await bucket.entries()) == {"a", "whole"}


async def test_events_and_values_hold_each_other_back_in_nothing(
    pool: Any, bucket: Bucket, nats_client: Client
) -> None:
    """The relay of events leaves values where they are, and the other way round."""
    async with transaction(pool) as connection:
        await enqueue(connection, "stats", [updated(1)])
        await enqueue_puts(connection, DECISIONS, [Put("a", 1, value(1).decode())])
    js: JetStreamContext = nats_client.jetstream()
    assert await OutboxRelay(pool, js, "stats").relay_once() == 1
    assert await bucket.entries() == {}
    assert await PutRelay(pool, js).relay_once() == 1
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_relay_waits_for_nats_and_goes_on(pool: Any, bucket: Bucket, nats_client: Client) -> None:
    """What is committed while the bucket is away is put once it is there again; nobody has to ask."""
    js = nats_client.jetstream()
    config = (await js.stream_info(STREAM)).config
    await js.delete_stream(STREAM)
    with capture_logs() as logs:
        relay = PutRelay(pool, js)
        running = asyncio.create_task(relay.run())
        await put_later(pool, ("a", 1))
        relay.wake()
        async with asyncio.timeout(30):
            while not any(line["event"] == "waiting" for line in logs):
                await asyncio.sleep(0.05)
            await js.add_stream(config)
            while await pool.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
    assert (await bucket.get("a")).revision == 1


async def test_hearing_of_a_key(bucket: Bucket) -> None:
    """Whoever subscribes hears of puts of that key alone."""
    heard: list[str] = []
    subscription = await bucket.on_put("whole", lambda: heard.append(str(uuid4())))
    await bucket.put("a", value(1))
    await bucket.put("whole", value(1))
    async with asyncio.timeout(5):
        while not heard:
            await asyncio.sleep(0.01)
    await subscription.unsubscribe()
    assert len(heard) == 1
