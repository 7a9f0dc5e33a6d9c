"""Archive storage: classes whose objects can be read only some hours after somebody asked for that (RestoreObject)."""

from services.backup.destinations.port import Frost, Tier
from services.backup.destinations.s3.asking import Answer, Asking
from services.backup.destinations.s3.refusals import MISSING, Said
from shared.errors import Gone
from shared.library.reading import shown

CLASSES = frozenset(("GLACIER", "DEEP_ARCHIVE"))
"""GLACIER_IR is none of them: it is read at once."""
_ASKED_ALREADY = frozenset(("RestoreAlreadyInProgress",))
_NOT_FROZEN = frozenset(("InvalidObjectState",))
"""What a server says of an object that was moved to another class since it was looked at."""


def frost_of(answer: Answer) -> Frost | None:
    """Whether an object has to be thawed, by what HEAD tells of it."""
    if answer.get("StorageClass") not in CLASSES:
        return None
    said = str(answer.get("Restore") or "")
    if not said:  # never asked for, or the days of its readable copy are over
        return "frozen"
    return "thawing" if 'ongoing-request="true"' in said else None


async def thaw(asking: Asking, full_key: str, days: int, tier: Tier) -> None:
    """Ask for an object, once or again.

    Raises:
        Gone: there is none.
    """
    wish = {"Days": days, "GlacierJobParameters": {"Tier": tier.capitalize()}}
    try:
        await asking.ask(
            "restore_object",
            {"Key": full_key, "RestoreRequest": wish},
            expects=_ASKED_ALREADY | _NOT_FROZEN | MISSING,
        )
    except Said as said:
        if said.code in MISSING:
            raise Gone(f"{shown(full_key)} is not at {asking.named}") from said
