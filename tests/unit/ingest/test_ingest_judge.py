"""Judging what a walk found."""

import asyncio
import threading
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from services.ingest import judge
from services.ingest.ledger import Known
from services.ingest.settings import IngestSettings
from services.ingest.source import Source
from services.ingest.sources.folder import Folder
from services.ingest.store import ledger
from services.ingest.walker import Walker
from shared.library.extensions import ignored_by


class TakesAll:
    """A collector that takes what it is given."""

    recorder = library = None

    async def collect(self, *_words: object, **_more: object) -> dict[str, str]:
        """Everything is taken."""
        return {}


class NoDatabase:
    """A pool whose connections are not asked for anything."""

    def get_size(self) -> int:
        """It has none open."""
        return 0

    def acquire(self) -> AbstractAsyncContextManager[None]:
        """No connection."""
        return nullcontext()


async def nothing_known(*_: object) -> dict[tuple[str, str], Known]:
    """A ledger without rows."""
    return {}


async def test_a_huge_folder_is_judged_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files a folder holds, they are judged in a thread, and the loop goes on meanwhile."""
    threads: set[threading.Thread] = set()

    def slow(name: str, size_bytes: int) -> str | None:
        threads.add(threading.current_thread())
        time.sleep(0.01)
        return ignored_by(name, size_bytes)

    monkeypatch.setattr(judge, "ignored_by", slow)
    monkeypatch.setattr(ledger, "known", nothing_known)
    for number in range(50):
        (tmp_path / f"{number}.txt").touch()
    source = Source.make("rig", Folder(tmp_path), "index", IngestSettings(settle_s=0.0))
    pool: Any = NoDatabase()
    collector: Any = TakesAll()
    walk = asyncio.create_task(Walker(pool, collector).walk(source))
    turns = 0
    while not walk.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert (await walk).tally.ignored_by == {".txt": 50}
    assert threading.main_thread() not in threads
    assert turns > 10
    source.close()
