"""Which collection a file goes into, and what an archive is known by: decided without a database."""

from datetime import date, datetime
from uuid import UUID, uuid5

from shared.events.base import EVENT_NAMESPACE

ARRIVED = "arrived_"
"""Begins the name of a collection of files that belong to no session, by the day of their arrival (UTC)."""


def arrival_collection(day: date) -> str:
    """The collection of the files that arrived on a day."""
    return f"{ARRIVED}{day:%Y%m%d}"


def arrival_day(collection_id: str) -> date | None:
    """The day of a collection of arrivals; None where it is a session."""
    if not collection_id.startswith(ARRIVED):
        return None
    return datetime.strptime(f"{collection_id.removeprefix(ARRIVED)}+0000", "%Y%m%d%z").date()


def archive_id(destination: str, collection_id: str, cause: str) -> UUID:
    """The id of an archive: the same cause asks for it once. A cause is a revision, or what a look found."""
    return uuid5(EVENT_NAMESPACE, f"backup.archive\x1f{destination}\x1f{collection_id}\x1f{cause}")


def is_read_back(of: UUID, percent: float) -> bool:
    """Whether an archive is in the share that is read back: drawn from its id, so that every look says the same."""
    return int.from_bytes(of.bytes[:4], "big") % 10_000 < percent * 100
