"""Readers come when files wait for them, and go when there is nothing to read."""

import asyncio
from pathlib import Path

from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from tests.integration.ingest.world import fits, write
from tests.integration.scanner.world import arrival


async def test_one_reader_is_always_there_and_others_while_files_wait(tmp_path: Path) -> None:
    """A file now and then is read by one reader; many bring the others, which end when they had none for a while."""
    names = [f"{number}.fit" for number in range(40)]
    write(tmp_path, {name: fits() for name in names})
    async with (
        ReaderPool(
            3, time_limit_s=30, memory_limit_mb=1536, measure_stars=False, knowledge=Knowledge(), rest_s=0.2
        ) as readers,
        asyncio.timeout(120),
    ):

        async def scan(name: str) -> None:
            await readers.scan(arrival(tmp_path / name, tmp_path), str(tmp_path))

        for name in names[:3]:
            await scan(name)
        (always,) = readers.pids
        for _ in range(2):  # those that went come again
            many = asyncio.gather(*(scan(name) for name in names * 10))
            while len(readers.pids) < 3:
                assert not many.done()
                await asyncio.sleep(0.002)
            await many
            while len(readers.pids) > 1:
                await asyncio.sleep(0.01)
        await scan(names[0])
        assert readers.pids == {always}
