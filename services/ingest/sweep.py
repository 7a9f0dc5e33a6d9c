"""The sweep: a gentle daily look at whether the files of the library are there.

It touches no file. What is gone is marked as missing and counted; only an import that a person asks for brings it back.
Where a large part has gone at once nothing is marked: that is a mount gone wrong or a slip of the hand rather than
culling, and it is said instead.
"""

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg

from services.ingest.aside import recover_kept
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
MOST_GONE_AT_ONCE = 0.1
FEW = 10
"""So many may go at once from a library of any size."""
REST = 4.0
"""After each page the sweep rests this many times as long as the page took, so that the disk has time for others."""
LOOK_AGAIN_S = 900.0
"""After a look that changed nothing, since the library was away or too much had gone."""


@dataclass(slots=True)
class _Found:
    """What a sweep has found so far: places that were there at the last one, and places that are there again."""

    most_gone: int
    files: int = 0
    gone: list[str] = field(default_factory=list)
    gone_count: int = 0
    back: list[str] = field(default_factory=list)

    def add(self, page: list[tuple[str, bool]], absent: set[str]) -> None:
        """Judge a page of places, of which some were known to be missing. More than can be marked is only counted."""
        self.files += len(page)
        gone = [path for path, was_missing in page if path in absent and not was_missing]
        self.gone_count += len(gone)
        self.gone += gone[: self.most_gone + 1 - len(self.gone)]
        self.back += [path for path, was_missing in page if was_missing and path not in absent]


class Sweep:
    """Looks at the library when ingest starts, and then every ``interval_s`` seconds."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf, *, interval_s: float) -> None:
        self._pool = pool
        self._shelf = shelf
        self._interval_s = interval_s

    async def run(self) -> None:
        """Sweep for ever."""

        async def sweep() -> DueIn | None:
            return DueIn(min(self._interval_s, LOOK_AGAIN_S)) if await self.sweep() else None

        await every(self._interval_s, sweep)

    async def sweep(self) -> str | None:
        """Look at every place once, and write down what has gone and what is there again.

        Returns:
            Why nothing was marked, one sentence; None where the look counts.
        """
        async with connected(self._pool) as connection:
            places, known_missing = await checks.count(connection)
        found = _Found(most_gone=max(FEW, int(MOST_GONE_AT_ONCE * (places - known_missing))))
        problem = None
        try:
            await recover_kept(self._pool, self._shelf)
            await self._look_at_all(found)
            # Hours may have passed since the first pages: what was brought back meanwhile has not gone.
            found.gone = sorted(await asyncio.to_thread(missing, self._shelf.library, found.gone))
        except Unavailable:
            raise
        except NightbusError as error:
            found.gone.clear()
            problem = f"the library could not be looked at: {error}"
        else:
            if found.gone_count > found.most_gone and found.gone:
                example = shown(self._shelf.library.path / found.gone[0])
                found.gone.clear()
                problem = (
                    f"{found.gone_count} of {found.files} files have gone from the library at once, such as {example}; "
                    "none of them is counted as missing"
                )
        async with transaction(self._pool) as connection:
            await checks.save(connection, found.files, found.gone, found.back, problem)
        if problem:
            log.error("the library is not as it was", reason=problem)
        elif found.gone or found.back:
            log.warning("files have gone from the library, or are there again", gone=len(found.gone),
                        again=len(found.back))  # fmt: skip
        return problem

    async def _look_at_all(self, found: _Found) -> None:
        after = ""
        while page := await self._page(after):
            began = time.monotonic()
            absent = await asyncio.to_thread(missing, self._shelf.library, [path for path, _missing in page])
            found.add(page, absent)
            after = page[-1][0]
            await asyncio.sleep(REST * (time.monotonic() - began))

    async def _page(self, after: str) -> list[tuple[str, bool]]:
        async with connected(self._pool) as connection:
            return await checks.page(connection, after, PAGE_PLACES)
