"""`backup restore`: files back from an archive, in this command's own process, with a database or without."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.backup.saying import say
from services.cli.backup.thaw import DaysOption, ThawTier, TierOption, YesOption, require_consent, thawed
from services.cli.connection import HomeOption, Stack, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.output import counted, to_json
from services.cli.usage import destination_name, named_path, named_thing
from shared import inert
from shared.errors import UserError
from shared.quantities import size

if TYPE_CHECKING:
    from services.backup.destinations.port import Destination
    from services.backup.restore.folder import RestoreFolder
    from services.backup.restore.restore import Restored
    from services.backup.restore.thaw import Needed
    from services.backup.restore.wanted import Wanted
    from services.backup.settings import DestinationSettings
    from shared.settings import Settings

MOST_SHOWN = 20
"""Failures that are printed; --json has all."""
SAY_EVERY_S = 0.5
_INSTALLATION = "SELECT DISTINCT installation_id FROM backup.destinations"

WhatArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SESSION | TARGET | FILE...",
        parser=named_thing,
        help="A session by its id; a target, for all of its sessions; a file by its path or the beginning of its id.",
    ),
]
ToOption = Annotated[
    Path,
    typer.Option("--to", metavar="DIR", parser=named_path, help="Folder for the files; nothing in it is overwritten."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="DESTINATION", parser=destination_name, help="Read from this destination alone."),
]


def restore(
    what: WhatArgument,
    to: ToOption = Path("restored"),
    source: FromOption = None,
    tier: TierOption = ThawTier.STANDARD,
    days: DaysOption = 7,
    yes: YesOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Bring archived files back into a folder, each proven by its SHA-256; what is there already stays as it is.

    Single files are read alone, not the whole archive. Repeated, it goes on where it was stopped. Where no database
    answers, the manifests at the destinations say what there is. Archives in GLACIER or DEEP_ARCHIVE are thawed first:
    what that costs and how long it takes is said before.
    """
    from services.backup.costs.prices import read_prices
    from services.backup.restore.folder import RestoreFolder
    from services.backup.settings import BackupSettings

    stack, settings = _found(home)
    chosen = _chosen(settings, source)
    folder = RestoreFolder(to)
    try:
        task = wait_for(_find(stack, chosen, what, folder))
        if task.needed.cold:
            prices = read_prices(settings.section(BackupSettings).prices_file)
            require_consent(task.needed, prices, days, tier, yes=yes)
        restored = wait_for(_bring(task, folder, days, tier))
    finally:
        folder.close()
    print(to_json(_row(restored, to, len(task.needed.cold))) if as_json else result_text(restored, to))
    if restored.failed:
        raise typer.Exit(FAILED)


def result_text(restored: "Restored", to: Path) -> str:
    """What came of it, in words."""
    parts = f"{restored.restored} restored ({size(restored.restored_bytes)}) + {restored.already_here} already here"
    lines = [f"{counted(restored.found, 'file')} = {parts} + {restored.failed} failed, in {inert.name(to)}"]
    for name, path in restored.renamed[:MOST_SHOWN]:
        lines.append(f"another file has the name {inert.name(name)}: restored as {inert.name(path)}")
    lines += [f"{inert.name(one.name)}: {inert.sentence(one.reason)}" for one in restored.failures[:MOST_SHOWN]]
    if len(restored.failures) > MOST_SHOWN or len(restored.renamed) > MOST_SHOWN:
        lines.append("and more: --json names all")
    return "\n".join(lines)


def progress_text(restored: "Restored") -> str:
    """How far it is, on one line."""
    done_bytes = restored.restored_bytes + restored.already_here_bytes
    return (
        f"{restored.settled} of {counted(restored.found, 'file')}, {size(done_bytes)} of {size(restored.found_bytes)}"
    )


def _row(restored: "Restored", to: Path, thawed_archives: int) -> Mapping[str, object]:
    return {
        "folder": str(to), "found": restored.found, "found_bytes": restored.found_bytes,
        "restored": restored.restored, "restored_bytes": restored.restored_bytes,
        "already_here": restored.already_here, "already_here_bytes": restored.already_here_bytes,
        "failed": restored.failed, "read_bytes": restored.read_bytes, "thawed_archives": thawed_archives,
        "renamed": [{"name": name, "path": path} for name, path in restored.renamed],
        "failures": [{"name": one.name, "reason": one.reason} for one in restored.failures],
    }  # fmt: skip


def _found(home: Path | None) -> "tuple[Stack | None, Settings]":
    """The stack whose database is asked, where there is one, and the settings that name the destinations."""
    from services.settings import load_settings

    try:
        stack = find_stack(home)
    except UserError:
        if home is not None:
            raise
        return None, load_settings()
    return stack, stack.settings


