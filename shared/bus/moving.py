"""Moving dead letters out of the stream in which they lay before they had a work queue.

The server turns no stream with limits into a work queue, so that the letters need a new one:

1. The old stream is closed: it takes no subject that anybody publishes on, so that the new one can have it.
2. What the register has acknowledged is purged from it.
3. Each letter that is left is published to the new stream, and only then deleted from the old one.
4. The old stream is deleted once it is empty.

Whatever kills this in the middle, the next time goes on where it ended. A letter that had been published and not yet
deleted is published again under the same message id, with the time at which it was first stored: the stream takes it
once, and the register, whose key is made of the two, enters it once.
"""

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from shared.bus.names import DEAD_LETTERS, OLD_DEAD_LETTERS
from shared.bus.private import client_of_context
from shared.events.envelope import MESSAGE_ID
from shared.logging import get_logger

log = get_logger(__name__)

STORED_AT = "nb-stored-at"
"""Header of a letter that was moved: when it was first stored."""
_OLD_DURABLE = "api-dead-all"
_BATCH = 100
_MORE_HEADER_BYTES = 512


async def close_old(js: JetStreamContext) -> StreamConfig | None:
    """Have the old stream take no more letters; its configuration, or None where there is none."""
    try:
        found = (await js.stream_info(OLD_DEAD_LETTERS)).config
    except NotFoundError:
        return None
    if found.subjects != [OLD_DEAD_LETTERS]:
        found.subjects = [OLD_DEAD_LETTERS]
        await js.update_stream(found)
    return found


async def move_letters(js: JetStreamContext) -> int:
    """Move what the register has not acknowledged into the new stream, and delete the old one.

    Returns:
        Number of letters moved.

    Raises:
        nats.errors.Error: NATS does not answer, or the new stream has no room; the rest is where it was.
    """
    try:
        await js.stream_info(OLD_DEAD_LETTERS)
    except NotFoundError:
        return 0
    await js.purge_stream(OLD_DEAD_LETTERS, seq=await _registered(js) + 1)
    moved = 0
    reader: JetStreamContext.PullSubscription | None = None
    while (await js.stream_info(OLD_DEAD_LETTERS)).state.messages:
        if reader is None:
            everything = ConsumerConfig(ack_policy=AckPolicy.NONE)
            reader = await js.pull_subscribe("", stream=OLD_DEAD_LETTERS, config=everything)
        for letter in await reader.fetch(_BATCH):
            await _move(js, letter)
            moved += 1
    if reader is not None:
        await reader.unsubscribe()
    await js.delete_stream(OLD_DEAD_LETTERS)
    log.info("dead letters moved", stream=OLD_DEAD_LETTERS, to=DEAD_LETTERS, letters=moved)
    return moved


async def _registered(js: JetStreamContext) -> int:
    """Up to which position the register has acknowledged all letters."""
    try:
        floor = (await js.consumer_info(OLD_DEAD_LETTERS, _OLD_DURABLE)).ack_floor
    except NotFoundError:
        return 0
    return floor.stream_seq if floor else 0


async def _move(js: JetStreamContext, letter: Msg) -> None:
    position = letter.metadata.sequence.stream
    known = letter.headers or {}
    # As the register calls a letter that bears no id of its own.
    headers = {**known, MESSAGE_ID: known.get(MESSAGE_ID, f"{letter.subject}/{position}")}
    size_bytes = len(letter.data) + sum(len(name) + len(value.encode()) for name, value in headers.items())
    if size_bytes + _MORE_HEADER_BYTES < client_of_context(js).max_payload:
        headers[STORED_AT] = letter.metadata.timestamp.isoformat()
    await js.publish(letter.subject, letter.data, headers=headers, stream=DEAD_LETTERS)
    await js.delete_msg(OLD_DEAD_LETTERS, position)
