"""`backup lifecycle`: rules by which a server moves archives to colder storage classes by itself."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.connection import HomeOption, find_stack, reader, wait_for
from services.cli.filters import JsonOption
from services.cli.lazy import group
from services.cli.output import counted, to_json
from services.cli.quiet import quiet_log
from services.cli.usage import destination_name, help_alone
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    from services.backup.destinations.s3.lifecycle import Days, Plan
    from services.backup.settings import S3Destination

app = group(help="Rules by which a bucket moves archives to colder storage classes: show, apply.")
app.callback(invoke_without_command=True)(help_alone)

DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination", parser=destination_name, metavar="NAME", help="Which bucket; needed where there are several."
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


@app.command("show")
def show(destination: DestinationOption = None, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show the rules of the bucket, and how they differ from those of the settings."""
    from services.backup.destinations.s3.lifecycle import plan, sentence_of

    configured, prefix, days = _chosen(home, destination)
    change = asyncio.run(plan(configured, prefix, days, tags=configured.tags))
    if as_json:
        print(to_json(_row(change)))
        return
    for rule in (*change.foreign, *change.ours):
        print(inert.sentence(sentence_of(rule)))
    if not change.foreign and not change.ours:
        print("the bucket has no rules")
    _print_difference(change, "`nightbus backup lifecycle apply` would change this:")


@app.command("apply")
def apply(
    destination: DestinationOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Write the rules of the settings to the bucket; rules of others stay as they are."""
    from services.backup.destinations.s3 import lifecycle

    configured, prefix, days = _chosen(home, destination)
    work = lifecycle.plan if dry_run else lifecycle.apply
    change = asyncio.run(work(configured, prefix, days, tags=configured.tags))
    if as_json:
        print(to_json(_row(change) | {"applied": not dry_run}))
        return
    _print_difference(change, "this would change:" if dry_run else "changed:")


def _chosen(home: Path | None, name: str | None) -> tuple["S3Destination", str, "Days"]:
    """The bucket that is meant, its prefix, and the days of the settings."""
    quiet_log()
    from services.backup.destinations.kinds import prefix_of
    from services.backup.destinations.s3.lifecycle import Days
    from services.backup.settings import BackupSettings, DestinationSettings, S3Destination
    from services.settings import load_settings

    every = load_settings()
    found = [
        one
        for one in every.sections(DestinationSettings)
        if isinstance(one, S3Destination) and name in (None, one.name)
    ]
    if not found:
        about = f"no bucket {inert.name(name)}" if name else "no bucket"
        raise UserError(f"the settings have {about}: lifecycle rules are for destinations of the kind s3")
    if len(found) > 1:
        raise UserError(f"there are several buckets: choose by --destination {' or '.join(one.name for one in found)}")
    settings = every.section(BackupSettings)
    days = Days(
        settings.lifecycle_fast_days,
        settings.lifecycle_standard_days,
        settings.lifecycle_delayed_days,
        settings.lifecycle_deeper_days,
        settings.lifecycle_abort_days,
    )
    return found[0], found[0].prefix or prefix_of(found[0], wait_for(_installation_id(home))), days


async def _installation_id(home: Path | None) -> str:
    async with reader(find_stack(home)) as connection:
        rows: list[Any] = await connection.fetch("SELECT installation_id FROM backup.destinations LIMIT 1")
    if not rows:
        raise UserError("backup has not used its destination yet: start it, or give the destination a prefix")
    return str(rows[0]["installation_id"])


def _print_difference(change: "Plan", words: str) -> None:
    from services.backup.destinations.s3.lifecycle import sentence_of

    if not change.added and not change.removed:
        print("the rules are those of the settings")
        return
    print(words)
    for sign, rules in (("-", change.removed), ("+", change.added)):
        for rule in rules:
            print(f"{sign} {inert.sentence(sentence_of(rule))}")
    if change.foreign:
        print(f"  {counted(len(change.foreign), 'rule')} of others stay as they are")


def _row(change: "Plan") -> dict[str, Any]:
    return {
        "foreign": list(change.foreign),
        "ours": list(change.ours),
        "added": change.added,
        "removed": change.removed,
    }
