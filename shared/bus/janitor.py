"""The janitor: keeps the event stream from filling up.

When the stream passes PAUSE_AT of its limit, messages that every one of our durable consumers has acknowledged are
purged. Nothing that anyone still has to read is touched, so a full stream cannot stop the night.

Each subject is purged for itself. A file.scanned lies behind every file.arrived that was waiting when it was
published, and is several times larger: were only the front of the stream purged, a stream full of arrivals would fill
with their results until neither can move.

It logs in as a user of its own: nobody else may purge (``shared.bus.rights``).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from nats.js import JetStreamContext

from shared.bus.answering import answering
from shared.bus.broker import connect
from shared.bus.names import EVENTS, JANITOR
from shared.bus.provision import event_consumers
from shared.bus.streams import PAUSE_AT
from shared.logging import get_logger
from shared.periodic import Job
from shared.settings import NatsSettings

log = get_logger(__name__)

INTERVAL_S = 5.0
Measure = Callable[[int, int], None]
"""Is told the size of the stream and its limit, bytes; a limit of 0 is none."""


def _untold(_size_bytes: int, _limit_bytes: int) -> None:
    """Nobody measures."""


@asynccontextmanager
async def janitor(settings: NatsSettings, measure: Measure = _untold) -> AsyncIterator[Job]:
    """Log in as the janitor; gives the job that sweeps, and tells ``measure`` at each look how full the stream is.

    Raises:
        UserError: the janitor's password cannot be read, or the server refuses it.
    """
    client = await connect(settings, JANITOR)
    try:
        yield partial(sweep, client.jetstream(), measure)
    finally:
        await client.close()


async def sweep(js: JetStreamContext, measure: Measure = _untold) -> int:
    """Purge what the consumers of all enabled services are done with, if the stream is nearly full.

    Returns:
        Number of messages purged, less what was published meanwhile.

    Raises:
        Unavailable: NATS does not answer, or is not provisioned.
    """
    with answering(f"the stream {EVENTS}"):
        return await _sweep(js, measure)


async def _sweep(js: JetStreamContext, measure: Measure) -> int:
    info = await js.stream_info(EVENTS)
    limit = max(info.config.max_bytes or 0, 0)  # -1 is how NATS says that there is none
    measure(info.state.bytes, limit)
    if limit <= 0 or info.state.bytes <= PAUSE_AT * limit:
        return 0
    floors: dict[str, int] = {}
    for name in await event_consumers(js):
        found = await js.consumer_info(EVENTS, name)
        subject = str(found.config.filter_subject)
        done = found.num_pending == 0 and found.num_ack_pending == 0
        floor = info.state.last_seq if done else (found.ack_floor.stream_seq if found.ack_floor else 0)
        floors[subject] = min(floor, floors.get(subject, floor))
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
