"""`reread`: have files read anew."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.filters import (
    CameraOption,
    DateOption,
    FilterOption,
    ObjectOption,
    RigOption,
    SinceOption,
    TypeOption,
    UncertainOption,
    UntilOption,
    Where,
    YearOption,
    make_filters,
)
from services.cli.lookups import FILE_ID_START, GIVEN_UP, full_id
from services.cli.output import counted
from services.cli.usage import WrongUsage, named_thing
from shared.errors import UserError

if TYPE_CHECKING:
    import asyncpg

COMMAND_TIMEOUT_S = 300.0
_IDS = "SELECT file_id FROM stats.files WHERE file_id ^@ $1"

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="FILE_ID…", parser=named_thing, help="File ids, or their first 6+ digits.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every file.")]
QuarantinedOption = Annotated[bool, typer.Option("--quarantined", help="Files that could not be handled.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say how many files, and do nothing.")]


def reread(
    ids: IdsArgument = None,
    everything: AllOption = False,
    quarantined: QuarantinedOption = False,
    objects: ObjectOption = None,
    filters: FilterOption = None,
    on: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    rig: RigOption = None,
    camera: CameraOption = None,
    frame_type: TypeOption = None,
    year: YearOption = None,
    uncertain: UncertainOption = False,
    dry_run: DryRunOption = False,
    home: HomeOption = None,
) -> None:
    """Have files read anew, chosen by id, by filters, or all; what was found before is replaced."""
    chosen = make_filters(objects, filters, on, since, until, rig, camera, frame_type, year, uncertain=uncertain)
    narrowed = bool(ids) or quarantined or not chosen.empty
    if everything == narrowed:
        raise WrongUsage("say which files: ids, filters or --quarantined; or --all for every file")
    where = chosen.for_files()
    if quarantined:
        where.conditions.append(f"f.state = 'quarantined' AND f.file_id IN ({GIVEN_UP})")
    stack = find_stack(home)
    alone = quarantined and not ids and chosen.empty
    wait_for(_reread(stack, ids or [], where, everything=everything, dry_run=dry_run, quarantined_alone=alone))


async def _reread(
    stack: Stack, ids: list[str], where: Where, *, everything: bool, dry_run: bool, quarantined_alone: bool
) -> None:
    async with reader(stack) as connection:
        if ids:
            where.add("f.file_id = ANY({})", await resolve_ids(connection, ids))
        query = f"SELECT f.file_id FROM stats.files f WHERE {where.sql}"
        if everything and not dry_run:
            found = []
        else:
            found = [row["file_id"] for row in await connection.fetch(query, *where.parameters)]
    if dry_run:
        print(f"{counted(len(found), 'file')} would be read anew")
        return
    if not found and not everything:
        raise UserError("no file is quarantined" if quarantined_alone else "no file is like that")
    print(f"{counted(await _send(stack, found, everything=everything), 'file')} will be read anew")


async def _send(stack: Stack, found: list[str], *, everything: bool) -> int:
    from shared.bus.rpc import ask
    from shared.events.commands import MOST_IDS, FilesReread, RereadFiles

    commands = (
        [RereadFiles(everything=True)]
        if everything
        else [RereadFiles(file_ids=tuple(found[start : start + MOST_IDS])) for start in range(0, len(found), MOST_IDS)]
    )
    async with bus(stack) as client:
        return sum([(await ask(client, each, FilesReread, timeout_s=COMMAND_TIMEOUT_S)).files for each in commands])


async def resolve_ids(connection: "asyncpg.Connection", ids: list[str]) -> list[str]:
    """Full file ids of full or shortened ones."""
    resolved = []
    for text in ids:
        if not FILE_ID_START.fullmatch(start := text.lower()):
            raise WrongUsage(f"{text!r} is no file id: 6 to 64 hexadecimal digits")
        resolved.append(await full_id(connection, _IDS, start, "file"))
    return resolved
