"""Provisioning: the only place that makes, changes and deletes streams and consumers.

`nightbus provision` runs it, and `nightbus up` before it starts a service. Which services it was done for, and with
which consumers, is kept with the event stream: services that were left out refuse to start, and nobody waits for them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, StreamConfig
from nats.js.errors import NotFoundError

from shared.bus.answering import answering
from shared.bus.moving import close_old, move_letters
from shared.bus.names import DEAD_LETTERS, EVENTS, stream_of_bucket
from shared.bus.streams import compression_of, config_of, streams
from shared.description import Consumer, ServiceDescription, consumers_of
from shared.errors import Unavailable, UserError
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
    "max_msgs_per_subject",
    "duplicate_window",
    "num_replicas",
    "allow_atomic",
    "allow_direct",
    "deny_purge",
    "deny_delete",
)
ANSWER_S = 20.0
"""So long whoever provisions waits for each answer: a machine that has just started has a busy disk."""
_SERVICES = "nightbus-services"
_CONSUMERS = "nightbus-consumers"
_SERVICE = "nightbus-service"
"""Keys of the metadata: of the event stream the services and consumers that it serves, of a consumer its service."""
_CONSUMER_FIELDS = ("filter_subject", "ack_policy", "deliver_policy", "ack_wait", "max_deliver", "max_ack_pending")


async def provision(js: JetStreamContext, settings: NatsSettings, services: Sequence[ServiceDescription]) -> None:
    """Make streams and consumers what these services need. Idempotent; messages are never dropped by it.

    Consumers of services that are not among them are deleted, so that nothing is kept for them. Size and copies of a
    stream that is there change only where the settings name them: who provisions without them shrinks nothing.
    """
    consumers = consumers_of(services)
    for wanted in streams(settings):
        if wanted.name == EVENTS:
            wanted.metadata = {
                _SERVICES: " ".join(service.name for service in services),
                _CONSUMERS: " ".join(row.durable for row in consumers if row.stream == EVENTS),
            }
        if wanted.name == DEAD_LETTERS and (old := await close_old(js)) is not None:
            wanted.max_bytes = max(wanted.max_bytes or 0, old.max_bytes or 0)  # so that what lies there has room
        await _provision_stream(js, wanted, settings)
    await move_letters(js)
    for row in consumers:
        await _provision_consumer(js, row)
    wanted_durables = {(row.stream, row.durable) for row in consumers}
    for stream in (EVENTS, DEAD_LETTERS):  # buckets have none of ours
        for name in await _own_consumers(js, stream):
            if (stream, name) not in wanted_durables:
                await js.delete_consumer(stream, name)
                log.info("consumer deleted", stream=stream, consumer=name)


async def require_provisioned(js: JetStreamContext, service: ServiceDescription, enabled: Sequence[str] | None) -> None:
    """Check that the streams serve a service, and the same services as the settings say.

    Raises:
        Unavailable: they are not there yet, or not as provisioned.
        UserError: they were provisioned without it, or for other services than ``enabled``.
    """
    names = (await _metadata(js)).get(_SERVICES, "").split()
    if names and service.name not in names:
        raise UserError(
            f"NATS serves {', '.join(names)} and not {service.name}: name it in [services] enabled, then run "
            "`nightbus provision`"
        )
    if names and enabled is not None and set(enabled) != set(names):
        raise UserError(
            f"NATS serves {', '.join(names)}, and the settings enable {', '.join(enabled)}: run `nightbus provision`"
        )
    await verify(js, service.consumers, service.buckets)


async def services_of_stream(js: JetStreamContext) -> list[str]:
    """The services that the event stream was provisioned for.

    Raises:
        Unavailable: it is missing, or does not say.
    """
    return await _names(js, _SERVICES, "services")


async def event_consumers(js: JetStreamContext) -> list[str]:
    """The durable consumers of the event stream whose services are on.

    Raises:
        Unavailable: the stream is missing, or was not made by `nightbus provision`.
    """
    return await _names(js, _CONSUMERS, "consumers")


async def events_began_at(js: JetStreamContext) -> datetime:
    """When the event stream was made. What was told before lies in no stream: it was lost with the one before.

    Raises:
        Unavailable: NATS does not answer, or the stream is missing.
    """
    with answering(f"the stream {EVENTS}"):
        made_at = (await js.stream_info(EVENTS)).created
    if made_at is None:
        raise Unavailable(f"NATS does not say since when the stream {EVENTS} is there")
    return made_at


async def consumer_made_at(js: JetStreamContext, row: Consumer) -> datetime:
    """When a consumer was made. What was purged before, nobody kept for it.

    Raises:
        Unavailable: NATS does not answer, or the consumer is missing.
    """
    with answering(f"the consumer {row.durable}"):
        made_at: datetime = (await js.consumer_info(row.stream, row.durable)).created
    return made_at


async def verify(
    js: JetStreamContext, consumers: Sequence[Consumer], buckets: Sequence[str] = ()
) -> list[ConsumerInfo]:
    """Check that the given consumers exist and are what they should be, and that the buckets exist.

    Returns:
        What NATS says of each consumer, in their order.

    Raises:
        Unavailable: one is missing or different; it is refused, never recreated with defaults.
    """
    found = []
    for row in consumers:
        try:
            info = await js.consumer_info(row.stream, row.durable)
        except NotFoundError as error:
            raise Unavailable(f"the consumer {row.durable} of stream {row.stream} is missing") from error
        if (different := _differences(config_of(row), info.config, _CONSUMER_FIELDS)) != "":
            raise Unavailable(f"the consumer {row.durable} is not as provisioned: {different}")
        found.append(info)
    for bucket in buckets:
        try:
            await js.stream_info(stream_of_bucket(bucket))
        except NotFoundError as error:
            raise Unavailable(f"the bucket {bucket} is missing") from error
    return found


async def _names(js: JetStreamContext, key: str, what: str) -> list[str]:
    """The names that the event stream keeps under a key of its metadata."""
    with answering(f"the stream {EVENTS}"):
        names = (await _metadata(js)).get(key, "").split()
    if not names:
        raise Unavailable(f"the stream {EVENTS} does not say which {what} it has: run `nightbus provision`")
    return names


async def _metadata(js: JetStreamContext) -> Mapping[str, str]:
    try:
        return (await js.stream_info(EVENTS)).config.metadata or {}
    except NotFoundError as error:
        raise Unavailable(f"the stream {EVENTS} is missing: `nightbus provision` makes it") from error


async def _own_consumers(js: JetStreamContext, stream: str) -> list[str]:
    """Durable consumers of ours; other people's are left alone."""
    names: list[str] = []
    offset = 0
    while page := await js.consumers_info(stream, offset=offset):
        names += [info.name for info in page if _SERVICE in (info.config.metadata or {})]
        offset += len(page)
    return names


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
        wanted.compression = compression_of(found.num_replicas or 1)
    if (different := _differences(wanted, found, _STREAM_FIELDS)) != "" or not _has(found.metadata, wanted.metadata):
        await js.update_stream(wanted)
        log.info("stream changed", stream=name, changes=different)


async def _provision_consumer(js: JetStreamContext, row: Consumer) -> None:
    wanted = config_of(row)
    wanted.metadata = {_SERVICE: row.service}
    try:
        found = (await js.consumer_info(row.stream, row.durable)).config
    except NotFoundError:
        await js.add_consumer(row.stream, wanted)
        log.info("consumer created", stream=row.stream, consumer=row.durable)
        return
    if (different := _differences(wanted, found, _CONSUMER_FIELDS)) != "" or not _has(found.metadata, wanted.metadata):
        await js.add_consumer(row.stream, wanted)
        log.info("consumer changed", consumer=row.durable, changes=different)


def _has(found: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    """Whether metadata holds what is wanted; the server adds some of its own."""
    return all((found or {}).get(key) == value for key, value in (wanted or {}).items())


def _differences(
    wanted: StreamConfig | ConsumerConfig, found: StreamConfig | ConsumerConfig, fields: tuple[str, ...]
) -> str:
    pairs = ((name, getattr(wanted, name), getattr(found, name)) for name in fields)
    return ", ".join(f"{name} is {is_now} instead of {should}" for name, should, is_now in pairs if should != is_now)
