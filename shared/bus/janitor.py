"""The janitor: keeps the event stream from filling up.

When the stream passes PAUSE_AT of its limit, messages that every one of our durable consumers has acknowledged are
purged. Nothing that anyone still has to read is touched, so a full stream cannot stop the night.
"""

import asyncio

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from shared.bus.streams import CONSUMERS, EVENTS, PAUSE_AT
from shared.logging import get_logger

log = get_logger(__name__)

LOOK_EVERY_S = 5.0


async def sweep(js: JetStreamContext) -> int:
    """Purge what all consumers are done with, if the stream is nearly full.

    Returns:
        Number of messages purged.
    """
    info = await js.stream_info(EVENTS)
    limit = info.config.max_bytes or 0
    if limit <= 0 or info.state.bytes <= PAUSE_AT * limit:
        return 0
    floors = []
    for row in CONSUMERS:
        if row.stream == EVENTS:
            found = await js.consumer_info(EVENTS, row.durable)
            done = found.num_pending == 0 and found.num_ack_pending == 0
            floors.append(info.state.last_seq if done else (found.ack_floor.stream_seq if found.ack_floor else 0))
    floor = min(floors)
    if floor < info.state.first_seq:
        return 0
    await js.purge_stream(EVENTS, seq=floor + 1)
    purged = floor + 1 - info.state.first_seq
    log.warning(
        "stream nearly full, purged what everyone has read", messages=purged, bytes=info.state.bytes, limit=limit
    )
    return purged


async def run_janitor(js: JetStreamContext) -> None:
    """Sweep for ever; an outage of NATS is waited out."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await sweep(js)
        except (NatsError, JetStreamError, TimeoutError) as error:
            log.warning("janitor waits", error=repr(error))
