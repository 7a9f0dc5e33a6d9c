"""Plans what each session wants beside its lights, and has ingest place and remove it.

1. A session whose answers changed is planned: in one transaction it wants its masters in the folders of its lights, and
   what no session wants any more is leaving (``store.placements``).
2. What is wanted is asked of ingest, under an id that follows from place, content and attempt. The view of ingest's
   jobs says what came of it, and its places of derived files where it lies; so whoever is killed anywhere asks again,
   and nothing is placed twice.
3. What is leaving is removed by ingest, which hashes it first: what somebody changed stays, and is told.

Lights in indexed folders get nothing: only the library is written to.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from services.calibration.asking import LIBRARY, Ask, command_id
from services.calibration.distribution.folders import night_folder
from services.calibration.filing.names import master_name
from services.calibration.pixels.whereabouts import Place
from services.calibration.store import filings, placements
from services.calibration.store.keeper_jobs import KeeperJob, keeper_jobs
from services.calibration.store.placements import MADE_BY, Due, Placement, Wanted
from services.calibration.store.places import places_of
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.events.commands import KeeperCommand, PlaceFile, RemoveFiles, StoredFile
from shared.events.file import Location
from shared.events.values import HowPlaced
from shared.library.presence import are_there
from shared.library.reading import shown
from shared.library.template import safe_path
from shared.logging import get_logger

log = get_logger(__name__)

SESSIONS_PAGE = 50
PAGE = 200
MOST_OPEN = 100
"""Commands that ingest has in hand at once; it does one after the other."""
ATTEMPTS = 3
"""So often it is tried to place a master, until somebody asks for it again or the answers change."""
NO_LONGER = "no lights beside it fit this master any more"


class Distributor:
    """Places masters beside lights; ``turn`` is called again and again."""

    def __init__(self, pool: asyncpg.Pool, ask: Ask, how: HowPlaced | None, *, after_filing: bool = False) -> None:
        """``how``: of all sessions, by the settings; None: only those that somebody asked for.

        ``after_filing``: masters of the library are filed first, and placed from where they lie then.
        """
        self._pool = pool
        self._ask = ask
        self._how = how
        self._after_filing = after_filing

    async def turn(self) -> int:
        """Plan what changed, and go on with what is wanted and leaving; how many placements are open."""
        while page := await self._due():
            for one in page:
                await self._plan(one)
        return await self._go_on()

    async def asked(self, session_ids: Sequence[str] | None, how: HowPlaced) -> list[str]:
        """Have sessions planned anew, as a person asks; what somebody removed by hand is placed again."""
        async with transaction(self._pool) as connection:
            found = await placements.ask(connection, session_ids, how)
            placed = await placements.placed(connection, found)
        there = await asyncio.to_thread(are_there, [(root, path) for _folder, _file_id, path, root in placed])
        gone = [one[:2] for one, is_there in zip(placed, there, strict=True) if is_there is False]
        async with transaction(self._pool) as connection:
            for folder, file_id in gone:
                await placements.want_again(connection, folder, file_id)
        return found

    async def _due(self) -> list[Due]:
        async with transaction(self._pool) as connection:
            return await placements.due(connection, self._how, SESSIONS_PAGE)

    async def _plan(self, one: Due) -> None:
        async with transaction(self._pool) as connection:
            wanted = await placements.wanted(connection, one.session_id)
            places = await places_of(connection, {master.file_id for master in wanted})
            wishes, left = wishes_of(wanted, places)
            why = f"lights in {', '.join(left)} lie in folders that are only indexed" if left else None
            await placements.plan(connection, one, wishes, why)

    async def _go_on(self) -> int:
        """Look at all that is open; what ingest has not been asked for yet is asked now, within the limit."""
        after, still_open, in_hand = ("", ""), 0, 0
        while page := await self._open(after):
            for one, job in page:
                command = await self._step(one, job)
                is_open = command is not None or (job is not None and job.is_open)
                if command is not None and in_hand < MOST_OPEN and not await self._ask(command):
                    return still_open + 1
                in_hand += is_open
                still_open += is_open
            after = (page[-1][0].folder, page[-1][0].file_id)
        return still_open

    async def _open(self, after: tuple[str, str]) -> list[tuple[Placement, KeeperJob | None]]:
        async with connected(self._pool) as connection:
            page = await placements.open_ones(connection, after, PAGE)
            jobs = await keeper_jobs(connection, [job_id for one in page for job_id in (_placing(one), _removing(one))])
        return [(one, jobs.get(_removing(one)) or jobs.get(_placing(one))) for one in page]

    async def _step(self, one: Placement, job: KeeperJob | None) -> KeeperCommand | None:
        """Write what came of a placement, or say what is to be asked for next."""
        if job is not None and job.is_open:
            return None
        async with transaction(self._pool) as connection:
            path = await placements.found(connection, one)
            if one.state == "wanted":
                return await self._wanted(connection, one, job, path)
            if path is None:  # it was never placed, or it is gone
                if one.is_wished:
                    await placements.save(connection, _again(one))
                else:
                    await placements.drop(connection, one)
                return None
            if job is not None and job.state != "done" and one.path is not None:
                await placements.save(connection, one._replace(state="stays"), job.reason)
                return None
            if one.path != path:
                await placements.save(connection, one._replace(path=path))
            stored = StoredFile(file_id=one.file_id, location=Location(root=LIBRARY, path=path))
            return RemoveFiles(command_id=_removing(one), files=(stored,), reason=NO_LONGER)

    async def _wanted(
        self, connection: Connection, one: Placement, job: KeeperJob | None, path: str | None
    ) -> KeeperCommand | None:
        if job is None:
            places = (await places_of(connection, [one.file_id])).get(one.file_id, ())
            if not places:
                await placements.save(connection, one._replace(state="failed"), "its master lies nowhere now")
                return None
            if (
                self._after_filing
                and places[0].root == LIBRARY
                and not await filings.is_settled(connection, one.file_id)
            ):
                return None
            path = safe_path(f"{one.folder}/{one.name}" if one.folder else one.name)
            if path.rpartition("/")[0] != one.folder:
                why = f"the folder {shown(one.folder)} has a name that not every system can hold, or is too long"
                await placements.save(connection, one._replace(state="failed"), why)
                return None
            return _place(one, places, path)
        if job.state != "done":
            # Its master may have been moved since: the next attempt takes it from where it lies now.
            failed = one._replace(state="failed") if one.attempt % ATTEMPTS == 0 else _again(one)
            await placements.save(connection, failed, job.reason)
        elif path is None:  # ingest placed it long ago, and it has gone since
            await placements.save(connection, _again(one))
        else:
            await placements.save(connection, one._replace(state="placed", path=path))
        return None


def wishes_of(
    wanted: Sequence[Wanted], places: Mapping[str, Sequence[Place]]
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """The name of each master by the folder that it is to lie in, and the roots whose lights get none.

    A folder that has the master itself needs no copy.
    """
    wishes: dict[tuple[str, str], str] = {}
    left: set[str] = set()
    for one in wanted:
        if one.root != LIBRARY:
            left.add(one.root)
            continue
        folder = night_folder(one.folder)
        beside = (place.path.rpartition("/")[0] for place in places.get(one.file_id, ()) if place.root == LIBRARY)
        if folder not in beside:
            wishes[folder, one.file_id] = master_name(one.master_type, one.known, one.focal_length_mm, one.name)
    return wishes, sorted(left)


def _again(one: Placement) -> Placement:
    return one._replace(state="wanted", path=None, attempt=one.attempt + 1)


def _placing(one: Placement) -> UUID:
    return command_id("place", one.folder, one.file_id, one.how, one.attempt)


def _removing(one: Placement) -> UUID:
    return command_id("remove", one.folder, one.file_id, one.attempt)


def _place(one: Placement, places: Sequence[Place], path: str) -> PlaceFile:
    """The command; a hard link is of a file of the library alone, else it is a reflink or copy."""
    place = places[0]
    how = "reflink" if one.how == "hardlink" and place.root != LIBRARY else one.how
    return PlaceFile(
        command_id=_placing(one),
        file_id=one.file_id,
        size_bytes=place.size_bytes,
        from_location=Location(root=place.root, path=place.path),
        to_location=Location(root=LIBRARY, path=path),
        kind="derived",
        made_by=MADE_BY,
        how=how,
    )
