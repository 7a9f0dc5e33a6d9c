"""`calibration why`: the answer to each need of a session or of a light, and the masters that come nearest."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.calibration.columns import ID_DIGITS
from services.cli.calibration.decide import made
from services.cli.calibration.options import RequirementOption
from services.cli.connection import HomeOption, Stack, bus, find_stack, reader, wait_for
from services.cli.lookups import FILE_ID_START, full_id
from services.cli.match import LinesOption
from services.cli.output import counted, to_json
from services.cli.usage import WrongUsage, named_thing
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    from shared.events.calibration_commands import RequirementsExplained

_SESSION_ID = re.compile(r"\d{8}_[0-9A-F]{8}", re.ASCII)
_LIGHTS = "SELECT DISTINCT file_id FROM calibration.light_requirements WHERE starts_with(file_id, $1)"
_SESSION = "SELECT session_id, requirement_id FROM calibration.light_requirements WHERE file_id = $1"

WhatArgument = Annotated[
    str,
    typer.Argument(
        metavar="SESSION|FILE_ID", parser=named_thing, help="Id of a session, or of a LIGHT file (6 digits or more)."
    ),
]
AlternativesOption = Annotated[
    int, typer.Option("--alternatives", metavar="N", min=0, max=100, help="Most masters that are shown of each type.")
]


def why(
    what: WhatArgument,
    requirement: RequirementOption = None,
    alternatives: AlternativesOption = 5,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Say why a session or a light has these masters, or none, and how others differ, nearest first."""
    found = wait_for(_ask(find_stack(home), what, requirement, alternatives))
    if as_json:
        print(to_json([one.model_dump(mode="json") for one in found.requirements]))
        return
    print("\n\n".join(_text(one) for one in found.requirements))


async def _ask(stack: Stack, what: str, requirement: str | None, alternatives: int) -> "RequirementsExplained":
    from shared.bus.rpc import ask
    from shared.events.calibration_commands import ExplainRequirements, RequirementsExplained

    session_id, wanted = what, {requirement} if requirement else None
    if _SESSION_ID.fullmatch(what) is None:
        session_id, wanted = await _of_light(stack, what, wanted)
    question = made(ExplainRequirements, session_id=session_id, requirement_id=requirement, alternatives=alternatives)
    async with bus(stack) as client:
        found = await ask(client, question, RequirementsExplained)
    chosen = [one for one in found.requirements if wanted is None or one.requirement_id in wanted]
    return RequirementsExplained(requirements=tuple(chosen))


async def _of_light(stack: Stack, word: str, wanted: set[str] | None) -> tuple[str, set[str]]:
    """The session of a light, and what it needs."""
    if not FILE_ID_START.fullmatch(start := word.lower()):
        raise WrongUsage(f"{inert.name(word)} is neither the id of a session nor that of a file")
    async with reader(stack) as connection:
        file_id = await full_id(connection, _LIGHTS, start, "light", "that needs masters")
        rows = await connection.fetch(_SESSION, file_id)
    of_light = {row["requirement_id"] for row in rows}
    if wanted is not None and not wanted <= of_light:
        raise UserError(f"the light {file_id[:ID_DIGITS]} needs {', '.join(sorted(of_light))}")
    return rows[0]["session_id"], wanted or of_light


def _text(one: Any) -> str:
    kind = str(one.master_type).removeprefix("MASTER_").lower()
    pinned = ", chosen by a person" if one.is_pinned else ""
    lines = [
        f"{one.requirement_id} ({kind} for {counted(one.lights, 'light')}): {one.state}{pinned}",
        f"  {one.explanation or 'it is answered within moments'}",
        f"  rules: {one.rules}",
    ]
    if one.alternatives:
        lines.append("  masters, nearest first:")
    for master in one.alternatives:
        chosen = "*" if master.file_id == one.master_file_id else "+" if master.fits else " "
        lines.append(f"  {chosen} {master.file_id[:ID_DIGITS]}  {inert.sentence(master.sentence)}")
    return "\n".join(lines)
