"""`calibration export`: choose, lay out, look, and write."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.backup.line import Line
from services.cli.connection import HomeOption, find_stack, reader, wait_for
from services.cli.filters import (
    DateOption,
    FilterOption,
    JsonOption,
    ObjectOption,
    RigOption,
    SinceOption,
    UntilOption,
    make_filters,
)  # fmt: skip
from services.cli.layout import Column
from services.cli.output import counted, print_table, to_json
from services.cli.usage import named_path, session_name
from shared.quantities import size

if TYPE_CHECKING:
    from services.cli.calibration.exporting.model import How, Item, Light, Stored, Tree
    from services.cli.connection import Stack
    from services.cli.filters import Filters


class Program(StrEnum):
    """What a tree is laid out for."""

    SIRIL = "siril"
    WBPP = "wbpp"


class HowOption(StrEnum):
    """How files come into a tree."""

    COPY = "copy"
    REFLINK = "reflink"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    LIST = "list"


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", parser=named_path, help="Folder of the tree; made if needed.")
    ],
    program: Annotated[Program, typer.Option("--for", help="What the tree is laid out for.")],
    session: Annotated[
        list[str] | None, typer.Option("--session", parser=session_name, metavar="ID", help="This session.")
    ] = None,
    objects: ObjectOption = None,
    rig: RigOption = None,
    filters: FilterOption = None,
    date: DateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    how: Annotated[
        HowOption,
        typer.Option("--how", help="reflink copies where the disk cannot share blocks; list writes no files at all."),
    ] = HowOption.REFLINK,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="HERE=THERE", help="What a workstation calls a folder here: /nas=Z:\\."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be in the tree, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Write a tree of lights with their masters for Siril or WBPP, and a list of what is in it and why.

    What an interrupted export wrote stays, once it was compared byte by byte; nothing is overwritten.
    """
    from services.cli.calibration.exporting.contents import (
        PAGE,
        TABLE,
        page_text,
        require_same_program,
        table_text,
        write_texts,
    )
    from services.cli.calibration.exporting.mapping import mappings
    from services.cli.calibration.exporting.places import (
        look,
        require_free_folder,
        require_free_places,
        require_originals,
        require_room,
    )

    known = mappings(maps or ())
    wanted = make_filters(objects, filters, date, since, until, rig, None, None, None)
    lights, left_out, roots = wait_for(_chosen(find_stack(home), wanted, session or ()))
    tree = _laid_out(program, lights)
    chosen: How = how.value
    real = require_free_folder(folder.absolute(), roots)
    require_same_program(real, _NAMES[program])
    require_free_places(real, tree.items, roots)
    if dry_run:
        _show(tree, real, left_out, as_json=as_json)
        return
    items = [] if chosen == "list" else list(tree.items)
    line = Line()
    found = look(real, items, chosen, line.update)
    require_originals(found.missing)
    require_room(real, found.missing, takes_room=_takes_room(real, found.missing, chosen))
    write_texts(real, {PAGE: page_text(tree, _NAMES[program], chosen, left_out)})
    _write(real, found.missing, chosen, line.update)
    line.end()
    write_texts(real, {TABLE: table_text(real, tree.items, chosen, known)})
    summary = _summary(tree, real, left_out) | {"written": len(found.missing), "already_there": found.there}
    print(to_json(summary) if as_json else _words(summary, chosen, left_out))


_NAMES = {Program.SIRIL: "Siril", Program.WBPP: "WBPP"}


async def _chosen(
    stack: "Stack", filters: "Filters", sessions: Sequence[str]
) -> "tuple[list[Light], list[str], list[tuple[str, Path]]]":
    from services.cli.calibration.exporting import choose

    async with reader(stack) as connection:
        lights, left_out = await choose.choose(connection, filters, sessions)
        return lights, left_out, await choose.roots(connection)


def _laid_out(program: Program, lights: "list[Light]") -> "Tree":
    if program is Program.SIRIL:
        from services.cli.calibration.exporting.siril import siril_tree

        return siril_tree(lights)
    from services.cli.calibration.exporting.wbpp import wbpp_tree

    return wbpp_tree(lights)


def _takes_room(folder: Path, missing: Sequence[Any], how: "How") -> bool:
    """Whether the files take room of their own."""
    from services.cli.calibration.exporting.write import shares_blocks

    return how == "copy" or (how == "reflink" and bool(missing) and not shares_blocks(folder, missing[0]))


def _write(folder: Path, missing: Sequence[Any], how: "How", say: Callable[[str], None]) -> None:
    from services.cli.calibration.exporting.write import write

    for number, item in enumerate(missing, 1):
        write(folder, item, how)
        say(f"{number} of {len(missing)} files written")


def _summary(tree: "Tree", folder: Path, left_out: Sequence[str]) -> dict[str, Any]:
    lights = sum(item.kind == "light" for item in tree.items)
    missing = {(stack.folder, answer) for stack in tree.stacks for answer in stack.answers if answer.master is None}
    return {
        "folder": str(folder), "stacks": len(tree.stacks), "lights": lights, "masters": len(tree.items) - lights,
        "size_bytes": tree.size_bytes, "masters_missing": len(missing), "left_out": list(left_out),
    }  # fmt: skip


def _words(summary: dict[str, Any], how: "How", left_out: Sequence[str]) -> str:
    from services.cli.calibration.exporting.contents import PAGE

    done = "listed" if how == "list" else f"{summary['written']} written, {summary['already_there']} were there"
    files = f"{counted(summary['lights'], 'light')} and {counted(summary['masters'], 'master')}"
    stacks = counted(summary["stacks"], "stack")
    lines = [f"{files} in {stacks}, {size(summary['size_bytes'])}: {done}", *left_out]
    if summary["masters_missing"]:
        lines.append(f"{counted(summary['masters_missing'], 'master')} missing: {summary['folder']}/{PAGE} says which")
    return "\n".join(lines)


def _show(tree: "Tree", folder: Path, left_out: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print(to_json(_summary(tree, folder, left_out) | {"items": [_row(item) for item in tree.items]}))
        return
    print_table([stack._asdict() for stack in tree.stacks], _COLUMNS)
    print(f"{size(tree.size_bytes)} in {counted(len(tree.items), 'file')}; nothing was written")
    for sentence in left_out:
        print(sentence)


def _row(item: "Item") -> dict[str, Any]:
    facts = item._asdict()
    stored: Stored = facts.pop("stored")
    return facts | {"size_bytes": stored.size_bytes, "file_id": stored.file_id, "original": str(stored.path)}


def _masters(row: Any) -> tuple[str, ...]:
    return tuple(
        f"{answer.kind}: {answer.master.name}" if answer.master is not None else f"{answer.kind}: missing"
        for answer in row["answers"]
    )


_COLUMNS = (
    Column("folder", lambda row: row["folder"], fold=True),
    Column("lights", lambda row: row["lights"], "right"),
    Column("masters", _masters, fold=True, below=True),
)
