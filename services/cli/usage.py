"""Wrong usage: what a person typed is no request at all. One sentence and exit code 2, as for an unknown option."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from services.cli.exits import USAGE
from shared import inert
from shared.bus.names import SUBSCRIBER_CHARS, is_subscriber_name
from shared.errors import UserError
from shared.given import LARGEST_NUMBER, wrong_name, wrong_path, wrong_reason

_DESTINATION = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SESSION_ID = re.compile(r"\d{8}_[0-9A-F]{8}", re.ASCII)
_FIRST_YEAR = 1970


class WrongUsage(UserError):
    """The words of the command do not go together, or one of them is malformed."""


def named_path(text: str | Path) -> Path:
    """The path that a word of the command names: ``--home "$DIR"`` with nothing in ``DIR`` is no path at all."""
    if mistake := wrong_path(str(text)):
        raise typer.BadParameter(mistake)
    return Path(text)


def named_thing(text: str) -> str:
    """A name that is looked for in the database, or a pattern of one."""
    if mistake := wrong_name(text):
        raise typer.BadParameter(mistake)
    return text


def session_name(text: str) -> str:
    """The id of a session."""
    if _SESSION_ID.fullmatch(text) is None:
        raise typer.BadParameter(f"{inert.name(text)} is no id of a session, which `sessions` shows")
    return text


def destination_name(text: str) -> str:
    """The name of a destination."""
    if _DESTINATION.fullmatch(text) is None:
        raise typer.BadParameter(f"{inert.name(text)} is no name of a destination, which `backup status` shows")
    return text


def subscriber_name(text: str) -> str:
    """The name of a subscriber, which is part of a user of NATS, of a consumer and of a file."""
    if not is_subscriber_name(text):
        raise typer.BadParameter(
            f"{inert.name(text)} is no name of a subscriber: it has a-z, 0-9 and single hyphens between them, at most "
            f"{SUBSCRIBER_CHARS} in all"
        )
    return text


def moment(text: str) -> datetime:
    """A time with its offset from UTC, or a date, which begins in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and found.tzinfo is None and len(text) <= len("2026-01-10"):
        found = found.replace(tzinfo=UTC)
    if found is None or found.tzinfo is None or found.year < _FIRST_YEAR:
        raise typer.BadParameter(
            f"{inert.name(text)} is no time: write one with its offset, such as 2026-01-10T21:00Z, or a date"
        )
    return found.astimezone(UTC)


def letter_number(text: str) -> int:
    """The number of a dead letter."""
    if not text.isdecimal():
        raise typer.BadParameter(f"{inert.name(text)} is no number of a dead letter, which `dead-letters list` shows")
    if len(text) > 19 or not 0 < int(text) <= LARGEST_NUMBER:
        raise typer.BadParameter(f"there is no dead letter {inert.name(text)}")
    return int(text)


def spoken_reason(text: str) -> str:
    """A reason that is kept, printable."""
    if mistake := wrong_reason(text):
        raise typer.BadParameter(mistake)
    return inert.sentence(text.strip())


def help_alone(ctx: typer.Context) -> None:
    """Without a command there is the help, and that nothing was done is said by the exit code."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help(), file=sys.stderr)
        raise typer.Exit(USAGE)
