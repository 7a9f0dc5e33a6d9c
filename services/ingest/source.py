"""A source under way: a place that captures land in, what is done with them, and the threads that ask it."""

import asyncio
import os
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from services.ingest.hand import Hand
from services.ingest.settings import AfterTransfer, IngestSettings, SourceSettings
from services.ingest.sources.port import SourcePort
from shared.errors import Away
from shared.events.file import Hints
from shared.library.settle import Settler
from shared.library.walk import Entry

Mode = Literal["copy", "move", "index"]
LOOKING = 3
"""Threads of a source beside those that take its files: for a walk, for hints, and for a look between."""
IMPORTS = "imports"
"""All sources together that no settings name."""
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Source:
    """A place with a name. ``settler`` remembers what was seen of files that may still be growing."""

    name: str
    port: SourcePort
    mode: Mode
    settle_s: float
    settler: Settler
    fate: AfterTransfer = "keep"
    """What becomes of its files once the library holds them."""
    own_clock: bool = True
    """Whether this system's own clock stamps the times of its files."""
    zone: str | None = None
    said: Hints = field(default_factory=Hints)
    """What a person says in the settings of all its files."""
    reached: Hashable = None
    """What told the place from others when it was last found there; None of one that nobody watches."""
    counted_as: str = IMPORTS
    """What metrics call it: by its name where the settings have it, since paths of imports are without number."""
    named: frozenset[str] = frozenset()
    """Files that a person named, each by itself: they are taken even where their content was forgotten."""
    first_seen_incomplete: dict[str, float] = field(default_factory=dict)
    looking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LOOKING, "look"))
    """Threads that walk it and ask for its folders."""
    taking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(os.cpu_count() or 1, "take"))
    """Threads that copy and hash its files. A share that hangs keeps its own threads waiting, and nobody else's."""
    taking_large: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "large"))
    """The thread that takes large files, so that the others have theirs."""
    in_hand: dict[str, Hand] = field(default_factory=dict)
    """Large files under way, by relative path."""

    @classmethod
    def make(
        cls,
        name: str,
        port: SourcePort,
        mode: Mode,
        settings: IngestSettings,
        configured: SourceSettings | None = None,
        fate: AfterTransfer | None = None,
    ) -> "Source":
        """A source with the settle rule that its place needs; a share that hangs keeps the caller waiting.

        ``fate``: what becomes of its files; None: what the mode says, since an import's word is its mode.
        """
        own_clock = port.own_clock()
        settle_s = settings.settle_s if own_clock else settings.network_settle_s
        if configured is not None and configured.settle_s is not None:
            settle_s = configured.settle_s
        return cls(
            name,
            port,
            mode,
            settle_s,
            Settler(settle_s, network=not own_clock),
            fate=fate or ("delete" if mode == "move" else "keep"),
            own_clock=own_clock,
            zone=configured.time_zone if configured else None,
            counted_as=configured.name if configured else IMPORTS,
            said=configured.facts() if configured else Hints(),
            taking=ThreadPoolExecutor(settings.workers or os.cpu_count() or 1, f"take {name}"),
        )

    async def look(self, call: Callable[..., T], *args: object) -> T:
        """Ask the source something, in one of its own threads."""
        return await asyncio.get_running_loop().run_in_executor(self.looking, call, *args)

    async def take(self, call: Callable[..., T], *args: object) -> T:
        """Read the source's files, in one of its threads for that."""
        return await asyncio.get_running_loop().run_in_executor(self.taking, call, *args)

    def facts_of(self, entry: Entry) -> Hints:
        """What is known of a file before it is read; a person's word counts before the source's. Runs in a thread."""
        return self.port.facts(entry).model_copy(update=self.said.model_dump(exclude_none=True))

    def lost(self) -> str | None:
        """Why a watched source is not there as it was when its walk began, one sentence; None where it is.

        Runs in a thread.
        """
        if self.reached is None:
            return None
        try:
            found = self.port.reach()
        except Away as away:
            return str(away)
        return None if found == self.reached else f"{self.port.named('')} is another one than it was"

    def close(self) -> None:
        """Have its threads end once they have nothing in hand; nothing more can be asked of it."""
        for pool in (self.looking, self.taking, self.taking_large):
            pool.shutdown(wait=False)

    @property
    def kind(self) -> Literal["indexed", "source"]:
        """What its root is: files of an indexed root stay where they are."""
        return "indexed" if self.mode == "index" else "source"
