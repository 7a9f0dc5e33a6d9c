"""Options of `calibration` and how their values are read; and a master by its id or the name of its file."""

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.lookups import FILE_ID_START, full_id
from services.cli.usage import named_thing, session_name
from shared import inert
from shared.errors import UserError
from shared.given import LARGEST_NUMBER

if TYPE_CHECKING:
    import asyncpg

_LARGEST = 1e9
_MOST_DIGITS = len(str(LARGEST_NUMBER))
_STARTS = "SELECT file_id FROM calibration.{view} WHERE starts_with(file_id, $1)"
_NAMED = "SELECT file_id FROM calibration.{view} WHERE name = $1 ORDER BY file_id LIMIT 2"


def number(text: str) -> float:
    """A number, which may have decimals and a sign."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not abs(found) <= _LARGEST:
        raise typer.BadParameter(f"{inert.name(text)} is no number")
    return found


def set_number(text: str) -> int:
    """The number of a set of raw frames."""
    if not text.isdecimal() or not text.isascii() or not text.strip("0"):
        raise typer.BadParameter(f"{inert.name(text)} is no number of a set, which `calibration sets` shows")
    if len(text) > _MOST_DIGITS or int(text) > LARGEST_NUMBER:
        raise typer.BadParameter(f"there is no set {inert.name(text)}")
    return int(text)


def seconds(text: str) -> float:
    """The length of an exposure, seconds."""
    if (found := number(text.removesuffix("s"))) < 0:
        raise typer.BadParameter(f"{inert.name(text)} is no length of an exposure")
    return found


def degrees(text: str) -> float:
    """A temperature, degrees Celsius."""
    return number(text.removesuffix("C"))


def day(text: str) -> date:
    """A local date."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a local date
    except ValueError as error:
        raise typer.BadParameter(f"{inert.name(text)} is no date: write it as YYYY-MM-DD") from error


Kind = Literal["dark", "flat", "bias"]
KindOption = Annotated[Kind | None, typer.Option("--type", metavar="TYPE", help="Only dark, flat or bias.")]
SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", parser=session_name, help="Id of the session, as `sessions` shows it.")
]
MasterArgument = Annotated[
    str,
    typer.Argument(metavar="MASTER", parser=named_thing, help="Id of a master (6 digits or more), or its file's name."),
]
RequirementOption = Annotated[
    str | None,
    typer.Option(
        "--requirement", parser=named_thing, metavar="ID", help="Only this requirement, such as dark-1f3a9c02."
    ),
]


async def frame_id(connection: "asyncpg.Connection", word: str, *, view: str = "masters") -> str:
    """The id of a master, or of a frame of another ``view``, out of its first digits or the name of its file.

    Raises:
        UserError: none or several are like that.
    """
    thing = "master" if view == "masters" else "calibration frame"
    named = await connection.fetch(_NAMED.format(view=view), word)
    if len(named) == 1:
        return str(named[0]["file_id"])
    if named:
        raise UserError(
            f"several {thing}s are called {inert.name(word)}: say the id, which `calibration masters` shows"
        )
    if not FILE_ID_START.fullmatch(start := word.lower()):
        raise UserError(f"no {thing} is called {inert.name(word)}")
    found: str = await full_id(connection, _STARTS.format(view=view), start, thing)
    return found
