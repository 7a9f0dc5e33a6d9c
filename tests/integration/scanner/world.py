"""A running scanner, arrivals for it, and what it published."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from services.scanner import app
from services.scanner.settings import ScannerSettings
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS, EVENTS
from shared.bus.publish import Publisher
from shared.decisions.model import WHOLE, Decision, Entry, Whole
from shared.events.file import FileArrived, FileQuarantined, FileScanned
from shared.settings import Settings
from tests.integration.ingest.world import events, sha256, stop, until

DURABLE = "scanner-file-arrived"

HOSTILE = '''
"""Test only: files by name that no reader survives."""

import os
import signal
import shared.frames.read as reading

really_read = reading.read_frame


def read_frame(path, **options):
    if path.name.startswith("hangs"):
        while True:
            pass
    if path.name.startswith("kills"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name.startswith("trips"):
        flag = path.with_suffix(".tripped")
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return really_read(path, **options)


reading.read_frame = read_frame
'''


def hostile_readers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every reader that is started from here on fall for files called hangs*, kills* and trips* (once)."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOSTILE)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def arrival(path: Path, root: Path, *, scan_revision: int = 1, size_bytes: int | None = None) -> FileArrived:
    """The file.arrived of a file below ``root``; ``size_bytes`` where it is not there."""
    relative = path.relative_to(root).as_posix()
    return FileArrived(
        file_id=sha256(relative.encode()),
        root="tree",
        path=relative,
        root_path=str(root),
        scan_revision=scan_revision,
        size_bytes=path.stat().st_size if size_bytes is None else size_bytes,
        source="test",
        origin=relative,
        arrived_at=datetime(2025, 10, 20, tzinfo=UTC),
    )


@dataclass(frozen=True)
class Scanner:
    """A running scanner."""

    client: Client
    root: Path

    async def tell(
        self, *names: str, scan_revision: int = 1, attempt: int | None = None, size_bytes: int | None = None
    ) -> None:
        """Publish the arrival of files below the root."""
        publisher = Publisher(self.client.jetstream(), "test")
        for name in names:
            event = arrival(self.root / name, self.root, scan_revision=scan_revision, size_bytes=size_bytes)
            await publisher.publish(event, attempt=attempt)

    async def until_done(self, *, within_s: float = 60.0) -> None:
        """Wait until every arrival has been settled."""

        async def done() -> bool:
            info = await self.client.jetstream().consumer_info(EVENTS, DURABLE)
            return (info.num_pending, info.num_ack_pending) == (0, 0) and bool(info.delivered.stream_seq)

        await until(done, within_s=within_s)

    async def scanned(self) -> dict[str, FileScanned]:
        """What was scanned, by path; the revision last published wins."""
        found = await events(self.client.jetstream(), FileScanned.subject)
        return {event.path: event for event in (FileScanned.model_validate_json(data) for data, _ in found)}

    async def quarantined(self) -> dict[str, str]:
        """Reasons by path."""
        found = await events(self.client.jetstream(), FileQuarantined.subject)
        parsed = [FileQuarantined.model_validate_json(data) for data, _ in found]
        return {str(event.path): event.reason for event in parsed}


async def decided(js: JetStreamContext, revision: int, *decisions: Decision, whole: bool = True) -> None:
    """Put decisions into the bucket as stats does, the last of them under this number; ``whole``: and say so."""
    bucket = Bucket(js, DECISIONS)
    for number, decision in enumerate(decisions, revision - len(decisions) + 1):
        await bucket.put(decision.key, Entry(revision=number, decision=decision).model_dump_json().encode())
    if whole:
        await bucket.put(WHOLE, Whole(revision=revision).model_dump_json().encode())


@asynccontextmanager
async def scanner(
    settings: Settings, client: Client, root: Path, *, told: bool = True, **options: object
) -> AsyncIterator[Scanner]:
    """The scanner running with these options; it must still run at the end.

    ``told``: stats has said that nothing was decided, where it has said nothing yet.
    """
    if told:
        await decided(client.jetstream(), 0)
    chosen = ScannerSettings(**{"workers": 1, "measure_stars": False, **options})
    task = asyncio.create_task(app.run(settings.model_copy(update={"scanner": chosen})))
    try:

        async def ready() -> bool:
            assert not task.done(), "the service ended"
            try:
                return bool(await client.jetstream().consumer_info(EVENTS, DURABLE))
            except NotFoundError:
                return False  # not provisioned yet

        await until(ready)
        yield Scanner(client, root)
        assert not task.done(), "the service ended"
    finally:
        await stop(task)
