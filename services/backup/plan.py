"""Which collection a file goes into, and what an archive is known by: decided without a database.

A manifest lists its whole collection, so that no collection of a day of arrivals may grow without an end: once it is
full the day goes on in another one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from services.backup.archive.model import MIB
from shared.events.base import EVENT_NAMESPACE

ARRIVED = "arrived_"
"""Begins the name of a collection of files that belong to no session, by the day of their arrival (UTC)."""
MOST_FILES = 100_000
MOST_BYTES = 250 * 1000**3
MOST_LISTED_BYTES = 96 * MIB
"""Of all lines of the manifest: its limit is 256 MiB (``restore.manifests``)."""
_LINE_BYTES = 600
"""Of a file's line in a manifest, without the file's name and path and the sizes of its frames, rather too much."""
_FRAME_SIZE_BYTES = 9
"""As a number of a manifest."""
_FRAME_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True)
class Held:
    """What a collection of arrivals has so far."""

    files: int = 0
    size_bytes: int = 0
    listed_bytes: int = 0
    """Of the lines in its manifest, rather too much."""


class Part(NamedTuple):
    """A collection of a day, as its archives tell."""

    collection_id: str
    is_open: bool
    """An archive of it is under way, or has failed."""
    files: int
    size_bytes: int


def arrival_collection(day: date, part: int = 1) -> str:
    """A collection of the files that arrived on a day: the first one, or one that came when those before were full."""
    return f"{ARRIVED}{day:%Y%m%d}{f'_{part}' if part > 1 else ''}"


def arrival_day(collection_id: str) -> date | None:
    """The day of a collection of arrivals; None where it is a session."""
    if not collection_id.startswith(ARRIVED):
        return None
    day, _, _part = collection_id.removeprefix(ARRIVED).partition("_")
    return datetime.strptime(f"{day}+0000", "%Y%m%d%z").date()


def next_collection(day: date, collection_id: str) -> str:
    """The collection that a day goes on in once this one is full."""
    part = collection_id.removeprefix(arrival_collection(day)).removeprefix("_")
    return arrival_collection(day, int(part or 1) + 1)


def collection_of_day(day: date, parts: Iterable[Part]) -> str:
    """The collection that what is found of a day goes into: one that is being made, else the first that has room."""
    known = list(parts)
    for part in known:
        if part.is_open:
            return part.collection_id
    full = {part.collection_id for part in known if part.files >= MOST_FILES or part.size_bytes >= MOST_BYTES}
    collection_id = arrival_collection(day)
    while collection_id in full:
        collection_id = next_collection(day, collection_id)
    return collection_id


def listed_bytes(name: str, path: str, size_bytes: int) -> int:
    """How long a file's line in a manifest is at most, bytes."""
    text = len(json.dumps([name, path], ensure_ascii=False).encode(errors="replace"))
    return _LINE_BYTES + text + _FRAME_SIZE_BYTES * (2 + size_bytes // _FRAME_BYTES)


def fitting(files: Sequence[tuple[str, str, int]], held: Held) -> int:
    """How many of the files (name, path, size in bytes), from the first one on, a collection still takes.

    One that has none takes at least one, however large.
    """
    count, size_bytes, listed = held.files, held.size_bytes, held.listed_bytes
    for taken, (name, path, file_bytes) in enumerate(files):
        count, size_bytes = count + 1, size_bytes + file_bytes
        listed += listed_bytes(name, path, file_bytes)
        if count > 1 and (count > MOST_FILES or size_bytes > MOST_BYTES or listed > MOST_LISTED_BYTES):
            return taken
    return len(files)


def archive_id(destination: str, collection_id: str, cause: str) -> UUID:
    """The id of an archive: the same cause asks for it once. A cause is a revision, or what a look found."""
    return uuid5(EVENT_NAMESPACE, f"backup.archive\x1f{destination}\x1f{collection_id}\x1f{cause}")


def is_read_back(of: UUID, percent: float) -> bool:
    """Whether an archive is in the share that is read back: drawn from its id, so that every look says the same."""
    return int.from_bytes(of.bytes[:4], "big") % 10_000 < percent * 100
