"""Subscribers on the real server: what each may read, from when on, and that all else is denied."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NothingCameError
from nats.js import JetStreamContext
from pydantic import SecretStr

from services.descriptions import CONSUMERS, SERVICES
from services.standalone.binaries import installed_binaries
from services.standalone.home import password_in
from services.standalone.logins import follow, forget_subscriber
from shared.bus import subscribers
from shared.bus.accounts import REQUEST_FORGOTTEN_AFTER, accounts
from shared.bus.broker import connect
from shared.bus.names import EVENTS, PROVISION, SUBSCRIBER_PREFIX, inbox_of, subscriber_user
from shared.bus.provision import event_consumers, provision, verify
from shared.bus.publish import Publisher
from shared.bus.rights import users_of
from shared.errors import UserError
from shared.settings import NatsSettings
from shared.settings.servers import nats_password_file
from tests.integration.bus.test_bus_rights import USERS, logged_in, rights, subscriptions, until, verbs
from tests.integration.stats.world import arrived, light
from tests.own_nats import nats_of_the_module, nats_server
from tests.stack import EVERYTHING, NatsServer

__all__ = ["nats_of_the_module", "nats_server", "rights"]

pytestmark = pytest.mark.usefixtures("embedded_stack")

NAME, OTHER = "lights", "somebody-else"
USER = subscriber_user(NAME)
_API = "$JS.API"


@pytest.fixture
async def known(rights: NatsSettings, nats_server: NatsServer) -> AsyncIterator[NatsSettings]:
    """Two subscribers, known to a server that follows the passwords of its home as under `up`."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    task = asyncio.create_task(follow(nats_server.secrets, nats_server.embedded))
    async with logged_in(rights, PROVISION) as (client, _denied):
        for name in (NAME, OTHER):
            await subscribers.add(client.jetstream(), name, (), None)
            password_in(nats_server.secrets, nats_password_file(subscriber_user(name)))
    for name in (NAME, OTHER):
        await let_in(rights, subscriber_user(name))
    yield rights
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def let_in(settings: NatsSettings, user: str) -> None:
    """Wait until the server lets a subscriber in, and its consumer answers; its connection is closed again."""
    async with asyncio.timeout(30):
        while not await is_let_in(settings, user):
            await asyncio.sleep(0.1)


async def is_let_in(settings: NatsSettings, user: str) -> bool:
    """Whether a subscriber can log in and is answered; a login in the moment of a reload may end with it."""
    try:
        client = await connect(settings, user, patient=False)
        try:
            return await subscribers.is_answered(client, user.removeprefix(SUBSCRIBER_PREFIX))
        finally:
            await client.close()
    except (UserError, ConnectionError, NatsError):
        return False


async def thrown_out(settings: NatsSettings, user: str) -> None:
    """Wait until the server does not know a user any more, whose password was taken away."""
    login = NatsSettings(url=settings.url, user=user, password=SecretStr("forgotten"))
    assert settings.secrets_dir is not None
    configuration = settings.secrets_dir.parent / "nats" / "server.conf"
    async with asyncio.timeout(15):
        while user in configuration.read_text():
            await asyncio.sleep(0.1)
    with pytest.raises(UserError):
        await connect(login, user, patient=False)


async def given(client: Client, user: str, count: int) -> list[Msg]:
    """What a consumer has for its subscriber, as many as that, each acknowledged."""
    consumer = await client.jetstream().pull_subscribe_bind(consumer=user, stream=EVENTS)
    found: list[Msg] = []
    while len(found) < count:
        for message in await consumer.fetch(count - len(found), timeout=10):
            await message.ack_sync(timeout=10)
            found.append(message)
    await consumer.unsubscribe()
    return found


async def publish(settings: NatsSettings, *names: str) -> None:
    """Have the scanner say what it found in these files."""
    async with logged_in(settings, "scanner") as (client, _denied):
        publisher = Publisher(client.jetstream(), "scanner")
        await asyncio.gather(*(publisher.publish(light(name)) for name in names))


