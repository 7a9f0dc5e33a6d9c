"""`dismiss`: take quarantined files out of the count, since they need nothing more."""

import fnmatch
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.lookups import FILE_ID_START, GIVEN_UP
from services.cli.output import counted
from services.cli.reasons import said_of
from services.cli.usage import named_thing, spoken_reason
from shared.errors import UserError
from shared.inert import printable

if TYPE_CHECKING:
    import asyncpg
    from nats.aio.client import Client

_CHOICE = f"""
SELECT f.file_id, f.root, f.path, f.reason, l.root_path
FROM stats.files f LEFT JOIN ingest.file_location l ON (l.file_id, l.root, l.path) = (f.file_id, f.root, f.path)
WHERE f.state = $1 AND f.file_id IN ({GIVEN_UP}) ORDER BY f.root, f.path
"""
_LETTERS = "SELECT dead_letter_id FROM api.dead_letters WHERE state = 'waiting' AND file_id = ANY($1::text[])"

FilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        parser=named_thing,
        help="File ids (6 digits or more), names, paths, or patterns such as '*.txt'.",
    ),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", parser=spoken_reason, metavar="TEXT", help="Why; kept with the file.")
]
UndoOption = Annotated[bool, typer.Option("--undo", help="Count dismissed files as quarantined again.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say which files, and do nothing.")]


def dismiss(
    files: FilesArgument,
    reason: ReasonOption = "it needs nothing more",
    undo: UndoOption = False,
    dry_run: DryRunOption = False,
    home: HomeOption = None,
) -> None:
    """Take quarantined files out of the count: they need nothing more.

    Their dead letters are dropped. The files themselves stay where they are.
    """
    wait_for(_dismiss(find_stack(home), files, reason, undo=undo, dry_run=dry_run))


async def _dismiss(stack: Stack, wanted: list[str], reason: str, *, undo: bool, dry_run: bool) -> None:
    state = "dismissed" if undo else "quarantined"
    async with reader(stack) as connection:
        rows = await connection.fetch(_CHOICE, state)
        chosen = {row["file_id"]: row for pattern in wanted for row in _matching(rows, pattern, state)}
        if dry_run:
            for row in chosen.values():
                print(printable(f"{row['root']}/{row['path']}: {said_of(row['path'], row['reason'] or '')}"))
            print(f"{counted(len(chosen), 'file')} would be {'quarantined again' if undo else 'dismissed'}")
            return
        async with bus(stack) as client:
            changed = await _ask(client, list(chosen), reason, undo=undo)
            print(f"{counted(changed, 'file')} {'quarantined again' if undo else 'dismissed'}")
            if not undo and (dropped := await _drop_letters(connection, client, list(chosen), reason)):
                print(f"{counted(dropped, 'dead letter')} dropped with {'it' if changed == 1 else 'them'}")


def _matching(rows: "list[asyncpg.Record]", pattern: str, state: str) -> "list[asyncpg.Record]":
    """The files that a word means.

    Raises:
        UserError: none is like that.
    """

    def names(row: Any) -> list[str]:
        whole = [f"{row['root_path']}/{row['path']}"] if row["root_path"] else []
        return [row["path"], row["path"].rpartition("/")[2], f"{row['root']}/{row['path']}", *whole]

    def means(row: Any) -> bool:
        if FILE_ID_START.fullmatch(pattern.lower()) and row["file_id"].startswith(pattern.lower()):
            return True
        return any(name == pattern or fnmatch.fnmatchcase(name, pattern) for name in names(row))

    found = [row for row in rows if means(row)]
    if not found:
        raise UserError(f"no {state} file is called {printable(pattern)}; `nightbus files --json` lists them")
    return found


async def _ask(client: "Client", file_ids: list[str], reason: str, *, undo: bool) -> int:
    from shared.bus.rpc import ask
    from shared.events.commands import MOST_IDS, DismissFiles, FilesDismissed

    changed = 0
    for start in range(0, len(file_ids), MOST_IDS):
        part = tuple(file_ids[start : start + MOST_IDS])
        command = DismissFiles(file_ids=part, reason=reason, undo=undo)
        changed += (await ask(client, command, FilesDismissed, timeout_s=60.0)).files
    return changed


async def _drop_letters(connection: "asyncpg.Connection", client: "Client", file_ids: list[str], reason: str) -> int:
    from shared.bus.rpc import ask
    from shared.events.commands import DeadLettersChanged, DropDeadLetters

    letters = [row["dead_letter_id"] for row in await connection.fetch(_LETTERS, file_ids)]
    if not letters:
        return 0
    command = DropDeadLetters(ids=tuple(letters), reason=f"the file was dismissed: {reason}")
    return (await ask(client, command, DeadLettersChanged, timeout_s=60.0)).changed
