"""The periodic look at all files: it asks for archives of what destinations lack, and counts what is covered."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import asyncpg

from services.backup import plan
from services.backup.metrics import LAST_SUCCESS, UNPROTECTED_BYTES, UNPROTECTED_FILES
from services.backup.store import archives, changes, coverage, missing
from services.backup.store.archives import FoundFiles
from services.backup.store.coverage import Coverage
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.events.base import utc_now
from shared.jobs.job import Job
from shared.jobs.store import JobTable

JOBS = JobTable("look", "look_id", forget_done=True)
PAGE_FILES = 10_000
MOST_SESSIONS = 1000
WHOLE_S = 3600.0
"""So often all files are looked at though nothing changed: some become due by their age alone."""


class Look:
    """Looks at all files and sessions, in pages. Every destination takes its past by it, however late it was added."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        destinations: tuple[str, ...],
        arrival_wait: timedelta,
        asked: Callable[[], None] = lambda: None,
        *,
        across: bool = False,
    ) -> None:
        """``asked`` is told when archives were asked for; ``across``: a destination may be read for another one."""
        self._across = across
        self._pool = pool
        self._asked = asked
        self._one_at_a_time = asyncio.Lock()
        self._destinations = destinations
        self._wait = arrival_wait
        self._written_rows: int | None = None
        self._looked_at_s = 0.0

    async def turn(self) -> int:
        """Look where anything changed since the last look, or that was long ago; how many archives were asked for."""
        async with connected(self._pool) as connection:
            written_rows = await changes.written_rows(connection)
        if written_rows == self._written_rows and time.monotonic() < self._looked_at_s + WHOLE_S:
            return 0
        asked = await self.whole()
        self._written_rows, self._looked_at_s = written_rows, time.monotonic()
        return asked

    async def work(self, job: Job) -> None:
        """Do a look that was asked for, a job of ``backup.look``."""
        await self.whole(at_once=job["everything"])

    async def whole(self, *, at_once: bool = False) -> int:
        """Look at everything once; how many archives were asked for. ``at_once``: no file waits for its session."""
        wait = timedelta() if at_once else self._wait
        async with self._one_at_a_time:
            asked = await self._sessions() + await self._files(wait)
        if asked:
            self._asked()
        return asked

    async def _sessions(self) -> int:
        asked = 0
        while True:
            async with transaction(self._pool) as connection:
                rows = await archives.untold(connection, self._destinations, MOST_SESSIONS)
                wanted = [
                    (plan.archive_id(destination, session_id, f"r{revision}"), destination, session_id, night, revision)
                    for destination, session_id, night, revision in rows
                ]
                new = await archives.ask(connection, wanted)
            asked += new
            if len(rows) < MOST_SESSIONS or not new:
                return asked

    async def _files(self, wait: timedelta) -> int:
        arrived_before = utc_now() - wait
        counted = {name: Coverage() for name in ("", *self._destinations)}
        nights: dict[str, set[date]] = {name: set() for name in counted}
        wanted: dict[tuple[str, str], FoundFiles] = {}
        after = ""
        while True:
            async with connected(self._pool) as connection:
                last = await missing.last_of_page(connection, after, PAGE_FILES)
                if last is None:
                    break
                for found in await missing.page(
                    connection, after, PAGE_FILES, self._destinations, wait, across=self._across
                ):
                    _count(counted[found.destination], found)
                    if not found.archived and found.readable:
                        if found.night is not None:
                            nights[found.destination].add(found.night)
                        if (one := _wanted(found, arrived_before)) is not None:
                            wanted.setdefault((one.destination, one.collection_id), one)
            after = last
        for name, of_destination in nights.items():
            counted[name].nights = len(of_destination)
        async with transaction(self._pool) as connection:
            await coverage.save(connection, counted)
            asked = await archives.ask_found(connection, await _with_room(connection, list(wanted.values())))
            for name, at in (await archives.last_verified(connection)).items():
                LAST_SUCCESS.labels(name).set(at.timestamp())
        UNPROTECTED_FILES.set(counted[""].unprotected)
        UNPROTECTED_BYTES.set(counted[""].unprotected_bytes)
        return asked


async def _with_room(connection: Connection, wanted: Sequence[FoundFiles]) -> list[FoundFiles]:
    """What is wanted, of days of arrivals in the collection that takes it."""
    days = {one.night for one in wanted if one.arrived_before is not None}
    parts = await archives.parts_of_days(connection, list(days), plan.ARRIVED) if days else {}
    placed = []
    for one in wanted:
        if one.arrived_before is not None:
            collection_id = plan.collection_of_day(one.night, parts.get((one.destination, one.night), ()))
            placed.append(found_arrivals(one.destination, collection_id, one.night, one.arrived_before))
        else:
            placed.append(one)
    return placed


def found_arrivals(destination: str, collection_id: str, day: date, arrived_before: datetime) -> FoundFiles:
    """Files of a day of arrivals that a destination lacks."""
    of_look = plan.archive_id(destination, collection_id, f"found {utc_now().isoformat()}")
    return FoundFiles(of_look, of_look, destination, collection_id, day, None, arrived_before)


def found_session(destination: str, session_id: str, night: date, revision: int) -> FoundFiles:
    """A session of which a destination lacks files."""
    return FoundFiles(
        found_id=plan.archive_id(destination, session_id, f"found {utc_now().isoformat()}"),
        revision_id=plan.archive_id(destination, session_id, f"r{revision}"),
        destination=destination,
        collection_id=session_id,
        night=night,
        revision=revision,
    )


def _wanted(found: missing.Found, arrived_before: datetime) -> FoundFiles | None:
    """The archive that files are asked for by; None where it is not their time."""
    if not found.destination or found.settled:
        return None
    if found.finished and found.session_id is not None and found.night is not None and found.revision is not None:
        return found_session(found.destination, found.session_id, found.night, found.revision)
    if found.day is None or not found.waited:
        return None
    return found_arrivals(found.destination, plan.arrival_collection(found.day), found.day, arrived_before)


def _count(coverage: Coverage, found: missing.Found) -> None:
    coverage.files += found.files
    coverage.size_bytes += found.size_bytes
    if found.archived:
        coverage.archived += found.files
        coverage.archived_bytes += found.size_bytes
    elif found.readable:
        coverage.unprotected += found.files
        coverage.unprotected_bytes += found.size_bytes
    else:
        coverage.unreadable += found.files
        coverage.unreadable_bytes += found.size_bytes
