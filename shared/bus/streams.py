"""The streams of Nightbus and the form of a durable consumer, as data. ``provision`` makes NATS agree with them.

Design: one stream for all events, file storage, limits retention, discard new, so that a full stream refuses new events
(which wait in their outbox) instead of dropping old ones. Dead letters have a stream of their own: they must be stored
even when the main stream is full (docs/adr/0003). It is a work queue that nobody may purge or delete from: a letter
leaves it when the register acknowledges it, and in no other way (docs/adr/0020). The bucket of decisions is a mirror of
what stats has: one value a key, which nothing but a newer one replaces (docs/adr/0023). What has several copies is not
compressed (docs/adr/0032).
"""

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

from shared.bus.names import DEAD_LETTERS, DEAD_SUBJECT, DECISIONS, EVENTS, stream_of_bucket, subject_of_key
from shared.description import Consumer
from shared.events.registry import MODELS
from shared.settings import NatsSettings

NEW_MAX_BYTES, NEW_REPLICAS = 2 * 1024**3, 1
"""Of a stream that is not there yet, where the settings say nothing."""
MAX_AGE_S = 30 * 24 * 3600.0
DUPLICATE_WINDOW_S = 300.0
PAUSE_AT = 0.8
"""Share of max_bytes from which relays pause and the janitor purges."""


def config_of(row: Consumer) -> ConsumerConfig:
    """What NATS is asked to keep of a consumer; attempts are counted by us, so max_deliver is unlimited."""
    return ConsumerConfig(
        durable_name=row.durable,
        filter_subject=row.subject,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=row.ack_wait_s,
        max_deliver=-1,
        max_ack_pending=row.max_ack_pending,
        max_waiting=64,
    )


def compression_of(replicas: int) -> StoreCompression:
    """How a stream of so many copies is compressed.

    A server of a cluster that was killed cuts its copy back to what the others know. nats-server 2.15.1 fails at that
    in a compressed block ("s2: corrupt input") and never has a whole copy again; one that is alone cuts nothing.
    """
    return StoreCompression.S2 if replicas == 1 else StoreCompression.NONE


def streams(settings: NatsSettings) -> tuple[StreamConfig, ...]:
    """Configuration of all streams, as they are made."""
    max_bytes, replicas = settings.max_bytes or NEW_MAX_BYTES, settings.replicas or NEW_REPLICAS
    compression = compression_of(replicas)
    subjects = sorted({f"{model.subject.split('.')[0]}.>" for model in MODELS})
    return (
        StreamConfig(
            name=EVENTS,
            subjects=subjects,
            storage=StorageType.FILE,
            compression=compression,
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
            compression=compression,
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            deny_purge=True,
            deny_delete=True,
            max_age=0.0,
            max_bytes=max(max_bytes // 8, 1024**2),
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_direct=False,
            num_replicas=replicas,
        ),
        StreamConfig(
            name=stream_of_bucket(DECISIONS),
            subjects=[subject_of_key(DECISIONS, ">")],
            storage=StorageType.FILE,
            compression=compression,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            deny_delete=True,
            max_age=0.0,
            max_bytes=max(max_bytes // 32, 1024**2),
            max_msgs_per_subject=1,
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_direct=False,
            num_replicas=replicas,
        ),
    )
