"""Which archives may go: those that hold only files that are forgotten, or that another archive there holds as well."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from services.backup.retention.model import Removal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verified archive with forgotten files, all others of which lie elsewhere at its destination, too."""

    archive_id: UUID
    destination: str
    key: str
    stored_bytes: int
    forgotten: int
    """How many of its files are forgotten."""
    elsewhere: Mapping[str, frozenset[UUID]]
    """Its other files, by file_id, and the verified archives at the same destination that hold each of them sound."""


def archives_to_remove(candidates: Iterable[Candidate]) -> list[Removal]:
    """The archives that may go, one after the other: none of them takes the last copy that others rely on."""
    going: set[UUID] = set()
    removals = []
    for one in candidates:
        if all(holders - going - {one.archive_id} for holders in one.elsewhere.values()):
            going.add(one.archive_id)
            removals.append(Removal("archive", one.archive_id, one.destination, one.key, one.stored_bytes, _why(one)))
    return removals


def _why(one: Candidate) -> str:
    forgotten = f"{one.forgotten} of its files {'is' if one.forgotten == 1 else 'are'} forgotten"
    if not one.elsewhere:
        return "all of its files are forgotten"
    others = len(one.elsewhere)
    return f"{forgotten}, and {others} {'lies' if others == 1 else 'lie'} in other verified archives there"