async def test_a_subscriber_reads_and_acknowledges_its_own_consumer(known: NatsSettings) -> None:
    """Each event once, with its CloudEvents headers; what is acknowledged comes no more, and others have their own."""
    await publish(known, "a", "b")
    async with logged_in(known, USER) as (client, denied), logged_in(known, subscriber_user(OTHER)) as (other, _):
        messages = await given(client, USER, 2)
        assert {message.subject for message in messages} == {"file.scanned"}
        events = {str(light(name).event_id) for name in ("a", "b")}
        for message in messages:
            headers = message.headers or {}
            assert headers["ce-specversion"] == "1.0"
            assert headers["ce-type"] == "file.scanned"
            assert headers["ce-source"] == "nightbus/scanner"
            assert headers["Nats-Msg-Id"] == headers["ce-id"]
        assert {(message.headers or {})["ce-id"] for message in messages} == events
        consumer = await client.jetstream().pull_subscribe_bind(consumer=USER, stream=EVENTS)
        with pytest.raises(NothingCameError):
            await consumer.fetch(1, timeout=0.5)
        assert len(await given(other, subscriber_user(OTHER), 2)) == 2
        assert denied == []


async def test_a_subscriber_may_publish_nothing_but_its_requests(known: NatsSettings) -> None:
    """Of every verb of the server and every subject of ours it is granted two; the stream is left as it was."""
    await publish(known, "a")
    async with logged_in(known, PROVISION) as (client, _denied):
        before = (await client.jetstream().stream_info(EVENTS)).state
    mine, theirs = f"{EVENTS}.{USER}", f"{EVENTS}.{subscriber_user(OTHER)}"
    more = [f"{_API}.CONSUMER.{verb}.{whose}" for whose in (mine, theirs) for verb in ("INFO", "MSG.NEXT", "DELETE")]
    more += [f"{_API}.CONSUMER.{verb}.{mine}" for verb in ("CREATE", "DURABLE.CREATE", "PAUSE", "RESET", "UNPIN")]
    more += [f"$JS.ACK.{whose}.1.1.1.1.0" for whose in (mine, theirs)]
    more += [f"{_API}.STREAM.PURGE.{EVENTS}", f"{_API}.STREAM.MSG.DELETE.{EVENTS}", f"{inbox_of(USER)}.x"]
    async with logged_in(known, USER) as (client, denied):
        tried = list(dict.fromkeys((*verbs(), *more)))
        for subject in tried:
            await client.publish(subject, b'{"no_wait": true}', f"{inbox_of(USER)}.nobody")
            await client.flush()
        await asyncio.sleep(0.2)  # what is refused is said apart from the answers
        granted = {subject for subject in tried if f'publish to "{subject}"'.lower() not in " ".join(denied)}
    assert granted == {f"{_API}.CONSUMER.MSG.NEXT.{mine}", f"$JS.ACK.{mine}.1.1.1.1.0"}
    async with logged_in(known, PROVISION) as (client, _denied):
        after = (await client.jetstream().stream_info(EVENTS)).state
        assert (after.messages, after.first_seq, after.last_seq) == (before.messages, before.first_seq, before.last_seq)
        await verify(client.jetstream(), CONSUMERS)
        assert [one.name for one in await subscribers.subscribers(client.jetstream())] == [NAME, OTHER]


async def test_a_subscriber_listens_to_its_own_inbox_alone(known: NatsSettings) -> None:
    """Neither events nor commands nor the answers to others are heard past its consumer."""
    everywhere = [*subscriptions(), f"{inbox_of(subscriber_user(OTHER))}.>", f"{inbox_of(USER)}.>"]
    async with logged_in(known, USER) as (client, denied):
        for subject in everywhere:
            await client.subscribe(subject)
            await client.flush()
        await asyncio.sleep(0.2)
        said = " ".join(denied)
        granted = {subject for subject in everywhere if f'subscription to "{subject}"'.lower() not in said}
    assert granted == {f"{inbox_of(USER)}.>"}


async def test_services_do_not_reach_a_subscribers_consumer(known: NatsSettings) -> None:
    """Nobody but provisioning, which made it, may read, acknowledge or delete what waits for a subscriber."""
    mine = f"{EVENTS}.{USER}"
    reach = [f"{_API}.CONSUMER.{verb}.{mine}" for verb in ("MSG.NEXT", "DELETE")] + [f"$JS.ACK.{mine}.1.1.1.1.0"]
    for user in USERS:
        async with logged_in(known, user) as (client, denied):
            for subject in reach:
                await client.publish(subject, b"", f"{inbox_of(user)}.nobody" if user != PROVISION else "")
            await client.flush()
            await asyncio.sleep(0.1)
            deletes = {f"{_API}.CONSUMER.DELETE.{mine}"} if user == PROVISION else set()
            assert len(denied) == len(reach) - len(deletes), user


