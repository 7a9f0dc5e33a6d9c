"""Files that could not be read here, so that their archives have them from another destination: are they whole again?

They are read again once ingest told anything of them, as it does when a good copy replaced a damaged one, and daily.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from itertools import repeat

import asyncpg

from services.backup.archive.frames import frames_of
from services.backup.archive.model import MIB, Member, Spoilt
from services.backup.destinations.threads import in_thread
from services.backup.reading import Place, RootAway, opened_here
from services.backup.store import members, taken_elsewhere
from services.backup.store.taken_elsewhere import ToRead
from shared.db.pool import connected, transaction
from shared.library.reading import shown
from shared.library.stream import Stream
from shared.logging import get_logger

log = get_logger(__name__)

AGAIN_AFTER = timedelta(days=1)
MOST_AT_ONCE = 100
"""Files that are read in one turn: the rest comes in the next."""


class Here:
    """Reads such files again, one after the other."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._one_at_a_time = asyncio.Lock()

    async def turn(self) -> None:
        """Read those that are due; one whose root is not there now stays as it is known."""
        async with self._one_at_a_time:
            async with connected(self._pool) as connection:
                due = await taken_elsewhere.due(connection, AGAIN_AFTER, MOST_AT_ONCE)
            for file in due:
                await self._look(file)

    async def _look(self, file: ToRead) -> None:
        async with connected(self._pool) as connection:
            places = await members.places_of(connection, file.file_id)
        try:
            reason = await in_thread(_problem, file, places)
        except RootAway:
            return
        async with transaction(self._pool) as connection:
            await taken_elsewhere.save(connection, file.file_id, reason)
        if reason is None and places:
            log.info("a file can be read here again", file=shown(file.path))


def _problem(file: ToRead, places: Sequence[Place]) -> str | None:
    """Why a file is not whole at one of its places, one sentence; None where it is whole at each.

    Raises:
        RootAway: the root of a place is not there.
    """
    for place in places:
        member = Member(0, file.file_id, place.path, file.size_bytes, 0)
        try:
            deque(frames_of(member, partial(_opened, place), MIB, repeat(memoryview(bytearray(MIB)))), maxlen=0)
        except Spoilt as error:
            return error.reason
    return None


def _opened(place: Place, _member: Member) -> AbstractContextManager[Stream]:
    return opened_here(place)
