"""Files that were scanned before their events were kept: they are read anew in the background, a page at a time.

1. The table ``unkept`` has them; a row leaves with the frame that brings its event (``store``).
2. A page is asked for (``cmd.ingest.reread``) only when nothing else waits for the scanner and it has rested a while:
   what a night brings waits for one page at most, and sessions find a time in which no file of their source waits.
3. What ingest has announced under a later revision than the frame's was asked for before, by whomever, and is not asked
   for again, also after a restart: nothing else needs to be remembered.
4. Files that are away get the reason instead. When all have been looked at, they are looked at again after a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import uuid5

import asyncpg

from services.stats.store import unkept, writers
from services.stats.store.unkept import UnkeptFile
from services.stats.upkeep import Reread
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE, utc_now
from shared.logging import get_logger

log = get_logger(__name__)

LOOK_AGAIN_S = 900.0
PAGE = 2000
"""Rows that are looked at together."""
WAITS_NO_MORE = timedelta(hours=1)
"""A file that has waited longer keeps no page back: it is with something that is away, or the reconciler has it."""

RootsAway = Callable[[], Awaitable[Collection[str]]]
"""The roots that the scanner waits for. Raises UserError where it does not answer."""


class Unkept:
    """Works on ``stats.unkept``."""

    def __init__(
        self, pool: asyncpg.Pool, reread: Reread, roots_away: RootsAway, *, page_files: int, rest_s: float
    ) -> None:
        """``page_files``: files that are asked for at once; ``rest_s``: how long the scanner must have had nothing."""
        self._pool = pool
        self._reread = reread
        self._roots_away = roots_away
        self._page_files = page_files
        self._rest = timedelta(seconds=rest_s)
        self._after = ""
        self._next_look_at = 0.0

    async def turn(self, now: datetime | None = None) -> int:
        """Have the next page read anew if it is time for one; returns how many files ingest took."""
        if not self._page_files or time.monotonic() < self._next_look_at or not await self._any():
            return 0
        try:
            away = await self._roots_away()
            if await self._busy(now or utc_now(), away):
                return 0
            taken = await self._next(away)
        except UserError as error:
            log.info("files that were scanned before wait to be read anew", reason=str(error))
            return 0
        if taken:
            log.info("files that were scanned before their events were kept are read anew", files=taken)
        return taken

    async def _any(self) -> bool:
        async with connected(self._pool) as connection:
            return await unkept.any_left(connection)

    async def _busy(self, now: datetime, away: Collection[str]) -> bool:
        async with connected(self._pool) as connection:
            return await unkept.is_busy(connection, now - WAITS_NO_MORE, now - self._rest, away)

    async def _next(self, away: Collection[str]) -> int:
        """Look on from where the last turn ended until there is something to ask for, or everything was looked at."""
        while True:
            began = time.monotonic()
            async with connected(self._pool) as connection:
                files = await unkept.page(connection, self._after, PAGE, away)
            if not files:
                self._after, self._next_look_at = "", time.monotonic() + LOOK_AGAIN_S
                return 0
            wanted = [one for one in files if one.why is None and not one.asked_before][: self._page_files]
            last = wanted[-1].file_id if len(wanted) == self._page_files else files[-1].file_id
            await self._say([one for one in files if one.why != one.reason and one.file_id <= last])
            taken = await self._ask(wanted)
            self._after = last
            if wanted:
                return taken
            await asyncio.sleep(time.monotonic() - began)

    async def _say(self, files: Sequence[UnkeptFile]) -> None:
        if not files:
            return
        async with transaction(self._pool) as connection:
            await writers.lock(connection)
            await unkept.say(connection, files)

    async def _ask(self, wanted: Sequence[UnkeptFile]) -> int:
        if not wanted:
            return 0
        # The same id when this page is asked for again because no answer came, so that nothing is read twice.
        files = "\x1f".join(f"{one.file_id}/{one.scan_revision}" for one in wanted)
        return await self._reread(uuid5(EVENT_NAMESPACE, f"unkept\x1f{files}"), [one.file_id for one in wanted])
