"""Where an archive's stream begins: at its first part, or at any later one whose beginning is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from services.backup.archive import tar
from services.backup.archive.model import Member, Packing, Point, Written
from services.backup.archive.packer import frame_lengths
from services.backup.archive.seek import SeekTable


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known where a stream begins."""

    number: int
    """Of the part that is made first."""
    point: Point
    """Where that part begins."""
    members: Sequence[Member]
    """Those that are not wholly in earlier parts."""
    end_position: int
    """Position that stands for the archive's end."""
    stored_offset: int
    """Where the first one of them begins in the archive, bytes."""
    seek_table: SeekTable | None
    """With the frames of earlier members; None where nothing is packed."""

    @classmethod
    def at(
        cls,
        members: Sequence[Member],
        packing: Packing,
        part_bytes: int,
        number: int,
        point: Point,
        written: Sequence[Written],
    ) -> Self:
        """Begin at a part, as ``ArchiveStream`` says.

        Raises:
            ValueError: members, parts and what is written do not belong together.
        """
        earlier = [member for member in members if member.position < point.position]
        later = members[len(earlier) :]
        if any(one.position >= other.position for one, other in pairwise(members)):
            raise ValueError("members come in the order of their positions")
        if [member.position for member in earlier] != [one.position for one in written]:
            raise ValueError("what is written are not the members before the part's beginning")
        seek_table = SeekTable() if packing.kind == "zstd" else None
        stored_offset = 0
        for member, one in zip(earlier, written, strict=True):
            if one.stored_offset != stored_offset:
                raise ValueError(f"{member.path} is not where the member before it ends")
            stored_offset += one.stored_bytes
            if seek_table is not None:
                seek_table.add_all(one.frame_sizes, frame_lengths(tar.tar_bytes(member), packing.frame_bytes))
        end_position = max(members[-1].position + 1 if members else 0, point.position)
        first = later[0].position if later else end_position
        if (number - 1) * part_bytes != stored_offset + point.offset or (point.offset and first != point.position):
            raise ValueError(f"part {number} does not begin at byte {point.offset} of member {point.position}")
        return cls(number, point, later, end_position, stored_offset, seek_table)
