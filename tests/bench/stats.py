"""The stats service: scanned files to committed rows, and whether the size of the library changes their cost."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from services.scanner.reader import scanned_event
from services.standalone.simulation import tiny_frames
from shared.bus.broker import connect
from shared.bus.publish import Publisher
from shared.events.file import FileScanned
from tests.bench.publish import arrival
from tests.bench.seed import seed
from tests.bench.table import Rows, ceiling_row, floor_row
from tests.bench.world import World, folder, running

_SMALL = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Drained:
    events_s: float
    cpu_ms: float
    """Processor time of stats and Postgres per event."""


def rows(*, quick: bool) -> Rows:
    """Events per second, and the ratio of two sizes."""
    return asyncio.run(_rows(quick=quick))


async def _rows(*, quick: bool) -> Rows:
    large = 100_000 if quick else 1_000_000
    count, rounds = (4_000, 2) if quick else (30_000, 3)
    async with running() as small, running() as big:
        await seed(small.admin, _SMALL)
        await seed(big.admin, large)
        bench = {"small": _Bench(small), "big": _Bench(big)}
        found: dict[str, list[_Drained]] = {name: [] for name in bench}
        for turn in range(rounds + 1):
            for name, one in bench.items():
                drained = await one.drain(count)
                if turn:
                    found[name].append(drained)
    fast = [item.events_s for item in found["small"]]
    cost = {name: median(item.cpu_ms for item in items) for name, items in found.items()}
    how = (
        f"{count} file.scanned of small frames (49 cards) wait in the stream, then the stats service runs: parsing, "
        "inbox, frames, totals, acknowledgement; from its first look to the last commit"
    )
    return [
        floor_row("stats: file.scanned to committed rows", median(fast), 10_000, unit="events/s",
                  limit=f"best {max(fast):,.0f}", how=how),
        ceiling_row(f"stats: cost per event at {large:,} rows", cost["big"] / cost["small"], 1.3, unit="x",
                    limit=f"at {_SMALL:,}: {cost['small']:.3f} ms",
                    how="processor time of the service and of Postgres per event, two databases in turn; both grow by "
                    f"{count:,} rows each turn"),
    ]  # fmt: skip


class _Bench:
    def __init__(self, world: World) -> None:
        self._world = world
        self._made = 0
        with folder(in_memory=True) as place:
            path = tiny_frames(place, 1, seed=1)[0]
            arrived = arrival(0).model_copy(
                update={"path": str(path.relative_to(place)), "size_bytes": path.stat().st_size}
            )
            self._model = scanned_event(arrived, Path(place), measure_stars=False)

    async def drain(self, count: int) -> _Drained:
        goal = await self._world.counted() + count
        async with self._paused():
            await self._publish(count)
            before = self._cpu_s()
        started = time.perf_counter()
        await self._world.until_counted(goal)
        spent = time.perf_counter() - started
        return _Drained(count / spent, (self._cpu_s() - before) / count * 1e3)

    @contextlib.asynccontextmanager
    async def _paused(self) -> AsyncIterator[None]:
        """The service stands still while its work is laid out."""
        pid = self._world.processes()["stats"].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _cpu_s(self) -> float:
        used = self._world.cpu_s()
        return used["stats"] + used["postgres"]

    async def _publish(self, count: int) -> None:
        client = await connect(self._world.stack.nats_settings(), "scanner")
        publisher = Publisher(client.jetstream(timeout=10.0, publish_async_max_pending=1000), "scanner")
        start, self._made = self._made, self._made + count
        for first in range(start, self._made, 500):
            await asyncio.gather(
                *(publisher.publish(self._event(n)) for n in range(first, min(first + 500, self._made)))
            )
        await client.close()

    def _event(self, number: int) -> FileScanned:
        model = self._model
        assert model.frame.observed_at is not None
        nights, frame = divmod(number, 240)
        assert model.frame.night is not None
        facts = model.frame.model_copy(
            update={
                "observed_at": model.frame.observed_at + timedelta(days=nights, minutes=frame),
                "night": model.frame.night + timedelta(days=nights),
            }
        )
        event = model.model_copy(
            update={"file_id": f"{number:064x}", "path": f"{nights}/light_{number}.fits", "frame": facts}
        )
        return event.model_copy(update={"event_id": event.derive_id()})
