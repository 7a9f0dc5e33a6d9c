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
from shared.events.file import FileArrived
from tests.bench.held import CannotHold, cores, share_of_a_core
from tests.bench.main_path import seestar_subs
from tests.bench.publish import arrival
from tests.bench.table import Row, Rows, Skipped
from tests.bench.world import POLL_S, Servers, folder, servers

SHARE = 0.4
REPLICAS = (1, 2, 4)
LEAST = 0.8
"""Of what so many replicas would do if each did as much as one alone."""
PATIENCE_S = 600.0
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
    files = 120 if quick else 400
    with asyncio.Runner() as runner, servers(runner) as place, folder(in_memory=True) as captures:
        bench = _Bench(place, captures, files)
        rates = {replicas: runner.run(bench.rate(replicas)) for replicas in REPLICAS}
    load = os.getloadavg()[0]
    return [
        Row(
            f"scanner, {replicas} replica{'s' * (replicas > 1)} of {SHARE:g} core",
            f"{rate:.1f} files/s",
            f"{replicas} x alone {replicas * rates[1]:.1f}",
            rate / (replicas * rates[1]),
            f">= {LEAST:g} x" if replicas > 1 else "-",
            rate >= LEAST * replicas * rates[1] if replicas > 1 else None,
            f"{files} Seestar subs of 4 MB in memory wait in the stream, stars are measured, one reader each; from the "
            f"first file scanned to the last. Each replica with its reader is a control group with a quota of "
            f"{SHARE:g} of a core; NATS has the rest. Load average {load:.1f} at the end",
        )
        for replicas, rate in rates.items()
    ]  # fmt: skip


class _Bench:
    def __init__(self, place: Servers, captures: Path, files: int) -> None:
        self._place = place
        self._js = place.client.jetstream(timeout=10.0)
        self._captures = captures
        self._paths = seestar_subs(captures, files)
        (self._row,) = described("scanner").consumers

    async def rate(self, replicas: int) -> float:
        """Files per second from the first to the last; the same files are announced anew each time."""
        await self._js.purge_stream(EVENTS)
        # What stats would say, which does not run: nobody has decided anything.
        await Bucket(self._js, DECISIONS).put(WHOLE, Whole(revision=0).model_dump_json().encode())
        publisher = Publisher(self._js, "bench")
        await asyncio.gather(*(publisher.publish(event) for event in self._announced(replicas)))
        with contextlib.ExitStack() as running:
            for number in range(replicas):
                running.enter_context(self._scanner(number))
            await self._until(len(self._paths) - 1)
            started = time.perf_counter()
            await self._until(0)
            return (len(self._paths) - 1) / (time.perf_counter() - started)

    def _announced(self, revision: int) -> Iterator[FileArrived]:
        for number, path in enumerate(self._paths):
            event = arrival(number).model_copy(
                update={
                    "root_path": str(self._captures),
                    "path": str(path.relative_to(self._captures)),
                    "size_bytes": path.stat().st_size,
                    "scan_revision": revision,
                }
            )
            yield event.model_copy(update={"event_id": event.derive_id()})

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

    async def _until(self, left: int) -> None:
        """Wait until so many announcements at most are not acknowledged.

        Raises:
            Transient: they are not within ten minutes.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            info = await self._js.consumer_info(self._row.stream, self._row.durable)
            waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
            if waiting <= left:
                return
            if time.monotonic() > deadline:
                raise Transient(f"{waiting} files were not scanned; the logs are in {self._place.home}")
            await asyncio.sleep(POLL_S)
