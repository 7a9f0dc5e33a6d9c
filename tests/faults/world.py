"""A whole stack under supervision, with two watched folders, for the nemesis to disturb.

``index`` is watched where it is, ``copy`` goes into the library. Some of the files are no captures inside, so that
quarantine and dead letters are part of every run. Settings are the product's, with seconds instead of minutes.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from nats.js import JetStreamContext

from services.descriptions import CONSUMERS, SERVICES
from services.standalone.home import Home
from services.standalone.nats import USERS, EmbeddedNats
from services.standalone.postgres import SUPERUSER
from services.standalone.simulation import tiny_frames
from services.standalone.stack import DATABASE, Stack
from shared.bus.broker import connect
from shared.description import ServiceDescription
from tests.stack import EVERYTHING

MODES = ("index", "copy")
BROKEN_EVERY = 50
"""One file in so many is a text with a capture's name."""

HURRY = {
    "NIGHTBUS_INGEST__SETTLE_S": "0.5",
    "NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": "2",
    "NIGHTBUS_INGEST__RECONCILE_INTERVAL_S": "3",
    "NIGHTBUS_INGEST__RECONCILE_AGE_S": "6",
    "NIGHTBUS_SCANNER__MEASURE_STARS": "false",
    "NIGHTBUS_STATS__SESSION_QUIET_S": "3",
    "NIGHTBUS_STATS__SESSION_CHECK_INTERVAL_S": "1",
    "NIGHTBUS_STATS__SESSION_REVISION_INTERVAL_S": "2",
}


