"""Delivery: what a handler raises decides what happens to its message, and nothing is lost."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from services.descriptions import CONSUMERS, described
from shared import retry
from shared.bus import delivery, inhand
from shared.bus.dead_letters import DeadLetter, read_dead_letter
from shared.bus.delivery import Desk, one_by_one, retry_delay_s, subscribe
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.publish import Publisher
from shared.bus.streams import config_of
from shared.errors import Away, Ignorable, Permanent, Transient, Unavailable
from shared.events.envelope import MESSAGE_ID
from shared.events.file import FileArrived, FileQuarantined
from shared.logging import Settled
from shared.service import Service
from shared.settings import Settings

Handler = Callable[[FileArrived], Awaitable[None]]


def arrival(number: int) -> FileArrived:
    """A file.arrived of its own."""
    return FileArrived(
        file_id=f"{number:064x}",
        root="library",
        path=f"night/{number}.fit",
        root_path="/nowhere",
        size_bytes=1,
        source="test",
        origin=f"{number}.fit",
        arrived_at=datetime.now(UTC),
    )


@asynccontextmanager
async def scanner_with(settings: Settings, handler: Handler) -> AsyncIterator[Service]:
    """A service in the scanner's place, running ``handler``."""
    async with Service(described("scanner"), settings) as service:
        desk = Desk(described("scanner").consumer("file.arrived"), FileArrived, Publisher(service.js, "scanner"))
        subscribe(service.broker, desk, one_by_one(desk, handler))
        await service.broker.start()
        yield service


