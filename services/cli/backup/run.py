"""`backup run` and `backup retry`: archive now, and watch it."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.backup.covered import NOT_YET
from services.cli.backup.saying import say
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import YearOption
from services.cli.lookups import ENDED
from services.cli.match import LinesOption
from services.cli.output import counted, to_json
from services.cli.usage import WrongUsage, session_name
from shared import inert
from shared.errors import UserError
from shared.quantities import size

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from shared.events.commands import BackupCommand

POLL_S = 0.5
_NOW = "SELECT clock_timestamp()"
_PROGRESS = """
SELECT count(*) FILTER (WHERE state IN ('waiting', 'running'))::int AS open,
       count(*) FILTER (WHERE state = 'running')::int AS running,
       count(*) FILTER (WHERE phase = 'verified' AND verified_at >= $1)::int AS archived,
       coalesce(sum(files) FILTER (WHERE phase = 'verified' AND verified_at >= $1), 0)::bigint AS files,
       coalesce(sum(stored_bytes) FILTER (WHERE phase = 'verified' AND verified_at >= $1), 0)::bigint AS stored_bytes,
       coalesce(sum(left_out) FILTER (WHERE verified_at >= $1), 0)::bigint AS left_out,
       coalesce(sum(sent_bytes) FILTER (WHERE state = 'running'), 0)::bigint AS sent_bytes,
       coalesce(sum(size_bytes) FILTER (WHERE state = 'running'), 0)::bigint AS size_bytes,
       count(*) FILTER (WHERE state IN ('failed', 'dead') AND phase <> 'verified')::int AS failed,
       min(reason) FILTER (WHERE state IN ('waiting', 'failed', 'dead')) AS reason,
       coalesce((SELECT unprotected FROM backup.coverages WHERE destination = ''), 0)::bigint AS unprotected
FROM backup.archives
"""

_LOOK = "SELECT state, reason FROM backup.look_progress WHERE look_id = $1"
"""A look at all files that is not over; one that is done leaves no row."""
LOOKING = "looking for what no archive has"
_LATER = """
SELECT count(*) FILTER (WHERE state IN ('waiting', 'running'))::int AS later_open,
       count(*) FILTER (WHERE state = 'running')::int AS later_running,
       count(*) FILTER (WHERE state IN ('failed', 'dead') AND finished_at >= $1)::int AS later_failed,
       min(reason) FILTER (WHERE state = 'waiting' OR (state IN ('failed', 'dead') AND finished_at >= $1))
           AS later_reason
FROM (SELECT state, reason, finished_at FROM backup.dumps
      UNION ALL SELECT state, reason, finished_at FROM backup.check_progress) later
"""
"""Dumps and checks, which a retry has made again as well."""

SessionsOption = Annotated[
    list[str] | None, typer.Option("--session", parser=session_name, metavar="ID", help="This session.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Everything, also files that still wait for their session.")]


def run(
    session: SessionsOption = None,
    year: YearOption = None,
    everything: AllOption = False,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Archive now what destinations lack, and wait for it. Ctrl-C stops the watching only.

    Files that belong to no finished session wait for it (backup.arrival_wait_s) before they go into the archive of the
    day of their arrival; with --all they do at once.
    """
    from shared.events.commands import RunBackup

    if everything and (session or year):
        raise WrongUsage("--all leaves nothing to choose: say either --all, or --session and --year")
    command = RunBackup(session_ids=tuple(session or ()), year=year, everything=everything)
    _watch(command, as_json=as_json, stack=find_stack(home))


def retry(as_json: LinesOption = False, home: HomeOption = None) -> None:
    """Try archives, dumps and checks again that wait or have failed. Ctrl-C stops the watching only."""
    from shared.events.commands import RetryBackup

    _watch(RetryBackup(), as_json=as_json, stack=find_stack(home), later=True)


def _watch(command: "BackupCommand", *, as_json: bool, stack: Stack, later: bool = False) -> None:
    row = wait_for(_until_done(stack, command, later=later))
    print(to_json(row) if as_json else result_text(row))
    if row["open"] or row["failed"] or row.get("later_open") or row.get("later_failed"):
        raise typer.Exit(FAILED)


def result_text(row: dict[str, Any]) -> str:
    """What came of it."""
    lines = [
        f"{counted(row['archived'], 'archive')} made and verified: {counted(row['files'], 'file')}, "
        f"{size(row['stored_bytes'])} stored"
        if row["archived"]
        else "no archive is made yet"
        if row["open"] or row["failed"]
        else "nothing new to archive"
    ]
    if row["unprotected"] and not (row["archived"] or row["open"] or row["failed"] or row["left_out"]):
        lines.append(NOT_YET)
    if row["left_out"]:
        lines.append(f"{counted(row['left_out'], 'file')} could not be read: `nightbus backup status` names them")
    if row["open"]:
        reason = inert.sentence(row["reason"] or "it is tried again")
        lines.append(f"{counted(row['open'], 'archive')} under way or waiting: {reason}")
    if row["failed"]:
        lines.append(f"{counted(row['failed'], 'archive')} failed: {inert.sentence(row['reason'] or '')}")
    if row.get("later_open"):
        reason = inert.sentence(row["later_reason"] or "it is tried again")
        lines.append(f"dumps and checks that wait: {row['later_open']}: {reason}")
    if row.get("later_failed"):
        lines.append(
            f"dumps and checks that failed: {row['later_failed']}: {inert.sentence(row['later_reason'] or '')}"
        )
    return "\n".join(lines)


async def _until_done(stack: Stack, command: "BackupCommand", *, later: bool) -> dict[str, Any]:
    """Wait until nothing is under way, or all that is left waits with a reason."""
    from shared.bus.rpc import ask
    from shared.events.commands import BackupAccepted

    async with reader(stack) as connection, bus(stack) as client:
        began = await connection.fetchval(_NOW)
        accepted = await ask(client, command, BackupAccepted)
        said = await _looked(connection, accepted.job_id) if accepted.job_id is not None else ""
        while True:
            row = dict(await _progress(connection, _PROGRESS, began))
            is_over = not row["open"] or bool(not row["running"] and row["reason"])
            if later:
                row |= dict(await _progress(connection, _LATER, began))
                is_over &= not row["later_open"] or bool(not row["later_running"] and row["later_reason"])
            if is_over:
                say("", said)
                return row
            words = progress_text(row)
            said = say(words, said)
            await asyncio.sleep(POLL_S)


async def _looked(connection: "asyncpg.Connection", look_id: "UUID") -> str:
    """Wait until a look at all files is over; what was said last.

    Raises:
        UserError: it failed.
    """
    said = ""
    while (look := await connection.fetchrow(_LOOK, look_id)) is not None:
        reason = inert.sentence(look["reason"] or LOOKING)
        if look["state"] in ENDED:
            raise UserError(f"the look for what no archive has {look['state']}: {reason}")
        said = say(reason, said)
        await asyncio.sleep(POLL_S)
    return said


async def _progress(connection: "asyncpg.Connection", query: str, began: object) -> "asyncpg.Record":
    (row,) = await connection.fetch(query, began)
    return row


def progress_text(row: dict[str, Any]) -> str:
    """How far it is, on one line."""
    words = f"{row['archived']} made, {row['running']} under way, {row['open'] - row['running']} to come"
    return f"{words}; {size(row['sent_bytes'])} sent of {size(row['size_bytes'])}" if row["size_bytes"] else words
