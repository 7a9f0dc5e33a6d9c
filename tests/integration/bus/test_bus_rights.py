"""Rights on NATS: every user on every verb of the real server, and the services with theirs alone."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.api import app as api_app
from services.api.settings import ApiSettings
from services.descriptions import CONSUMERS, NAMES, SERVICES, described
from services.settings import AllSettings
from services.standalone.binaries import installed_binaries
from services.stats import app as stats_app
from services.stats.mirror import Mirror
from services.stats.store.decided import decide
from shared.bus import janitor as janitor_module
from shared.bus.broker import connect
from shared.bus.bucket import Bucket
from shared.bus.janitor import janitor
from shared.bus.names import (
    CLI,
    DEAD_LETTERS,
    DECISIONS,
    EVENTS,
    JANITOR,
    OLD_DEAD_LETTERS,
    PROVISION,
    inbox_of,
    stream_of_bucket,
)
from shared.bus.provision import provision, verify
from shared.bus.publish import Publisher
from shared.bus.rights import users_of
from shared.bus.rpc import ask
from shared.db.pool import pool_of, transaction
from shared.decisions.lookup import Decided
from shared.decisions.mirror import Follower
from shared.decisions.model import TargetNamed
from shared.errors import Permanent, UserError
from shared.events.commands import DeadLettersChanged, FilesReread, ReplayDeadLetters, RereadFiles
from shared.events.file import FileArrived, FileScanned
from shared.events.registry import MODELS
from shared.service import Service
from shared.settings import NatsSettings, PostgresSettings, Settings
from tests.integration.stats.world import ARRIVED, arrived, light
from tests.stack import NatsServer

pytestmark = pytest.mark.usefixtures("embedded_stack")

USERS_CONF = Path(__file__).resolve().parents[3] / "deploy" / "nats" / "users.conf"
STREAMS = (EVENTS, DEAD_LETTERS, OLD_DEAD_LETTERS, stream_of_bucket(DECISIONS))
KEYS = ("whole", "target.x")
ALL_COMMANDS = {subject for one in SERVICES for subject in (*one.commands, f"cmd.{one.name}.state")}
USERS = ("ingest", "scanner", "stats", "calibration", "backup", "api", CLI, JANITOR, PROVISION)

EVENTS_OF = {
    "ingest": {"file.arrived", "file.moved", "file.removed"},
    "scanner": {"file.scanned", "file.quarantined"},
    "stats": {"session.finished", "target.updated"},
    "calibration": {"calibration.matched", "calibration.missing", "master.built"},
    "backup": {"session.archived"},
    # It replays what others gave up.
    "api": {"file.arrived", "file.scanned", "file.quarantined", "file.moved", "file.removed", "session.finished"},
}
DURABLES_OF = {
    "scanner": {"NIGHTBUS.scanner-file-arrived"},
    "stats": {
        "NIGHTBUS.stats-file-arrived",
        "NIGHTBUS.stats-file-scanned",
        "NIGHTBUS.stats-file-quarantined",
        "NIGHTBUS.stats-file-moved",
        "NIGHTBUS.stats-file-removed",
    },
    "calibration": {"NIGHTBUS.calibration-file-scanned", "NIGHTBUS.calibration-file-removed"},
    "backup": {"NIGHTBUS.backup-session-finished", "NIGHTBUS.backup-file-removed"},
    "api": {"NIGHTBUS_LETTERS.api-dead-all"},
}
COMMANDS_OF = {
    "ingest": {"cmd.backup.read-back"},
    "stats": {"cmd.ingest.reread", "cmd.scanner.state"},
    "calibration": {"cmd.ingest.move", "cmd.ingest.place", "cmd.ingest.remove"},
    CLI: ALL_COMMANDS,
}


def allowed(user: str) -> set[str]:
    """What a user may publish to, of ``verbs``: written down here apart from the code that gives rights."""
    api = "$JS.API"
    found = EVENTS_OF.get(user, set()) | COMMANDS_OF.get(user, set())
    for name in DURABLES_OF.get(user, set()):
        found |= {f"{api}.CONSUMER.MSG.NEXT.{name}", f"{api}.CONSUMER.INFO.{name}", f"$JS.ACK.{name}.1.1.1.1.0"}
    found |= {f"{api}.STREAM.INFO.NIGHTBUS"}
    if user not in {CLI, JANITOR, PROVISION}:
        found |= {f"dead.{user}"}
    if user == "stats":
        found |= {f"{api}.STREAM.MSG.GET.NIGHTBUS", *(f"$KV.NIGHTBUS_DECISIONS.{key}" for key in KEYS)}
    if user in {"stats", "scanner"}:
        found |= {f"{api}.STREAM.{verb}.KV_NIGHTBUS_DECISIONS" for verb in ("INFO", "MSG.GET")}
    if user == CLI:
        found |= {f"{api}.CONSUMER.INFO.{row.stream}.{row.durable}" for row in CONSUMERS}
        told = {subject for one in SERVICES for subject in one.publishes}
        found |= {f"{api}.DIRECT.GET.NIGHTBUS.{subject}" for subject in told}
    if user == JANITOR:
        found |= {f"{api}.CONSUMER.INFO.{row.stream}.{row.durable}" for row in CONSUMERS if row.stream == EVENTS}
        found |= {f"{api}.STREAM.PURGE.NIGHTBUS"}
    if user == PROVISION:
        for stream in STREAMS:
            found |= {f"{api}.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE", "DELETE")}
        for stream in ("NIGHTBUS", "NIGHTBUS_LETTERS", "NIGHTBUS_DEAD"):
            verbs = ("CREATE", "DURABLE.CREATE", "DELETE")
            found |= {f"{api}.CONSUMER.{verb}.{stream}.x" for verb in verbs} | {f"{api}.CONSUMER.LIST.{stream}"}
        durables = [f"{row.stream}.{row.durable}" for row in CONSUMERS]
        found |= {f"{api}.CONSUMER.{verb}.{durable}" for durable in durables for verb in ("INFO", "DELETE")}
        old = "NIGHTBUS_DEAD"
        found |= {f"{api}.STREAM.PURGE.{old}", f"{api}.STREAM.MSG.DELETE.{old}", f"{api}.CONSUMER.MSG.NEXT.{old}.x"}
        found |= {f"dead.{name}" for name in (*NAMES, "elsewhere")}
    return found


def verbs() -> Iterator[str]:
    """Every subject that somebody may publish to, and those that nobody may."""
    api = "$JS.API"
    yield from (model.subject for model in MODELS)
    yield from sorted(ALL_COMMANDS)
    yield from (f"dead.{name}" for name in (*NAMES, "elsewhere"))
    for row in CONSUMERS:
        name = f"{row.stream}.{row.durable}"
        yield from (f"{api}.CONSUMER.{verb}.{name}" for verb in ("MSG.NEXT", "INFO", "DELETE", "PAUSE", "RESET"))
        yield f"$JS.ACK.{name}.1.1.1.1.0"
    for stream in STREAMS:
        words = ("INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE")
        yield from (f"{api}.STREAM.{verb}.{stream}" for verb in words)
        yield from (f"{api}.CONSUMER.{verb}.{stream}.x" for verb in ("CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT"))
        yield from (f"{api}.CONSUMER.LIST.{stream}", f"{api}.CONSUMER.NAMES.{stream}", f"{api}.DIRECT.GET.{stream}")
        yield from (f"{api}.DIRECT.GET.{stream}.{model.subject}" for model in MODELS)
    for bucket in ("NIGHTBUS_DECISIONS", "THEIRS"):
        yield from (f"$KV.{bucket}.{key}" for key in KEYS)
        yield from (f"{api}.DIRECT.GET.KV_NIGHTBUS_DECISIONS.$KV.{bucket}.{key}" for key in KEYS)
    yield from (f"{api}.INFO", f"{api}.STREAM.LIST", f"{api}.STREAM.NAMES", f"{api}.STREAM.CREATE.THEIRS")
    yield from ("$SYS.REQ.SERVER.PING", "anything", "cmd.stats.no-such", "file", "file.arrived.x")
    yield from (f"{inbox_of(user)}.x" for user in USERS)


def subscriptions() -> Iterator[str]:
    """Every subject that somebody may subscribe to, and those that nobody may."""
    yield from (">", "*", "*.*", "file.>", "dead.>", "cmd.>", "cmd.*.state", "$JS.>", "$JS.API.>", "$JS.ACK.>")
    yield from ("$KV.>", "$KV.NIGHTBUS_DECISIONS.>", "$KV.NIGHTBUS_DECISIONS.whole", "$KV.THEIRS.>")
    yield from ("$JS.EVENT.ADVISORY.>", "_INBOX.>", "_INBOX.x", "*.x", "$SYS.>")
    yield from (model.subject for model in MODELS)
    yield from sorted(ALL_COMMANDS)
    yield from (f"{inbox_of(user)}.>" for user in USERS)


HARMLESS = {"PURGE": b'{"filter": "nothing.there"}'}
"""Payloads with which a verb that is granted does nothing; of all others none."""


@pytest.fixture
async def rights(nats_server: NatsServer) -> NatsSettings:
    """A provisioned NATS on which everybody logs in as themselves."""
    assert nats_server.secrets is not None
    where = nats_server.settings
    settings = NatsSettings(url=where.url, secrets_dir=nats_server.secrets, max_bytes=where.max_bytes)
    async with logged_in(settings, PROVISION) as (client, _denied):
        await provision(client.jetstream(), settings, SERVICES)
    return settings


@asynccontextmanager
async def logged_in(settings: NatsSettings, user: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """A connection, and what the server refuses it."""
    denied: list[str] = []

    async def on_error(error: Exception) -> None:
        assert "permissions violation" in str(error).lower(), error
        denied.append(str(error))

    client = await connect(settings, user, patient=False)
    client._error_cb = on_error
    try:
        yield client, denied
    finally:
        await client.close()


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_publish_to_its_subjects_alone(rights: NatsSettings, user: str) -> None:
    """Each subject of each verb is granted or refused as it is written down; what is provisioned stays as it is."""
    async with logged_in(rights, user) as (client, denied):
        for subject in dict.fromkeys(verbs()):
            payload = next((body for verb, body in HARMLESS.items() if f".{verb}." in subject), b'{"no": 1}')
            await client.publish(subject, payload, f"{inbox_of(user)}.nobody" if subject.startswith("$JS.API") else "")
            await client.flush()
        await asyncio.sleep(0.2)  # what is refused is said apart from the answers
        granted = {subject for subject in verbs() if f'publish to "{subject}"'.lower() not in " ".join(denied)}
    assert granted == allowed(user)
    async with logged_in(rights, PROVISION) as (client, denied):
        await verify(client.jetstream(), CONSUMERS)
        assert not denied


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_subscribe_to_its_inbox_and_its_commands_alone(rights: NatsSettings, user: str) -> None:
    """Nobody listens to others' inboxes, commands or events, nor to everything."""
    async with logged_in(rights, user) as (client, denied):
        for subject in subscriptions():
            await client.subscribe(subject)
            await client.flush()
        await asyncio.sleep(0.2)
        granted = {
            subject for subject in subscriptions() if f'subscription to "{subject}"'.lower() not in " ".join(denied)
        }
    own = {f"cmd.{user}.state", *described(user).commands} if user in {one.name for one in SERVICES} else set()
    if user == "scanner":
        own |= {"$KV.NIGHTBUS_DECISIONS.>", "$KV.NIGHTBUS_DECISIONS.whole"}
    assert granted == {f"{inbox_of(user)}.>", *own}