async def until(condition: Callable[[], Awaitable[bool]], *, within_s: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


def settled(js: JetStreamContext) -> Callable[[], Awaitable[bool]]:
    """Whether the scanner's consumer has nothing left."""

    async def check() -> bool:
        info = await js.consumer_info(EVENTS, "scanner-file-arrived")
        return (info.num_pending, info.num_ack_pending) == (0, 0) and bool(info.delivered and info.delivered.stream_seq)

    return check


async def dead_letters(js: JetStreamContext) -> list[DeadLetter]:
    """All dead letters in the stream."""
    info = await js.stream_info(DEAD_LETTERS)
    found = []
    for sequence in range(1, info.state.last_seq + 1):
        message = await js.get_msg(DEAD_LETTERS, sequence)
        found.append(read_dead_letter(message.headers or {}, message.data or b""))
    return found


async def test_a_handled_event_is_acknowledged_once(settings: Settings, nats_client: Client) -> None:
    """A handler that returns normally sees its event once, and the message is gone from the consumer."""
    seen: list[str] = []

    async def handle(event: FileArrived) -> None:
        seen.append(event.file_id)

    async with scanner_with(settings, handle) as service:
        await Publisher(service.js, "test").publish(arrival(1))
        await until(settled(service.js))
    assert seen == [arrival(1).file_id]


async def test_each_settled_message_is_told_once(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handled, given up and unreadable: one line each, with outcome, ids, attempt and duration."""
    lines: list[tuple[str, str, Settled]] = []

    def told(service: str, outcome: str, messages: Iterable[Settled]) -> None:
        lines.extend((service, outcome, message) for message in messages)

    monkeypatch.setattr(inhand, "log_settled", told)
    monkeypatch.setattr(inhand, "logs_settled", lambda: True)

    async def handle(event: FileArrived) -> None:
        if event.file_id == arrival(2).file_id:
            raise Permanent("the header is cut off")

    async with scanner_with(settings, handle) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish(arrival(1))
        await publisher.publish(arrival(2))
        await nats_client.publish("file.arrived", b"no event", headers={MESSAGE_ID: "odd\x1b"})
        await until(settled(service.js))
    found = {(message.event_id, message.file_id): (service, outcome) for service, outcome, message in lines}
    assert found == {
        (str(arrival(1).event_id), arrival(1).file_id): ("scanner", "handled"),
        (str(arrival(2).event_id), arrival(2).file_id): ("scanner", "dead"),
        ("odd\\x1b", None): ("scanner", "dead"),
    }
    assert all((message.attempt, message.subject) == (1, "file.arrived") for _, _, message in lines)
    assert all(0 < message.duration_s < 60 for _, _, message in lines)


async def test_the_same_event_published_twice_is_stored_once(settings: Settings, nats_client: Client) -> None:
    """The deterministic message id lets the stream drop the second copy."""
    async with Service(described("scanner"), settings) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish(arrival(1))
        await publisher.publish(arrival(1))
        await publisher.publish(arrival(1), attempt=2)
        info = await service.js.stream_info(EVENTS)
    assert info.state.messages == 2, "a deliberate re-emission passes, a repetition does not"


async def test_a_transient_error_is_retried_with_a_delay(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Transient comes back after a delay and succeeds; nothing is buried."""
    monkeypatch.setattr(delivery, "retry_delay_s", lambda attempt: 0.1)
    attempts = 0

    async def handle(_event: FileArrived) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Transient("the file is moving")

    async with scanner_with(settings, handle) as service:
        await Publisher(service.js, "test").publish(arrival(1))
        await until(settled(service.js))
        assert await dead_letters(service.js) == []
    assert attempts == 3


async def test_a_permanent_error_quarantines_and_buries(settings: Settings, nats_client: Client) -> None:
    """A Permanent publishes file.quarantined, keeps the message byte for byte as a dead letter, and is not retried."""
    calls = 0

    async def handle(_event: FileArrived) -> None:
        nonlocal calls
        calls += 1
        raise Permanent("not a FITS file: it begins with 'hello'")

    event = arrival(7)
    async with scanner_with(settings, handle) as service:
        await Publisher(service.js, "test").publish(event)
        await until(settled(service.js))
        quarantined = FileQuarantined.model_validate_json(
            (await service.js.get_last_msg(EVENTS, FileQuarantined.subject)).data or b""
        )
        letters = await dead_letters(service.js)
    assert calls == 1
    assert (quarantined.file_id, quarantined.service) == (event.file_id, "scanner")
    assert "it begins with" in quarantined.reason
    assert [letter.payload for letter in letters] == [event.model_dump_json().encode()]
    assert letters[0].event_id == str(event.event_id)


async def test_attempts_end_in_a_dead_letter(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Transient that never passes, and a bug of ours, end as dead letters after MAX_ATTEMPTS, not in a loop."""
    monkeypatch.setattr(delivery, "retry_delay_s", lambda attempt: 0.01)
    monkeypatch.setattr(delivery, "MAX_ATTEMPTS", 3)
    calls = 0

    async def handle(event: FileArrived) -> None:
        nonlocal calls
        calls += 1
        if event.file_id == arrival(1).file_id:
            raise Transient("the file is not there")
        raise ZeroDivisionError("a bug of ours")

    async with scanner_with(settings, handle) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish(arrival(1))
        await publisher.publish(arrival(2))
        await until(settled(service.js))
        letters = await dead_letters(service.js)
    assert calls == 6
    assert sorted(letter.reason for letter in letters) == ["a bug of ours", "the file is not there"]


async def test_a_root_that_is_away_uses_up_no_attempts(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose root is away is tried again for as long as it takes, and holds back no other."""
    monkeypatch.setattr(delivery, "retry_delay_s", lambda attempt: 0.01)
    monkeypatch.setattr(delivery, "MAX_ATTEMPTS", 3)
    tries: Counter[str] = Counter()

    async def handle(event: FileArrived) -> None:
        tries[event.file_id] += 1
        if event.file_id == arrival(1).file_id and tries[event.file_id] <= 8:
            raise Away("the root is away")

    async with scanner_with(settings, handle) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish(arrival(1))
        await publisher.publish(arrival(2))
        await until(settled(service.js))
        assert await dead_letters(service.js) == []
    assert tries == {arrival(1).file_id: 9, arrival(2).file_id: 1}


async def test_an_outage_uses_up_no_attempts(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unavailable is waited out in place: one delivery, however often the dependency had to be asked."""
    monkeypatch.setattr(retry, "WAIT_S", (0.01, 0.02))
    tries = 0

    async def handle(_event: FileArrived) -> None:
        nonlocal tries
        tries += 1
        if tries < 20:
            raise Unavailable("the database does not answer")

    async with scanner_with(settings, handle) as service:
        await Publisher(service.js, "test").publish(arrival(1))
        await until(settled(service.js))
        info = await service.js.consumer_info(EVENTS, "scanner-file-arrived")
        assert await dead_letters(service.js) == []
    assert tries == 20
    assert info.delivered is not None
    assert info.delivered.consumer_seq == 1


async def test_an_ignorable_event_is_acknowledged(settings: Settings, nats_client: Client) -> None:
    """An Ignorable is acknowledged and neither retried nor buried."""
    calls = 0

    async def handle(_event: FileArrived) -> None:
        nonlocal calls
        calls += 1
        raise Ignorable("not for us")

    async with scanner_with(settings, handle) as service:
        await Publisher(service.js, "test").publish(arrival(1))
        await until(settled(service.js))
        assert await dead_letters(service.js) == []
    assert calls == 1


async def test_one_bad_payload_among_a_hundred(settings: Settings, nats_client: Client) -> None:
    """Of a batch of 100 with one payload that does not parse, 99 take effect; one is a dead letter with its bytes."""
    seen: set[str] = set()

    async def handle(event: FileArrived) -> None:
        seen.add(event.file_id)

    bad = b'{"file_id": "not a hash\n", "size_bytes": -1'
    async with Service(described("scanner"), settings) as preparing:
        publisher = Publisher(preparing.js, "test")
        for number in range(100):
            if number == 50:
                await publisher.publish_raw(FileArrived.subject, bad, {"Nats-Msg-Id": "bad"})
            else:
                await publisher.publish(arrival(number))
    async with scanner_with(settings, handle) as service:
        await until(settled(service.js))
        letters = await dead_letters(service.js)
    assert len(seen) == 99
    assert [letter.payload for letter in letters] == [bad]
    assert "not a valid file.arrived" in letters[0].reason


async def test_work_longer_than_ack_wait_is_not_delivered_twice(settings: Settings, nats_client: Client) -> None:
    """While a handler works, the server hears that it does: no second delivery although ack_wait has passed."""
    row = described("scanner").consumer("file.arrived")
    calls = 0

    async def handle(_event: FileArrived) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(3.5)

    async with Service(described("scanner"), settings) as service:
        short = replace(row, batch_size=4, ack_wait_s=1.0, loops=1)
        await service.js.add_consumer(EVENTS, config_of(short))
        desk = Desk(short, FileArrived, Publisher(service.js, "scanner"))
        subscribe(service.broker, desk, one_by_one(desk, handle))
        await service.broker.start()
        await Publisher(service.js, "test").publish(arrival(1))
        await until(settled(service.js))
    assert calls == 1


async def test_an_event_that_cannot_be_prepared_is_settled_by_itself(settings: Settings, nats_client: Client) -> None:
    """What ``prepare`` raises settles its own event, with quarantine; the handler gets what was made of the others.

    It is given the payload as it came, too.
    """
    seen: list[str] = []

    def prepare(event: FileArrived, payload: bytes) -> FileArrived:
        assert FileArrived.model_validate_json(payload) == event
        match event.origin:
            case "1.fit":
                raise Permanent("nobody can use this one")
            case "2.fit":
                raise Ignorable("not for us")
        return event.model_copy(update={"origin": f"prepared {event.origin}"})

    async def handle(event: FileArrived) -> None:
        seen.append(event.origin)

    async with Service(described("scanner"), settings) as service:
        publisher = Publisher(service.js, "scanner")
        for number in range(4):
            await publisher.publish(arrival(number))
        desk = Desk(described("scanner").consumer("file.arrived"), FileArrived, publisher, prepare)
        subscribe(service.broker, desk, one_by_one(desk, handle))
        await service.broker.start()
        await until(settled(service.js))
        message = await service.js.get_last_msg(EVENTS, FileQuarantined.subject)
        letters = await dead_letters(service.js)
    quarantined = FileQuarantined.model_validate_json(message.data or b"")
    assert sorted(seen) == ["prepared 0.fit", "prepared 3.fit"]
    assert [letter.reason for letter in letters] == ["nobody can use this one"]
    assert (quarantined.file_id, quarantined.root, quarantined.path) == (arrival(1).file_id, "library", "night/1.fit")


async def test_a_forged_event_reaches_no_handler(settings: Settings, nats_client: Client) -> None:
    """An event with the id of another fact is a dead letter that says so; it quarantines no file, valid or not."""
    seen: list[str] = []

    async def handle(event: FileArrived) -> None:
        seen.append(event.file_id)

    forged = arrival(1).model_copy(update={"event_id": arrival(2).event_id})
    unreadable = json.loads(forged.model_dump_json()) | {"size_bytes": -1}
    async with scanner_with(settings, handle) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish(forged)
        await publisher.publish_raw(FileArrived.subject, json.dumps(unreadable).encode(), {"Nats-Msg-Id": "unreadable"})
        await publisher.publish(arrival(3))
        await until(settled(service.js))
        letters = await dead_letters(service.js)
        assert (await service.js.stream_info(EVENTS, subjects_filter="file.quarantined")).state.subjects is None
    assert seen == [arrival(3).file_id]
    reasons = sorted(letter.reason for letter in letters)
    assert len(reasons) == 2
    assert reasons[0].startswith(f"the event_id {forged.event_id} is not the one of this file.arrived")
    assert "not a valid file.arrived: size_bytes" in reasons[1]


async def test_a_refused_arrival_quarantines_its_file(settings: Settings, nats_client: Client) -> None:
    """A file.arrived that is not valid but says under its own id which file it is about quarantines that file."""

    async def handle(_event: FileArrived) -> None:
        raise AssertionError("it cannot be read")

    refused = json.loads(arrival(1).model_dump_json()) | {"size_bytes": -1, "occurred_at": "0001-01-01T00:00:00Z"}
    async with scanner_with(settings, handle) as service:
        publisher = Publisher(service.js, "test")
        await publisher.publish_raw(FileArrived.subject, json.dumps(refused).encode(), {"Nats-Msg-Id": "refused"})
        await until(settled(service.js))
        message = await service.js.get_last_msg(EVENTS, FileQuarantined.subject)
    quarantined = FileQuarantined.model_validate_json(message.data or b"")
    assert (quarantined.file_id, quarantined.service, quarantined.attempt) == (arrival(1).file_id, "scanner", 1)


def test_only_who_reads_files_quarantines_them() -> None:
    """Quarantine belongs to the scanner's file.arrived: what others give up is a dead letter alone."""
    assert [row.durable for row in CONSUMERS if row.quarantines] == ["scanner-file-arrived"]


def test_the_delay_grows_and_stays_below_its_limit() -> None:
    """Delays double, are jittered by a quarter at most, and end at five minutes."""
    for attempt in range(1, 40):
        delay_s = retry_delay_s(attempt)
        assert 0.75 * min(2**attempt, 300) <= delay_s <= 1.25 * min(2**attempt, 300)
