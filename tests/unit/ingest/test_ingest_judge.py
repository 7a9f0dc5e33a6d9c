"""Judging what a walk found."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from services.ingest import judge
from services.ingest.collector import Collector
from services.ingest.ledger import Known
from services.ingest.scan import Scanner
from services.ingest.settings import IngestSettings
from services.ingest.source import Source
from services.ingest.store import Store
from shared.library.extensions import ignored_by


class NothingKnown:
    """A ledger without rows, and a collector that takes what it is given."""

    recorder = library = None

    async def known(self, _source: str, _folders: object) -> dict[tuple[str, str], Known]:
        """No row."""
        return {}

    async def collect(self, *_words: object, **_more: object) -> dict[str, str]:
        """Everything is taken."""
        return {}


async def test_a_huge_folder_is_judged_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files a folder holds, they are judged in a thread, and the loop goes on meanwhile."""
    threads: set[threading.Thread] = set()

    def slow(name: str, size_bytes: int) -> str | None:
        threads.add(threading.current_thread())
        time.sleep(0.01)
        return ignored_by(name, size_bytes)

    monkeypatch.setattr(judge, "ignored_by", slow)
    for number in range(50):
        (tmp_path / f"{number}.txt").touch()
    source = Source.make("rig", tmp_path, "index", IngestSettings(settle_s=0.0))
    stand_in: Any = NothingKnown()
    scan = asyncio.create_task(Scanner(cast("Store", stand_in), cast("Collector", stand_in)).scan(source))
    turns = 0
    while not scan.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert (await scan).tally.ignored_by == {".txt": 50}
    assert threading.main_thread() not in threads
    assert turns > 10
    source.close()
