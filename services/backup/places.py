"""The destinations of the settings, and how they are: said once in the log, kept in the database for who asks.

Archives wait for roots as well, of which the files to be archived are; these are no destination's state.
"""

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg

from services.backup.destinations.port import Destination, Refused
from services.backup.reading import RootAway
from services.backup.settings import DestinationSettings, FolderDestination
from services.backup.store import archives, destinations
from services.backup.store.destinations import State
from shared.db.pool import connected, transaction
from shared.errors import Away, NightbusError, Transient, UserError
from shared.library.roots import Root, is_away
from shared.waits import Waits, of_root

INTERVAL_S = 15.0
"""Between two looks at destinations and roots that are not there."""


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
        self._folders: set[str] = set()
        self._states: dict[str, tuple[State, str | None]] = {}
        self._roots_away: dict[str, Root] = {}

    async def know(self, configured: Sequence[DestinationSettings]) -> None:
        """Write down the destinations of the settings, and which are set no more."""
        self._folders = {one.name for one in configured if isinstance(one, FolderDestination)}
        async with transaction(self._pool) as connection:
            await destinations.keep_only(connection, [one.name for one in configured])
            for one in configured:
                await destinations.know(connection, one.name, one.kind, self._opened[one.name].place)

    def is_folder(self, name: str) -> bool:
        """Whether a destination is a folder."""
        return name in self._folders

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
            raise await self.failed(name, error) from error
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
        """Look at what was not there; what waits for a destination or a root that is back is tried at once."""
        await self._look_at_roots()
        for name, (state, _problem) in list(self._states.items()):
            if state == "ready":
                continue
            try:
                await self.ready(name)
            except Transient:
                continue  # it was written down
            async with connected(self._pool) as connection:
                await archives.wake(connection, destination=name)

    async def _look_at_roots(self) -> None:
        for root in list(self._roots_away.values()):
            if await asyncio.to_thread(is_away, root.path):
                continue
            async with connected(self._pool) as connection:
                await archives.wake(connection)
            del self._roots_away[root.name]
            self._waits.end(of_root(root.name))

    async def _save(self, name: str, state: State, problem: str | None) -> None:
        if self._states.get(name) == (state, problem):
            return
        async with connected(self._pool) as connection:
            await destinations.save(connection, name, state, problem)
        self._states[name] = state, problem
