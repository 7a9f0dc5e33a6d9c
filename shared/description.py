"""What a service is, said once: its name, its tables, what it reads and how, what it publishes and answers.

Each service has one of these in its ``description.py``; ``services/descriptions.py`` lists them. Roles and schemas,
streams and consumers, the rights of each on NATS, processes, documents and the status page follow from them.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from shared.bus.names import EVENTS

KEPT_SUBJECTS = frozenset({"file.scanned"})
"""Subjects whose last event of each file a view of stats keeps."""
QUIET = "quiet"
"""Name of the process that quiet services share."""


@dataclass(frozen=True, slots=True)
class Reads:
    """A subject that a service reads through a durable pull consumer, and how.

    A batch that is not full waits ``fill_s`` for more. ``loops`` pull loops share the durable, so that one batch can be
    fetched while another is being written. ``quarantines``: the service reads the files themselves, so that an event it
    gives up on puts its file into quarantine; where others give up, the file is as good as it was. ``past``: when it is
    switched on, it is given what was kept of the subject as well (``shared.bus.past``); its schema has the template
    ``past``.
    """

    subject: str
    batch_size: int = 100
    fill_s: float = 0.25
    ack_wait_s: float = 30.0
    max_ack_pending: int = 1000
    loops: int = 1
    quarantines: bool = False
    past: bool = False
    stream: str = EVENTS

    def __post_init__(self) -> None:
        """Refuse a past that nothing is kept of.

        Raises:
            ValueError: ``past`` of another subject than file.scanned.
        """
        if self.past and self.subject not in KEPT_SUBJECTS:
            raise ValueError(f"nothing is kept of {self.subject}: past is for {', '.join(sorted(KEPT_SUBJECTS))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer(Reads):
    """One durable pull consumer: which service reads which subject, and how."""

    service: str

    @property
    def durable(self) -> str:
        """Name of the consumer, such as ``stats-file-scanned``."""
        return f"{self.service}-{self.subject.replace('.', '-').replace('>', 'all').replace('*', 'any')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDescription:
    """One service.

    Attributes:
        name: of the service, its folder, its process, its health port, and of its schema and role where it has tables.
        has_tables: whether it has a schema and a login role of Postgres, and with them an inbox.
        has_outbox: whether it publishes through an outbox; its view ``counts`` then has a column ``outbox_waiting``.
        reads: what it reads, each through a durable consumer of its own.
        publishes: subjects that it publishes.
        commands: subjects of the commands that it answers, beside ``cmd.<name>.state``, which every service answers.
        sends: subjects of the commands that it gives other services.
        keeps: buckets into which it puts what others read, from its outbox.
        follows: buckets that it reads, when it starts and when they change.
        looks_back: whether it asks the event stream for single messages.
        replays: whether it publishes events of others again, as people ask of dead letters.
        may_be_off: whether Nightbus works without it.
        quiet: whether it does so little that it may share a process with other quiet ones.
        last_active: SQL over views for when it was last at work, for what the stream no longer knows of that.
    """

    name: str
    has_tables: bool = False
    has_outbox: bool = False
    reads: tuple[Reads, ...] = ()
    publishes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    looks_back: bool = False
    replays: bool = False
    may_be_off: bool = True
    quiet: bool = True
    last_active: str | None = None

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        """Its durable consumers."""
        return tuple(Consumer(service=self.name, **asdict(row)) for row in self.reads)

    @property
    def buckets(self) -> tuple[str, ...]:
        """The buckets that it puts into or reads."""
        return (*self.keeps, *self.follows)

    def consumer(self, subject: str) -> Consumer:
        """Its consumer of a subject.

        Raises:
            KeyError: it does not read that subject.
        """
        for row in self.consumers:
            if row.subject == subject:
                return row
        raise KeyError(f"the description of {self.name} has no reads of {subject}")


def processes_of(services: Iterable[ServiceDescription]) -> dict[str, tuple[str, ...]]:
    """The names of the services of each process, by its name: quiet ones share one, where there are several."""
    services = tuple(services)
    quiet = tuple(service.name for service in services if service.quiet)
    processes: dict[str, tuple[str, ...]] = {
        service.name: (service.name,) for service in services if not service.quiet or len(quiet) == 1
    }
    return processes if len(quiet) < 2 else {**processes, QUIET: quiet}


def consumers_of(services: Iterable[ServiceDescription]) -> tuple[Consumer, ...]:
    """The durable consumers of services."""
    return tuple(row for service in services for row in service.consumers)


def schemas_of(services: Iterable[ServiceDescription]) -> tuple[str, ...]:
    """The schemas of services, each also the name of a login role."""
    return tuple(service.name for service in services if service.has_tables)
