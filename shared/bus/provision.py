"""Provisioning: the only place that creates or changes streams and consumers."""

from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from shared.bus.streams import CONSUMERS, EVENTS, Consumer, streams
from shared.errors import Unavailable
from shared.logging import get_logger
from shared.settings import NatsSettings

log = get_logger(__name__)

_STREAM_FIELDS = (
    "subjects",
    "storage",
    "compression",
    "retention",
    "discard",
    "max_age",
    "max_bytes",
    "duplicate_window",
    "num_replicas",
    "allow_atomic",
)
_CONSUMER_FIELDS = ("filter_subject", "ack_policy", "deliver_policy", "ack_wait", "max_deliver", "max_ack_pending")


async def provision(js: JetStreamContext, settings: NatsSettings) -> None:
    """Make streams and consumers what the table says. Idempotent; messages are never dropped by it.

    Size and copies of a stream that is there change only where the settings name them: each service provisions, and
    one that was started without them must not shrink what all others use.
    """
    for wanted in streams(settings):
        await _provision_stream(js, wanted, settings)
    for row in CONSUMERS:
        await _provision_consumer(js, row)


async def events_began_at(js: JetStreamContext) -> datetime:
    """When the event stream was made. What was told before lies in no stream: it was lost with the one before.

    Raises:
        Unavailable: NATS does not answer, or the stream is missing.
    """
    try:
        made_at = (await js.stream_info(EVENTS)).created
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable(f"the stream {EVENTS} does not answer: {error or type(error).__name__}") from error
    if made_at is None:
        raise Unavailable(f"NATS does not say since when the stream {EVENTS} is there")
    return made_at


async def verify(js: JetStreamContext, consumers: list[Consumer]) -> None:
    """Check that the given consumers exist and are what the table says.

    Raises:
        Unavailable: one is missing or different; it is refused, never recreated with defaults.
    """
    for row in consumers:
        try:
            found = (await js.consumer_info(row.stream, row.durable)).config
        except NotFoundError as error:
            raise Unavailable(f"the consumer {row.durable} of stream {row.stream} is missing") from error
        if (different := _differences(row.config(), found, _CONSUMER_FIELDS)) != "":
            raise Unavailable(f"the consumer {row.durable} is not as provisioned: {different}")


async def _provision_stream(js: JetStreamContext, wanted: StreamConfig, settings: NatsSettings) -> None:
    name = str(wanted.name)
    try:
        found = (await js.stream_info(name)).config
    except NotFoundError:
        await js.add_stream(wanted)
        log.info("stream created", stream=name, max_bytes=wanted.max_bytes)
        return
    if settings.max_bytes is None and (found.max_bytes or 0) > 0:  # some older stream may have no limit
        wanted.max_bytes = found.max_bytes
    if settings.replicas is None:
        wanted.num_replicas = found.num_replicas
    if (different := _differences(wanted, found, _STREAM_FIELDS)) != "":
        await js.update_stream(wanted)
        log.info("stream changed", stream=name, changes=different)


async def _provision_consumer(js: JetStreamContext, row: Consumer) -> None:
    wanted = row.config()
    try:
        found = (await js.consumer_info(row.stream, row.durable)).config
    except NotFoundError:
        await js.add_consumer(row.stream, wanted)
        log.info("consumer created", stream=row.stream, consumer=row.durable)
        return
    if (different := _differences(wanted, found, _CONSUMER_FIELDS)) != "":
        await js.add_consumer(row.stream, wanted)
        log.info("consumer changed", consumer=row.durable, changes=different)


def _differences(
    wanted: StreamConfig | ConsumerConfig, found: StreamConfig | ConsumerConfig, fields: tuple[str, ...]
) -> str:
    pairs = ((name, getattr(wanted, name), getattr(found, name)) for name in fields)
    return ", ".join(f"{name} is {is_now} instead of {should}" for name, should, is_now in pairs if should != is_now)
