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

from services.stats import store
from services.stats.upkeep import Reread
from shared.db.errors import translated
from shared.db.pool import transaction
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE
from shared.logging import get_logger

log = get_logger(__name__)

LOOK_AGAIN_S = 900.0
PAGE = 2000
"""Rows that are looked at together."""
WAITS_NO_MORE = timedelta(hours=1)
"""A file that has waited longer keeps no page back: it is with something that is away, or the reconciler has it."""
_BUSY = """
SELECT EXISTS (
    SELECT FROM pending p JOIN file f USING (file_id) WHERE p.waiting_since > $1 AND f.root <> ALL($3::text[]))
OR EXISTS (SELECT FROM source WHERE handled_at > $2)
"""
_PAGE = """
SELECT u.file_id, u.reason, k.scan_revision, k.scan_revision > fr.scan_revision AS asked_before, CASE
    WHEN k.file_id IS NULL THEN 'ingest does not know the file any more'
    WHEN q.attempt >= k.scan_revision THEN 'it could not be read: ' || q.reason
    WHEN NOT k.readable THEN 'it has gone from where it lay'
    WHEN f.root = ANY($3::text[]) THEN 'the root ' || f.root || ' is away'
    END AS why
FROM (SELECT file_id, reason FROM unkept WHERE file_id > $1 ORDER BY file_id LIMIT $2) u
LEFT JOIN frame fr ON fr.file_id = u.file_id
LEFT JOIN file f ON f.file_id = u.file_id
LEFT JOIN quarantine q ON q.quarantine_key = u.file_id
LEFT JOIN ingest.known_file k ON k.file_id = u.file_id
ORDER BY u.file_id
"""
_SAY = """
UPDATE unkept u SET reason = g.reason FROM unnest($1::text[], $2::text[]) AS g (file_id, reason)
WHERE u.file_id = g.file_id
"""

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

    async def turn(self, now: datetime) -> int:
        """Have the next page read anew if it is time for one; returns how many files ingest took."""
        if not self._page_files or time.monotonic() < self._next_look_at or not await self._any():
            return 0
        try:
            away = await self._roots_away()
            if await self._busy(now, away):
                return 0
            taken = await self._next(away)
        except UserError as error:
            log.info("files that were scanned before wait to be read anew", reason=str(error))
            return 0
        if taken:
            log.info("files that were scanned before their events were kept are read anew", files=taken)
        return taken

    async def _any(self) -> bool:
        with translated():
            return bool(await self._pool.fetchval("SELECT EXISTS (SELECT FROM unkept)"))

    async def _busy(self, now: datetime, away: Collection[str]) -> bool:
        with translated():
            return bool(await self._pool.fetchval(_BUSY, now - WAITS_NO_MORE, now - self._rest, list(away)))

    async def _next(self, away: Collection[str]) -> int:
        """Look on from where the last turn ended until there is something to ask for, or everything was looked at."""
        while True:
            began = time.monotonic()
            with translated():
                rows = await self._pool.fetch(_PAGE, self._after, PAGE, list(away))
            if not rows:
                self._after, self._next_look_at = "", time.monotonic() + LOOK_AGAIN_S
                return 0
            wanted = [row for row in rows if row["why"] is None and not row["asked_before"]][: self._page_files]
            last: str = wanted[-1]["file_id"] if len(wanted) == self._page_files else rows[-1]["file_id"]
            await self._say([row for row in rows if row["why"] != row["reason"] and row["file_id"] <= last])
            taken = await self._ask(wanted)
            self._after = last
            if wanted:
                return taken
            await asyncio.sleep(time.monotonic() - began)

    async def _say(self, rows: Sequence[asyncpg.Record]) -> None:
        if not rows:
            return
        async with transaction(self._pool) as connection:
            await store.lock(connection)
            await connection.execute(_SAY, [row["file_id"] for row in rows], [row["why"] for row in rows])

    async def _ask(self, rows: Sequence[asyncpg.Record]) -> int:
        if not rows:
            return 0
        # The same id when this page is asked for again because no answer came, so that nothing is read twice.
        files = "\x1f".join(f"{row['file_id']}/{row['scan_revision']}" for row in rows)
        return await self._reread(uuid5(EVENT_NAMESPACE, f"unkept\x1f{files}"), [row["file_id"] for row in rows])
