"""How the scanner grows: one, two and four replicas, each held to 0.4 of a core, share one durable consumer."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from services.descriptions import described
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS, EVENTS
from shared.bus.publish import Publisher
from shared.decisions.model import WHOLE, Whole
from shared.errors import Transient
from shared.events.file import FileArrived, FileScanned
from tests.bench.held import CannotHold, cores, share_of_a_core
from tests.bench.main_path import seestar_subs
from tests.bench.publish import arrival
from tests.bench.table import Row, Rows, Skipped
from tests.bench.world import POLL_S, Servers, folder, servers

SHARE = 0.4
REPLICAS = (1, 2, 4)
LEAST = 0.8
"""Of what so many replicas would do if each did as much as one alone."""
PATIENCE_S = 300.0
PHYSICAL_FILES = 60
WAITING = 4000
"""More announcements than all replicas hold and read while they are watched: none runs dry."""
WARM_UP_S = 15.0
"""For readers to load the catalogue, with so little of a core."""
_NAME = "scanner replicas, each held to 0.4 of a core"


def rows(*, quick: bool) -> Rows:
    """Files per second of each number of replicas, against one replica times that number."""
    try:
        with share_of_a_core(SHARE):
            pass
    except CannotHold as reason:
        return [Skipped(_NAME, str(reason))]
    if cores() < 2:
        return [Skipped(_NAME, "one core: four replicas of 0.4 and NATS do not fit")]
    watched_s = 20.0 if quick else 60.0
    with asyncio.Runner() as runner, servers(runner) as place, folder(in_memory=True) as captures:
        bench = _Bench(place, captures)
        rates = {replicas: runner.run(bench.rate(replicas, watched_s)) for replicas in REPLICAS}
    load = os.getloadavg()[0]
    return [
        Row(
            f"scanner, {replicas} replica{'s' * (replicas > 1)} of {SHARE:g} core",
            f"{rate:.1f} files/s",
            f"{replicas} x alone {replicas * rates[1]:.1f}",
            rate / (replicas * rates[1]),
            f">= {LEAST:g} x" if replicas > 1 else "-",
            rate >= LEAST * replicas * rates[1] if replicas > 1 else None,
            f"Seestar subs of 4 MB in memory are announced faster than they are read, stars are measured, one reader "
            f"each; results in the stream over {watched_s:g} s in which every replica has work. Each replica with its "
            f"reader is a control group with a quota of {SHARE:g} of a core; NATS has the rest. Load average "
            f"{load:.1f} at the end",
        )
        for replicas, rate in rates.items()
    ]


class _Bench:
    def __init__(self, place: Servers, captures: Path) -> None:
        self._place = place
        self._js = place.client.jetstream(timeout=10.0)
        self._captures = captures
        self._paths = seestar_subs(captures, PHYSICAL_FILES)
        (self._row,) = described("scanner").consumers
        self._held = self._row.batch_size * self._row.loops
        """Announcements that one replica may hold."""

    async def rate(self, replicas: int, watched_s: float) -> float:
        """Results per second while every replica has work."""
        await self._js.purge_stream(EVENTS)
        # What stats would say, which does not run: nobody has decided anything.
        await Bucket(self._js, DECISIONS).put(WHOLE, Whole(revision=0).model_dump_json().encode())
        publisher = Publisher(self._js, "bench")
        for start in range(0, WAITING, 500):
            await asyncio.gather(
                *(publisher.publish(self._announced(number, replicas)) for number in range(start, start + 500))
            )
        with contextlib.ExitStack() as running:
            for number in range(replicas):
                running.enter_context(self._scanner(number))
            await self._until_all_hold_some(replicas)
            await asyncio.sleep(WARM_UP_S)
            before, started = await self._results(), time.perf_counter()
            await asyncio.sleep(watched_s)
            found, seconds = await self._results() - before, time.perf_counter() - started
        info = await self._js.consumer_info(self._row.stream, self._row.durable)
        if not info.num_pending:
            raise Transient("the replicas ran dry while they were watched: announce more")
        return found / seconds

    def _announced(self, number: int, revision: int) -> FileArrived:
        """One of many announcements, of one of the files that there are."""
        path = self._paths[number % len(self._paths)]
        event = arrival(number).model_copy(
            update={
                "root_path": str(self._captures),
                "path": str(path.relative_to(self._captures)),
                "size_bytes": path.stat().st_size,
                "scan_revision": revision,
            }
        )
        return event.model_copy(update={"event_id": event.derive_id()})

    async def _results(self) -> int:
        info = await self._js.stream_info(EVENTS, subjects_filter=FileScanned.subject)
        return (info.state.subjects or {}).get(FileScanned.subject, 0)

    @contextlib.contextmanager
    def _scanner(self, number: int) -> Iterator[None]:
        nats = {"URL": self._place.nats.url, "SECRETS_DIR": str(self._place.nats.secrets_dir)}
        environment = {f"NIGHTBUS_NATS__{key}": value for key, value in nats.items()}
        environment |= {"NIGHTBUS_SCANNER__WORKERS": "1", "NIGHTBUS_LOG__LEVEL": "warning"}
        log = self._place.home / "log" / f"scanner-{number}.log"
        with share_of_a_core(SHARE) as held, log.open("ab") as output:
            command = [*held, sys.executable, "-m", "services.cli.main", "run", "scanner"]
            process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
            try:
                yield
            finally:
                process.terminate()
                process.wait(60)

    async def _until_all_hold_some(self, replicas: int) -> None:
        """Wait until more is under way than all replicas but one can hold.

        Raises:
            Transient: it is not within five minutes.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            info = await self._js.consumer_info(self._row.stream, self._row.durable)
            if (info.num_ack_pending or 0) > self._held * (replicas - 1):
                return
            if time.monotonic() > deadline:
                raise Transient(f"not all of {replicas} scanners began; the logs are in {self._place.home}")
            await asyncio.sleep(POLL_S)
