"""Names of the streams and buckets, of the subject of dead letters, and of the users of NATS beside the services."""

import re

ACCOUNT = "NIGHTBUS"
"""The account of NATS in which the streams and all services are."""
EVENTS = "NIGHTBUS"
DEAD_LETTERS = "NIGHTBUS_LETTERS"
OLD_DEAD_LETTERS = "NIGHTBUS_DEAD"
"""The stream of dead letters of earlier versions, which had limits in place of a work queue."""
DECISIONS = "NIGHTBUS_DECISIONS"
"""The key-value bucket of what people decided (``shared.decisions``)."""
DEAD_SUBJECT = "dead"
"""Dead letters travel on ``dead.<service>``."""
KEY_SUBJECTS = "$KV."
"""How the subjects of all buckets begin."""
CLI, JANITOR, PROVISION = "cli", "janitor", "provision"
"""Users beside those of the services: of the command line, of whoever keeps the stream from filling up, of
`nightbus provision`."""
SUBSCRIBER_PREFIX = "subscriber-"
"""How the users of NATS begin that belong to other people's programs, and the consumer of each, called alike."""
SUBSCRIBER_CHARS = 40
_SUBSCRIBER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def is_subscriber_name(text: str) -> bool:
    """Whether a subscriber may be called that: of a-z, 0-9 and single hyphens between them."""
    return len(text) <= SUBSCRIBER_CHARS and _SUBSCRIBER.fullmatch(text) is not None


def subscriber_user(name: str) -> str:
    """The user of NATS that a subscriber is, and its durable consumer."""
    return f"{SUBSCRIBER_PREFIX}{name}"


def inbox_of(user: str) -> str:
    """Where a user receives answers and nobody else looks."""
    return f"_INBOX_{user}"


def stream_of_bucket(bucket: str) -> str:
    """The stream in which JetStream keeps a bucket."""
    return f"KV_{bucket}"


def subject_of_key(bucket: str, key: str) -> str:
    """The subject on which a value of a key is put."""
    return f"{KEY_SUBJECTS}{bucket}.{key}"
