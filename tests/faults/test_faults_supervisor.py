"""Regressions of the supervisor that the nemesis found."""

import asyncio
import contextlib

import pytest

from services.standalone import stack
from services.standalone.process import ProcessFailed


class Stubborn:
    """A child that ends at once; of its later starts some fail, and as after those of the servers, none runs then."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.starts = 0
        self.running = True
        self.recovered = asyncio.Event()

    async def start(self) -> None:
        """Fail as often as told."""
        self.starts += 1
        if self.starts <= self.failures:
            self.running = False
            raise ProcessFailed("killed while it recovered")
        self.running = True
        self.recovered.set()

    async def wait(self) -> int:
        """End the first time; later run for ever."""
        if not self.running:
            raise RuntimeError("was not started")
        if self.starts:
            await asyncio.Event().wait()
        return -9


async def test_a_server_killed_while_it_starts_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that fails, as by a second kill during recovery, neither ends the supervisor nor the attempts."""
    monkeypatch.setattr(stack, "FIRST_PAUSE_S", 0.001)
    child = Stubborn(failures=3)
    keeper = asyncio.create_task(stack._keep("postgres", child, child.start))
    await asyncio.wait_for(child.recovered.wait(), 5)
    assert not keeper.done()
    assert child.starts == 4
    keeper.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeper
