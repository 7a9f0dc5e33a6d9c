"""`calibration build`: masters of sets of raw frames, watched until they lie in the library."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from services.cli.backup.line import Line
from services.cli.calibration.decide import made
from services.cli.calibration.options import set_number
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.exits import FAILED
from services.cli.filters import JsonOption
from services.cli.lookups import ENDED, full_id
from services.cli.output import Row, counted, to_json
from services.cli.usage import WrongUsage, named_thing

if TYPE_CHECKING:
    from shared.events.calibration_builds import BuildsAccepted

POLL_S = 0.5
_IDS = "SELECT build_id FROM calibration.build_progress WHERE build_id::text ^@ $1"
_BUILDS = """
SELECT build_id, set_no, master_type, state, phase, reason, frames, height_px, rows_done, path, file_id, samples,
       rejected
FROM calibration.build_progress WHERE build_id = ANY($1::uuid[]) ORDER BY created_at, build_id
"""

SetsArgument = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="[SET…]",
        parser=set_number,
        help="Numbers of sets, as `calibration sets` shows them; none: all ready ones.",
    ),
]
CancelOption = Annotated[
    str | None,
    typer.Option(
        "--cancel", metavar="BUILD", parser=named_thing, help="Have this build end instead: its id, or how that begins."
    ),
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Do not wait for them.")]


def build(
    sets: SetsArgument = None,
    cancel: CancelOption = None,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Build masters of sets of raw frames and put them into the library. Ctrl-C stops the watching only."""
    stack = find_stack(home)
    if cancel is not None:
        if sets:
            raise WrongUsage("say either sets, or --cancel")
        print(wait_for(_cancel(stack, cancel)))
        return
    accepted, rows = wait_for(_build(stack, tuple(sets or ()), watching=not detach))
    if as_json:
        print(to_json([*rows, *(one.model_dump() for one in accepted.refused)]))
    else:
        _print(accepted, rows)
    if accepted.refused or any(row["state"] in ("failed", "dead") for row in rows):
        raise typer.Exit(FAILED)


async def _build(stack: Stack, set_nos: tuple[int, ...], *, watching: bool) -> tuple["BuildsAccepted", list[Row]]:
    from shared.bus.rpc import ask
    from shared.events.calibration_builds import BuildMasters, BuildsAccepted

    line = Line()
    async with reader(stack) as connection, bus(stack) as client:
        accepted = await ask(client, made(BuildMasters, set_nos=set_nos), BuildsAccepted)
        while True:
            rows: list[Row] = [dict(row) for row in await connection.fetch(_BUILDS, list(accepted.build_ids))]
            if not watching or all(row["state"] in ENDED for row in rows):
                line.end()
                return accepted, rows
            line.update(_progress(rows))
            await asyncio.sleep(POLL_S)


async def _cancel(stack: Stack, start: str) -> str:
    from shared.bus.rpc import ask
    from shared.events.calibration_builds import BuildCancelled, CancelBuild

    async with reader(stack) as connection, bus(stack) as client:
        build_id: UUID = await full_id(connection, _IDS, start.lower(), "build")
        answer = await ask(client, CancelBuild(build_id=build_id), BuildCancelled)
    return f"build {build_id} ends within seconds" if answer.state == "running" else f"build {build_id}: {answer.state}"


def _progress(rows: Sequence[Row]) -> str:
    done = sum(row["state"] in ENDED for row in rows)
    running = next((row for row in rows if row["state"] == "running"), None)
    said = f"{done} of {counted(len(rows), 'master')}"
    if running is None or not running["height_px"]:
        waiting = next((row["reason"] for row in rows if row["state"] == "waiting" and row["reason"]), None)
        return said if waiting is None else f"{said}; {waiting}"
    share = running["rows_done"] / running["height_px"]
    return f"{said}; set {running['set_no']}: {running['frames']} frames, {share:.0%}"


def _print(accepted: "BuildsAccepted", rows: Sequence[Row]) -> None:
    if not rows and not accepted.refused:
        print("no set is ready that has no master: `nightbus calibration sets` shows how far each is")
    for row in rows:
        if row["state"] == "done":
            share = row["rejected"] / row["samples"] if row["samples"] else 0.0
            print(f"set {row['set_no']}: {row['path']}, of {row['frames']} frames, {share:.1%} of the pixels rejected")
        elif row["state"] in ENDED:
            print(f"set {row['set_no']}: {row['state']}: {row['reason']}")
        else:
            print(f"set {row['set_no']}: build {row['build_id']} is {row['state']}")
    for one in accepted.refused:
        print(f"set {one.set_no}: {one.reason}")