async def test_every_word_about_a_message_is_understood(known: NatsSettings) -> None:
    """In a batch: what is acknowledged or ended comes no more, what is given back at once, what is in work is left."""
    await publish(known, "a", "b", "c", "d")
    async with logged_in(known, USER) as (client, denied):
        consumer = await client.jetstream().pull_subscribe_bind(consumer=USER, stream=EVENTS)
        done, ended, worked_on, back = sorted(
            await consumer.fetch(4, timeout=10), key=lambda message: message.metadata.sequence.stream
        )
        await done.ack_sync(timeout=10)
        await ended.term()
        await worked_on.in_progress()
        await back.nak()
        (again,) = await consumer.fetch(4, timeout=1)
        assert (again.data, again.metadata.num_delivered) == (back.data, 2)
        await again.ack_sync(timeout=10)
        await publish(known, "e")
        (late,) = await consumer.fetch(1, timeout=10)
        await client.publish(late.reply, b'+NXT {"no_wait": true}', f"{inbox_of(USER)}.nobody")
        await worked_on.ack_sync(timeout=10)
        with pytest.raises(NothingCameError):
            await consumer.fetch(1, timeout=0.5)
    async with logged_in(known, PROVISION) as (client, _denied):
        (found,) = [one for one in await subscribers.subscribers(client.jetstream()) if one.name == NAME]
        assert (found.waiting_events, found.unacknowledged_events) == (0, 0)
    assert denied == []


async def test_a_request_waits_five_minutes_at_most(known: NatsSettings) -> None:
    """One that would wait for longer than the server knows where its answers go is refused, in words that say so."""
    request = f"{_API}.CONSUMER.MSG.NEXT.{EVENTS}.{USER}"
    async with logged_in(known, USER) as (client, _denied):
        body = f'{{"batch": 1, "expires": {int((subscribers.LONGEST_REQUEST_S + 1) * 1e9)}}}'.encode()
        answer = await client.request(request, body, timeout=10)
        assert answer.headers == {"Status": "409", "Description": "Exceeded MaxRequestExpires of 5m0s"}
    forgotten_s = 60 * int(REQUEST_FORGOTTEN_AFTER.removesuffix("m"))
    assert forgotten_s > subscribers.LONGEST_REQUEST_S


def forged() -> list[str]:
    """Subjects that a subscriber might have the server answer to: all verbs, events, commands, inboxes, and more."""
    theirs, service = f"{EVENTS}.{subscriber_user(OTHER)}", f"{EVENTS}.{CONSUMERS[0].durable}"
    more = [f"{_API}.CONSUMER.{verb}.{whose}" for whose in (theirs, service) for verb in ("MSG.NEXT", "DELETE", "INFO")]
    more += [f"$JS.ACK.{whose}.1.1.1.1.0" for whose in (theirs, service)]
    more += [f"{_API}.{verb}" for verb in ("ACCOUNT.PURGE.NIGHTBUS", "META.LEADER.STEPDOWN", "SERVER.REMOVE")]
    more += [f"{inbox_of(user)}.x" for user in (subscriber_user(OTHER), USER)]
    more += ["$SYS.REQ.ACCOUNT.NIGHTBUS.CONNZ", "$SYS.REQ.SERVER.PING", "_R_.x.y", "$JS.FC.x"]
    return list(dict.fromkeys((*verbs(), *more)))


WORST = (
    *(f"{_API}.STREAM.{verb}.{EVENTS}" for verb in ("PURGE", "DELETE", "MSG.DELETE", "UPDATE")),
    *(f"{_API}.CONSUMER.{verb}.{EVENTS}.{subscriber_user(OTHER)}" for verb in ("DELETE", "MSG.NEXT")),
    *("file.scanned", "file.removed", "dead.stats", "cmd.ingest.walk", "$KV.NIGHTBUS_DECISIONS.whole"),
    *(f"{inbox_of(user)}.x" for user in (subscriber_user(OTHER), "stats")),
)
"""Subjects of these to which a message with content is answered as well."""


async def everything_kept(settings: NatsSettings) -> dict[str, object]:
    """The streams, what is in each, and how far each consumer is, but for that of the subscriber who tries."""
    client = await connect(settings, EVERYTHING.name, patient=False)
    js = client.jetstream()
    found: dict[str, object] = {}
    for stream in await js.streams_info():
        name = stream.config.name
        assert name is not None
        found[name] = (stream.config, stream.state.messages, stream.state.first_seq, stream.state.last_seq)
        for one in await js.consumers_info(name):
            if one.name != USER:
                place = (one.num_pending, one.num_ack_pending, one.num_redelivered)
                found[f"{name}.{one.name}"] = (one.config, one.delivered, one.ack_floor, *place)
    await client.close()
    return found


