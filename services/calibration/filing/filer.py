"""Moves masters to their places, a page at a time.

1. A master of the library that lies outside its folder is written down with the place it gets (``filing``), then ingest
   is asked to move it. Killed in between, the next turn asks again under the same id.
2. The view of ingest's jobs says what came of it. A name that turned out to be taken gives way to the next one.

A name that another content has gets a suffix: near twins lie beside each other, and are reported (`twin_masters`).
"""

from collections.abc import Sequence

import asyncpg

from services.calibration.asking import LIBRARY, Ask, command_id
from services.calibration.filing import names
from services.calibration.settings import CalibrationSettings
from services.calibration.store import filings
from services.calibration.store.filings import Filing, Unfiled
from services.calibration.store.keeper_jobs import KeeperJob, keeper_jobs
from services.calibration.store.writers import lock
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.events.commands import FileMove, MoveFiles
from shared.events.file import Location
from shared.library.template import PATH_CHARACTERS, numbered
from shared.logging import get_logger

log = get_logger(__name__)

PAGE = 50
MOST_ATTEMPTS = 5
_NEAR_TWINS = 100
"""Names that are tried for masters of the same properties."""


class Filer:
    """Files masters; ``turn`` is called again and again."""

    def __init__(self, pool: asyncpg.Pool, ask: Ask, settings: CalibrationSettings) -> None:
        self._pool = pool
        self._ask = ask
        self._settings = settings

    async def turn(self) -> int:
        """Look what came of moves, and ask for the next; how many were asked for."""
        await self._settle()
        async with transaction(self._pool) as connection:
            await filings.forget_gone(connection)
        after: str | None = ""
        found = 0
        while after is not None:
            after, asked_for = await self._place_page(after)
            found += asked_for
        if found:
            log.info("masters are moved to their folders", masters=found)
        await self._send()
        return found

    async def _place_page(self, after: str) -> tuple[str | None, int]:
        """Write down where the next masters go: the last of them, None where there are no more; how many are to move.

        Under the writers' lock, so that another process finds none of them without a place.
        """
        async with transaction(self._pool) as connection:
            await lock(connection)
            page = await filings.unfiled(connection, after, PAGE)
            found = [await self._place(connection, one) for one in page]
        return page[-1].file_id if page else None, sum(found)

    async def _place(self, connection: Connection, one: Unfiled) -> bool:
        """Write down where a master goes; whether it is to be moved."""
        there = [path for path in one.paths if names.is_in_folder(path, one.master_type, self._settings)]
        if there:
            await filings.filed(connection, one, there[0])
            return False
        if not one.is_known:
            return False  # stats is about to know it
        from_path = one.paths[0]
        name = from_path.rpartition("/")[2]
        wanted = names.library_path(one.master_type, one.known, one.focal_length_mm, name, self._settings)
        if wanted is None:
            await filings.stays(connection, one, "its camera is not known: `nightbus calibration describe` supplies it")
            return False
        if (path := await self._free(connection, wanted)) is None:
            await filings.stays(connection, one, f"{_NEAR_TWINS} masters of its properties are there already")
            return False
        await filings.ask(connection, _filing(one.file_id, from_path, path, 1, one.seen))
        return True

    async def _free(self, connection: Connection, wanted: str) -> str | None:
        """The first name that nothing is known to have."""
        candidates = [wanted, *(_numbered(wanted, number) for number in range(2, _NEAR_TWINS))]
        taken = await filings.taken(connection, candidates)
        return next((path for path in candidates if path not in taken), None)

    async def _send(self) -> None:
        for one, job in await self._asked():
            if job is None and not await self._ask(_move(one)):
                return  # ingest does not answer now

    async def _settle(self) -> None:
        for one, job in await self._asked():
            if job is None or job.is_open:
                continue
            async with transaction(self._pool) as connection:
                if job.state == "done":
                    await filings.settle(connection, one.file_id, "filed")
                else:
                    await self._again(connection, one, job.reason)

    async def _again(self, connection: Connection, one: Filing, why: str | None) -> None:
        """The name is taken on the disk though no place tells of it, or the file was moved or removed meanwhile."""
        paths = await filings.places(connection, one.file_id)
        if one.attempt >= MOST_ATTEMPTS:
            await filings.settle(connection, one.file_id, "stays", why)
        elif not paths or one.from_path not in paths:
            await filings.drop(connection, one.file_id)  # as if it came now
        else:
            path = _numbered(one.path, one.attempt + 1)
            await filings.ask(connection, _filing(one.file_id, one.from_path, path, one.attempt + 1, one.seen))

    async def _asked(self) -> Sequence[tuple[Filing, KeeperJob | None]]:
        async with connected(self._pool) as connection:
            open_ones = await filings.asked(connection, PAGE)
            jobs = await keeper_jobs(connection, [one.command_id for one in open_ones])
        return [(one, jobs.get(one.command_id)) for one in open_ones]


def _filing(file_id: str, from_path: str, path: str, attempt: int, seen: str) -> Filing:
    return Filing(file_id, from_path, path, attempt, command_id("file", file_id, from_path, path, attempt), seen)


def _numbered(path: str, number: int) -> str:
    folder, _slash, name = path.rpartition("/")
    return f"{folder}/{numbered(name, number, characters=PATH_CHARACTERS - len(folder) - 1)}"


def _move(one: Filing) -> MoveFiles:
    move = FileMove(
        file_id=one.file_id,
        from_location=Location(root=LIBRARY, path=one.from_path),
        to_location=Location(root=LIBRARY, path=one.path),
    )
    return MoveFiles(command_id=one.command_id, moves=(move,), reason="a master is filed by its properties")
