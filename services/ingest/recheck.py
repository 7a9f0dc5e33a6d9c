"""Files that the ledger says are unchanged and here, when a person asks for an import: is it still true?

For ``copy`` and ``move`` what counts is the copy in the library. For ``index`` it is the file itself, which is there,
since it was just seen: only its bytes can be other than they were.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg

from services.ingest.ledger import Known
from services.ingest.shelf import Care, Shelf
from services.ingest.source import Source
from services.ingest.store import looks
from shared.db.pool import transaction
from shared.errors import NightbusError
from shared.library.reading import shown
from shared.library.roots import LibraryAway
from shared.library.stored import Condition, read_back
from shared.library.walk import Entry

PAGE_FILES, READ_FILES = 256, 32
"""Files of a page, and of one that is read; after each page an import can be cancelled and says how far it is."""


@dataclass(frozen=True, slots=True)
class Rechecked:
    """A file: here, to be taken again (``again``), or with a sentence what is wrong (``failure``)."""

    entry: Entry
    known: Known
    again: bool = False
    failure: str | None = None


async def recheck(
    pool: asyncpg.Pool, shelf: Shelf | None, source: Source, files: Sequence[tuple[Entry, Known]], care: Care
) -> AsyncIterator[list[Rechecked]]:
    """Look at files that the ledger knows, page by page."""
    size = READ_FILES if care.hashing else PAGE_FILES
    for start in range(0, len(files), size):
        page = files[start : start + size]
        if source.mode != "index" and shelf is not None:
            yield await _stored(pool, shelf, page, care)
        elif care.hashing:
            yield list(await asyncio.gather(*(source.take(_in_place, source, *pair) for pair in page)))
        else:
            yield [Rechecked(entry, known) for entry, known in page]


async def _stored(pool: asyncpg.Pool, shelf: Shelf, page: Sequence[tuple[Entry, Known]], care: Care) -> list[Rechecked]:
    found = await shelf.look({known.file_id: known.size_bytes for _entry, known in page if known.file_id}, care)
    checked, seen = [], []
    for entry, known in page:
        looked = found.get(known.file_id or "")
        if isinstance(looked, LibraryAway):
            raise looked
        if isinstance(looked, NightbusError):
            checked.append(Rechecked(entry, known, failure=str(looked)))
        elif looked is not None and looked.condition is Condition.SOUND:
            checked.append(Rechecked(entry, known))
            seen += looked.seen
        else:
            checked.append(Rechecked(entry, known, again=True))
    async with transaction(pool) as connection:
        await looks.save(connection, seen)
    return checked


def _in_place(source: Source, entry: Entry, known: Known) -> Rechecked:
    assert source.port.folder is not None
    path = source.port.folder / entry.relative_path
    try:
        digest, _status = read_back(path)
    except NightbusError as error:
        return Rechecked(entry, known, failure=str(error))
    if digest.file_id == known.file_id:
        return Rechecked(entry, known)
    reason = "its bytes are others than when it was indexed, but its size and times are the same: it may be damaged"
    return Rechecked(entry, known, failure=f"{shown(path)}: {reason}")