async def test_an_answer_does_nothing_that_a_subscriber_may_not_do(
    known: NatsSettings, nats_server: NatsServer
) -> None:
    """Requests, acknowledgements and malformed ones name each verb of the server as the subject of their answer.

    Nothing is purged, deleted, made, stored or given to others; nothing of it is heard in our account.
    """
    events = len(WORST) * 5 + 1
    await publish(known, *(f"f{number}" for number in range(events)))
    before = await everything_kept(nats_server.settings)
    assert EVENTS in before
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        # What it is given passes under the subject of the event, and bears where it is to be acknowledged.
        if not message.reply.startswith(f"$JS.ACK.{EVENTS}.{USER}."):
            heard.append(message.subject)

    listener = await connect(nats_server.settings, EVERYTHING.name, patient=False)
    await listener.subscribe(">", cb=hear)
    await listener.flush()
    request, information = f"{_API}.CONSUMER.MSG.NEXT.{EVENTS}.{USER}", f"{_API}.CONSUMER.INFO.{EVENTS}.{USER}"
    async with logged_in(known, USER) as (client, denied):
        consumer = await client.jetstream().pull_subscribe_bind(consumer=USER, stream=EVENTS)
        for reply in WORST:  # each answer is an event, or the server's word on one
            (message,) = await consumer.fetch(1, timeout=10)
            await client.publish(message.reply, b'+NXT {"no_wait": true, "batch": 1}', reply)
            for body in (b'{"batch": 1, "no_wait": true}', b'{"expires": 1000000000}', b""):
                await client.publish(request, body, reply)
            await client.flush()
        (kept,) = await consumer.fetch(1, timeout=10)
        for reply in forged():  # each answer is a word of the server
            await client.publish(kept.reply, b"+WPI", reply)
            for body in (b"{", b'{"batch": 1, "no_wait": true}'):
                await client.publish(request, body, reply)
            await client.publish(information, b"", reply)
            await client.flush()
        for reply in WORST:
            for word in (b"-NAK", b""):
                await client.publish(kept.reply, word, reply)
        await client.flush()
        await asyncio.sleep(1.5)  # requests that wait have ended
        assert all("publish" in said for said in denied)
    await listener.flush()
    ours = (request, "_R_.", "$JS.ACK.", "$JS.EVENT.")
    assert request in heard
    assert not {subject for subject in heard if not subject.startswith(ours)}
    await listener.close()
    assert await everything_kept(nats_server.settings) == before
    async with logged_in(known, subscriber_user(OTHER)) as (client, _denied):
        assert len(await given(client, subscriber_user(OTHER), events)) == events


