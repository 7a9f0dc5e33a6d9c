"""Failures of one-off imports end when their file is there no more; those of watched sources end at the next walk."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

from services.ingest.store import Store
from shared.library.presence import are_there
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 600.0
MOST_ROWS = 1000


class FailureForgetter:
    """Looks again at what imports could not take: a person has fixed it elsewhere, or has put it away."""

    def __init__(self, store: Store, watched: Collection[str]) -> None:
        """``watched``: the configured sources, which walks look after."""
        self._store = store
        self._watched = watched

    async def look(self) -> int:
        """Look once; returns how many failures were forgotten."""
        rows = await self._store.failures_of_others(list(self._watched), MOST_ROWS)
        places = [(root, f"{folder}/{name}".lstrip("/")) for _, root, folder, name in rows]
        there = await asyncio.to_thread(are_there, places)
        gone: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for (source, _root, folder, name), is_there in zip(rows, there, strict=True):
            if is_there is False:  # None: nothing is known
                gone[source].append((folder, name))
        for source, keys in gone.items():
            await self._store.forget_failures(source, keys)
        if forgotten := sum(map(len, gone.values())):
            log.info("forgot failures of files that are there no more", files=forgotten)
        return forgotten
