"""Wrong usage: what a person typed is no request at all. One sentence and exit code 2, as for an unknown option."""

from pathlib import Path

import typer

from shared.errors import UserError


class WrongUsage(UserError):
    """The words of the command do not go together, or one of them is malformed."""


def no_file_name(text: str) -> str:
    """What is wrong with a name that no file can have; empty for any other."""
    if not text:
        return "an empty name"
    return "no file name holds a NUL character; one name a line" if "\0" in text else ""


def named_path(text: str) -> Path:
    """The path that a word of the command names: ``--home "$DIR"`` with nothing in ``DIR`` is no path at all."""
    if not text:
        raise typer.BadParameter("an empty path names nothing; is a variable unset?")
    return Path(text)
