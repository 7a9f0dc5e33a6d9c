"""What happens to objects that lie for years: a flipped byte, one that is cut off, one that goes, two that are swapped.

Each says which members of which archive it touches, as the manifest tells where they lie.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["flip", "cut", "delete", "swap"]
KINDS: tuple[Kind, ...] = ("flip", "cut", "delete", "swap")


class Lying(Protocol):
    """Where a member lies."""

    @property
    def member(self) -> str:
        """Its name in the archive."""

    @property
    def stored_offset(self) -> int:
        """First byte."""

    @property
    def stored_bytes(self) -> int:
        """Length."""


@dataclass(frozen=True)
class Rot:
    """What was done to one archive."""

    kind: Kind
    key: str
    touches: frozenset[str]
    """Members that a check has to name; of an archive that is gone all."""
    at: int = 0


def spoil(
    draw: random.Random,
    kind: Kind,
    keys: Sequence[str],
    members: Mapping[str, Sequence[Lying]],
    read: Callable[[str], bytes],
    write: Callable[[str, bytes | None], None],
) -> list[Rot]:
    """Spoil the first of the archives, or both of them where they are swapped."""
    key = keys[0]
    data = bytearray(read(key))
    if kind == "delete":
        write(key, None)
        return [Rot(kind, key, frozenset(one.member for one in members[key]))]
    if kind == "swap":
        other = keys[1]
        write(key, read(other))
        write(other, bytes(data))
        return [Rot(kind, each, frozenset(one.member for one in members[each])) for each in (key, other)]
    at = draw.randrange(len(data))
    if kind == "cut":
        write(key, bytes(data[:at]))
        touched = [one for one in members[key] if one.stored_offset + one.stored_bytes > at] or members[key][-1:]
    else:
        data[at] ^= 1 << draw.randrange(8)
        write(key, bytes(data))
        touched = [one for one in members[key] if 0 <= at - one.stored_offset < one.stored_bytes] or members[key][-1:]
    return [Rot(kind, key, frozenset(one.member for one in touched), at)]
