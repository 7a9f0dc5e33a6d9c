"""Dead letters in; replay and drop on command."""

import asyncio
from collections.abc import Sequence
from uuid import uuid5

import asyncpg
from nats.aio.msg import Msg

from services.api import store
from services.api.description import DESCRIPTION
from services.api.metrics import DEAD_LETTERS
from services.api.payloads import TABLE_LIMIT_BYTES, PayloadFolder
from services.api.store import Kept
from shared import inert
from shared.bus.dead_letters import DeadLetter, read_dead_letter
from shared.bus.moving import STORED_AT
from shared.bus.publish import Publisher
from shared.bus.transaction import Connection
from shared.db.inbox import claim
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE
from shared.events.commands import DeadLettersChanged, DropDeadLetters, ReplayDeadLetters
from shared.events.envelope import MESSAGE_ID
from shared.events.registry import BY_SUBJECT
from shared.logging import get_logger
from shared.metrics import replace

log = get_logger(__name__)

REPLAY_CHUNK = 100
"""Payloads in memory at once: 100 of at most 960 KiB."""


async def register(pool: asyncpg.Pool, consumer: str, folder: PayloadFolder | None, message: Msg) -> None:
    """Enter a message of the dead-letter stream, once; ``consumer`` names its entry in the inbox.

    Raises:
        Unavailable: the database is away.
        Transient: the folder of large payloads refuses.
    """
    letter = _letter_of(message)
    payload, file = letter.payload, None
    if len(payload) > TABLE_LIMIT_BYTES and folder is not None:
        file = await asyncio.to_thread(folder.keep, letter.sequence, payload)
        payload = payload[:TABLE_LIMIT_BYTES]
    # The time of storage is part of the key: a NATS that was set up anew counts its positions from one again.
    headers = message.headers or {}
    message_id = headers.get(MESSAGE_ID, f"{message.subject}/{message.metadata.sequence.stream}")
    stored_at = headers.get(STORED_AT, message.metadata.timestamp.isoformat())
    key = uuid5(EVENT_NAMESPACE, f"{message_id}\x1f{stored_at}")
    async with transaction(pool) as connection:
        if not await claim(connection, consumer, [key]):
            return
        await store.enter(connection, letter, payload, file)
    log.info("dead letter entered", sender=letter.service, subject=letter.subject, reason=letter.reason)


async def measure(pool: asyncpg.Pool, services: Sequence[str]) -> None:
    """Measure how many letters of each service wait; of ``services`` that have none as well.

    Raises:
        Unavailable: the database is away.
    """
    async with connected(pool) as connection:
        waiting = await store.count_open(connection)
    replace(DEAD_LETTERS, {(name,): waiting.get(name, 0) for name in sorted({*services, *waiting})})


def _letter_of(message: Msg) -> DeadLetter:
    """The letter in a message; one that has not the headers of ours is kept with what is known of it."""
    try:
        return read_dead_letter(message.headers or {}, message.data)
    except (KeyError, ValueError) as error:
        return DeadLetter(
            service=inert.name(message.subject.partition(".")[2]),
            subject=inert.name(message.subject),
            sequence=message.metadata.sequence.stream,
            attempt=1,
            reason="a message without the headers of a dead letter",
            error=inert.printable(repr(error), inert.DETAIL_CHARS),
            event_id=None,
            original_bytes=len(message.data),
            payload=message.data,
        )


async def replay(
    pool: asyncpg.Pool, folder: PayloadFolder | None, publisher: Publisher, command: ReplayDeadLetters
) -> DeadLettersChanged:
    """Publish letters to their original subjects again, once per command; a letter may be replayed more than once.

    Raises:
        UserError: a number is unknown, was dropped, or its payload is not whole; then none is marked.
        Unavailable: the stream or the database is away; then none is marked.
    """
    async with transaction(pool) as connection:
        if not await claim(connection, command.subject, [command.command_id]):
            return DeadLettersChanged()
        chosen = await _choose(connection, command)
        for start in range(0, len(chosen), REPLAY_CHUNK):
            letters = await store.read(connection, chosen[start : start + REPLAY_CHUNK])
            await asyncio.gather(*(_publish(letter, folder, publisher) for letter in letters))
        await store.mark_replayed(connection, chosen)
    log.info("dead letters replayed", count=len(chosen))
    return DeadLettersChanged(changed=len(chosen))


async def drop(pool: asyncpg.Pool, command: DropDeadLetters) -> DeadLettersChanged:
    """Drop letters, once per command; the rows stay, with the reason.

    Raises:
        UserError: a number is unknown or was dropped already.
        Unavailable: the database is away.
    """
    async with transaction(pool) as connection:
        if not await claim(connection, command.subject, [command.command_id]):
            return DeadLettersChanged()
        chosen = await _choose(connection, command)
        await store.mark_dropped(connection, chosen, command.reason)
    log.info("dead letters dropped", count=len(chosen), reason=command.reason)
    return DeadLettersChanged(changed=len(chosen))


async def _publish(letter: Kept, folder: PayloadFolder | None, publisher: Publisher) -> None:
    if letter.subject not in BY_SUBJECT:
        raise UserError(f"dead letter {letter.dead_letter_id} cannot be replayed: {letter.subject} is no event")
    payload = letter.payload
    if letter.payload_file is not None:
        if folder is None:
            raise UserError(f"dead letter {letter.dead_letter_id} is in a file, and api.dead_letter_dir is not set")
        payload = await asyncio.to_thread(folder.read, letter.payload_file)
    if len(payload) != letter.size_bytes:
        raise UserError(
            f"dead letter {letter.dead_letter_id} cannot be replayed: only {len(payload)} of its "
            f"{letter.size_bytes} bytes could be kept"
        )
    # New for each replay, and the same when this transaction has to be tried again.
    headers = {MESSAGE_ID: f"replay/{letter.dead_letter_id}/{letter.replays + 1}"}
    if letter.event_id is not None:
        headers |= {"ce-specversion": "1.0", "ce-id": letter.event_id, "ce-source": f"nightbus/{DESCRIPTION.name}"}
        headers["ce-type"] = letter.subject
    await publisher.publish_raw(letter.subject, payload, headers)


async def _choose(connection: Connection, command: ReplayDeadLetters | DropDeadLetters) -> list[int]:
    """The numbers that the command means, locked."""
    if not command.everything and not command.ids:
        raise UserError("no dead letter is named")
    found = await store.lock(connection, None if command.everything else command.ids)
    for number in () if command.everything else command.ids:
        if number not in found:
            raise UserError(f"there is no dead letter {number}")
        if found[number] == "dropped":
            raise UserError(f"dead letter {number} was dropped before")
    return sorted(found)
