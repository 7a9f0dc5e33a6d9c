"""A running ingest, files for it, and what came of them."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from services.ingest import app, delete
from services.ingest.settings import IngestSettings, SourceSettings
from services.ingest.shelf import Shelf
from services.ingest.source import Source
from services.ingest.take import Outcome, take_many
from shared.bus.names import EVENTS
from shared.bus.rpc import ask
from shared.db.pool import pool_of
from shared.errors import UserError
from shared.events.commands import (
    CancelImport,
    FilesReread,
    ImportAccepted,
    ImportCancelled,
    ImportPaths,
    RereadFiles,
    StateTold,
    Wait,
    state_question,
)
from shared.events.file import FileArrived
from shared.library.roots import Root
from shared.library.settings import LibrarySettings
from shared.library.walk import Entry
from shared.settings import Settings

NOBODY = "0" * 64
TABLES = ("root", "file", "location", "source_file", "deletion", "outbox")
Row = dict[str, Any]


def configured(settings: Settings, folder: Path, *sources: SourceSettings, **ingest: Any) -> Settings:
    """Settings with a library below ``folder``; files rest at once and truncated ones are not waited for."""
    quick = {"settle_s": 0.0, "incomplete_wait_s": 0.0, **ingest}
    return settings.model_copy(
        update={
            "library": LibrarySettings(path=folder / "library"),
            "ingest": IngestSettings(**quick),
            "sources": sources,
        }
    )


@dataclass(frozen=True)
class Ingest:
    """A running service and a connection to its tables."""

    settings: Settings
    pool: asyncpg.Pool
    client: Client
    task: asyncio.Task[int]

    async def start(
        self, *paths: Path, mode: str = "copy", verify: bool = False, command_id: UUID | None = None
    ) -> UUID:
        """Ask for an import; its id."""
        command = ImportPaths(paths=tuple(map(str, paths)), mode=mode, verify=verify)
        if command_id is not None:
            command = command.model_copy(update={"command_id": command_id})
        accepted = await ask(self.client, command, ImportAccepted)
        assert accepted.import_id is not None
        return accepted.import_id

    async def cancel(self, import_id: UUID) -> str:
        """Ask for an import to end; the state that it is in then."""
        return (await ask(self.client, CancelImport(import_id=import_id), ImportCancelled)).state

    async def take(self, *paths: Path, mode: str = "copy", verify: bool = False) -> Row:
        """Import and return the report, whose counts must add up."""
        return await self.report(await self.start(*paths, mode=mode, verify=verify))

    async def report(self, import_id: UUID, *, within_s: float = 30.0) -> Row:
        """The report of an import once it is done."""

        async def done() -> bool:
            assert not self.task.done(), "the service ended"
            query = "SELECT finished_at IS NOT NULL FROM import WHERE import_id = $1"
            return bool(await self.pool.fetchval(query, import_id))

        await until(done, within_s=within_s)
        row = await self.pool.fetchrow("SELECT * FROM import_progress WHERE import_id = $1", import_id)
        assert row is not None
        assert row["found"] == row["arrived"] + row["already_here"] + row["ignored"] + row["failed"], dict(row)
        return dict(row)

    async def reread(self, *file_ids: str, everything: bool = False) -> int:
        """Have files read anew."""
        command = RereadFiles(file_ids=file_ids, everything=everything)
        return (await ask(self.client, command, FilesReread)).files

    async def rows(self, query: str, *values: object) -> list[Row]:
        """The rows of a query."""
        return [dict(row) for row in await self.pool.fetch(query, *values)]

    async def ledger(self) -> dict[str, str]:
        """State by path of every file in the ledger."""
        rows = await self.pool.fetch("SELECT folder, name, state FROM source_file")
        return {f"{row['folder']}/{row['name']}".lstrip("/"): row["state"] for row in rows}

    async def until_ledger(self, *paths: str, within_s: float = 15.0) -> None:
        """Wait until the ledger knows these paths, and nothing waits in the outbox."""

        async def there() -> bool:
            assert not self.task.done(), "the service ended"
            return set(paths) <= set(await self.ledger()) and not await self.pool.fetchval(
                "SELECT count(*) FROM outbox"
            )

        await until(there, within_s=within_s)

    async def until_ledger_is(self, expected: dict[str, str], *, within_s: float = 15.0) -> None:
        """Wait until the ledger holds exactly this."""

        async def so() -> bool:
            assert not self.task.done(), "the service ended"
            return await self.ledger() == expected

        await until(so, within_s=within_s)

    async def tables(self) -> dict[str, list[str]]:
        """All rows of all tables but the imports."""
        return {
            table: sorted(str(tuple(row)) for row in await self.pool.fetch(f"SELECT * FROM {table}"))
            for table in TABLES
        }

    async def arrivals(self) -> list[FileArrived]:
        """Every file.arrived in the stream, once the outbox is empty."""
        return [event for event, _message_id in await self.messages()]

    async def messages(self) -> list[tuple[FileArrived, str]]:
        """The same with message ids."""

        async def empty() -> bool:
            return not await self.pool.fetchval("SELECT count(*) FROM outbox")

        await until(empty)
        found = await events(self.client.jetstream(), FileArrived.subject)
        return [(FileArrived.model_validate_json(data), message_id) for data, message_id in found]

    async def waits(self) -> tuple[Wait, ...]:
        """What it says that it waits for."""
        return (await ask(self.client, state_question("ingest")(), StateTold)).waits

    async def until_open(self) -> None:
        """Wait until the library is open where the settings say."""

        async def opened() -> bool:
            return not await self.waits() and await self.library_root() == str(self.library)

        await until(opened)

    async def library_root(self) -> object:
        """Where the library was last open."""
        return await self.pool.fetchval("SELECT path FROM root WHERE name = 'library'")

    @property
    def library(self) -> Path:
        """The library's folder."""
        path = self.settings.section(LibrarySettings).path
        assert path is not None
        return path


