"""The home that a restore fills: empty before, and closed to `nightbus up` until it is whole."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from services.standalone.calling import command
from services.standalone.home import LOCK_FILE, Home, kept_json, write_durably
from shared.errors import UserError
from shared.library.reading import shown

_NOTE = "restore.json"


@dataclass(frozen=True, slots=True)
class Ground:
    """What is being restored into a home, and how far that is."""

    installation_id: str
    dump: str
    """Key of the dump."""
    database: bool = False
    """Whether the database is there and of this version."""


def require_free(home: Path) -> None:
    """Make sure that a home holds nothing, or an interrupted restore.

    Raises:
        UserError: it holds something else.
    """
    if not os.path.isdir(home) or unfinished(home) is not None:  # noqa: PTH112 - a Path raises for too long a name
        return
    if (home / LOCK_FILE).exists():
        raise UserError(
            f"{shown(home)} is the home of a Nightbus already, and a restore overwrites nothing: name an empty folder "
            "with --home"
        )
    if found := next((entry for entry in home.iterdir() if entry.name != "lost+found"), None):
        raise UserError(f"{shown(home)} is not empty (it holds {found.name!r}): name an empty folder with --home")


def unfinished(home: Path) -> Ground | None:
    """The restore into a home that is not over; None where there is none."""
    note = kept_json(home / "run" / _NOTE)
    try:
        return Ground(str(note["installation_id"]), str(note["dump"]), bool(note["database"]))
    except KeyError:
        return None


def require_whole(home: Path) -> None:
    """Refuse to start in a home whose restore is not over.

    Raises:
        UserError: one is not.
    """
    if unfinished(home) is not None:
        again = command("backup restore-everything --from …", *Home.words(home))
        raise UserError(f"the restore into {shown(home)} is not over: `{again}` goes on with it")


def begin(home: Home, ground: Ground) -> None:
    """Write what is being restored, or how far it is now."""
    write_durably(home.run / _NOTE, json.dumps(asdict(ground), indent=1) + "\n", mode=0o600)


def end(home: Home) -> None:
    """Open the home to `nightbus up`."""
    (home.run / _NOTE).unlink()
