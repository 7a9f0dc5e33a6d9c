"""`imports`: how far each import is, at which rate, what it waits for; and cancelling one."""

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.filters import CsvOption, JsonOption, LimitOption, Where
from services.cli.layout import Column
from services.cli.lazy import group
from services.cli.listing import Listing, Query, show_listing
from services.cli.lookups import full_id
from services.cli.output import Row, chosen_format
from services.cli.usage import WrongUsage
from shared import inert
from shared.quantities import duration, size

if TYPE_CHECKING:
    import asyncpg

app = group(help="List imports, newest first, with rate, time left and what each waits for; `cancel` ends one.")

SHORT_ID = 8
MOST_SHOWN = 3
"""Paths of an import in a table; --json and --csv have all."""
_ID = re.compile(r"[0-9a-f-]{4,36}")
_OPEN = "state IN ('waiting', 'running')"
_IDS = "SELECT import_id FROM ingest.import_progress WHERE import_id::text ^@ $1"
PROGRESS = """
SELECT import_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at,
       started_at, finished_at, paths, mode, found, arrived, already_here, ignored, failed, ignored_by, failures, error,
       waiting, waiting_for, brought_home, verify, brought_back, repaired, set_beside, size_bytes, read_bytes,
       total_files, total_bytes, files_per_s, bytes_per_s, left_s, held_up_by, in_hand
FROM ingest.import_progress
"""
_QUERY = PROGRESS + "WHERE {where}"
_ORDER = "created_at DESC, import_id"


class ImportState(StrEnum):
    """States of an import; the open ones; and all of them."""

    OPEN = "open"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"
    ALL = "all"


StateOption = Annotated[
    ImportState, typer.Option("--state", help="Which to list; open is waiting and running, dead is given up.")
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the import, or its first 4+ digits.")]


@app.callback(invoke_without_command=True)
def imports(
    ctx: typer.Context,
    state: StateOption = ImportState.ALL,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    home: HomeOption = None,
) -> None:
    """List imports, newest first, with rate, time left and what each waits for; `cancel` ends one."""
    if ctx.invoked_subcommand is not None:
        return
    output = chosen_format(as_json=as_json, as_csv=as_csv)
    where = Where()
    if state is ImportState.OPEN:
        where.conditions.append(_OPEN)
    elif state is not ImportState.ALL:
        where.add("state = {}", state.value)
    query = Query(_QUERY.format(where=where.sql), where.parameters)
    listing = Listing(query, _ORDER, IMPORT_COLUMNS, "import", total=query.count)
    show_listing(find_stack(home), listing, output, limit)


@app.command("cancel")
def cancel(import_id: IdArgument, home: HomeOption = None) -> None:
    """Have an import end after the files in hand; what it took stays, and a later import takes the rest."""
    if not _ID.fullmatch(start := import_id.lower()):
        raise WrongUsage(f"{inert.name(import_id)} is no id of an import, which `nightbus imports` shows")
    state, full_id = wait_for(_cancel(find_stack(home), start))
    if state == "running":
        print(f"the import {full_id} ends after the files in hand; `nightbus imports` shows when")
    else:
        print(f"the import {full_id} is cancelled")


async def _cancel(stack: Stack, start: str) -> tuple[str, UUID]:
    from shared.bus.rpc import ask
    from shared.events.commands import CancelImport, ImportCancelled

    async with reader(stack) as connection, bus(stack) as client:
        import_id: UUID = await full_id(connection, _IDS, start, "import")
        return (await ask(client, CancelImport(import_id=import_id), ImportCancelled)).state, import_id


async def open_imports(connection: "asyncpg.Connection") -> list[Row]:
    """Imports that run or wait for their turn, newest first."""
    return [dict(row) for row in await connection.fetch(f"{_QUERY.format(where=_OPEN)} ORDER BY {_ORDER}")]


def state_word(row: Row) -> str:
    """The state of an import, and that it is about to end where a person asked for that."""
    return "ending" if row["state"] == "running" and row["cancel_requested_at"] else str(row["state"])


def paths_text(row: Row) -> tuple[str, ...]:
    """The first of the paths, and how many more there are."""
    paths: list[str] = row["paths"]
    more = len(paths) - MOST_SHOWN
    return tuple(paths) if more <= 1 else (*paths[:MOST_SHOWN], f"and {more} more")


def files_text(row: Row) -> str:
    """How many files were found, of how many where that is known."""
    total = row["total_files"]
    return str(row["found"]) if total is None or total <= row["found"] else f"{row['found']} of {total}"


def rate_text(row: Row) -> str | None:
    """Files and bytes a second, of late."""
    if row["state"] != "running" or row["files_per_s"] is None or row["bytes_per_s"] is None:
        return None
    files = f"{row['files_per_s']:.{0 if row['files_per_s'] >= 10 else 1}f}"
    return f"{files} files/s, {size(row['bytes_per_s'])}/s"


def left_text(row: Row) -> str | None:
    """How long the rest takes, where that can be known."""
    left_s = row["left_s"]
    return None if row["state"] != "running" or left_s is None else duration(round(left_s))


def note(row: Row) -> str | None:
    """What an import waits for, or how it ended."""
    if row["state"] == "waiting":
        if row["reason"]:
            return f"tried again at {row['next_try_at']:%H:%M:%S} UTC: {row['reason']}"
        return "waits for its turn"
    if row["state"] == "running":
        return "; ".join(_under_way(row)) or None
    reason: str | None = row["reason"]
    return reason


def _under_way(row: Row) -> list[str]:
    """What holds an import up, the first of the files that it waits for, and the first of those that it is taking."""
    words = [f"waits for {row['held_up_by']}"] if row["held_up_by"] else []
    in_hand, waiting_for = row["in_hand"], row["waiting_for"]
    if waiting_for:
        more = row["waiting"] - len(in_hand) - 1
        words.append(
            f"waits for {waiting_for[0]}" + (f" and {more} more" if more > 0 and not row["held_up_by"] else "")
        )
    if in_hand:
        words.append(f"takes {in_hand[0]}" + (f" and {len(in_hand) - 1} more" if len(in_hand) > 1 else ""))
    return words


IMPORT_COLUMNS = (
    Column("import", lambda row: str(row["import_id"])[:SHORT_ID]),
    Column("asked for (UTC)", lambda row: row["created_at"], spare=1),
    Column("state", state_word),
    Column("mode", lambda row: row["mode"], spare=2),
    Column("paths", paths_text, fold=True, below=True),
    Column("files", files_text, "right"),
    Column("arrived", lambda row: row["arrived"], "right"),
    Column("failed", lambda row: row["failed"], "right", spare=3),
    Column("rate", rate_text, "right", fold=True),
    Column("left", left_text, "right"),
    Column("note", note, fold=True, below=True),
)
