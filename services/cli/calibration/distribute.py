"""`calibration distribute`: place masters beside the lights that they fit, or only say where they would go."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.backup.line import Line
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.layout import Column, Noted
from services.cli.output import counted, print_table, to_json
from services.cli.usage import session_name

if TYPE_CHECKING:
    import asyncpg

POLL_S = 0.5
_SESSIONS = """
SELECT DISTINCT session_id FROM calibration.requirements WHERE state = 'matched'
  AND (cardinality($1::text[]) = 0 OR session_id = ANY($1::text[])) ORDER BY session_id
"""
_STATE = """
SELECT p.session_id, p.folder, p.name, p.how, p.state, p.path, p.reason FROM calibration.placements p
WHERE cardinality($1::text[]) = 0 OR p.session_id = ANY($1::text[]) OR p.session_id IS NULL
ORDER BY p.folder, p.name, p.session_id
"""
_WAITING = """
SELECT count(*) FROM calibration.distributions
WHERE is_waiting AND (cardinality($1::text[]) = 0 OR session_id = ANY($1::text[]))
"""
_LEFT = """
SELECT session_id, reason FROM calibration.distributions
WHERE reason IS NOT NULL AND (cardinality($1::text[]) = 0 OR session_id = ANY($1::text[])) ORDER BY session_id
"""
_OPEN = frozenset({"wanted", "leaving"})
_ODD = frozenset({"failed", "stays"})


class HowOption(StrEnum):
    """How masters come beside lights."""

    COPY = "copy"
    REFLINK = "reflink"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


def distribute(
    session: Annotated[
        list[str] | None, typer.Option("--session", parser=session_name, metavar="ID", help="This session.")
    ] = None,
    how: Annotated[
        HowOption, typer.Option("--how", help="reflink copies where the disk cannot share blocks.")
    ] = HowOption.REFLINK,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be placed, and change nothing.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Place masters beside the lights that they fit, in the folder of the night. Ctrl-C stops the watching only.

    They are kept so: when another master fits later, it takes the place of the one before. What somebody changed stays.
    """
    stack, sessions = find_stack(home), tuple(session or ())
    if dry_run:
        rows = wait_for(_planned(stack, sessions))
        _print(rows, as_json=as_json, done=False)
        return
    rows, left = wait_for(_until_placed(stack, sessions, how.value))
    _print(rows, as_json=as_json, done=True, left=left)
    if any(row["state"] in _ODD for row in rows):
        raise typer.Exit(FAILED)


async def _planned(stack: Stack, sessions: Sequence[str]) -> list[dict[str, Any]]:
    from services.calibration.distribution.distributor import wishes_of
    from services.calibration.store import placements
    from services.calibration.store.places import places_of

    rows: list[dict[str, Any]] = []
    async with reader(stack) as connection:
        for one in await connection.fetch(_SESSIONS, list(sessions)):
            wanted = await placements.wanted(connection, one["session_id"])
            places = await places_of(connection, {master.file_id for master in wanted})
            wishes, left = wishes_of(wanted, places)
            rows += [
                {"session_id": one["session_id"], "folder": folder, "name": name, "state": "would be placed"}
                for (folder, _file_id), name in wishes.items()
            ]
            rows += [
                {"session_id": one["session_id"], "folder": root, "name": None, "state": "only indexed"}
                for root in left
            ]
    return rows


async def _until_placed(
    stack: Stack, sessions: Sequence[str], how: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from shared.bus.rpc import ask
    from shared.events.calibration_files import DistributeMasters, MastersDistributed

    line = Line()
    async with reader(stack) as connection, bus(stack) as client:
        await ask(client, DistributeMasters(session_ids=tuple(sessions), how=how), MastersDistributed)
        while True:
            waiting = await connection.fetchval(_WAITING, list(sessions))
            rows = await _rows(connection, _STATE, sessions)
            still = sum(row["state"] in _OPEN for row in rows)
            if not waiting and not still:
                line.end()
                return rows, await _rows(connection, _LEFT, sessions)
            line.update(f"{len(rows) - still} of {len(rows)} placed, {counted(waiting, 'session')} to be planned")
            await asyncio.sleep(POLL_S)


async def _rows(connection: "asyncpg.Connection", query: str, sessions: Sequence[str]) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(query, list(sessions))]


def _print(rows: list[dict[str, Any]], *, as_json: bool, done: bool, left: Sequence[dict[str, Any]] = ()) -> None:
    if as_json:
        print(to_json(rows))
        return
    if rows:
        print_table(rows, _COLUMNS)
    places = counted(len({(row["folder"], row["name"]) for row in rows if row["name"]}), "place")
    print(f"{places} beside lights" if done else f"{places} beside lights; nothing was changed")
    for row in left:
        print(f"{row['session_id']}: {row['reason']}")


_COLUMNS = (
    Column("folder", lambda row: row["folder"] or "/", fold=True, lines=2),
    Column("master", lambda row: Noted(row["name"] or "", row.get("reason") or ""), fold=True),
    Column("state", lambda row: row["state"]),
    Column("session", lambda row: row["session_id"], spare=1),
)
