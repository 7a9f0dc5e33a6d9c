"""`stats check` and `stats rebuild`: whether the counts agree with the frames and the files, and mending them."""

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.cli.compared import not_compared_text
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.lazy import group
from services.cli.lookups import ENDED, committed
from services.cli.output import counted, to_json
from shared import inert

if TYPE_CHECKING:
    from shared.events.commands import CheckStats, RebuildStats

POLL_S = 0.25
MOST_LINES = 10
SHORT_ID = 12
_FILE_ID = re.compile(r"\b[0-9a-f]{64}\b")
_PATHS = (
    "SELECT file_id, root, path FROM ingest.file_location WHERE file_id = ANY($1::text[]) ORDER BY root DESC, path DESC"
)
_ROW = """
SELECT job_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at,
       started_at, finished_at, task, dry_run, asked, step, steps_done, steps, frames, differences, mended, read_anew,
       left_alone, lines, compared_until, not_compared, again_at
FROM stats.upkeep_progress WHERE job_id = $1
"""

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only look, and change nothing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]

app = group(help="Counts: compare them with the frames and the files, or write them anew.")


@app.command("check")
def check(dry_run: DryRunOption = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Compare the counts with the frames and these with the files; mend what differs, and have lost rows read anew."""
    from shared.events.commands import CheckStats

    _run(CheckStats(dry_run=dry_run), as_json=as_json, stack=find_stack(home))


@app.command("rebuild")
def rebuild(dry_run: DryRunOption = False, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Write all counts anew from the frames."""
    from shared.events.commands import RebuildStats

    _run(RebuildStats(dry_run=dry_run), as_json=as_json, stack=find_stack(home))


def _run(command: "CheckStats | RebuildStats", *, as_json: bool, stack: Stack) -> None:
    row = wait_for(_until_done(stack, command))
    print(to_json(row) if as_json else result_text(row, wait_for(_paths(stack, row["lines"][:MOST_LINES]))))
    if row["state"] != "done":
        raise typer.Exit(FAILED)


def result_text(row: Mapping[str, Any], paths: Mapping[str, str] | None = None) -> str:
    """What a check or rebuild found and did, in words; files are called by their ``paths``, by id."""
    if row["state"] != "done":
        return f"the {row['task']} {row['state']}: {inert.sentence(row['reason'] or '')}"
    frames = counted(row["frames"], "frame")
    left_out = [sentence] if (sentence := not_compared_text(row)) else []
    rebuilt = row["task"] == "rebuild" and not row["dry_run"]
    if not row["differences"]:
        said = f"{frames}: all counts were written anew; none differed" if rebuilt else f"{frames}: all counts agree"
        return "\n".join([said, *left_out])
    lines = [f"{frames}: {counted(row['differences'], 'row')} {'differs' if row['differences'] == 1 else 'differ'}"]
    lines += [f"  {inert.sentence(_with_paths(line, paths or {}))}" for line in row["lines"][:MOST_LINES]]
    if row["differences"] > MOST_LINES and len(row["lines"]) >= MOST_LINES:
        lines.append("  and more: --json names up to a hundred")
    if row["dry_run"]:
        lines.append("nothing was changed")
    elif rebuilt:
        lines.append("all counts were written anew")
    else:
        lines.append(f"{counted(row['mended'], 'row')} put right, {counted(row['read_anew'], 'file')} read anew")
    if row["left_alone"]:
        lines.append(f"{counted(row['left_alone'], 'row')} left as they are, for the reasons above")
    return "\n".join([*lines, *left_out])


def _with_paths(line: str, paths: Mapping[str, str]) -> str:
    """A line whose ids of files are short, each with the file's path where that is known."""

    def named(match: re.Match[str]) -> str:
        path = paths.get(match[0])
        return match[0][:SHORT_ID] + (f" ({path})" if path else "")

    return _FILE_ID.sub(named, line)


async def _paths(stack: Stack, lines: Sequence[str]) -> dict[str, str]:
    """Where the files are that lines speak of, by id."""
    ids = sorted({file_id for line in lines for file_id in _FILE_ID.findall(line)})
    if not ids:
        return {}
    async with reader(stack) as connection:
        return {row["file_id"]: f"{row['root']}/{row['path']}" for row in await connection.fetch(_PATHS, ids)}


async def _until_done(stack: Stack, command: "CheckStats | RebuildStats") -> dict[str, Any]:
    from shared.bus.rpc import ask
    from shared.events.commands import UpkeepAccepted

    async with reader(stack) as connection, bus(stack) as client:
        accepted = await ask(client, command, UpkeepAccepted)
        job_id: UUID = accepted.job_id or command.command_id
        said = ""
        while True:
            row = dict(await committed(connection, _ROW, job_id, "job"))
            words = _progress(row)
            if words != said:
                print(words, file=sys.stderr)
                said = words
            if row["state"] in ENDED:
                return row
            await asyncio.sleep(POLL_S)


def _progress(row: Mapping[str, Any]) -> str:
    if row["state"] == "waiting" and row["reason"]:
        return f"waits: {inert.sentence(row['reason'])}"
    return f"{row['steps_done']} of {row['steps'] or '?'} steps{': ' + row['step'] if row['step'] else ''}"
