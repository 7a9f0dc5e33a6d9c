"""A source: a folder that captures land in, and what is done with them."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from services.ingest.hand import Hand
from services.ingest.settings import IngestSettings, SourceSettings
from shared.library.settle import Settler, is_network_filesystem

Mode = Literal["copy", "move", "index"]
LOOKING = 3
"""Threads of a source beside those that take its files: for a walk, for hints, and for a look between."""
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Source:
    """A folder with a name. ``settler`` remembers what was seen of files that may still be growing."""

    name: str
    path: Path
    mode: Mode
    settle_s: float
    settler: Settler
    zone: str | None = None
    network: bool = False
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
        cls, name: str, path: Path, mode: Mode, settings: IngestSettings, configured: SourceSettings | None = None
    ) -> "Source":
        """A source with the settle rule that its file system needs; a share that hangs keeps the caller waiting."""
        network = is_network_filesystem(path)
        settle_s = settings.network_settle_s if network else settings.settle_s
        if configured is not None and configured.settle_s is not None:
            settle_s = configured.settle_s
        return cls(
            name,
            path,
            mode,
            settle_s,
            Settler(settle_s, network),
            zone=configured.time_zone if configured else None,
            network=network,
            taking=ThreadPoolExecutor(settings.workers or os.cpu_count() or 1, f"take {name}"),
        )

    async def look(self, call: Callable[..., T], *args: object) -> T:
        """Ask the source's file system something, in one of its own threads."""
        return await asyncio.get_running_loop().run_in_executor(self.looking, call, *args)

    async def take(self, call: Callable[..., T], *args: object) -> T:
        """Read the source's files, in one of its threads for that."""
        return await asyncio.get_running_loop().run_in_executor(self.taking, call, *args)

    def close(self) -> None:
        """Have its threads end once they have nothing in hand; nothing more can be asked of it."""
        for pool in (self.looking, self.taking, self.taking_large):
            pool.shutdown(wait=False)

    @property
    def kind(self) -> Literal["indexed", "source"]:
        """What its root is: files of an indexed root stay where they are."""
        return "indexed" if self.mode == "index" else "source"
