"""What is to be brought back, and where archives hold it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from services.backup.archive.model import MIB

RUN_BYTES = 64 * MIB
"""Members that lie one behind the other are read in one go, up to about that many stored bytes."""


class Columns(Protocol):
    """A row of the database, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of a column."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file as an archive at a destination holds it."""

    destination: str
    key: str
    """Of the archive."""
    packed: bool
    """Whether the tar is packed by zstd."""
    position: int
    file_id: str
    member: str
    """Its name in the tar: ``<collection>/<root>/<path>``."""
    size_bytes: int
    """Of the file."""
    stored_offset: int
    """Where it begins in the archive, bytes."""
    stored_bytes: int
    """How long it is there, with its tar header and padding."""
    damaged: bool = False
    """A check found it spoilt: it is the last to be tried."""

    @classmethod
    def of(cls, row: Columns) -> Self:
        """From a row whose columns are called as the attributes are, but for the member's ``name``."""
        return cls(
            destination=row["destination"],
            key=row["key"],
            packed=row["packed"],
            position=row["position"],
            file_id=row["file_id"],
            member=row["name"],
            size_bytes=row["size_bytes"],
            stored_offset=row["stored_offset"],
            stored_bytes=row["stored_bytes"],
            damaged=row["damaged"],
        )

    @property
    def stored_end(self) -> int:
        """The first byte behind it."""
        return self.stored_offset + self.stored_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be brought back."""

    file_id: str
    size_bytes: int
    name: str
    """Below the folder of the restore, with forward slashes."""
    mtime_s: int | None = None
    """Modification time that it gets, seconds since 1970."""
    copies: tuple[Copy, ...] = field(default=(), repr=False)
    """The best first."""


def by_preference(copies: Iterable[Copy], order: Sequence[str]) -> tuple[Copy, ...]:
    """Copies in the order in which they are tried: sound ones first, then as their destinations are in ``order``."""
    rank = {name: number for number, name in enumerate(order)}
    return tuple(
        sorted(
            (copy for copy in copies if copy.destination in rank),
            key=lambda copy: (copy.damaged, rank[copy.destination], copy.key, copy.position),
        )
    )


def runs(copies: Iterable[Copy]) -> Iterator[list[Copy]]:
    """Copies of one archive or of several, gathered into those that lie one behind the other; bytes between are left.

    A run has at least one member, of whatever length, and ends once it has ``RUN_BYTES``.
    """
    run: list[Copy] = []
    for copy in sorted(copies, key=lambda copy: (copy.destination, copy.key, copy.stored_offset, copy.position)):
        if run and (
            (copy.destination, copy.key, copy.stored_offset) != (run[-1].destination, run[-1].key, run[-1].stored_end)
            or copy.stored_end - run[0].stored_offset > RUN_BYTES
        ):
            yield run
            run = []
        run.append(copy)
    if run:
        yield run
