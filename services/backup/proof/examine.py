"""What lies at a destination, compared with what was sent; nothing is written and no database is asked."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from services.backup.destinations.port import Destination, Stored
from services.backup.proof.sent import Sent, SentRange
from services.backup.restore.fetch import fetch
from services.backup.restore.unpack import damage_of
from services.backup.restore.wanted import Copy, runs
from shared.errors import Gone
from shared.library.reading import shown

Told = Callable[[int], object]
"""Told of the bytes as they are read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of an archive."""

    missing: bool = False
    problem: str | None = None
    """What is wrong, one sentence; None where nothing is."""
    was_read: bool = False
    """All of its bytes were read."""
    frozen_in: str | None = None
    """Its bytes should have been read, and this storage class gives them only once they are thawed."""
    differing: tuple[SentRange, ...] = ()
    """Parts that are not as they were sent."""
    size_bytes: int = 0
    """Of the object."""


async def examine(destination: Destination, sent: Sent, told: Told, *, deep: bool) -> Seen:
    """Look at an archive: is it there, is its size right, its ETag; ``deep``: and every byte.

    Where size or ETag are not right all bytes are read as well, so that it is known which files that touches.

    Raises:
        Transient: the destination cannot be asked now.
    """
    found = await destination.look(sent.key)
    if found is None:
        return _missing(destination, sent)
    odd = _odd(found, sent)
    if not deep and odd is None:
        return Seen(size_bytes=found.size_bytes)
    if found.frost is not None:
        return Seen(problem=odd, frozen_in=found.storage_class or found.frost, size_bytes=found.size_bytes)
    try:
        differing = await _differing(destination, sent.key, sent.parts, told)
        again = [await _differing(destination, sent.key, [part], told) for part in differing]  # was it the way here?
        differing = [part for parts in again for part in parts]
    except Gone:
        return _missing(destination, sent)
    if found.size_bytes > sent.stored_bytes and not differing:
        differing = list(sent.parts[-1:])
    if not differing:
        return Seen(was_read=True, size_bytes=found.size_bytes)  # another ETag alone is no damage: it was copied there
    odd = odd or f"{_words(differing)} of {shown(sent.key)} at {destination.name} are not as they were sent"
    return Seen(problem=odd, was_read=True, differing=tuple(differing), size_bytes=found.size_bytes)


async def damaged(destination: Destination, suspects: Sequence[Copy], told: Told) -> dict[int, str]:
    """Read members one by one: the reason for each that is not as it was sent, by its position.

    Raises:
        Transient: they cannot be read now.
    """
    found: dict[int, str] = {}
    for run in runs(suspects):
        async with aclosing(fetch(destination, run, damage_of, told)) as fetched:
            async for copy, reason in fetched:
                if reason is not None:
                    found[copy.position] = reason
    return found


async def begins_with(destination: Destination, key: str, part: SentRange) -> bool:
    """Whether an object begins with the bytes of another archive's first part."""
    return not await _differing(destination, key, [part], lambda _count: None)


async def _differing(destination: Destination, key: str, parts: Sequence[SentRange], told: Told) -> list[SentRange]:
    """Read parts that lie one behind the other: those that are not as they were sent."""
    if not parts:
        return []
    pieces = cast("AsyncGenerator[bytes, None]", destination.read(key, parts[0].start, parts[-1].end))
    differing = []
    async with aclosing(pieces):
        rest = memoryview(b"")
        for part in parts:
            sha256, left = hashlib.sha256(), part.size_bytes
            while left:
                if not rest:
                    rest = memoryview(await anext(pieces, b""))
                    if not rest:
                        break
                    told(len(rest))
                await asyncio.to_thread(sha256.update, rest[:left])
                taken = min(left, len(rest))
                rest, left = rest[taken:], left - taken
            if sha256.digest() != part.sha256:
                differing.append(part)
    return differing


def _odd(found: Stored, sent: Sent) -> str | None:
    """What a destination tells of an archive that is not right."""
    about = f"{shown(sent.key)} at {sent.destination}"
    if found.size_bytes != sent.stored_bytes:
        return f"{about} is {found.size_bytes:,} bytes long, and {sent.stored_bytes:,} were sent"
    if not sent.may_have_etag(found.etag):
        return f"{about} has the ETag {shown(found.etag or '')}, and had {shown(sent.etag or '')} when it was sent"
    return None


def _missing(destination: Destination, sent: Sent) -> Seen:
    return Seen(missing=True, problem=f"{shown(sent.key)} is not at {sent.destination} ({shown(destination.place)})")


def _words(ranges: Sequence[SentRange]) -> str:
    """Ranges of bytes in words."""
    first = f"bytes {ranges[0].start:,} to {ranges[0].end - 1:,}"
    return first if len(ranges) == 1 else f"{first} and {len(ranges) - 1} more ranges"