def test_an_account_imports_its_own_consumer_alone(tmp_path: Path) -> None:
    """The server takes no configuration in which a subscriber would read or acknowledge what waits for another one."""
    own = accounts(users_of(SERVICES), (NAME, OTHER), lambda _user: '"x"')

    def taken(users: str) -> str:
        configuration = tmp_path / "server.conf"
        configuration.write_text(f"jetstream {{}}\n{users}")
        command = [str(installed_binaries().nats_server), "-t", "-c", str(configuration)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    assert "is valid" in taken(own)
    for verb in (f"{_API}.CONSUMER.MSG.NEXT.{EVENTS}.", f"$JS.ACK.{EVENTS}."):
        mine = f'subject: "{verb}{USER}'
        assert own.count(mine) == 1
        assert "service import not authorized" in taken(own.replace(mine, f'subject: "{verb}{subscriber_user(OTHER)}'))


async def test_a_request_that_waits_outlives_a_reload(known: NatsSettings, nats_server: NatsServer) -> None:
    """While somebody else is let in and thrown out again, a subscriber goes on waiting, and is given what comes."""
    assert nats_server.secrets is not None
    async with logged_in(known, USER) as (client, denied):
        waiting = asyncio.create_task(given(client, USER, 2))
        async with logged_in(known, PROVISION) as (maker, _denied):
            await subscribers.add(maker.jetstream(), "third", (), None)
        password_in(nats_server.secrets, nats_password_file(subscriber_user("third")))
        await let_in(known, subscriber_user("third"))
        await publish(known, "a")
        forget_subscriber(nats_server.secrets, "third")
        await thrown_out(known, subscriber_user("third"))
        await publish(known, "b")
        messages = await waiting
        assert [message.metadata.num_delivered for message in messages] == [1, 1]
        assert client.stats["reconnects"] == 0
        assert denied == []


async def test_events_are_read_from_a_time_on(rights: NatsSettings) -> None:
    """`since` gives what the stream has kept from then on, another time less, and without it only what comes."""
    await publish(rights, "early")
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await publish(rights, "late")
    async with logged_in(rights, PROVISION) as (client, _denied):
        js = client.jetstream()
        whole = await subscribers.add(js, "whole", (), between - timedelta(days=1))
        half = await subscribers.add(js, "half", (), between)
        none = await subscribers.add(js, "none", (), None)
        assert [one.waiting_events for one in (whole, half, none)] == [2, 1, 0]
        assert half.since is not None
        assert abs(half.since - between) < timedelta(milliseconds=1)
    await publish(rights, "later")
    async with logged_in(rights, PROVISION) as (client, _denied):
        waiting = {one.name: one.waiting_events for one in await subscribers.subscribers(client.jetstream())}
    assert waiting == {"whole": 3, "half": 2, "none": 1}


async def test_only_chosen_subjects_are_given(rights: NatsSettings) -> None:
    """A filter of several subjects holds, and can be changed later without a loss of place."""
    async with logged_in(rights, PROVISION) as (client, _denied):
        js = client.jetstream()
        await subscribers.add(js, NAME, ("session.*", "file.scanned"), None)
        async with logged_in(rights, "ingest") as (ingest, _):
            await Publisher(ingest.jetstream(), "ingest").publish(arrived("a"))
        await publish(rights, "a")
        (found,) = await subscribers.subscribers(js)
        assert (found.subjects, found.waiting_events) == (("session.*", "file.scanned"), 1)
        again = await subscribers.add(js, NAME, (), None)
        assert (again.subjects, again.waiting_events) == (("session.*", "file.scanned"), 1)
        wider = await subscribers.add(js, NAME, ("file.*",), None)
        assert wider.subjects == ("file.*",)
        with pytest.raises(UserError, match="there is a subscriber lights already, whose place in the stream"):
            await subscribers.add(js, NAME, (), datetime(2026, 1, 1, tzinfo=UTC))
        assert await subscribers.remove(js, NAME)
        assert not await subscribers.remove(js, NAME)


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ((), ()),
        (("file.scanned", "file.scanned"), ("file.scanned",)),
        (("file.*", "file.scanned", "session.finished"), ("file.*", "session.finished")),
        ((">", "file.*"), (">",)),
    ],
)
def test_subjects_that_cover_each_other_are_one(patterns: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """The server refuses filters that overlap, so that the wider one is enough."""
    assert subscribers.wanted_subjects(patterns) == wanted


@pytest.mark.parametrize("pattern", ["file", "file.scand", "cmd.>", "file.scanned.x", "$JS.>", "*.*.*"])
def test_a_subject_of_no_event_is_refused(pattern: str) -> None:
    """A slip of the pen is told, and no consumer waits for what never comes."""
    with pytest.raises(UserError, match="no event has the subject"):
        subscribers.wanted_subjects([pattern])


async def test_subscribers_hold_nothing_back_and_outlive_provisioning(known: NatsSettings) -> None:
    """The janitor does not wait for them, and who provisions anew leaves them alone."""
    async with logged_in(known, PROVISION) as (client, _denied):
        js: JetStreamContext = client.jetstream()
        assert not [name for name in await event_consumers(js) if name.startswith("subscriber-")]
        await provision(js, known, SERVICES)
        assert [one.name for one in await subscribers.subscribers(js)] == [NAME, OTHER]


async def test_a_subscriber_comes_and_goes_without_a_restart(known: NatsSettings, nats_server: NatsServer) -> None:
    """Who is revoked is thrown out at once; the server, its streams and every other connection go on meanwhile."""
    assert nats_server.secrets is not None
    assert nats_server.embedded is not None
    pid = nats_server.embedded.pid
    client = await connect(known, USER)
    async with logged_in(known, "scanner") as (service, _denied):
        reconnects = service.stats["reconnects"]
        forget_subscriber(nats_server.secrets, NAME)
        await until(lambda: state_of(client, "reconnecting"))
        await Publisher(service.jetstream(), "scanner").publish(light("a"))
        assert service.stats["reconnects"] == reconnects
    assert nats_server.embedded.pid == pid
    password_in(nats_server.secrets, nats_password_file(USER))
    await until(lambda: state_of(client, "connected"))
    await let_in(known, USER)
    assert len(await given(client, USER, 1)) == 1, "its consumer was not touched"
    await client.close()


async def state_of(client: Client, word: str) -> bool:
    """Whether a client is in a state."""
    return bool(getattr(client, f"is_{word}"))