class Captures:
    """The watched folders and the files that land in them, the same for the same seed; one folder per mode."""

    def __init__(self, folder: Path, seed: int, modes: Sequence[str] = MODES) -> None:
        self.folder = folder
        self.seed = seed
        self.count = 0
        self._modes = modes
        self._landed = dict.fromkeys(modes, 0)
        self._good = dict.fromkeys(modes, 0)
        for mode in modes:
            (folder / mode).mkdir(parents=True)

    def land(self, count: int) -> list[Path]:
        """Write the next ``count`` files, as many into each folder; their paths."""
        written: list[Path] = []
        for number, mode in enumerate(self._modes):
            share = count // len(self._modes) + (number < count % len(self._modes))
            folder, already = self.folder / mode, self._landed[mode]
            broken = [index for index in range(already, already + share) if index % BROKEN_EVERY == 7]
            good = share - len(broken)
            written += tiny_frames(folder, good, self.seed + number, start_index=self._good[mode])
            for index in broken:
                note = folder / f"note_{index:05d}.fits"
                note.write_text(f"SIMPLE words of {mode} {index}, but no FITS header\n")
                written.append(note)
            self._landed[mode] += share
            self._good[mode] += good
        self.count += count
        return written

    def sources(self) -> list[dict[str, object]]:
        """The settings of the sources."""
        return [
            {"name": f"{mode}-rig", "path": str(self.folder / mode), "mode": mode, "walk_interval_s": 3}
            for mode in self._modes
        ]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far everything is."""

    files: int
    handled: int
    waiting: int
    open_sessions: int
    outboxes: int

    def done(self, expected: int) -> bool:
        """Whether nothing is left to do for ``expected`` files."""
        return (self.files, self.handled, self.waiting, self.open_sessions, self.outboxes) == (
            expected, expected, 0, 0, 0,
        )  # fmt: skip


class World:
    """A started stack; use ``running``."""

    def __init__(self, stack: Stack, log: Path) -> None:
        self.stack = stack
        self.log = log
        self.supervision: asyncio.Task[None] | None = None

    def pid_of(self, name: str) -> int | None:
        """The process id of a service or server that runs now."""
        if name == "nats":
            return self.stack.nats.pid if self.stack.nats.running else None
        if name == "postgres":
            return self.stack.postgres.pid if self.stack.postgres.running else None
        process = self.stack.services[name]
        return process.pid if process.running else None

    @property
    def names(self) -> tuple[str, ...]:
        """Processes of services, and servers."""
        return (*self.stack.services, "nats", "postgres")

    def supervise(self) -> None:
        """Start again whatever ends, from now on."""
        self.supervision = asyncio.create_task(self.stack.supervise())

    def require_supervised(self) -> None:
        """Fail where the supervisor itself ended."""
        if self.supervision is not None and self.supervision.done():
            self.supervision.result()
            raise AssertionError("the supervisor ended")

    async def unsupervise(self) -> None:
        """Leave what ends ended, for faults that last."""
        if self.supervision is not None:
            self.supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.supervision
            self.supervision = None

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection as the superuser."""
        connection = await asyncpg.connect(self.stack.postgres.dsn(SUPERUSER, DATABASE), timeout=5)
        try:
            yield connection
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def jetstream(self) -> AsyncIterator[JetStreamContext]:
        """A JetStream context of an own connection."""
        client = await connect(self.stack.nats_settings(), EVERYTHING.name)
        try:
            yield client.jetstream(timeout=10)
        finally:
            await client.close()

    async def progress(self) -> Progress | None:
        """How far everything is; None while Postgres is away."""
        try:
            async with self.database() as connection:
                row = await connection.fetchrow(_PROGRESS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        assert row is not None
        return Progress(*tuple(row))

    async def until_done(self, expected: int, *, timeout_s: float, drained: bool = True) -> float:
        """Wait until all files are handled and told, and (``drained``) every consumer has acknowledged everything.

        Returns:
            Seconds that it took.
        """
        started = time.monotonic()
        seen: object = None

        async def is_done() -> bool:
            nonlocal seen
            self.require_supervised()
            progress = await self.progress()
            seen = progress
            if progress is None or not progress.done(expected):
                return False
            if drained:
                seen = await self.undelivered()
                return not seen
            return True

        try:
            await until(is_done, timeout_s)
        except TimeoutError:
            raise AssertionError(f"not done after {timeout_s:.0f} s: {seen}; log {self.tail()}") from None
        return time.monotonic() - started

    async def undelivered(self) -> dict[str, int]:
        """Messages that consumers have not acknowledged yet, by consumer."""
        left = {}
        async with self.jetstream() as js:
            for row in CONSUMERS:
                info = await js.consumer_info(row.stream, row.durable)
                if waiting := (info.num_pending or 0) + (info.num_ack_pending or 0):
                    left[row.durable] = waiting
        return left

    def tail(self, lines: int = 40) -> str:
        """The end of the log of all services."""
        return "\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    sources: Sequence[Mapping[str, object]],
    extra: Mapping[str, str] | None = None,
    *,
    supervised: bool = True,
    services: Sequence[ServiceDescription] = SERVICES,
    stream_max_bytes: int | None = None,
    make: Callable[..., Stack] = Stack,
) -> AsyncIterator[World]:
    """A ready stack whose home is ``folder``, watching ``sources``; ``services`` run, quiet ones in one process.

    ``make`` makes the stack, by default one with a single NATS, which knows the user of the tests as well.
    """
    with Home.open(folder) as home:
        log = home.log / "all.log"
        with log.open("a", encoding="utf-8", buffering=1) as file:
            environment = {
                **HURRY,
                "NIGHTBUS_SOURCES": json.dumps(list(sources)),
                "NIGHTBUS_LIBRARY__PATH": str(home.path / "library"),
                **(extra or {}),
            }
            stack = make(
                home,
                extra_environment=environment,
                log_line=lambda name, line: _write(file, name, line),
                services=services,
                stream_max_bytes=stream_max_bytes,
            )
            if isinstance(stack.nats, EmbeddedNats):
                stack.nats = EmbeddedNats(home, users=(*USERS, EVERYTHING))
            world = World(stack, log)
            try:
                await stack.start()
                if supervised:
                    world.supervise()
                yield world
            finally:
                await world.unsupervise()
                await stack.stop()


def _write(file: Any, name: str, line: str) -> None:
    file.write(f"{name} | {line}\n")


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float, pause_s: float = 0.5) -> None:
    """Wait for a condition; raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(pause_s)


def spent(started: float) -> str:
    """Seconds since a moment of the monotonic clock, for the report."""
    return f"{time.monotonic() - started:.0f} s in all"


_UNSENT = " + ".join(f"(SELECT count(*) FROM {service.name}.outbox)" for service in SERVICES if service.has_outbox)
_PROGRESS = f"""
SELECT (SELECT count(*) FROM ingest.source_file WHERE file_id IS NOT NULL)::int,
       (SELECT scanned + quarantined FROM stats.counts)::int,
       (SELECT waiting FROM stats.counts)::int,
       (SELECT open_sessions FROM stats.counts)::int,
       ({_UNSENT}
        + (SELECT count(*) FROM stats.target WHERE revision > published_revision))::int
"""