async def test_every_user_was_tried(rights: NatsSettings) -> None:
    """The users of the server are those of the tests above, and each has a password of its own that only it takes."""
    assert tuple(user.name for user in users_of(SERVICES)) == USERS
    assert rights.secrets_dir is not None
    passwords = {(rights.secrets_dir / f"nats-{user}").read_text() for user in USERS}
    assert len(passwords) == len(USERS)
    assert {(rights.secrets_dir / f"nats-{user}").stat().st_mode & 0o777 for user in USERS} == {0o600}


def test_the_example_for_a_nats_of_your_own_is_taken_by_the_server(tmp_path: Path) -> None:
    """nats-server accepts deploy/nats/users.conf with the passwords in the environment."""
    configuration = tmp_path / "server.conf"
    configuration.write_text('jetstream {}\ninclude "users.conf"\n')
    shutil.copy(USERS_CONF, tmp_path / "users.conf")
    passwords = {f"NATS_{user.upper()}": f"secret-of-{user}" for user in USERS}
    command = [str(installed_binaries().nats_server), "-t", "-c", str(configuration)]
    done = subprocess.run(command, env=passwords, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_janitor_that_is_refused_says_so(rights: NatsSettings) -> None:
    """A wrong password is one sentence at once, and not an endless wait."""
    wrong = NatsSettings(url=rights.url, user=JANITOR, password=SecretStr("wrong"))
    with pytest.raises(UserError, match="refuses the login of janitor"):
        async with asyncio.timeout(10), janitor(wrong):
            raise AssertionError("it was let in")
    missing = NatsSettings(url=rights.url, secrets_dir=Path("/nowhere"))
    with pytest.raises(UserError, match="the password of the NATS user janitor cannot be read"):
        async with janitor(missing):
            raise AssertionError("it was let in")


async def test_false_content_under_the_right_key_is_refused(rights: NatsSettings, database: PostgresSettings) -> None:
    """Who is not the scanner cannot say what is in a file, under whatever id: what the scanner says is what counts."""
    true = light("a")
    false = true.model_copy(update={"frame": true.frame.model_copy(update={"exposure_s": 3600.0})})
    assert false.has_its_own_id()
    for user in USERS:
        if user in {"scanner", "api"}:  # the api service replays the messages of others as they are
            continue
        async with logged_in(rights, user) as (client, denied):
            await client.publish(false.subject, false.model_dump_json().encode())
            async with asyncio.timeout(5):
                while not denied:
                    await client.flush()
            assert denied == ['nats: permissions violation for publish to "file.scanned"'], user
    async with logged_in(rights, "scanner") as (client, _denied):
        await Publisher(client.jetstream(), "scanner").publish(true)
        assert (await client.jetstream().stream_info(EVENTS)).state.messages == 1


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """A service of its own in this process."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Any], within_s: float = 30.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_the_services_work_with_just_their_rights(
    rights: NatsSettings, database: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, batches, quarantine, letters, replay, commands between services, decisions, the janitor: none is refused.

    The command line asks for the replay, and stats for a rereading.
    """
    kept = {"api": ApiSettings(dead_letter_dir=tmp_path / "dead")}
    settings = AllSettings(postgres=database, nats=rights).model_copy(update=kept)
    refused = arrived("refused")

    async def scan(event: FileArrived, publisher: Publisher) -> None:
        if event.file_id == refused.file_id:
            raise Permanent("not a FITS file")
        await publisher.publish(scans[event.file_id])

    scans: dict[str, FileScanned] = {}
    for number in range(60):
        event = light(f"f{number}", start_s=60 * number)
        scans[event.file_id] = event

    async def reread(command: RereadFiles) -> FilesReread:
        return FilesReread(files=len(command.file_ids or ()))

    with capture_logs() as logs:
        async with (
            Service(described("ingest"), settings) as ingest,
            Service(described("scanner"), settings) as scanner,
            Service(described("stats"), settings) as stats,
            pool_of(database, "api") as register,
            running(api_app.run(settings)),
            janitor(rights) as sweep,
            logged_in(rights, CLI) as (command_line, denied),
        ):
            scanner.handles(FileArrived, partial(scan, publisher=scanner.publisher), scanner.publisher)
            stats_app.read_events(stats)
            ingest.answers(RereadFiles, reread)
            for service in (ingest, scanner, stats):
                await service.broker.start()
            names = [f"f{number}" for number in range(60)]
            await asyncio.gather(*(ingest.publisher.publish(arrived(name)) for name in names))
            await ingest.publisher.publish(refused)

            async def counted() -> bool:
                (counts,) = await stats.pool.fetch("SELECT scanned, quarantined, waiting FROM counts")
                return tuple(counts) == (60, 1, 0)

            await until(counted)
            letter = "SELECT dead_letter_id FROM dead_letter"

            async def registered() -> bool:
                return await register.fetchval(letter) is not None

            await until(registered)
            command = ReplayDeadLetters(ids=(await register.fetchval(letter),))
            assert (await ask(command_line, command, DeadLettersChanged)).changed == 1
            again = RereadFiles(command_id=uuid4(), file_ids=(refused.file_id,))
            assert (await ask(stats.client, again, FilesReread)).files == 1

            async def buried_again() -> bool:
                return int(await register.fetchval("SELECT count(*) FROM dead_letter")) == 2

            await until(buried_again)
            heard: list[Decided] = []

            async def know(decided: Decided) -> None:
                heard.append(decided)

            follower = Follower(Bucket(scanner.js, DECISIONS), scanner.waits, know)
            async with running(stats.put_relay.run()), running(follower.run()):
                await Mirror(stats.pool, Bucket(stats.js, DECISIONS)).turn()
                gnome = TargetNamed(name="Gnome", catalog_id="M31")
                async with transaction(stats.pool) as connection:
                    await decide(connection, [gnome], person=None, decided_at=ARRIVED)
                stats.put_relay.wake()

                async def is_known() -> bool:
                    return heard[-1:] == [Decided(1, (gnome,))]

                await until(is_known)
            monkeypatch.setattr(janitor_module, "PAUSE_AT", 0.0)
            await until(sweep)
            assert not denied
    assert [line for line in logs if line["event"] == "nats error"] == []


async def test_nobody_has_a_service_do_what_is_not_granted(rights: NatsSettings, database: PostgresSettings) -> None:
    """A question whose answer would go to the server's own verbs or to an event's subject is not answered."""
    settings: Settings = AllSettings(postgres=database, nats=rights)
    async with logged_in(rights, "scanner") as (client, _denied):
        await Publisher(client.jetstream(), "scanner").publish(light("a"))
    async with Service(described("stats"), settings) as stats, logged_in(rights, CLI) as (client, denied):
        task = asyncio.create_task(stats.run())
        await asyncio.sleep(0.5)
        for reply in ("$JS.API.STREAM.PURGE.NIGHTBUS", "target.updated", "$JS.API.STREAM.DELETE.NIGHTBUS"):
            await client.publish("cmd.stats.state", b"{}", reply)
            await client.publish("$JS.API.STREAM.INFO.NIGHTBUS", b"", reply)
        await client.flush()
        answer = await client.request("cmd.stats.state", b"{}", timeout=5)
        assert b'"ok":true' in answer.data
        subjects = (await client.jetstream().stream_info(EVENTS)).state
        assert subjects.first_seq == 1
        assert not denied
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    async with logged_in(rights, "stats") as (client, _denied):
        message = await client.jetstream().get_msg(EVENTS, 1)
        assert message.subject == "file.scanned"
