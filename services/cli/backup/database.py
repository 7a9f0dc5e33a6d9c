"""`backup database`: dump the database to every destination now, and watch it."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from services.cli.backup.line import Line
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.match import LinesOption
from services.cli.output import to_json
from shared import inert
from shared.quantities import size

if TYPE_CHECKING:
    import asyncpg

POLL_S = 0.3
OPEN = ("waiting", "running")
_DUMPS = """
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256,
       dumped_at, verified_at, next_try_at
FROM backup.dumps WHERE cause = 'asked' AND (created_at >= $1 OR state IN ('waiting', 'running') OR finished_at >= $1)
ORDER BY destination
"""
_NOW = "SELECT clock_timestamp()"


def database(as_json: LinesOption = False, home: HomeOption = None) -> None:
    """Dump the database to every destination now, read it back, and wait for that. Ctrl-C stops the watching only."""
    rows = wait_for(_dump(find_stack(home)))
    for row in rows:
        print(to_json(row) if as_json else text(row))
    if any(row["state"] != "done" for row in rows):
        raise typer.Exit(FAILED)


def text(row: dict[str, Any]) -> str:
    """What came of one dump."""
    if row["state"] == "done":
        return f"{row['destination']}: {size(row['size_bytes'])} read back and verified, {inert.name(row['key'])}"
    return f"{row['destination']}: {row['state']}: {inert.sentence(row['reason'] or 'it is tried again')}"


async def _dump(stack: Stack) -> list[dict[str, Any]]:
    """Ask for the dumps, and wait until each is done, or waits with a reason."""
    from shared.bus.rpc import ask
    from shared.events.commands import BackupAccepted, BackupDatabase

    line = Line()
    async with reader(stack) as connection, bus(stack) as client:
        began = await connection.fetchval(_NOW)
        await ask(client, BackupDatabase(), BackupAccepted)
        while True:
            rows = await _rows(connection, began)
            if not any(_goes_on(row) for row in rows):
                line.end()
                return rows
            running = [row for row in rows if row["state"] == "running"]
            line.update(", ".join(f"{row['destination']}: {size(row['sent_bytes'])} sent" for row in running) or "…")
            await asyncio.sleep(POLL_S)


def _goes_on(row: dict[str, Any]) -> bool:
    return row["state"] in OPEN and not (row["state"] == "waiting" and row["reason"])


async def _rows(connection: "asyncpg.Connection", began: object) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(_DUMPS, began)]
