"""The janitor: keeps the event stream from filling up.

When the stream passes PAUSE_AT of its limit, messages that every one of our durable consumers has acknowledged are
purged. Nothing that anyone still has to read is touched, so a full stream cannot stop the night.

Each subject is purged for itself. A file.scanned lies behind every file.arrived that was waiting when it was
published, and is several times larger: were only the front of the stream purged, a stream full of arrivals would fill
with their results until neither can move.
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
        Number of messages purged, less what was published meanwhile.
    """
    info = await js.stream_info(EVENTS)
    limit = info.config.max_bytes or 0
    if limit <= 0 or info.state.bytes <= PAUSE_AT * limit:
        return 0
    floors: dict[str, int] = {}
    for row in CONSUMERS:
        if row.stream == EVENTS:
            found = await js.consumer_info(EVENTS, row.durable)
            done = found.num_pending == 0 and found.num_ack_pending == 0
            floor = info.state.last_seq if done else (found.ack_floor.stream_seq if found.ack_floor else 0)
            floors[row.subject] = min(floor, floors.get(row.subject, floor))
    lowest = min(floors.values())
    if lowest >= info.state.first_seq:
        await js.purge_stream(EVENTS, seq=lowest + 1)
    for subject, floor in floors.items():
        if floor > lowest:
            await js.purge_stream(EVENTS, seq=floor + 1, subject=subject)
    purged = info.state.messages - (await js.stream_info(EVENTS)).state.messages
    if purged <= 0:
        return 0
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