@asynccontextmanager
async def ingest(settings: Settings, client: Client) -> AsyncIterator[Ingest]:
    """Ingest running on these settings; it must still run at the end."""
    async with pool_of(settings.postgres, "ingest") as pool:
        task = asyncio.create_task(app.run(settings))
        try:
            await until(lambda: answers(client, task))
            yield Ingest(settings, pool, client, task)
            assert not task.done(), "the service ended"
        finally:
            await stop(task)


async def stop(task: asyncio.Task[int]) -> None:
    """End a service that runs as a task, in the middle of whatever it does."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def delete_what_is_due(service: Ingest) -> None:
    """Try every deletion that is due once, where the service itself deletes nothing (``delete.AT_ONCE`` is 0)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delete, "AT_ONCE", 2)
        shelf = Shelf(service.pool, Root("library", service.library, writable=True), quiet_s=0.0)
        deleter = delete.SourceDeleter(service.pool, shelf, service.settings.sections(SourceSettings))
    task = asyncio.create_task(deleter.run())
    due = "state = 'running' OR (state = 'waiting' AND next_try_at <= clock_timestamp())"

    async def tried() -> bool:
        assert not task.done(), "the deleter ended"
        return not await service.pool.fetchval(f"SELECT count(*) FROM deletion WHERE {due}")

    try:
        await until(tried)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def answers(client: Client, task: asyncio.Task[int]) -> bool:
    """Whether the service answers commands."""
    if task.done():
        raise AssertionError(f"the service ended with {task.result()}")
    try:
        await ask(client, RereadFiles(file_ids=(NOBODY,)), FilesReread, timeout_s=1.0)
    except UserError:
        return False
    return True


async def events(js: JetStreamContext, subject: str) -> list[tuple[bytes, str]]:
    """Payload and message id of every event of a subject."""
    last = (await js.stream_info(EVENTS)).state.last_seq
    found = []
    for sequence in range(1, last + 1):
        try:
            message = await js.get_msg(EVENTS, sequence)
        except NotFoundError:
            continue
        if message.subject == subject:
            found.append((message.data or b"", (message.headers or {})["Nats-Msg-Id"]))
    return found


async def until(condition: Callable[[], Awaitable[bool]], *, within_s: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def fits(*, width: int = 32, height: int = 32, fill: int = 0, cards: tuple[str, ...] = ()) -> bytes:
    """A small, complete FITS image of 16-bit pixels."""
    header = [
        f"SIMPLE  = {'T':>20}",
        f"BITPIX  = {16:>20}",
        f"NAXIS   = {2:>20}",
        f"NAXIS1  = {width:>20}",
        f"NAXIS2  = {height:>20}",
        *cards,
        "END",
    ]
    text = "".join(card.ljust(80) for card in header).encode()
    data = fill.to_bytes(2, "big") * (width * height)
    return text.ljust(-(-len(text) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def sha256(content: bytes) -> str:
    """The file id of a content."""
    return hashlib.sha256(content).hexdigest()


def library_files(library: Path) -> dict[str, bytes]:
    """Everything in a library but what Nightbus keeps for itself."""
    found = {path.relative_to(library).as_posix(): path for path in library.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".nightbus/")}


def unfinished_copies(library: Path) -> list[str]:
    """Temporary copies that were left behind."""
    return os.listdir(library / ".nightbus" / "tmp") if (library / ".nightbus" / "tmp").is_dir() else []  # noqa: PTH208


def untouched(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Hash, mtime and inode of every file below a folder: equal before and after, nothing was touched."""
    return {
        path.relative_to(folder).as_posix(): (
            sha256(path.read_bytes()),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def slow_take(source: Source, entries: list[Entry], **words: Any) -> list[Outcome]:
    """The real ``take_many`` on a slow disk."""
    time.sleep(0.05)
    return take_many(source, entries, **words)
