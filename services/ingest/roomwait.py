"""Waiting for room in the library: what is said of it, and when the files that wait are tried again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from services.ingest.tally import Crowd
from shared.library.room import Room
from shared.quantities import size
from shared.waits import Waits

PAUSES_S = (5.0, 60.0)
"""First and longest pause between two looks for room. It grows when room came and was too little, as while a disk
hovers at its limit: each time all of a source is looked at."""


class RoomWait:
    """The files of one source, or of one import, for which the library's disk has no room."""

    def __init__(self, room: Room, waits: Waits, who: str) -> None:
        """``who`` waits, as a person calls it: ``the source seestar``."""
        self._room = room
        self._waits = waits
        self._what = f"room in the library for {who}"
        self._crowds: dict[str, Crowd] = {}
        self.reason: str | None = None
        """How much waits, and why there is no room; None where nothing waits."""
        self.pause_s = PAUSES_S[0]

    @property
    def crowd(self) -> Crowd:
        """All that waits."""
        return Crowd.of(self._crowds.values())

    def looked_at_all(self, crowds: Mapping[str, Crowd]) -> bool:
        """Say what waits, by folder, now that everything was looked at; whether anything does."""
        first_s, longest_s = PAUSES_S
        self.pause_s = min(self.pause_s * 2, longest_s) if crowds and self._crowds else first_s
        self._set(dict(crowds))
        return bool(crowds)

    def end(self) -> None:
        """Say that nothing waits any more."""
        self._set({})

    def looked_at(self, folders: Iterable[str], crowds: Mapping[str, Crowd]) -> None:
        """Say what waits now that some folders were looked at."""
        others = {folder: crowd for folder, crowd in self._crowds.items() if folder not in set(folders)}
        self._set(others | dict(crowds))

    def _set(self, crowds: dict[str, Crowd]) -> None:
        known, self._crowds = bool(self._crowds), crowds
        if crowds:
            crowd = self.crowd
            files = "1 file waits" if crowd.files == 1 else f"{crowd.files} files wait"
            self.reason = f"{files} ({size(crowd.size_bytes)}); {self._room.why()}"
            self._waits.begin(self._what, self.reason, quietly=known)
            return
        self.reason = None
        if known:
            self._waits.end(self._what)

    async def is_over(self) -> bool:
        """Whether there is room for the smallest file that waits."""
        return await asyncio.to_thread(self._room.fits, self.crowd.smallest_bytes)

    async def until_over(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Wait until there is; ``pause`` sleeps, and may raise to end the waiting."""
        while not await self.is_over():  # no system tells that there is room
            await pause(self.pause_s)
