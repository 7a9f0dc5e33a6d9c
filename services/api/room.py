"""Room in the dead-letter stream: when it is nearly full, what the register holds already is purged from it.

The stream refuses new messages when it is full, and a service that cannot bury a message must not drop it.
"""

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from shared.bus.streams import PAUSE_AT
from shared.description import Consumer
from shared.errors import Unavailable
from shared.logging import get_logger

log = get_logger(__name__)

ROOM_INTERVAL_S = 15.0


async def make_room(js: JetStreamContext, row: Consumer, *, above: float = PAUSE_AT) -> bool:
    """Purge what ``row`` has acknowledged if the stream is fuller than ``above`` (a share); says whether it did.

    Raises:
        Unavailable: the stream does not answer.
    """
    try:
        return await _make_room(js, row, above)
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable(f"the stream {row.stream} does not answer: {error or type(error).__name__}") from error


async def _make_room(js: JetStreamContext, row: Consumer, above: float) -> bool:
    info = await js.stream_info(row.stream)
    limit = info.config.max_bytes or 0
    if limit <= 0 or info.state.bytes <= above * limit:
        return False
    found = await js.consumer_info(row.stream, row.durable)
    floor = found.ack_floor.stream_seq if found.ack_floor else 0
    if floor < info.state.first_seq:
        return False
    await js.purge_stream(row.stream, seq=floor + 1)
    log.info("registered dead letters purged from the stream", stream=row.stream, up_to=floor)
    return True
