"""`status`: is every service there, what has it handled, what waits; and whether the counts add up."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.backup.covered import covered_text
from services.cli.compared import not_compared_text
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.counts import Counts, counts_of, counts_text
from services.cli.imports import IMPORT_COLUMNS
from services.cli.layout import Column
from services.cli.match import LinesOption
from services.cli.output import Row, counted, print_table, to_json
from services.cli.reasons import said_of
from services.cli.space import space_lines
from services.cli.state import DatabaseState, database_state
from services.descriptions import SERVICES
from shared import inert

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

    from shared.description import Consumer, ServiceDescription
    from shared.events.commands import StateTold

ANSWER_TIMEOUT_S = 3.0

_LOOK = "`nightbus dead-letters` says why, and `nightbus dead-letters replay` tells it again"


@dataclass(slots=True)
class ServiceState:
    """One service. Counts are of messages, ``handled`` of ingest is of files that arrived; ``outbox`` may be absent."""

    service: str
    on: bool
    """Whether NATS was provisioned for it."""
    running: bool
    handled: int
    waiting: int
    dead_letters: int
    outbox: int | None
    last_active_at: datetime | None
    failed: tuple[str, ...] = ()
    waits: tuple[dict[str, Any], ...] = ()

    @property
    def sentences(self) -> list[str]:
        """What it waits for and what it does not reach."""
        reasons = [f"{self.service} waits for {wait['what']}: {wait['reason']}" for wait in self.waits]
        return reasons + [f"{self.service} does not reach {failure}" for failure in self.failed]


def status(as_json: LinesOption = False, home: HomeOption = None) -> None:
    """Show per service what was handled (by ingest: files that arrived) and what waits, and counts that add up."""
    stack = find_stack(home)
    services, counts, known = wait_for(_look(stack))
    about_home = _about(stack.home) if stack.home else []
    if as_json:
        rows = {"services": [asdict(service) for service in services], "counts": asdict(counts), "home": about_home}
        lists = {"sources": known.sources, "imports": known.imports, "space": known.space}
        print(to_json({**rows, **lists, "check": known.checked, "backup": known.covered}))
        return
    print_table([asdict(service) for service in services], _COLUMNS)
    print()
    if known.sources:
        print_table(known.sources, SOURCE_COLUMNS)
        print(sources_text(known.sources), end="")
    if known.imports:
        print_table(known.imports, IMPORT_COLUMNS)
        print()
    print(counts_text(counts))
    print(check_text(known.checked))
    if any(service.service == "backup" and service.on for service in services):
        print(covered_text(known.covered))
    for line in space_lines(known.space):
        print(line)
    for sentence in (*(sentence for service in services for sentence in service.sentences), *about_home):
        print(sentence)
    if absent := [service.service for service in services if service.on and not service.running]:
        print(f"not running: {', '.join(absent)}", file=sys.stderr)


def _about(home: Path) -> list[str]:
    """What a person should know of the folder of `nightbus up`."""
    from services.standalone.jetstream import kept_aside
    from services.standalone.room import full_disk

    full = full_disk(home)
    kept = [
        f"a damaged message store is kept in {folder}: everything goes on without it, delete it when nobody needs it"
        for folder in kept_aside(home / "nats")
    ]
    return ([full] if full else []) + kept


def check_text(row: Row | None) -> str:
    """When the counts were last compared with the frames and the files, and what came of it."""
    if row is None:
        return "the counts have not been compared with the frames yet; `nightbus stats check` does it now"
    when = f"{row['finished_at']:%Y-%m-%d %H:%M} UTC"
    if row["state"] != "done":
        return f"the check of the counts of {when} {row['state']}: {inert.sentence(row['reason'] or '')}"
    left_out = f"; {sentence}" if (sentence := not_compared_text(row, than="before")) else ""
    if not row["differences"]:
        return f"counts, frames and files were compared at {when}: all agree{left_out}"
    text = f"counts, frames and files were compared at {when}: {counted(row['differences'], 'row')} differed, "
    text += f"{row['mended']} put right, {counted(row['read_anew'], 'file')} read anew"
    return (f"{text}, {row['left_alone']} left as they are" if row["left_alone"] else text) + left_out


def source_word(row: Row) -> str:
    """How a source is, by what was last seen of it and never by its settings."""
    if row["state"] != "reachable":
        return "not reachable" if row["state"] == "away" else "foreign or empty"
    if row["walked_at"] is None:
        return "first look"
    return "watched" if row["hints"] else "looked at again and again"


def sources_text(sources: Sequence[Row]) -> str:
    """Why sources are not reachable, and what is waited for, a line each."""
    lines = []
    for row in sources:
        if row["reason"]:
            lines.append(f"source {row['source']}: {row['reason']}")
        lines += [f"source {row['source']} waits for {file}" for file in row["unfinished_for"]]
        if row["unfinished"] > len(row["unfinished_for"]):
            lines.append(
                f"source {row['source']} waits for {row['unfinished'] - len(row['unfinished_for'])} more files"
            )
    return "".join(f"{inert.sentence(line)}\n" for line in lines)


async def _look(stack: Stack) -> tuple[list[ServiceState], Counts, DatabaseState]:
    async with reader(stack) as connection, bus(stack) as client:
        on = await _services_on(client)
        services = await asyncio.gather(*(_service(client, service, on) for service in SERVICES))
        known = await database_state(connection)
    for service in services:
        service.dead_letters = known.letters.get(service.service, 0)
        service.outbox = known.outboxes.get(service.service)
        if service.service == "ingest":  # it reads no events: what it has done is bringing files in
            service.handled = known.ingest["files"]
        active = [at for at in (service.last_active_at, known.last_active.get(service.service)) if at is not None]
        service.last_active_at = max(active, default=None)
    failures = tuple(row["reason"] for row in known.not_taken)
    reasons = tuple(f"{row['root']}/{row['path']}: {said_of(row['path'], row['reason'])}" for row in known.quarantined)
    told = [f"{row['service']} gave up on what was told of {counted(row['files'], 'file')}" for row in known.given_up]
    counts = counts_of(known.ingest, known.stats, known.kept_sources, known.library, known.keeping, failures, reasons)
    counts = replace(
        counts,
        given_up=tuple(f"{sentence}: {_LOOK}" for sentence in told),
        awaiting_backup=known.awaited["files"],
        awaiting_backup_bytes=known.awaited["size_bytes"],
        has_destination=known.awaited["has_destination"],
    )
    return list(services), counts, known


async def _services_on(client: "Client") -> "Sequence[str]":
    """The services that NATS was provisioned for; where it does not say, all."""
    from shared.bus.provision import services_of_stream
    from shared.errors import Unavailable

    try:
        return await services_of_stream(client.jetstream(timeout=ANSWER_TIMEOUT_S))
    except Unavailable:
        return [service.name for service in SERVICES]


async def _service(client: "Client", description: "ServiceDescription", on: "Sequence[str]") -> ServiceState:
    name = description.name
    js = client.jetstream(timeout=ANSWER_TIMEOUT_S)
    infos = await asyncio.gather(*(_consumer(js, row) for row in description.consumers))
    found = [info for info in infos if info is not None]
    state = await _state(client, name)
    published = await asyncio.gather(*(_last_message(js, subject) for subject in description.publishes))
    active = [at for at in published if at is not None]
    active += [info.delivered.last_active for info in found if info.delivered and info.delivered.last_active]
    return ServiceState(
        service=name,
        on=name in on,
        running=state is not None,
        handled=sum(
            (info.delivered.consumer_seq if info.delivered else 0) - (info.num_ack_pending or 0) for info in found
        ),
        waiting=sum((info.num_pending or 0) + (info.num_ack_pending or 0) for info in found),
        dead_letters=0,
        outbox=None,
        last_active_at=max(active, default=None),
        failed=state.failed if state else (),
        waits=tuple(wait.model_dump(mode="json") for wait in state.waits) if state else (),
    )


async def _consumer(js: "JetStreamContext", row: "Consumer") -> Any:
    from nats.errors import Error as NatsError

    try:
        return await js.consumer_info(row.stream, row.durable)
    except (NatsError, TimeoutError):
        return None


async def _last_message(js: "JetStreamContext", subject: str) -> datetime | None:
    """When the last message of a subject was stored; the stream remembers it over restarts, for 30 days."""
    from nats.errors import Error as NatsError

    from shared.bus.names import EVENTS

    try:
        return (await js.get_last_msg(EVENTS, subject, direct=True)).time
    except (NatsError, TimeoutError):
        return None


async def _state(client: "Client", name: str) -> "StateTold | None":
    """What the service says of itself; None where nobody answers."""
    from nats.errors import NoRespondersError
    from nats.errors import TimeoutError as NatsTimeoutError

    from shared.events.commands import StateTold, state_question

    question = state_question(name)()
    try:
        message = await client.request(question.subject, question.model_dump_json().encode(), timeout=ANSWER_TIMEOUT_S)
    except (NoRespondersError, NatsTimeoutError):
        return None
    return StateTold.model_validate_json(message.data)


def _state_word(row: Mapping[str, Any]) -> str:
    if not row["on"]:
        return "off"
    if not row["running"]:
        return "not running"
    return "waiting" if row["waits"] or row["failed"] else "running"


_COLUMNS = (
    Column("service", lambda row: row["service"]),
    Column("state", _state_word),
    Column("handled", lambda row: row["handled"], "right"),
    Column("waiting", lambda row: row["waiting"], "right"),
    Column("outbox", lambda row: row["outbox"], "right"),
    Column("dead letters", lambda row: row["dead_letters"], "right"),
    Column("last active (UTC)", lambda row: row["last_active_at"]),
)
SOURCE_COLUMNS = (
    Column("source", lambda row: row["source"], fold=True),
    Column("state", source_word, fold=True),
    Column("last read (UTC)", lambda row: row["reached_at"], fold=True),
    Column("last walk (UTC)", lambda row: row["walked_at"], fold=True),
    Column("found", lambda row: row["found"], "right"),
    Column("unfinished", lambda row: row["unfinished"], "right"),
    Column("not taken", lambda row: row["not_taken"], "right"),
    Column("folder", lambda row: row["path"], fold=True, below=True),
)
