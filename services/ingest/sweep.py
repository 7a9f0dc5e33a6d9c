"""The sweep: a gentle daily walk through the library, also on command.

What was moved or renamed by hand is recognised by its content, and known under its new path from then on, also where
names were swapped. What somebody changed is a new content. What is gone is marked as missing and counted; only an
import that a person asks for brings it back. Where a large part has gone at once nothing is marked: that is a mount
gone wrong or a slip of the hand rather than culling, and it is said instead.
"""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg

from services.ingest.aside import recover_kept
from services.ingest.keeper.strangers import Recognition
from services.ingest.shelf import Shelf
from services.ingest.store import checks
from shared.db.pool import connected, transaction
from shared.errors import NightbusError, Unavailable
from shared.library.presence import missing
from shared.library.reading import shown
from shared.logging import get_logger
from shared.periodic import DueIn, every

log = get_logger(__name__)

PAGE_PLACES = 5000
MOST_GONE_PERCENT = 10.0
FEW = 10
"""So many may go at once from a library of any size."""
REST = 4.0
"""After each page a gentle sweep rests this many times as long as the page took, so that others have the disk."""
LOOK_AGAIN_S = 900.0
"""After a look that changed nothing, since the library was away or too much had gone."""


@dataclass(slots=True)
class Swept:
    """What a sweep found, so far. ``problem``: why nothing was marked as missing, one sentence."""

    files: int = 0
    gone: int = 0
    back: list[str] = field(default_factory=list)
    moved: int = 0
    changed: int = 0
    strangers: int = 0
    problem: str | None = None


class Sweep:
    """Walks through the library when ingest starts, and then every ``interval_s`` seconds."""

    def __init__(
        self, pool: asyncpg.Pool, shelf: Shelf, *, interval_s: float, most_gone_percent: float = MOST_GONE_PERCENT
    ) -> None:
        self._pool = pool
        self._shelf = shelf
        self._interval_s = interval_s
        self._most_gone = most_gone_percent / 100
        self._under_way = asyncio.Lock()

    async def run(self) -> None:
        """Sweep for ever."""

        async def sweep() -> DueIn | None:
            return DueIn(min(self._interval_s, LOOK_AGAIN_S)) if await self.sweep() else None

        await every(self._interval_s, sweep)

    async def sweep(self, swept: Swept | None = None, *, gently: bool = True) -> str | None:
        """Go through the library once, and write down what has gone, what is elsewhere, and what is there again.

        Args:
            swept: where to say how far it is.
            gently: whether to rest after each page.

        Returns:
            Why nothing was marked, one sentence; None where the look counts.
        """
        async with self._under_way:
            return await self._sweep(Swept() if swept is None else swept, REST if gently else 0.0)

    async def _sweep(self, swept: Swept, rest: float) -> str | None:
        walk_id = uuid4()
        async with connected(self._pool) as connection:
            places, known_missing = await checks.count(connection)
            await checks.begin(connection, walk_id)
        gone: list[str] = []
        try:
            await recover_kept(self._pool, self._shelf)
            await self._look_at_places(walk_id, swept, rest)
            most = max(FEW, int(self._most_gone * (places - known_missing)))
            recognition = Recognition(self._pool, self._shelf, walk_id, rest=rest, most_lost=most)
            await recognition.walk()
            swept.moved, swept.changed = recognition.moved, recognition.changed
            swept.strangers, swept.problem = recognition.strangers, recognition.problem
            gone = [] if swept.problem else await self._gone(walk_id, swept, most)
            # Hours may have passed since the first pages: what was removed meanwhile is there no more.
            no_more = await asyncio.to_thread(missing, self._shelf.library, swept.back)
            swept.back = [path for path in swept.back if path not in no_more]
        except Unavailable:
            raise
        except NightbusError as error:
            swept.problem = f"the library could not be looked at: {error}"
        swept.gone = len(gone)
        async with transaction(self._pool) as connection:
            await checks.save(connection, walk_id, swept.files, gone, swept.back, swept.problem)
        if swept.problem:
            log.error("the library is not as it was", reason=swept.problem)
        if gone or swept.back or swept.moved or swept.changed:
            log.warning(
                "files have gone from the library, were moved or changed in it, or are there again",
                gone=len(gone), moved=swept.moved, changed=swept.changed, again=len(swept.back),
            )  # fmt: skip
        return swept.problem

    async def _gone(self, walk_id: UUID, swept: Swept, most: int) -> list[str]:
        """The places that are gone now; none where so many are that it is rather a mistake."""
        async with connected(self._pool) as connection:
            count, example = await checks.count_gone(connection, walk_id)
        if count > most:
            swept.problem = (
                f"{count} of {swept.files} files have gone from the library at once, such as "
                f"{shown(self._shelf.library.path / example)}; none of them is counted as missing"
            )
            return []
        async with connected(self._pool) as connection:
            gone = await checks.gone(connection, walk_id)
        # Hours may have passed since the first pages: what was brought back meanwhile has not gone.
        return sorted(await asyncio.to_thread(missing, self._shelf.library, gone))

    async def _look_at_places(self, walk_id: UUID, swept: Swept, rest: float) -> None:
        after = ""
        while page := await self._page(after):
            began = time.monotonic()
            absent = await asyncio.to_thread(missing, self._shelf.library, [path for path, _missing in page])
            swept.files += len(page)
            swept.back += [path for path, was_missing in page if was_missing and path not in absent]
            if absent:
                async with connected(self._pool) as connection:
                    await checks.add_absent(connection, walk_id, sorted(absent))
            after = page[-1][0]
            await asyncio.sleep(rest * (time.monotonic() - began))

    async def _page(self, after: str) -> list[tuple[str, bool]]:
        async with connected(self._pool) as connection:
            return await checks.page(connection, after, PAGE_PLACES)
