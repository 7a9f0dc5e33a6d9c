"""The streams and durable consumers of Nightbus, as data. ``provision`` makes NATS agree with this table.

Design: one stream for all events, file storage, limits retention, discard new, so that a full stream refuses new events
(which wait in their outbox) instead of dropping old ones. Dead letters have a stream of their own: they must be stored
even when the main stream is full (docs/adr/0003).
"""

from dataclasses import dataclass

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)

from shared.events.base import Event
from shared.events.file import FileArrived, FileQuarantined, FileScanned
from shared.events.registry import ROUTES
from shared.settings import NatsSettings

EVENTS = "NIGHTBUS"
DEAD_LETTERS = "NIGHTBUS_DEAD"
DEAD_SUBJECT = "dead"
"""Dead letters travel on ``dead.<service>``."""

NEW_MAX_BYTES, NEW_REPLICAS = 2 * 1024**3, 1
"""Of a stream that is not there yet, where the settings say nothing."""
MAX_AGE_S = 30 * 24 * 3600.0
DUPLICATE_WINDOW_S = 300.0
PAUSE_AT = 0.8
"""Share of max_bytes from which relays pause and the janitor purges."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One durable pull consumer: which service reads which subject, and how.

    A batch that is not full waits ``fill_s`` for more. ``loops`` pull loops share the durable, so that one batch can be
    fetched while another is being written.
    """

    service: str
    subject: str
    batch_size: int = 100
    fill_s: float = 0.25
    ack_wait_s: float = 30.0
    max_ack_pending: int = 1000
    loops: int = 1
    stream: str = EVENTS

    @property
    def durable(self) -> str:
        """Name of the consumer, such as ``stats-file-scanned``."""
        return f"{self.service}-{self.subject.replace('.', '-').replace('>', 'all').replace('*', 'any')}"

    def config(self) -> ConsumerConfig:
        """What NATS is asked to keep; attempts are counted by us, so max_deliver is unlimited."""
        return ConsumerConfig(
            durable_name=self.durable,
            filter_subject=self.subject,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=self.ack_wait_s,
            max_deliver=-1,
            max_ack_pending=self.max_ack_pending,
            max_waiting=64,
        )


def _reads(service: str, model: type[Event], **options: float) -> Consumer:
    return Consumer(service, model.subject, **options)  # type: ignore[arg-type]


CONSUMERS: tuple[Consumer, ...] = (
    _reads("scanner", FileArrived, batch_size=128, fill_s=0.0, loops=2, max_ack_pending=100_000),
    _reads("stats", FileArrived, batch_size=500, loops=1, max_ack_pending=4000),
    _reads("stats", FileScanned, batch_size=2000, loops=2, max_ack_pending=4000),
    _reads("stats", FileQuarantined),
    Consumer("api", f"{DEAD_SUBJECT}.>", stream=DEAD_LETTERS),
)


def consumer(service: str, subject: str) -> Consumer:
    """The row of the table for a service and a subject.

    Raises:
        KeyError: no such row.
    """
    for row in CONSUMERS:
        if (row.service, row.subject) == (service, subject):
            return row
    raise KeyError(f"no consumer of {subject} in service {service}")


def streams(settings: NatsSettings) -> tuple[StreamConfig, ...]:
    """Configuration of both streams, as they are made."""
    max_bytes, replicas = settings.max_bytes or NEW_MAX_BYTES, settings.replicas or NEW_REPLICAS
    subjects = sorted({f"{route.subject.split('.')[0]}.>" for route in ROUTES})
    return (
        StreamConfig(
            name=EVENTS,
            subjects=subjects,
            storage=StorageType.FILE,
            compression=StoreCompression.S2,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=MAX_AGE_S,
            max_bytes=max_bytes,
            duplicate_window=DUPLICATE_WINDOW_S,
            num_replicas=replicas,
            allow_direct=True,
            allow_atomic=True,
        ),
        StreamConfig(
            name=DEAD_LETTERS,
            subjects=[f"{DEAD_SUBJECT}.>"],
            storage=StorageType.FILE,
            compression=StoreCompression.S2,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=0.0,
            max_bytes=max(max_bytes // 8, 1024**2),
            duplicate_window=DUPLICATE_WINDOW_S,
            num_replicas=replicas,
        ),
    )
