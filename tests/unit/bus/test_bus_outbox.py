"""The relay without its servers: when it ends."""

import asyncio
from unittest.mock import AsyncMock, Mock

import pytest

from shared.bus.outbox import OutboxRelay


@pytest.mark.parametrize("steps", range(6))
async def test_a_relay_that_is_woken_as_it_is_cancelled_ends(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """A cancellation that comes in the moment of the news of work, or a step of the loop later, is not forgotten."""
    monkeypatch.setattr(OutboxRelay, "_stream_is_full", AsyncMock(return_value=False))
    monkeypatch.setattr(OutboxRelay, "relay_once", AsyncMock(return_value=0))
    relay = OutboxRelay(Mock(), Mock(), "ingest")
    task = asyncio.create_task(relay.run())
    for _ in range(10):
        await asyncio.sleep(0)
    relay.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _pending = await asyncio.wait({task}, timeout=5)
    assert task in done, "the relay goes on after its cancellation"
    assert task.cancelled()
