"""Dumps of the database at a destination that lost its marker: each is found again as it was sent, or is gone.

One that is gone is looked for again by each verification: a copy that is brought back may take its time.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import asyncpg

from services.backup.database.layout import note_key, read_note
from services.backup.destinations.port import Destination
from services.backup.store import dumps
from services.backup.store.dumps import Doubted
from shared.db.pool import connected, transaction
from shared.errors import Gone
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger

log = get_logger(__name__)

MOST_NOTE_BYTES = 1024 * 1024
"""A note is a hundredth of that; what is longer is none of ours."""


class DumpProof:
    """Looks at the dumps that are unproven, as part of a verification of all archives."""

    def __init__(self, pool: asyncpg.Pool, ready: Callable[[str], Awaitable[Destination]]) -> None:
        """``ready`` gives a destination that is there and ours."""
        self._pool = pool
        self._ready = ready

    async def unproven(self, destination: str) -> list[Doubted]:
        """The dumps at a destination that are to be looked at."""
        async with connected(self._pool) as connection:
            return await dumps.unproven(connection, destination)

    async def look(self, job: Job, destination: Destination, dump: Doubted, read: Callable[[int], object]) -> bool:
        """Look at a dump, ``job["deep"]`` at all of its bytes, and write what was found.

        Returns whether all is well with it as far as that was known before: one that was gone already is no news.

        ``read`` is told of the bytes as they are read.

        Raises:
            Transient: the destination is away, or cannot be asked now.
        """
        problem = await _problem(destination, dump, read, deep=job["deep"])
        if problem is not None:
            await self._ready(destination.name)  # a disk that was unplugged has lost nothing
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if problem is None:
                await dumps.save_proven(connection, dump.dump_id)
            else:
                await dumps.save_gone(connection, dump.dump_id, problem)
        if problem is not None and not dump.is_gone:
            log.error("found at a destination", destination=destination.name, key=dump.key, reason=problem)
        return problem is None or dump.is_gone


async def _problem(destination: Destination, dump: Doubted, read: Callable[[int], object], *, deep: bool) -> str | None:
    """What is wrong with a dump or its note, one sentence; None where nothing is."""
    about = f"the dump {shown(dump.key)} at {destination.name}"
    stored = await destination.look(dump.key)
    if stored is None:
        return f"{about} is not there any more"
    if stored.size_bytes != dump.size_bytes:
        return f"{about} is {stored.size_bytes:,} bytes long, and {dump.size_bytes:,} were sent"
    try:
        pieces = [piece async for piece in destination.read(note_key(dump.key), 0, MOST_NOTE_BYTES)]
        note = read_note(b"".join(pieces))
        if note is None or (note.key, note.size_bytes, note.sha256) != (dump.key, dump.size_bytes, dump.sha256):
            return f"the note beside {about} is not as it was written"
        if deep and stored.frost is None and not await _is_whole(destination, dump, read):
            return f"{about} is not as it was sent"
    except Gone:
        return f"the note beside {about}, or the dump itself, is not there any more"
    return None


async def _is_whole(destination: Destination, dump: Doubted, read: Callable[[int], object]) -> bool:
    """Whether all bytes of a dump are those that were sent; what reads wrong is read once more: was it the way here?"""
    for _once in range(2):
        found = hashlib.sha256()
        async for data in destination.read(dump.key):
            await asyncio.to_thread(found.update, data)
            read(len(data))
        if found.hexdigest() == dump.sha256:
            return True
    return False
