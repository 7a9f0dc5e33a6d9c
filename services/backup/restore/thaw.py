"""Archives in archive storage: which of them a restore needs, asking for these, and waiting until they can be read.

What was asked for is known to the server alone: whoever looks again, in another process or on another day, goes on from
there.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.backup.destinations.port import Destination, Frost, Refused, Stored, Thaws, Tier
from services.backup.destinations.threads import in_thread
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.side_by_side import all_done
from services.backup.restore.wanted import Copy, Wanted
from shared.errors import NightbusError, Transient
from shared.library.reading import shown

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 120.0
"""Between two looks at what is thawing: a request for each archive, and the quickest takes minutes."""

Place = tuple[str, str]
"""Destination and key of an archive."""
_LAST: Mapping[Frost | None, int] = {None: 0, "thawing": 1, "frozen": 2}


@dataclass(frozen=True, slots=True)
class Cold:
    """An archive that is needed and cannot be read yet."""

    destination: str
    key: str
    size_bytes: int
    """Of the whole archive, which is thawed even where one file of it is wanted."""
    storage_class: str
    frost: Frost
    read_bytes: int
    """Stored bytes of the files that are wanted of it."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What a restore has before it."""

    wanted: tuple[Wanted, ...]
    """Each with the copies first that can be read soonest."""
    cold: tuple[Cold, ...]
    """Archives that some of them are read from, and that have to be thawed first."""

    @property
    def frozen(self) -> tuple[Cold, ...]:
        """Those that nobody has asked for yet."""
        return tuple(one for one in self.cold if one.frost == "frozen")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How far the waiting is."""

    thawed: int
    archives: int
    problem: str | None = None
    """Why a destination could not be asked at the last look, one sentence; it is asked again."""


async def needed(destinations: Mapping[str, Destination], folder: RestoreFolder, wanted: Sequence[Wanted]) -> Needed:
    """Find the archives that have to be thawed; none for a file that is here already, or that any sound copy gives."""
    places = {(copy.destination, copy.key) for one in wanted for copy in one.copies}
    return await needed_of(await cold_at(destinations, places), folder, wanted)


async def needed_of(looked: Mapping[Place, Stored], folder: RestoreFolder, wanted: Sequence[Wanted]) -> Needed:
    """As ``needed``, where it is known (``cold_at``) what is cold."""
    ordered, cold = [], dict[Place, list[Copy]]()
    for one in wanted:
        if not any((copy.destination, copy.key) in looked for copy in one.copies):
            ordered.append(one)
            continue
        copies = tuple(sorted(one.copies, key=lambda copy: (copy.damaged, _LAST[_frost(looked, copy)])))
        ordered.append(replace(one, copies=copies))
        if _frost(looked, copies[0]) is not None and not await _is_here(folder, one):
            cold.setdefault((copies[0].destination, copies[0].key), []).append(copies[0])
    return Needed(tuple(ordered), tuple(_cold(place, looked[place], copies) for place, copies in cold.items()))


async def ask(destinations: Mapping[str, Destination], archives: Iterable[Cold], days: int, tier: Tier) -> None:
    """Ask for archives; one that was asked for before stays so.

    Raises:
        Transient: a destination is away or refuses; some may be asked for by then.
    """
    await all_done(_thaws(destinations[one.destination]).thaw(one.key, days, tier) for one in archives)


async def until_thawed(
    destinations: Mapping[str, Destination],
    archives: Sequence[Cold],
    told: Callable[[Waiting], object],
    *,
    first_pause_s: float = FIRST_PAUSE_S,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> None:
    """Wait until all of them can be read; a network that is away meanwhile is waited for.

    Raises:
        Refused: a destination does not let the key look, or has forgotten that an archive was asked for.
    """
    left, pause_s, problem = list(archives), first_pause_s, None
    while left:
        told(Waiting(len(archives) - len(left), len(archives), problem))
        await asyncio.sleep(pause_s)
        pause_s, problem = min(2 * pause_s, longest_pause_s), None
        for one in left[:]:
            try:
                stored = await destinations[one.destination].look(one.key)
            except Refused:
                raise
            except Transient as error:
                problem = str(error)
                break
            if stored is None or stored.frost is None:
                left.remove(one)  # one that is gone is a matter of the restore
            elif stored.frost == "frozen":
                raise Refused(
                    f"{shown(one.key)} at {one.destination} is frozen again: the days for which it was asked for are "
                    "over; ask once more, for more days"
                )


async def cold_at(destinations: Mapping[str, Destination], places: Iterable[Place]) -> dict[Place, Stored]:
    """Those of some archives that lie in archive storage, and cannot be read now; each is looked at once.

    A destination that cannot be asked now is passed over: the restore says so of each file.
    """
    found: dict[Place, Stored] = {}

    async def look(place: Place) -> None:
        destination, key = place
        try:
            stored = await destinations[destination].look(key)
        except Transient:
            return
        if stored is not None and stored.frost is not None:
            found[place] = stored

    await all_done(look(place) for place in sorted(places) if isinstance(destinations.get(place[0]), Thaws))
    return found


def _frost(looked: Mapping[Place, Stored], copy: Copy) -> Frost | None:
    stored = looked.get((copy.destination, copy.key))
    return None if stored is None else stored.frost


async def _is_here(folder: RestoreFolder, wanted: Wanted) -> bool:
    """Whether a file needs nothing of its archive: it is here already, or can have no place."""
    try:
        return await in_thread(folder.held, wanted) is not None
    except NightbusError:
        return True  # the restore says why


def _cold(place: Place, stored: Stored, copies: Sequence[Copy]) -> Cold:
    assert stored.frost is not None  # else it would not have been found
    read_bytes = sum(copy.stored_bytes for copy in copies)
    return Cold(*place, stored.size_bytes, stored.storage_class or "", stored.frost, read_bytes)


def _thaws(destination: Destination) -> Thaws:
    assert isinstance(destination, Thaws)  # others have nothing that is cold
    return destination
