"""Subscribers: programs of other people that read events through a durable consumer of their own.

Their consumers stand beside those of the services and hold nothing back: the janitor purges what the services are done
with, and the stream forgets what is older than its age, whether a subscriber has read it or not. What is kept of a
subscriber is its consumer; its user of NATS follows from its name (``shared.bus.rights.subscriber``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.bus.answering import answering
from shared.bus.names import EVENTS, subscriber_user
from shared.bus.rights import NEXT
from shared.errors import UserError
from shared.events.registry import MODELS

MARK = "nightbus-subscriber"
"""Key of a consumer's metadata that holds the name of the subscriber."""
ACK_WAIT_S = 60.0
"""How long a subscriber may work on an event before it is delivered again."""
MOST_UNACKNOWLEDGED = 1000
LONGEST_REQUEST_S = 300.0
"""How long a request for messages may wait: less than the server keeps in mind where its answers go."""
ANSWERED_WITHIN_S = 2.0
_NO_REQUEST = b"{"
"""What the server answers by saying that it is no request."""
SUBJECTS = tuple(model.subject for model in MODELS)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber, as NATS knows it.

    Attributes:
        name: as a person gave it.
        subjects: what it reads; none for all events.
        since: from when on it was given events that were there already; None: only what came after it was made.
        made_at: when its consumer was made.
        last_active_at: when it was last given an event.
        waiting_events: events that it was not given yet.
        unacknowledged_events: events that it was given and has not acknowledged.
    """

    name: str
    subjects: tuple[str, ...]
    since: datetime | None
    made_at: datetime
    last_active_at: datetime | None
    waiting_events: int
    unacknowledged_events: int


def wanted_subjects(patterns: Iterable[str]) -> tuple[str, ...]:
    """Subjects to filter by: each once, and none that another one covers, which the server would refuse.

    Raises:
        UserError: one matches no event.
    """
    wanted = tuple(dict.fromkeys(patterns))
    for pattern in wanted:
        if not any(covers(pattern, subject) for subject in SUBJECTS):
            raise UserError(f"no event has the subject {pattern!r}; there are {', '.join(SUBJECTS)}")
    return tuple(one for one in wanted if not any(covers(other, one) for other in wanted if other != one))


def covers(pattern: str, subject: str) -> bool:
    """Whether all that a subject (or a narrower pattern) stands for is covered by a pattern."""
    ours, theirs = pattern.split("."), subject.split(".")
    for place, word in enumerate(ours):
        if word == ">":
            return len(theirs) > place
        if place >= len(theirs) or theirs[place] == ">" or (word != "*" and word != theirs[place]):
            return False
    return len(ours) == len(theirs)


async def add(js: JetStreamContext, name: str, subjects: Sequence[str], since: datetime | None) -> Subscriber:
    """Make the consumer of a subscriber; one that is there keeps its place in the stream.

    Args:
        js: a connection that may make consumers.
        name: of the subscriber.
        subjects: what it reads; none for all events.
        since: from when on it is given what is there already; None for what comes from now on.

    Raises:
        UserError: it is there already, and is asked for what a consumer cannot change.
        Unavailable: NATS does not answer, or there is no event stream.
    """
    with answering(f"the stream {EVENTS}"):
        found = await _found(js, name)
        if found is not None and since is not None:
            raise UserError(
                f"there is a subscriber {name} already, whose place in the stream cannot be set back: "
                f"revoke it and add it again, or choose another name"
            )
        if found is not None and (not subjects or _subjects(found.config) == tuple(subjects)):
            return _subscriber(name, found)
        config = _Consumer(**vars(found.config)) if found is not None else _config(name, since)
        config.filter_subject = subjects[0] if len(subjects) == 1 else None
        config.filter_subjects = list(subjects) if len(subjects) > 1 else None
        return _subscriber(name, await js.add_consumer(EVENTS, config))


async def subscribers(js: JetStreamContext) -> list[Subscriber]:
    """All subscribers, by name.

    Raises:
        Unavailable: NATS does not answer, or there is no event stream.
    """
    known: list[Subscriber] = []
    with answering(f"the stream {EVENTS}"):
        offset = 0
        while page := await js.consumers_info(EVENTS, offset=offset):
            marked = ((info, (info.config.metadata or {}).get(MARK)) for info in page)
            known += [_subscriber(name, info) for info, name in marked if name is not None]
            offset += len(page)
    return sorted(known, key=lambda one: one.name)


async def remove(js: JetStreamContext, name: str) -> bool:
    """Delete the consumer of a subscriber; whether there was one.

    Raises:
        Unavailable: NATS does not answer.
    """
    with answering(f"the stream {EVENTS}"):
        if await _found(js, name) is None:
            return False
        return bool(await js.delete_consumer(EVENTS, subscriber_user(name)))


async def is_answered(client: Client, name: str) -> bool:
    """Whether the consumer of a subscriber answers who is logged in as that; it is given nothing by this question."""
    user = subscriber_user(name)
    try:
        await client.request(f"{NEXT}.{EVENTS}.{user}", _NO_REQUEST, timeout=ANSWERED_WITHIN_S)
    except (NoRespondersError, NatsTimeoutError):
        return False
    return True


async def _found(js: JetStreamContext, name: str) -> ConsumerInfo | None:
    try:
        found: ConsumerInfo = await js.consumer_info(EVENTS, subscriber_user(name))
    except NotFoundError:
        return None
    return found


@dataclass
class _Consumer(ConsumerConfig):
    """A consumer that refuses requests which would wait too long, for which nats-py has no field."""

    def as_dict(self) -> dict[str, object]:
        return super().as_dict() | {"max_expires": int(LONGEST_REQUEST_S * 1e9)}


def _config(name: str, since: datetime | None) -> ConsumerConfig:
    return _Consumer(
        durable_name=subscriber_user(name),
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.NEW if since is None else DeliverPolicy.BY_START_TIME,
        opt_start_time=since,
        ack_wait=ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=MOST_UNACKNOWLEDGED,
        max_waiting=64,
        metadata={MARK: name},
    )


def _subjects(config: ConsumerConfig) -> tuple[str, ...]:
    if config.filter_subjects:
        return tuple(config.filter_subjects)
    return (config.filter_subject,) if config.filter_subject else ()


def _subscriber(name: str, info: ConsumerInfo) -> Subscriber:
    return Subscriber(
        name=name,
        subjects=_subjects(info.config),
        since=info.config.opt_start_time,
        made_at=info.created,
        last_active_at=info.delivered.last_active if info.delivered else None,
        waiting_events=info.num_pending or 0,
        unacknowledged_events=info.num_ack_pending or 0,
    )
