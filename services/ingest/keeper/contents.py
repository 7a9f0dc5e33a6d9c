"""What files of the library hold, read from the disk: where size and times do not say it."""

import asyncio
from collections.abc import Sequence

from shared.errors import NightbusError
from shared.library.hashing import sha256_file
from shared.library.roots import Root
from shared.logging import get_logger

log = get_logger(__name__)

READERS = 2
"""Threads that read: more would make a spinning disk seek."""


async def contents_of(library: Root, paths: Sequence[str]) -> dict[str, str]:
    """The contents of some files of the library, by path; one that cannot be read now is met again by the next walk."""
    contents: dict[str, str] = {}
    for start in range(0, len(paths), READERS):
        part = paths[start : start + READERS]
        found = await asyncio.gather(*(asyncio.to_thread(_content_of, library, path) for path in part))
        contents |= {path: file_id for path, file_id in zip(part, found, strict=True) if file_id is not None}
    return contents


def _content_of(library: Root, path: str) -> str | None:
    try:
        return sha256_file(library.path / path).file_id
    except NightbusError as error:
        log.debug("a file of the library cannot be read now", reason=str(error))
        return None
