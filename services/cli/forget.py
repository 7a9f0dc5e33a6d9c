"""`forget`: forget files for good, as a person wishes."""

from typing import Annotated

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import (
    CameraOption,
    DateOption,
    FilterOption,
    ObjectOption,
    RigOption,
    SinceOption,
    TypeOption,
    UntilOption,
    Where,
    YearOption,
    make_filters,
)
from services.cli.keeping import until_ended
from services.cli.output import counted
from services.cli.reread import IdsArgument, resolve_ids
from services.cli.usage import WrongUsage
from shared.errors import UserError
from shared.given import wrong_reason
from shared.quantities import size

_CHOSEN = "SELECT f.file_id, f.size_bytes FROM stats.files f WHERE {where} ORDER BY f.file_id"
_ERASED = """
SELECT count(*) FROM ingest.file_location l JOIN ingest.root_state r USING (root)
WHERE r.kind = 'library' AND l.file_id = ANY($1::text[])
"""

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with each file.")]
DeleteOption = Annotated[
    bool, typer.Option("--delete-files", help="Delete them from the library too. Files elsewhere stay in any case.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say how many files, and do nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def forget(
    reason: ReasonOption,
    ids: IdsArgument = None,
    objects: ObjectOption = None,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    frame_type: TypeOption = None,
    year: YearOption = None,
    delete_files: DeleteOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    home: HomeOption = None,
) -> None:
    """Forget files for good: no total counts them, and only an import of a file by its own name brings it back."""
    if mistake := wrong_reason(reason):
        raise UserError(mistake)
    chosen = make_filters(objects, filters, on, since, until, rig, camera, frame_type, year)
    if not ids and chosen.empty:
        raise WrongUsage("say which files: ids or filters")
    stack = find_stack(home)
    file_ids, sentence = wait_for(_choose(stack, ids or [], chosen.for_files(), delete_files=delete_files))
    print(sentence if dry_run else f"{sentence}; reason: {reason.strip()}")
    if dry_run:
        return
    if not yes and not typer.confirm("forget them?", default=False):
        print("nothing was forgotten")
        raise typer.Exit(FAILED)
    wait_for(_forget(stack, file_ids, reason, delete_files=delete_files))


async def _choose(stack: Stack, ids: list[str], where: Where, *, delete_files: bool) -> tuple[list[str], str]:
    """The files that are meant, and a sentence about them."""
    async with reader(stack) as connection:
        if ids:
            where.add("f.file_id = ANY({})", await resolve_ids(connection, ids))
        rows = await connection.fetch(_CHOSEN.format(where=where.sql), *where.parameters)
        if not rows:
            raise UserError("no file is like that")
        file_ids = [row["file_id"] for row in rows]
        erased = await connection.fetchval(_ERASED, file_ids) if delete_files else 0
    what = f"{counted(len(rows), 'file')} ({size(sum(row['size_bytes'] for row in rows))}) would be forgotten"
    return file_ids, f"{what}, and {counted(erased, 'file')} deleted from the library" if delete_files else what


async def _forget(stack: Stack, file_ids: list[str], reason: str, *, delete_files: bool) -> None:
    from shared.bus.rpc import ask
    from shared.events.commands import MOST_IDS, ForgetFiles, KeeperAccepted

    async with reader(stack) as connection, bus(stack) as client:
        rows = []
        for start in range(0, len(file_ids), MOST_IDS):
            part = tuple(file_ids[start : start + MOST_IDS])
            command = ForgetFiles(file_ids=part, reason=reason, delete_files=delete_files)
            accepted = await ask(client, command, KeeperAccepted)
            rows.append(await until_ended(connection, accepted.job_id or command.command_id))
    print(f"forgotten: {sum(row['files'] for row in rows)}")
    for row in rows:
        print("".join(f"  {line}\n" for line in row["lines"]), end="")
