"""`dead-letters`: messages that no retry could help. Look at them, publish them again, or drop them with a reason."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.filters import CsvOption, JsonOption, LimitOption, Where
from services.cli.layout import Column
from services.cli.lazy import group
from services.cli.listing import Listing, Query, show_listing
from services.cli.match import LinesOption
from services.cli.output import Row, cell_text, chosen_format, counted, plain, to_json
from services.cli.usage import WrongUsage, help_alone, letter_number, named_thing, spoken_reason
from shared.errors import UserError
from shared.inert import printable
from shared.quantities import size

if TYPE_CHECKING:
    from shared.events.commands import DropDeadLetters, ReplayDeadLetters

app = group(help="Messages that no retry could help: list, show, replay, drop.")
app.callback(invoke_without_command=True)(help_alone)

COMMAND_TIMEOUT_S = 120.0
_NOTE_BYTES = 2000
"""How much of a payload `show` prints for a person."""


class LetterState(StrEnum):
    """States of a dead letter, and all of them."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    REPLACED = "replaced"
    ALL = "all"


IdsArgument = Annotated[
    list[int] | None, typer.Argument(metavar="ID…", parser=letter_number, help="Numbers, as `list` shows them.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All that wait.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]

_COLUMNS = (
    Column("id", lambda row: row["dead_letter_id"], "right"),
    Column("when", lambda row: row["buried_at"]),
    Column("service", lambda row: row["service"]),
    Column("subject", lambda row: row["subject"]),
    Column("size", lambda row: size(row["size_bytes"]), "right"),
    Column("state", lambda row: row["state"]),
    Column("reason", lambda row: row["reason"], fold=True, below=True),
)
_FIELDS = (
    "dead_letter_id, service, subject, sequence, attempt, event_id, reason, error, payload_file, size_bytes, state, "
    "replays, drop_reason, buried_at, changed_at"
)
_LETTER = """
SELECT dead_letter_id, service, subject, sequence, attempt, event_id, reason, error, payload, payload_file, size_bytes,
       state, replays, drop_reason, buried_at, changed_at, file_id
FROM api.dead_letters WHERE dead_letter_id = $1
"""


@app.command("list")
def list_letters(
    state: Annotated[LetterState, typer.Option("--state", help="Which to list.")] = LetterState.WAITING,
    service: Annotated[
        str | None,
        typer.Option("--service", parser=named_thing, metavar="NAME", help="Only what this service gave up."),
    ] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List dead letters, newest first."""
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    where = Where()
    if state is not LetterState.ALL:
        where.add("state = {}", state.value)
    if service is not None:
        where.add("service = {}", service)
    query = Query(f"SELECT {_FIELDS} FROM api.dead_letters WHERE {where.sql}", where.parameters)
    listing = Listing(query, "dead_letter_id DESC", _COLUMNS, "dead letter", total=query.count)
    show_listing(find_stack(home), listing, output, limit)


@app.command("show")
def show(
    dead_letter_id: Annotated[
        int, typer.Argument(metavar="ID", parser=letter_number, help="Number, as `list` shows it.")
    ],
    as_json: LinesOption = False,
    payload: Annotated[
        bool, typer.Option("--payload", help="Print the bytes of the message and nothing else.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Show one dead letter with its reason and the message."""
    row = wait_for(_read(find_stack(home), dead_letter_id))
    if payload:
        if row["payload_file"] is not None:
            print(
                f"nightbus: the first {len(row['payload'])} of {row['size_bytes']} bytes; the whole is the file "
                f"{row['payload_file']} in api.dead_letter_dir",
                file=sys.stderr,
            )
        if sys.stdout.isatty():  # bytes from anywhere, which a terminal would obey
            print(printable(str(plain(row["payload"]))))
        else:
            sys.stdout.buffer.write(row["payload"])
        return
    if as_json:
        print(to_json(row))
        return
    for key, value in row.items():
        if key != "payload" and value not in {None, ""}:
            print(f"{key:<16} {cell_text(value)}")
    text = str(plain(row["payload"][:_NOTE_BYTES]))
    print(f"payload          {printable(text)}" + (" …" if row["size_bytes"] > _NOTE_BYTES else ""))


@app.command("replay")
def replay(
    ids: IdsArgument = None, everything: AllOption = False, dry_run: DryRunOption = False, home: HomeOption = None
) -> None:
    """Publish dead letters to their subjects again, under new message ids."""
    from shared.events.commands import ReplayDeadLetters

    chosen = _chosen(ids, everything=everything)
    _send(find_stack(home), ReplayDeadLetters(ids=chosen, everything=everything), "replayed", dry_run=dry_run)


@app.command("drop")
def drop(
    reason: Annotated[
        str, typer.Option("--reason", parser=spoken_reason, metavar="TEXT", help="Why; kept in the register.")
    ],
    ids: IdsArgument = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
    home: HomeOption = None,
) -> None:
    """Drop dead letters; the register keeps them and the reason."""
    from shared.events.commands import DropDeadLetters

    chosen = _chosen(ids, everything=everything)
    command = DropDeadLetters(ids=chosen, everything=everything, reason=reason)
    _send(find_stack(home), command, "dropped", dry_run=dry_run)


def _chosen(ids: list[int] | None, *, everything: bool) -> tuple[int, ...]:
    if bool(ids) == everything:
        raise WrongUsage("name dead letters by their numbers, or all that wait by --all")
    return tuple(dict.fromkeys(ids or ()))


def _send(stack: Stack, command: "ReplayDeadLetters | DropDeadLetters", done: str, *, dry_run: bool) -> None:
    from shared.bus.rpc import ask
    from shared.events.commands import DeadLettersChanged

    if dry_run:
        count = wait_for(_count(stack, command.ids, everything=command.everything))
        print(f"{counted(count, 'dead letter')} would be {done}")
        return

    async def work() -> int:
        async with bus(stack) as client:
            return (await ask(client, command, DeadLettersChanged, timeout_s=COMMAND_TIMEOUT_S)).changed

    print(f"{counted(wait_for(work()), 'dead letter')} {done}")
    if done == "dropped":
        print("files that they were about stay quarantined; `nightbus dismiss` takes a file out", file=sys.stderr)


async def _count(stack: Stack, ids: tuple[int, ...], *, everything: bool) -> int:
    query = (
        "SELECT count(*) FROM api.dead_letters WHERE CASE WHEN $2 THEN state = 'waiting' "
        "ELSE dead_letter_id = ANY($1::bigint[]) AND state <> 'dropped' END"
    )
    async with reader(stack) as connection:
        return int(await connection.fetchval(query, list(ids), everything))


async def _read(stack: Stack, dead_letter_id: int) -> Row:
    async with reader(stack) as connection:
        row = await connection.fetchrow(_LETTER, dead_letter_id)
    if row is None:
        raise UserError(f"there is no dead letter {dead_letter_id}")
    return dict(row)
