"""`locations`: the roots in which files lie, and how they are; `walk` goes through the library now."""

import sys
from typing import TYPE_CHECKING

import typer

from services.cli.connection import HomeOption, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import CsvOption, JsonOption
from services.cli.keeping import until_ended
from services.cli.layout import Column, Noted
from services.cli.lazy import group
from services.cli.listing import Listing, Query, show_listing
from services.cli.output import Row, chosen_format
from shared import inert

if TYPE_CHECKING:
    import asyncpg

    from services.cli.connection import Stack

app = group(help="List the roots in which files lie, and how they are; `walk` goes through the library now.")

_QUERY = """
SELECT root, kind, path, state, offline_since, offline_reason, files, missing, derived, strangers, checked_at, problem
FROM ingest.root_state WHERE kind IN ('library', 'indexed')
"""
_ORDER = "kind DESC, root"
_PROBLEM = "SELECT problem FROM ingest.library_state WHERE problem IS NOT NULL"


@app.callback(invoke_without_command=True)
def locations(
    ctx: typer.Context, as_json: JsonOption = False, as_csv: CsvOption = False, home: HomeOption = None
) -> None:
    """List the roots in which files lie, and how they are; `walk` goes through the library now."""
    if ctx.invoked_subcommand is None:
        output = chosen_format(as_json=as_json, as_csv=as_csv)
        show_listing(find_stack(home), Listing(Query(_QUERY), _ORDER, COLUMNS, "root"), output, None)


@app.command("walk")
def walk(home: HomeOption = None) -> None:
    """Go through the library now: what was moved or renamed by hand, what has gone, what is unknown."""
    row, problem = wait_for(_walk(find_stack(home)))
    print("\n".join(inert.sentence(line) for line in row["lines"]))
    if problem is not None:
        print("nothing is counted as missing by this walk", file=sys.stderr)
        raise typer.Exit(FAILED)


async def _walk(stack: "Stack") -> "tuple[asyncpg.Record, str | None]":
    from shared.bus.rpc import ask
    from shared.events.commands import KeeperAccepted, WalkLibrary

    async with reader(stack) as connection, bus(stack) as client:
        command = WalkLibrary()
        accepted = await ask(client, command, KeeperAccepted)
        row = await until_ended(connection, accepted.job_id or command.command_id)
        return row, await connection.fetchval(_PROBLEM)


def _folder(row: Row) -> str | Noted:
    """Where a root is; below it why it is away, or why the last walk does not count."""
    why = row["offline_reason"] or row["problem"]
    return Noted(row["path"], inert.sentence(why)) if why else str(row["path"])


COLUMNS = (
    Column("root", lambda row: row["root"], fold=True),
    Column("kind", lambda row: row["kind"]),
    Column("state", lambda row: row["state"]),
    Column("files", lambda row: row["files"], "right"),
    Column("missing", lambda row: row["missing"], "right"),
    Column("derived", lambda row: row["derived"], "right", spare=1),
    Column("unknown", lambda row: row["strangers"], "right"),
    Column("walked (UTC)", lambda row: row["checked_at"], spare=2),
    Column("folder", _folder, fold=True, below=True),
)
