"""`calibration clean`: remove raw calibration frames whose masters stand for them; by default only say which."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

import typer

from services.cli.backup.line import Line
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.layout import Column
from services.cli.lookups import ENDED, committed
from services.cli.output import counted, print_table, to_json
from services.cli.usage import WrongUsage
from shared import inert
from shared.errors import UserError
from shared.quantities import size

POLL_S = 0.5
_JOB = """
SELECT cleaning_id, state, reason, dry_run, frames, removed FROM calibration.cleaning_progress WHERE cleaning_id = $1
"""
_SETS = """
SELECT frame_type, description, frames, size_bytes, master_path, fate, reason FROM calibration.cleaning_sets
WHERE cleaning_id = $1 ORDER BY number
"""


class RawTypeOption(StrEnum):
    """Types of raw frames."""

    BIAS = "bias"
    DARK = "dark"
    FLAT = "flat"


def clean(
    types: Annotated[
        list[RawTypeOption] | None, typer.Option("--type", help="Only these; flat has dark-flats too. Default: all.")
    ] = None,
    no_archive_needed: Annotated[
        bool, typer.Option("--no-archive-needed", help="Also frames that no verified archive has.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go; this is the default.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what may go.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say which raw calibration frames may go since their masters stand for them, and with --yes remove them.

    A set of frames may go when a master of the same properties came into the library after it, its stored bytes are
    whole now, and a verified archive has every frame. Bias frames go first, then darks, then flats.
    """
    if dry_run and yes:
        raise WrongUsage("choose one of --dry-run and --yes")
    chosen = tuple(one.value for one in types or RawTypeOption)
    job, rows = wait_for(_until_done(find_stack(home), chosen, archive_needed=not no_archive_needed, dry_run=not yes))
    if as_json:
        print(to_json({**job, "sets": rows}))
    else:
        _print(job, rows)
    if yes and any(row["fate"] == "may_go" for row in rows):
        raise typer.Exit(FAILED)


async def _until_done(
    stack: Stack, types: Any, *, archive_needed: bool, dry_run: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from shared.bus.rpc import ask
    from shared.events.calibration_files import CleanCalibration, CleaningAccepted

    line = Line()
    command = CleanCalibration(types=types, archive_needed=archive_needed, dry_run=dry_run)
    async with reader(stack) as connection, bus(stack) as client:
        accepted = await ask(client, command, CleaningAccepted)
        assert accepted.job_id is not None
        while True:
            job = dict(await committed(connection, _JOB, accepted.job_id, "clean-up"))
            if job["state"] in ENDED:
                break
            line.update(f"{counted(job['frames'], 'frame')} may go so far")
            await asyncio.sleep(POLL_S)
        line.end()
        if job["state"] != "done":
            raise UserError(
                f"the clean-up {job['state']}: {inert.sentence(job['reason'] or 'nothing is known of why')}"
            )
        return job, [dict(row) for row in await connection.fetch(_SETS, accepted.job_id)]


def _print(job: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    if rows:
        print_table(rows, _COLUMNS)
    going = [row for row in rows if row["fate"] != "stays"]
    what = f"{counted(sum(row['frames'] for row in going), 'frame')} ({size(sum(row['size_bytes'] for row in going))})"
    if job["dry_run"]:
        print(f"{what} may go; nothing was removed: --yes removes them" if going else "no frames may go")
    else:
        print(f"{counted(job['removed'], 'frame')} removed")


_COLUMNS = (
    Column("type", lambda row: row["frame_type"]),
    Column("frames", lambda row: row["frames"], "right"),
    Column("size", lambda row: size(row["size_bytes"]), "right"),
    Column("set", lambda row: row["description"], fold=True),
    Column("fate", lambda row: row["fate"].replace("_", " ")),
    Column("why", lambda row: row["reason"], fold=True, below=True),
)
