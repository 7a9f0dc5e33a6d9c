"""The dead-letter register, on the real NATS and Postgres."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import ServerError

from services.api.app import run
from services.api.handlers import register
from services.api.payloads import TABLE_LIMIT_BYTES
from services.api.settings import ApiSettings
from services.descriptions import SERVICES, described
from shared.bus.moving import STORED_AT
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.provision import provision
from shared.bus.rpc import ask
from shared.db.pool import pool_of
from shared.errors import UserError
from shared.events.commands import DeadLettersChanged, DropDeadLetters, ReplayDeadLetters
from shared.settings import Settings

pytestmark = pytest.mark.usefixtures("api")


@pytest.fixture
def api_settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of the api service with a folder for large payloads."""
    return settings.model_copy(update={"api": ApiSettings(dead_letter_dir=tmp_path / "dead")})


@pytest.fixture
async def js(settings: Settings, nats_client: Client) -> JetStreamContext:
    """JetStream with our streams."""
    context = nats_client.jetstream()
    await provision(context, settings.nats, SERVICES)
    return context


@pytest.fixture
async def api(api_settings: Settings, js: JetStreamContext) -> AsyncIterator[None]:
    """The api service, running."""
    task = asyncio.create_task(run(api_settings))
    row = described("api").consumer("dead.>")
    async with asyncio.timeout(20):
        while not (await js.consumer_info(row.stream, row.durable)).num_waiting:
            assert not task.done(), task
            await asyncio.sleep(0.05)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role that sees views only."""
    postgres = settings.postgres
    connection = await asyncpg.connect(
        host=postgres.host,
        port=postgres.port,
        database=postgres.database,
        user="reader",
        password=postgres.password_of("reader"),
    )
    yield connection
    await connection.close()


async def bury(js: JetStreamContext, payload: bytes, number: int = 1, **headers: str) -> None:
    """Store a dead letter as a service would."""
    known = {
        "Nats-Msg-Id": f"dead/scanner/{number}/1",
        "nb-service": "scanner",
        "nb-subject": "file.arrived",
        "nb-sequence": str(number),
        "nb-attempt": "1",
        "nb-reason": "the header is cut off",
        "nb-error": "",
        "nb-event-id": str(uuid4()),
        "nb-bytes": str(len(payload)),
    }
    await js.publish("dead.scanner", payload, headers=known | headers)


async def letters(reader: asyncpg.Connection, until: Callable[[list[Any]], bool]) -> list[Any]:
    """The register, as soon as it is as wanted."""
    async with asyncio.timeout(20):
        while True:
            rows = await reader.fetch("SELECT * FROM api.dead_letters ORDER BY 1")
            if until(rows):
                return rows
            await asyncio.sleep(0.05)


async def test_a_letter_is_entered_with_its_reason_and_bytes(js: JetStreamContext, reader: asyncpg.Connection) -> None:
    """What a service buried can be read in the register, byte for byte."""
    await bury(js, b"\x00not json\xff")
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    assert (row["service"], row["subject"], row["reason"]) == ("scanner", "file.arrived", "the header is cut off")
    assert row["payload"] == b"\x00not json\xff"
    assert (row["state"], row["size_bytes"], row["payload_file"]) == ("waiting", 10, None)


async def test_a_redelivered_letter_is_entered_once(
    js: JetStreamContext, reader: asyncpg.Connection, settings: Settings
) -> None:
    """A message that NATS delivers again does not become a second row, nor does one that was moved between streams."""
    await bury(js, b"one")
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    moved = {"Nats-Msg-Id": "dead/scanner/1/1", STORED_AT: row["buried_at"].isoformat()}
    async with pool_of(settings.postgres, "api") as pool:
        consumer = described("api").consumer("dead.>").durable
        for time in (1_700_000_000_000_000_000, 1_700_000_001_000_000_000):
            reply = f"$JS.ACK.NIGHTBUS_LETTERS.api-dead-all.1.7.1.{time}.0"
            message = Msg(None, "dead.scanner", reply, b"two", moved)  # type: ignore[arg-type]
            await register(pool, consumer, None, message)
    rows = await letters(reader, lambda rows: len(rows) == 2)
    assert [row["payload"] for row in rows] == [b"one", b"two"]


async def test_a_large_letter_lies_whole_in_an_owner_only_file(
    js: JetStreamContext, reader: asyncpg.Connection, api_settings: Settings
) -> None:
    """Above 64 KiB the table has the beginning and a file that only its owner can read has everything."""
    payload = bytes(range(256)) * 1024
    await bury(js, payload, 7)
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    assert row["payload"] == payload[:TABLE_LIMIT_BYTES]
    assert row["size_bytes"] == len(payload)
    folder = api_settings.section(ApiSettings).dead_letter_dir
    assert folder is not None
    file = folder / row["payload_file"]
    assert file.read_bytes() == payload
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert row["payload_file"].startswith("000000000007-")


async def test_a_message_that_is_no_letter_of_ours_is_kept_and_not_buried_again(
    js: JetStreamContext, reader: asyncpg.Connection, nats_client: Client
) -> None:
    """Without our headers it is entered with what is known, and cannot be replayed."""
    await js.publish("dead.elsewhere", b"?")
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    assert (row["service"], row["payload"]) == ("elsewhere", b"?")
    assert (await js.stream_info(DEAD_LETTERS)).state.last_seq == 1
    with pytest.raises(UserError, match="is no event"):
        await ask(nats_client, ReplayDeadLetters(ids=(row["dead_letter_id"],)), DeadLettersChanged)


async def test_replay_publishes_the_whole_letter_under_a_new_id_each_time(
    js: JetStreamContext, reader: asyncpg.Connection, nats_client: Client
) -> None:
    """A replay goes to the original subject, may be repeated, and one command id replays once."""
    payload = b'{"x": "' + b"y" * 100_000 + b'"}'
    await bury(js, payload)
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    command = ReplayDeadLetters(ids=(row["dead_letter_id"],))
    assert (await ask(nats_client, command, DeadLettersChanged)).changed == 1
    assert (await ask(nats_client, command, DeadLettersChanged)).changed == 0
    again = ReplayDeadLetters(ids=(row["dead_letter_id"],))
    assert (await ask(nats_client, again, DeadLettersChanged)).changed == 1
    assert (await js.stream_info(EVENTS)).state.messages == 2
    first, second = [await js.get_msg(EVENTS, seq) for seq in (1, 2)]
    assert (first.subject, first.data) == ("file.arrived", payload)
    assert first.headers is not None
    assert second.headers is not None
    assert first.headers["Nats-Msg-Id"] != second.headers["Nats-Msg-Id"]
    assert first.headers["ce-id"] == row["event_id"]
    (row,) = await letters(reader, lambda _rows: True)
    assert (row["state"], row["replays"]) == ("replayed", 2)


async def test_drop_keeps_the_reason_and_everything_means_those_that_wait(
    js: JetStreamContext, reader: asyncpg.Connection, nats_client: Client
) -> None:
    """Dropped letters keep row and reason, are not replayed, and a command for everything leaves them alone."""
    for number in (1, 2, 3):
        await bury(js, b"%d" % number, number)
    rows = await letters(reader, lambda rows: len(rows) == 3)
    dropped = rows[0]["dead_letter_id"]
    drop = DropDeadLetters(ids=(dropped,), reason="a test file")
    assert (await ask(nats_client, drop, DeadLettersChanged)).changed == 1
    with pytest.raises(UserError, match="was dropped before"):
        await ask(nats_client, ReplayDeadLetters(ids=(dropped,)), DeadLettersChanged)
    assert (await ask(nats_client, ReplayDeadLetters(everything=True), DeadLettersChanged)).changed == 2
    rows = await letters(reader, lambda _rows: True)
    assert [(row["state"], row["drop_reason"]) for row in rows] == [
        ("dropped", "a test file"),
        ("replayed", None),
        ("replayed", None),
    ]


async def test_one_open_letter_for_each_file_and_service(js: JetStreamContext, reader: asyncpg.Connection) -> None:
    """A file that is read anew in vain has its latest letter open; letters of other services and files stay."""
    about = [json.dumps({"file_id": letter * 64}).encode() for letter in "ab"]
    await bury(js, about[0], 1)
    await bury(js, about[1], 2)
    await bury(js, about[0], 3, **{"nb-service": "stats"})
    await bury(js, about[0], 4)
    await bury(js, b'{"file_id": "../nothing"}', 5)
    await bury(js, b"no json", 6)
    rows = await letters(reader, lambda rows: len(rows) == 6)
    assert [row["state"] for row in rows] == ["replaced", "waiting", "waiting", "waiting", "waiting", "waiting"]
    assert [row["file_id"] for row in rows] == ["a" * 64, "b" * 64, "a" * 64, "a" * 64, None, None]


async def test_no_letter_is_open_about_a_file_that_was_dismissed(
    js: JetStreamContext, reader: asyncpg.Connection, settings: Settings
) -> None:
    """A dismissed file that is read anew asks for nothing: its letter is kept as dropped, with the reason."""
    postgres = settings.postgres
    stats = await asyncpg.connect(
        host=postgres.host, port=postgres.port, database=postgres.database, user="stats",
        password=postgres.password_of("stats"),
    )  # fmt: skip
    await stats.execute(
        "INSERT INTO quarantine (quarantine_key, file_id, service, attempt, reason, occurred_at, dismissed_at,"
        " dismissed_reason) VALUES ($1, $1, 'scanner', 1, 'text', now(), now(), 'my notes')",
        "a" * 64,
    )
    await stats.close()
    await bury(js, json.dumps({"file_id": "a" * 64}).encode())
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    assert (row["state"], row["drop_reason"]) == ("dropped", "the file was dismissed: my notes")


async def test_an_unknown_number_changes_nothing(
    js: JetStreamContext, reader: asyncpg.Connection, nats_client: Client
) -> None:
    """A command that names a letter which is not there is refused as a whole, and may be corrected."""
    await bury(js, b"1")
    (row,) = await letters(reader, lambda rows: len(rows) == 1)
    with pytest.raises(UserError, match="there is no dead letter 999"):
        await ask(nats_client, ReplayDeadLetters(ids=(row["dead_letter_id"], 999)), DeadLettersChanged)
    with pytest.raises(UserError, match="no dead letter is named"):
        await ask(nats_client, ReplayDeadLetters(), DeadLettersChanged)
    (row,) = await letters(reader, lambda _rows: True)
    assert row["state"] == "waiting"


async def test_a_letter_leaves_the_stream_once_it_is_registered(
    js: JetStreamContext, reader: asyncpg.Connection
) -> None:
    """Entered letters are gone from the stream, so that services can always bury; in no other way does one leave it."""
    for number in range(1, 6):
        await bury(js, b"x" * 1000, number)
    await letters(reader, lambda rows: len(rows) == 5)
    async with asyncio.timeout(10):
        while (await js.stream_info(DEAD_LETTERS)).state.messages:
            await asyncio.sleep(0.05)
    with pytest.raises(ServerError, match="purge not permitted"):
        await js.purge_stream(DEAD_LETTERS)
    with pytest.raises(ServerError, match="delete not permitted"):
        await js.delete_msg(DEAD_LETTERS, 1)
    lenient = (await js.stream_info(DEAD_LETTERS)).config
    lenient.deny_purge = False
    with pytest.raises(ServerError, match="can not cancel deny purge"):
        await js.update_stream(lenient)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"ids": [2**63], "reason": "x"}, "ids.0: Input should be less than or equal to 9223372036854775807"),
        ({"ids": [-1], "reason": "x"}, "ids.0: Input should be greater than or equal to 1"),
        ({"ids": [1], "reason": "x" * 10_000}, "reason: a reason has at most 500 characters, and not 10000"),
        ({"ids": [1], "reason": " "}, "reason: a reason must say something"),
        ({"ids": [1], "reason": "a\0b\x9b"}, "there is no dead letter 1"),
        ({"ids": ["\x1b"], "reason": "x"}, "ids.0: Input should be a valid integer"),
    ],
)
async def test_hostile_commands_are_refused_with_a_sentence(
    nats_client: Client, fields: dict[str, object], answer: str
) -> None:
    """Numbers that no row has, endless reasons and characters that no database holds: one printable sentence each."""
    reply = await nats_client.request("cmd.api.drop-dead-letters", json.dumps(fields).encode())
    said = json.loads(reply.data)
    assert not said["ok"]
    assert answer in said["error"]
    assert "unexpectedly" not in said["error"]
    assert said["error"].isprintable()


async def test_a_request_that_no_server_takes_is_one_sentence(nats_client: Client) -> None:
    """More numbers than one message holds are refused by the asker itself."""
    with pytest.raises(UserError, match="too much for one request"):
        await ask(nats_client, ReplayDeadLetters(ids=tuple(range(1, 300_000))), DeadLettersChanged)
