"""Which roots are there: a root that is away is offline, with all of its files, which stay in all totals."""

from functools import partial
from pathlib import Path

import asyncpg

from services.ingest.silent import Questions
from services.ingest.store import roots
from services.ingest.store.roots import LIBRARY
from shared.db.pool import connected
from shared.errors import Away, NightbusError
from shared.library.reading import shown
from shared.library.roots import Root, is_away, read_marker
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 60.0


class Whereabouts:
    """Looks at the library and at indexed roots, now and again."""

    def __init__(self, pool: asyncpg.Pool, library: Root | None) -> None:
        self._pool = pool
        self._library = library
        self._looks: Questions[str | None] = Questions("a look for the root")

    async def look(self) -> None:
        """Look at each root once, and write down which are away and which are back."""
        async with connected(self._pool) as connection:
            known = await roots.holding_files(connection)
        for name, path, was_offline in known:
            reason = await self._why_away(name, path)
            if (reason is not None) == was_offline:
                continue
            async with connected(self._pool) as connection:
                await roots.save_offline(connection, name, reason)
            log.warning("a root is offline" if reason else "a root is online again", root=name, reason=reason)

    async def _why_away(self, name: str, path: Path) -> str | None:
        try:
            return await self._looks.ask(name, partial(self._look_at, name, path))
        except Away:
            return f"{shown(path)} does not answer"

    def _look_at(self, name: str, path: Path) -> str | None:
        if name == LIBRARY and self._library is not None:
            try:
                read_marker(self._library)
            except NightbusError as error:
                return str(error)
            return None
        return f"{shown(path)} is not there, or is empty" if is_away(path) else None
