"""Who may do what on NATS: a user for each service and a few more, worked out from the descriptions.

What a user is not given here the server refuses; which accounts they are users of is said in ``shared.bus.accounts``:

============  ============================================================================================
User          May
============  ============================================================================================
a service     publish its events, its dead letters and the commands that it sends; read through its own durable
              consumers; answer its own commands; look at the event stream; put into the buckets that it keeps and
              read those that it follows
``cli``       send every command; look at streams and consumers. It publishes no event
``janitor``   purge what everyone has read from the event stream
``provision``  make, change and delete streams, buckets and consumers, and move dead letters from a stream to another
a subscriber   read and acknowledge what its one durable consumer has for it; nothing else. It is the only user of an
              account of its own
============  ============================================================================================

Each receives answers in an inbox of its own, ``_INBOX_<user>``, into which no other user may look or write: whoever
answers a question may publish to its reply subject alone. A letter is replayed by whom it was registered: the service
that answers ``cmd.api.replay-dead-letters`` may publish every event that somebody reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.bus.names import (
    CLI,
    DEAD_LETTERS,
    DEAD_SUBJECT,
    DECISIONS,
    EVENTS,
    JANITOR,
    OLD_DEAD_LETTERS,
    PROVISION,
    inbox_of,
    stream_of_bucket,
    subject_of_key,
    subscriber_user,
)
from shared.description import ServiceDescription, consumers_of

_API = "$JS.API"
NEXT = f"{_API}.CONSUMER.MSG.NEXT"
"""The verb that asks a consumer for messages."""
_MAKING = ("INFO", "CREATE", "UPDATE", "DELETE")
ANSWER_WITHIN = "10m"
"""How long a question may be answered; the longest that is asked waits five minutes."""

LOGIN_WITHIN_S = 10
"""How long a login may take. The server's own two seconds are short on a machine that has just started everything."""


@dataclass(frozen=True, slots=True)
class User:
    """A login of NATS: the subjects that it may publish to and subscribe to, and whether it may answer questions."""

    name: str
    says: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool = False


def users_of(services: Iterable[ServiceDescription]) -> tuple[User, ...]:
    """The users of a NATS that serves these services."""
    services = tuple(services)
    read = tuple(dict.fromkeys(row.subject for row in consumers_of(services) if row.stream == EVENTS))
    return (*(_service(service, read) for service in services), _cli(services), _janitor(), _provision())


def subscriber(name: str) -> User:
    """The user of a program of other people that reads events through the one consumer that was made for it.

    It may not look at the stream, nor make, change or delete a consumer, its own included. Nor may it ask what its
    consumer is: in its account the server would answer twice, once in the name of an account without streams.
    """
    consumer = f"{EVENTS}.{subscriber_user(name)}"
    publish = (f"{NEXT}.{consumer}", f"$JS.ACK.{consumer}.>")
    return User(subscriber_user(name), f"the subscriber {name}", publish, (f"{inbox_of(subscriber_user(name))}.>",))


def _service(service: ServiceDescription, read: tuple[str, ...]) -> User:
    publish = [*service.publishes, *(read if service.replays else ()), f"{DEAD_SUBJECT}.{service.name}"]
    publish += [*service.sends, f"{_API}.STREAM.INFO.{EVENTS}"]
    if service.looks_back:
        publish.append(f"{_API}.STREAM.MSG.GET.{EVENTS}")
    for row in service.consumers:
        name = f"{row.stream}.{row.durable}"
        publish += [f"{_API}.CONSUMER.INFO.{name}", f"{NEXT}.{name}", f"$JS.ACK.{name}.>"]
    for bucket in service.buckets:
        stream = stream_of_bucket(bucket)
        publish += [f"{_API}.STREAM.INFO.{stream}", f"{_API}.STREAM.MSG.GET.{stream}"]
    publish += [subject_of_key(bucket, ">") for bucket in service.keeps]
    heard = [subject_of_key(bucket, ">") for bucket in service.follows]
    subscribe = (f"{inbox_of(service.name)}.>", *service.commands, f"cmd.{service.name}.state", *heard)
    return User(service.name, f"the service {service.name}", tuple(dict.fromkeys(publish)), subscribe, answers=True)


def _cli(services: tuple[ServiceDescription, ...]) -> User:
    publish = [subject for service in services for subject in (*service.commands, f"cmd.{service.name}.state")]
    publish += [f"{_API}.STREAM.INFO.{EVENTS}"]
    publish += [f"{_API}.CONSUMER.INFO.{row.stream}.{row.durable}" for row in consumers_of(services)]
    told = dict.fromkeys(subject for service in services for subject in service.publishes)
    publish += [f"{_API}.DIRECT.GET.{EVENTS}.{subject}" for subject in told]
    return User(
        CLI,
        "the command line: every command, a look at streams and consumers, no event",
        tuple(publish),
        (f"{inbox_of(CLI)}.>",),
    )


def _janitor() -> User:
    publish = (f"{_API}.STREAM.INFO.{EVENTS}", f"{_API}.CONSUMER.INFO.{EVENTS}.*", f"{_API}.STREAM.PURGE.{EVENTS}")
    return User(
        JANITOR, "in the process of ingest: purges events that everyone has read", publish, (f"{inbox_of(JANITOR)}.>",)
    )


def _provision() -> User:
    publish = [f"{_API}.STREAM.{verb}.{stream_of_bucket(DECISIONS)}" for verb in _MAKING]
    for stream in (EVENTS, DEAD_LETTERS, OLD_DEAD_LETTERS):
        publish += [f"{_API}.STREAM.{verb}.{stream}" for verb in _MAKING]
        publish.append(f"{_API}.CONSUMER.LIST.{stream}")
        publish += [f"{_API}.CONSUMER.{verb}.{stream}.*" for verb in ("INFO", "DURABLE.CREATE", "DELETE")]
        publish += [f"{_API}.CONSUMER.CREATE.{stream}.>", f"{_API}.CONSUMER.CREATE.{stream}"]
    old = OLD_DEAD_LETTERS
    publish += [f"{_API}.STREAM.PURGE.{old}", f"{_API}.STREAM.MSG.DELETE.{old}", f"{NEXT}.{old}.*"]
    return User(
        PROVISION,
        "`nightbus provision`: makes, changes and deletes streams, buckets and consumers",
        (*publish, f"{DEAD_SUBJECT}.>"),
        (f"{inbox_of(PROVISION)}.>",),
    )
