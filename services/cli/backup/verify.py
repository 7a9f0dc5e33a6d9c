"""`backup verify`: are archives as they were sent? Asked of the service, and watched."""

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.backup.archives import DestinationOption
from services.cli.backup.run import SessionsOption
from services.cli.backup.saying import say
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.lookups import ENDED
from services.cli.output import counted, to_json
from services.cli.usage import WrongUsage
from shared import inert
from shared.quantities import size

if TYPE_CHECKING:
    import asyncpg

    from shared.events.commands import VerifyBackup

POLL_S = 0.5
MOST_SHOWN = 20
"""Findings that are printed; --json has all."""
_CHECKS = """
SELECT check_id, destination, state, reason, sample, run, deep, archives, checked, files, total_bytes, read_bytes,
       problems, not_read, in_hand, result, created_at, started_at, finished_at
FROM backup.check_progress WHERE command_id = $1 ORDER BY destination
"""
_FINDINGS = """
SELECT destination, collection_id, key, what, position, file_id, root, path, problem, found_at, seen_at, mended_at,
       mended_by
FROM backup.findings WHERE check_id = ANY($1::uuid[]) OR (mended_at IS NULL AND seen_at >= $2)
ORDER BY finding_id
"""

AllOption = Annotated[bool, typer.Option("--all", help="All archives, which is the default.")]
SampleOption = Annotated[
    str | None,
    typer.Option("--sample", metavar="1/N", help="One in so many of all archives; as many runs check every one."),
]
DeepOption = Annotated[bool, typer.Option("--deep", help="Read and hash every byte, not only sizes and ETags.")]


def verify(
    everything: AllOption = False,
    sample: SampleOption = None,
    session: SessionsOption = None,
    deep: DeepOption = False,
    destination: DestinationOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Compare archives with what was sent, and name each file that is touched where they differ.

    What is found damaged counts as unprotected and is archived again, where it can still be read. Ctrl-C stops the
    watching only.
    """
    from shared.events.commands import VerifyBackup

    if everything and (sample or session):
        raise WrongUsage("--all leaves nothing to choose: say either --all, or --sample or --session")
    command = VerifyBackup(session_ids=tuple(session or ()), destination=destination, sample=_share(sample), deep=deep)
    checks, found = wait_for(_until_done(find_stack(home), command))
    print(to_json({"checks": checks, "findings": found}) if as_json else result_text(checks, found))
    if found or any(row["state"] != "done" or row["problems"] for row in checks):
        raise typer.Exit(FAILED)


def result_text(checks: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> str:
    """What came of it, a line for each destination, and one for each finding."""
    lines = []
    for row in checks:
        if row["state"] == "done":
            lines.append(f"{row['destination']}: {inert.sentence(row['result'])}")
        else:
            lines.append(f"{row['destination']}: the check {row['state']}: {inert.sentence(row['reason'] or '')}")
    shown = [one for one in found if one["what"] != "member"] + [one for one in found if one["what"] == "member"]
    for one in shown[:MOST_SHOWN]:
        mended = f" ({one['mended_by']})" if one["mended_at"] else ""
        lines.append(f"  {inert.sentence(one['problem'])}{inert.sentence(mended)}")
    if len(found) > MOST_SHOWN:
        lines.append(f"  and {len(found) - MOST_SHOWN} more: --json names all")
    return "\n".join(lines)


def progress_text(checks: Sequence[dict[str, Any]]) -> str:
    """How far it is, on one line."""
    words = []
    for row in checks:
        if row["state"] == "waiting" and row["reason"]:
            words.append(f"{row['destination']} waits: {inert.sentence(row['reason'])}")
        elif row["state"] not in ENDED and row["archives"] is not None:
            read = f", {size(row['read_bytes'])} of {size(row['total_bytes'])} read" if row["total_bytes"] else ""
            problems = f", {counted(row['problems'], 'problem')}" if row["problems"] else ""
            words.append(f"{row['destination']}: {row['checked']} of {row['archives']} archives{read}{problems}")
    return "; ".join(words)


def _share(sample: str | None) -> int:
    """The N of ``1/N``."""
    if sample is None:
        return 1
    match = re.fullmatch(r"1/([1-9][0-9]{0,4})", sample)
    if match is None:
        raise WrongUsage(f"--sample wants a share such as 1/30, not {inert.name(sample)}")
    return int(match[1])


async def _until_done(stack: Stack, command: "VerifyBackup") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Wait until every check has ended, or all that are left wait for their destination."""
    from shared.bus.rpc import ask
    from shared.events.commands import BackupAccepted

    async with reader(stack) as connection, bus(stack) as client:
        await ask(client, command, BackupAccepted)
        said = ""
        while True:
            checks = [dict(row) for row in await connection.fetch(_CHECKS, command.command_id)]
            if all(row["state"] in ENDED or (row["state"] == "waiting" and row["reason"]) for row in checks):
                say("", said)
                return checks, await _found(connection, checks)
            said = say(progress_text(checks), said)
            await asyncio.sleep(POLL_S)


async def _found(connection: "asyncpg.Connection", checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What these checks found, or saw once more."""
    if not checks:
        return []
    began = min(row["created_at"] for row in checks)
    return [dict(row) for row in await connection.fetch(_FINDINGS, [row["check_id"] for row in checks], began)]
