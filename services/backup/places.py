"""The destinations of the settings, and how they are: said once in the log, kept in the database for who asks.

Each is looked at by its marker, when something is to be done there and now and then besides. One that had the marker
and has it no more proves nothing: its archives count as archived no more, until they are found there again.

Archives wait for roots as well, of which the files to be archived are; these are no destination's state.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from uuid import uuid4

import asyncpg

from services.backup.destinations.port import Destination, Refused, Unmarked
from services.backup.reading import RootAway
from services.backup.settings import DestinationSettings, FolderDestination
from services.backup.store import archives, destinations, dumps, looks, unproven, waiting
from services.backup.store.destinations import State
from shared.db.pool import connected, transaction
from shared.errors import Away, NightbusError, Transient, UserError
from shared.library.roots import Root, is_away
from shared.logging import get_logger
from shared.waits import Waits, of_root

log = get_logger(__name__)

INTERVAL_S = 15.0
"""Between two looks at destinations and roots that are not there."""
MARKER_INTERVAL_S = 300.0
"""Between two looks at the marker of a destination that is there."""
MOUNT_POINT = "mount_point"
"""What is known of a folder: whether it was a mount point when its marker was read, so that one at which nothing is
mounted is told from a folder whose marker somebody deleted."""


def _waited(name: str) -> str:
    return f"the destination {name}"


class Places:
    """Open destinations by name. What an archive waits for at its destination is raised as Away."""

    def __init__(
        self, pool: asyncpg.Pool, waits: Waits, opened: Mapping[str, Destination], installation_id: str
    ) -> None:
        self._pool = pool
        self._waits = waits
        self._opened = opened
        self._installation_id = installation_id
        self._folders: dict[str, Path] = {}
        self._states: dict[str, tuple[State, str | None]] = {}
        self._looked_at_s: dict[str, float] = {}
        self._mount_points: dict[str, bool] = {}
        self._roots_away: dict[str, Root] = {}

    async def know(self, configured: Sequence[DestinationSettings]) -> None:
        """Write down the destinations of the settings, and which are set no more; to be called once, at the start.

        What waits is tried now: nobody knows for how long nobody looked.
        """
        self._folders = {one.name: one.path for one in configured if isinstance(one, FolderDestination)}
        names = [one.name for one in configured]
        async with transaction(self._pool) as connection:
            await destinations.keep_only(connection, names)
            for one in configured:
                await destinations.know(connection, one.name, one.kind, self._opened[one.name].place)
            for row in await destinations.opened(connection, names):
                self._states[row["name"]] = row["state"], row["problem"]
                self._mount_points[row["name"]] = json.loads(row["facts"] or "{}").get(MOUNT_POINT, False)
            await waiting.wake(connection)

    def is_folder(self, name: str) -> bool:
        """Whether a destination is a folder."""
        return name in self._folders

    def others(self, name: str) -> list[str]:
        """The other destinations of the settings, folders first, which are near."""
        return sorted((one for one in self._opened if one != name), key=lambda one: one not in self._folders)

    async def ready(self, name: str) -> Destination:
        """A destination that is there and is ours.

        Raises:
            Away: it is not, or says no; or the settings name it no more.
        """
        destination = self._opened.get(name)
        if destination is None:
            raise Away(f"the settings name no destination {name} any more")
        async with connected(self._pool) as connection:
            known = await destinations.was_opened(connection, name)
        try:
            await destination.check(self._installation_id, first_time=not known)
        except (Transient, UserError) as error:
            if known and await self._proves_nothing(name, error):
                await self._doubt(name, error)
            raise await self.failed(name, error) from error
        await self._note_mount_point(name)
        await self._save(name, "ready", None)
        self._waits.end(_waited(name))
        return destination

    async def failed(self, name: str, error: NightbusError) -> Transient:
        """Write down what a destination answered; what to raise for it."""
        if not isinstance(error, Away | Refused | UserError):
            assert isinstance(error, Transient)
            return error
        await self._save(name, "away" if isinstance(error, Away) else "refused", str(error))
        self._waits.begin(_waited(name), str(error), quietly=True)
        return Away(str(error))

    def lacks(self, error: RootAway) -> None:
        """Know that an archive waits for a root."""
        self._roots_away[error.root.name] = error.root
        self._waits.begin(of_root(error.root.name), str(error), quietly=True)

    async def turn(self) -> None:
        """Look at what was not there, and now and then at the rest.

        What waits for a destination or a root that is back is tried at once.
        """
        await self._look_at_roots()
        for name, (state, _problem) in list(self._states.items()):
            if state == "ready" and time.monotonic() < self._looked_at_s.get(name, -inf) + MARKER_INTERVAL_S:
                continue
            try:
                await self.ready(name)
            except Transient:
                continue  # it was written down
            if state != "ready":
                async with transaction(self._pool) as connection:
                    await waiting.wake(connection, name)

    async def _look_at_roots(self) -> None:
        for root in list(self._roots_away.values()):
            if await asyncio.to_thread(is_away, root.path):
                continue
            async with connected(self._pool) as connection:
                await archives.wake(connection)
            del self._roots_away[root.name]
            self._waits.end(of_root(root.name))

    async def _proves_nothing(self, name: str, error: NightbusError) -> bool:
        """Whether a destination that had our marker is there without it, or with another one.

        A mount point at which nothing is mounted is no such place: its disk is unplugged.
        """
        if isinstance(error, UserError):
            return True
        return isinstance(error, Unmarked) and not (self._mount_points.get(name) and not await self._is_mounted(name))

    async def _doubt(self, name: str, error: NightbusError) -> None:
        """Count archives and dumps at a destination as unproven, and have it counted what is unprotected by that."""
        async with transaction(self._pool) as connection:
            count, dumped = await unproven.doubt(connection, name), await dumps.doubt(connection, name)
            if count:
                await looks.ask(connection, uuid4())
        if count or dumped:
            log.error("archives are unproven", destination=name, archives=count, dumps=dumped, reason=str(error))

    async def _is_mounted(self, name: str) -> bool:
        return name in self._folders and await asyncio.to_thread(os.path.ismount, self._folders[name])

    async def _note_mount_point(self, name: str) -> None:
        is_mounted = await self._is_mounted(name)
        if name in self._folders and self._mount_points.get(name) != is_mounted:
            async with connected(self._pool) as connection:
                await destinations.save_facts(connection, name, {MOUNT_POINT: is_mounted})
            self._mount_points[name] = is_mounted

    async def _save(self, name: str, state: State, problem: str | None) -> None:
        """Write how a destination is, where that is new or was written long ago."""
        now_s = time.monotonic()
        if self._states.get(name) == (state, problem) and now_s < self._looked_at_s.get(name, -inf) + MARKER_INTERVAL_S:
            return
        async with connected(self._pool) as connection:
            await destinations.save(connection, name, state, problem)
        self._states[name] = state, problem
        self._looked_at_s[name] = now_s
