"""Bringing files back into a folder: from the best copy of each, from the next one where that is damaged or away."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from services.backup.archive.extract import Damaged
from services.backup.destinations.port import Destination
from services.backup.destinations.threads import in_thread
from services.backup.restore.fetch import fetch
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.side_by_side import all_done
from services.backup.restore.unpack import Readable, unpack
from services.backup.restore.wanted import Copy, Wanted, runs
from shared.errors import Gone, NightbusError, Permanent, Transient
from shared.library.place import Placed
from shared.library.room import NoRoom

PAUSES_S = (1.0, 5.0)
"""Before a destination that fails is asked again; after that the next copy is tried."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be brought back."""

    name: str
    reason: str
    """One sentence."""
    is_damage: bool = False
    """What lies at a destination is not what was archived."""
    copies: tuple[Copy, ...] = ()


@dataclass(slots=True)
class Restored:
    """How far a restore is; found = restored + already_here + failed once it is over."""

    found: int = 0
    found_bytes: int = 0
    restored: int = 0
    restored_bytes: int = 0
    already_here: int = 0
    already_here_bytes: int = 0
    read_bytes: int = 0
    """Stored bytes that were read from destinations."""
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """Files that got another name, since another content has theirs: that, and the new one."""
    failures: list[Failure] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Files that could not be brought back."""
        return len(self.failures)

    @property
    def settled(self) -> int:
        """Files of which it is known what became of them."""
        return self.restored + self.already_here + self.failed


Told = Callable[[Restored], object]


@dataclass(eq=False, slots=True)
class _Open:
    """A file of which it is not known yet what becomes of it."""

    wanted: Wanted
    copies: list[Copy]
    """Those that were not tried yet."""
    reasons: list[str] = field(default_factory=list)
    """Why others were in vain."""
    is_damaged: bool = False
    settled: bool = False


class Restore:
    """One restore. ``told`` hears of its progress, often."""

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        folder: RestoreFolder,
        told: Told = lambda _restored: None,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.so_far = Restored()
        self._destinations = destinations
        self._folder = folder
        self._told = told
        self._pauses_s = pauses_s
        self._turn: dict[Copy, _Open] = {}

    async def run(self, wanted: Sequence[Wanted]) -> Restored:
        """Bring files back, each proven by its SHA-256; what is here already is left as it is, and nothing overwritten.

        Whatever is wrong with one of them is told in ``failures`` and holds up no other.
        """
        self.so_far.found = len(wanted)
        self.so_far.found_bytes = sum(one.size_bytes for one in wanted)
        waiting = [_Open(one, list(one.copies)) for one in wanted]
        await all_done(self._look(one) for one in waiting)
        while waiting := [one for one in waiting if not one.settled]:
            self._turn = self._next_copies(waiting)
            await all_done(self._bring(run) for run in runs(self._turn))
        return self.so_far

    async def _look(self, one: _Open) -> None:
        """Settle a file that is here already, or can have no place."""
        try:
            held = await in_thread(self._folder.held, one.wanted)
        except NightbusError as error:
            self._fail(one, str(error))
            return
        if held is not None:
            self._settle(one, held, already_here=True)

    def _next_copies(self, waiting: Iterable[_Open]) -> dict[Copy, _Open]:
        """The next copy of each file; one that has none left fails. What another takes now comes in a later turn."""
        turn: dict[Copy, _Open] = {}
        for one in waiting:
            if not one.copies:
                self._fail(one, "; ".join(dict.fromkeys(one.reasons)) or "no destination that can be read holds it")
            elif one.copies[0] not in turn:
                turn[one.copies.pop(0)] = one
        return turn

    async def _bring(self, run: Sequence[Copy]) -> None:
        """Bring back what lies in a run of members."""
        left = list(run)
        destination = self._destinations[run[0].destination]
        for pause_s in (*self._pauses_s, None):
            try:
                async with aclosing(fetch(destination, left[:], self._take, self._count)) as fetched:
                    async for copy, made in fetched:
                        left.remove(copy)
                        self._judge(self._turn[copy], made)
            except Transient as error:
                if pause_s is None or isinstance(error, Gone):
                    for copy in left:
                        self._turn[copy].reasons.append(str(error))
                    return
                await asyncio.sleep(pause_s)
            else:
                return

    def _take(self, stored: Readable, copy: Copy) -> Placed | Permanent | NoRoom:
        """In a thread: write the file of a member."""
        try:
            return self._folder.write(self._turn[copy].wanted, lambda file: unpack(stored, copy, file))
        except (Permanent, NoRoom) as error:
            return error

    def _judge(self, one: _Open, made: Placed | Permanent | NoRoom) -> None:
        if isinstance(made, Placed):
            self._settle(one, made.relative_path, already_here=made.already_here)
        elif isinstance(made, Damaged):
            one.reasons.append(str(made))
            one.is_damaged = True
        else:
            self._fail(one, str(made))

    def _settle(self, one: _Open, path: str, *, already_here: bool) -> None:
        one.settled = True
        if already_here:
            self.so_far.already_here += 1
            self.so_far.already_here_bytes += one.wanted.size_bytes
        else:
            self.so_far.restored += 1
            self.so_far.restored_bytes += one.wanted.size_bytes
            if path != one.wanted.name:
                self.so_far.renamed.append((one.wanted.name, path))
        self._told(self.so_far)

    def _fail(self, one: _Open, reason: str) -> None:
        one.settled = True
        self.so_far.failures.append(Failure(one.wanted.name, reason, one.is_damaged, one.wanted.copies))
        self._told(self.so_far)

    def _count(self, read_bytes: int) -> None:
        self.so_far.read_bytes += read_bytes
        self._told(self.so_far)
