"""A large file in hand: how much of it is read, and whether it is to be left."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from services.ingest.tally import Tally
from shared.jobs.outcome import Stopped
from shared.quantities import size


@dataclass(slots=True)
class Finished:
    """What came of a large file: its counts, and what it lacks where it is to be looked at again."""

    tally: Tally
    lack: str | None = None


def _nobody_minds() -> None:
    """Nobody asks a watched source to stop."""


@dataclass(slots=True, eq=False)
class Hand:
    """A large file in hand. ``check`` raises Stopped where whoever asked for it wants it no more."""

    size_bytes: int
    check: Callable[[], None] = _nobody_minds
    read_bytes: int = 0
    ended: bool = False
    task: asyncio.Task[Finished] = field(init=False)

    def progress(self, count: int) -> None:
        """Count bytes that were read; called by the thread that reads them.

        Raises:
            Stopped: the file is to be left: the service ends, or its import is cancelled or lost.
        """
        if self.ended:
            raise Stopped
        self.check()
        self.read_bytes += count

    @property
    def lack(self) -> str:
        """What is said of it among files that are looked at again."""
        return f"it is being taken, {self.how_far}"

    @property
    def how_far(self) -> str:
        """How much of it was read."""
        return f"{size(min(self.read_bytes, self.size_bytes))} of {size(self.size_bytes)} are read"

    def end(self) -> None:
        """Have it left where it is; what was copied of it is thrown away."""
        self.ended = True
