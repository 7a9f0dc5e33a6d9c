"""How large parts must be, so that a whole archive has fewer than a server takes."""

from collections.abc import Iterable

from services.backup.archive import seek, tar
from services.backup.archive.model import MIB, Member, Packing
from services.backup.archive.packer import most_frame_bytes

SMALLEST_PART_BYTES = 8 * MIB
MOST_PARTS = 9_900
"""Of the 10,000 that a server takes; the rest is room for what an upload that goes on may add."""


def most_stored_bytes(members: Iterable[Member], packing: Packing) -> int:
    """How long an archive of these members is at most: when nothing in them can be packed."""
    stored, frames = _most_frame(len(tar.END), packing), 1
    for member in members:
        whole, rest = divmod(tar.tar_bytes(member), packing.frame_bytes)
        stored += whole * _most_frame(packing.frame_bytes, packing) + (_most_frame(rest, packing) if rest else 0)
        frames += whole + bool(rest)
    return stored + (seek.frame_bytes(frames) if packing.kind == "zstd" else 0)


def part_bytes_for(members: Iterable[Member], packing: Packing) -> int:
    """Size of all parts but the last, bytes: whole MiB, 8 MiB for archives of up to 83 GB."""
    needed = -(-most_stored_bytes(members, packing) // MOST_PARTS)
    return max(SMALLEST_PART_BYTES, -(-needed // MIB) * MIB)


def _most_frame(tar_bytes: int, packing: Packing) -> int:
    return most_frame_bytes(tar_bytes) if packing.kind == "zstd" else tar_bytes
