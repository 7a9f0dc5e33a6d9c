"""Which members of an archive bytes touch that are not as they were sent."""

from collections.abc import Collection, Iterable, Sequence

from services.backup.proof.sent import SentRange
from services.backup.restore.wanted import Copy


def touching(copies: Iterable[Copy], ranges: Sequence[SentRange]) -> list[Copy]:
    """The members of which any byte lies in one of the ranges."""
    return [copy for copy in copies if any(_touches(copy, one) for one in ranges)]


def touched(copies: Sequence[Copy], ranges: Sequence[SentRange], damaged: Collection[int]) -> list[Copy]:
    """The members that are to be archived anew, once each that lies in the ranges was read by itself.

    Every range is accounted for: where none of its members is ``damaged`` (by position), what differs lies between or
    behind them, so that a plain tar or zstd may stop there. Then all of its members count, and where it has none the
    last one of the archive.
    """
    found = {copy.position: copy for copy in copies if copy.position in damaged}
    for one in ranges:
        members = [copy for copy in copies if _touches(copy, one)] or list(copies[-1:])
        if not any(copy.position in damaged for copy in members):
            found.update({copy.position: copy for copy in members})
    return sorted(found.values(), key=lambda copy: copy.position)


def _touches(copy: Copy, one: SentRange) -> bool:
    return copy.stored_offset < one.end and one.start < copy.stored_end
