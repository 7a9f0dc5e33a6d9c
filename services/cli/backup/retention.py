"""`backup retention`: delete at the destinations what the settings keep no longer, or only say what that would be."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.layout import Column
from services.cli.output import counted, print_table, to_json
from shared import inert
from shared.quantities import size

if TYPE_CHECKING:
    import asyncpg

    from services.backup.retention.model import RetentionPlan
    from services.backup.settings import BackupSettings

POLL_S = 0.5
MOST_S = 60.0
"""How long is waited for deletions; the service goes on with what is left."""
_ASKED = """
SELECT key, destination, state, reason, size_bytes FROM backup.removals WHERE (destination, key) IN (
    SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY destination, key
"""

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would go and why, and delete nothing.")]


def retention(dry_run: DryRunOption = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Delete at the destinations what the settings keep no longer; never the last good copy of a file there."""
    from services.backup.settings import BackupSettings
    from services.settings import load_settings

    settings = load_settings().section(BackupSettings)
    plan, ended = wait_for(_work(find_stack(home), settings, dry_run=dry_run))
    if as_json:
        print(to_json({"removals": _rows(plan), "warnings": plan.warnings, "ended": ended}))
    else:
        _print(plan, ended, dry_run=dry_run)
    if any(row["state"] in {"failed", "dead"} for row in ended):
        raise typer.Exit(FAILED)


async def _work(stack: Stack, settings: "BackupSettings", *, dry_run: bool) -> "tuple[RetentionPlan, list[Any]]":
    from services.backup.retention.plan import read_plan
    from shared.bus.rpc import ask
    from shared.events.commands import BackupAccepted, RunRetention

    async with reader(stack) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            plan = await read_plan(connection, settings)
        if dry_run or not plan.removals:
            return plan, []
        async with bus(stack) as client:
            await ask(client, RunRetention(), BackupAccepted)
        return plan, await _ended(connection, plan)


async def _ended(connection: "asyncpg.Connection", plan: "RetentionPlan") -> list[Any]:
    """How each deletion ended, or how it is after a while."""
    places = [one.destination for one in plan.removals], [one.key for one in plan.removals]
    waited_s = 0.0
    while True:
        rows = [dict(row) for row in await connection.fetch(_ASKED, *places)]
        if waited_s >= MOST_S or not any(row["state"] in {"waiting", "running"} for row in rows):
            return rows
        await asyncio.sleep(POLL_S)
        waited_s += POLL_S


def _print(plan: "RetentionPlan", ended: list[Any], *, dry_run: bool) -> None:
    if plan.removals:
        print_table(_rows(plan), _COLUMNS)
    going = f"{counted(len(plan.removals), 'object')} ({size(sum(one.size_bytes for one in plan.removals))})"
    if dry_run or not plan.removals:
        print(f"{going} would go; nothing was deleted" if plan.removals else "nothing is due to go")
    else:
        print(f"{counted(sum(row['state'] == 'done' for row in ended), 'object')} of {len(plan.removals)} deleted")
    for row in ended:
        if row["state"] != "done" or row["reason"]:
            print(inert.sentence(row["reason"] or f"{row['key']} at {row['destination']} is {row['state']}"))
    for sentence in plan.warnings:
        print(inert.sentence(sentence))


def _rows(plan: "RetentionPlan") -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [asdict(one) for one in plan.removals]


_COLUMNS = (
    Column("destination", lambda row: row["destination"]),
    Column("what", lambda row: row["what"]),
    Column("size", lambda row: size(row["size_bytes"]), "right"),
    Column("why", lambda row: row["why"], fold=True),
    Column("key", lambda row: row["key"], fold=True, below=True),
)
