"""The marker below a prefix: which installation's objects lie there."""

import json
from datetime import UTC, datetime

from services.backup.destinations.keys import MARKER
from shared.errors import UserError
from shared.library.reading import shown

MOST_BYTES = 4096
"""A marker is shorter; what is longer is none."""


def marker_of(installation_id: str) -> bytes:
    """The bytes of a new marker."""
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"installation_id": installation_id, "made_at": made_at}).encode() + b"\n"


def owner_of(marker: bytes, place: str) -> str:
    """The installation that a marker names.

    Raises:
        UserError: it is damaged.
    """
    try:
        owner = json.loads(marker[:MOST_BYTES])["installation_id"]
        if isinstance(owner, str) and owner:
            return owner
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # told below
    raise UserError(f"the marker {MARKER} at {place} is damaged: it names no installation; put it back from a copy")


def require_owner(marker: bytes, installation_id: str, place: str) -> None:
    """Make sure that a marker names this installation.

    Raises:
        UserError: it names another one, or is damaged.
    """
    if (owner := owner_of(marker, place)) != installation_id:
        raise UserError(
            f"{place} holds the archives of another installation ({shown(owner)}, this one is {installation_id}): "
            "give each its own prefix"
        )