def _chosen(settings: "Settings", name: str | None) -> "Sequence[DestinationSettings]":
    """The destinations that are read: folders first, which are near."""
    from services.backup.settings import KEYS, FolderDestination

    assert isinstance(settings, KEYS)
    if not settings.destinations:
        raise UserError(
            "no destination is set here: run this in the folder of your nightbus.toml, or name the file in "
            "NIGHTBUS_CONFIG; `nightbus backup setup` adds a destination"
        )
    if name is None:
        return sorted(settings.destinations, key=lambda one: not isinstance(one, FolderDestination))
    chosen = [one for one in settings.destinations if one.name == name]
    if not chosen:
        known = ", ".join(one.name for one in settings.destinations)
        raise UserError(f"the settings name no destination {inert.name(name)}: there is {known}")
    return chosen


@dataclass(frozen=True, slots=True)
class _Task:
    """What is restored, and from where."""

    configured: "Sequence[DestinationSettings]"
    installation_id: str
    needed: "Needed"


async def _find(
    stack: Stack | None, chosen: "Sequence[DestinationSettings]", what: Sequence[str], folder: "RestoreFolder"
) -> _Task:
    """What is wanted, and what of it has to be thawed first."""
    from services.backup.destinations.kinds import all_opened
    from services.backup.restore.thaw import needed

    known = await _known(stack, what, [one.name for one in chosen]) if stack is not None else None
    configured = chosen if known else await _placed(chosen)
    installation_id = known[0] if known else ""
    async with all_opened(configured, installation_id) as destinations:
        wanted = known[1] if known else await _listed(destinations, what)
        return _Task(configured, installation_id, await needed(destinations, folder, wanted))


async def _bring(task: _Task, folder: "RestoreFolder", days: int, tier: ThawTier) -> "Restored":
    """Bring it back, once it can be read."""
    from services.backup.destinations.kinds import all_opened
    from services.backup.restore.restore import Restore

    said, at = "", 0.0

    def tell(restored: "Restored") -> None:
        nonlocal said, at
        if time.monotonic() - at >= SAY_EVERY_S:
            at = time.monotonic()
            said = say(progress_text(restored), said)

    async with all_opened(task.configured, task.installation_id) as destinations:
        if task.needed.cold:
            await thawed(destinations, task.needed, days, tier)
        restored = await Restore(destinations, folder, tell).run(task.needed.wanted)
    say("", said)
    return restored


async def _known(stack: Stack, what: Sequence[str], order: Sequence[str]) -> "tuple[str, list[Wanted]] | None":
    """The id of this installation, and what the database says of what is wanted.

    None where no database answers, or one that has nothing of it, as after a disaster: then the manifests say it.
    """
    from services.backup.restore.words import kind_of
    from services.cli.backup.known import wanted_of

    try:
        async with reader(stack) as connection:
            installation_id: str | None = await connection.fetchval(_INSTALLATION)
            wanted = await wanted_of(connection, what, order)
    except UserError as error:
        if any(kind_of(word) == "target" for word in what):
            raise
        print(f"{inert.sentence(error)}; the manifests at the destinations are read instead", file=sys.stderr)
        return None
    assert installation_id is not None  # an archive is known, and so who made it
    return installation_id, wanted


async def _listed(destinations: "Mapping[str, Destination]", what: Sequence[str]) -> "list[Wanted]":
    """What the manifests at the destinations say of what is wanted."""
    from services.backup.restore.listed import choose

    choice = await choose(destinations, what)
    for problem in choice.problems:
        print(inert.sentence(problem), file=sys.stderr)
    return choice.wanted


async def _placed(chosen: "Sequence[DestinationSettings]") -> "Sequence[DestinationSettings]":
    """The destinations with the prefix below which their archives lie, as they tell it where no database does.

    Raises:
        UserError: no archives lie at any of them, or those of several installations at one.
    """
    from services.backup.destinations.found import installations

    placed = []
    for one in chosen:
        found = [installation.prefix for installation in await installations(one)]
        if len(found) > 1:
            raise UserError(
                f"the destination {one.name} holds the archives of {len(found)} installations "
                f"({', '.join(found)}): set the `prefix` of the one that is wanted in its settings"
            )
        if not found:
            print(f"no archives lie at the destination {one.name}", file=sys.stderr)
            continue
        placed.append(one.model_copy(update={"prefix": found[0]}))
    if not placed:
        raise UserError("no archives lie at any destination of the settings")
    return placed
