"""A running backup, files in a library for it, and what lies at its destinations."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg

from services.backup import app
from services.backup.settings import BackupSettings, FolderDestination
from shared.bus.rpc import ask
from shared.db.pool import pool_of
from shared.events.commands import BackupAccepted, RetryBackup, RunBackup
from shared.events.file import FileRemoved
from shared.events.session import SessionFinished
from shared.process import Process
from shared.settings import Settings

ARRIVED = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
NIGHT = date(2026, 2, 28)
DAY_S = 24 * 3600.0
SESSION = "20260228_0A1B2C3D"
OTHER = "20260228_FFFFFFFF"


def file_id(content: bytes) -> str:
    """The id of a content."""
    return hashlib.sha256(content).hexdigest()


def noise(seed: int, size_bytes: int) -> bytes:
    """Bytes that nothing packs, the same for the same seed."""
    return hashlib.shake_128(seed.to_bytes(8, "big")).digest(size_bytes)


def configured(settings: Settings, *folders: Path, **backup: Any) -> Settings:
    """Settings with a folder destination for each folder, called by its name; after the first look no other is due.

    Files of no session wait for a year: tests bring files before they are frames.
    """
    return settings.model_copy(
        update={
            "destinations": tuple(FolderDestination(name=folder.name, path=folder) for folder in folders),
            "backup": BackupSettings(**{"look_interval_s": 3600.0, "arrival_wait_s": 366 * DAY_S, **backup}),
        }
    )


async def until(condition: Callable[[], Awaitable[object]], within_s: float = 60.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


@dataclass
class World:
    """A library with rows of ingest and stats, and the database of backup."""

    settings: Settings
    library: Path
    admin: asyncpg.Pool
    stats: asyncpg.Pool
    backup: asyncpg.Pool
    revisions: dict[str, int] = field(default_factory=dict)

    async def bring(self, path: str, content: bytes, *, arrived_at: datetime = ARRIVED) -> str:
        """Place a file in the library, as ingest does; its id."""
        place = self.library / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        await self.admin.execute(
            "INSERT INTO ingest.file (file_id, size_bytes, source, origin, arrived_at, announced_at)"
            " VALUES ($1, $2, 'rig', $3, $4, $4) ON CONFLICT DO NOTHING",
            file_id(content), len(content), path, arrived_at,
        )  # fmt: skip
        await self.admin.execute(
            "INSERT INTO ingest.location (root, path, file_id) VALUES ('library', $1, $2)", path, file_id(content)
        )
        return file_id(content)

    async def move(self, path: str, to: str) -> None:
        """Move a file within the library, as the keeper does."""
        (self.library / to).parent.mkdir(parents=True, exist_ok=True)
        (self.library / path).rename(self.library / to)
        await self.admin.execute("UPDATE ingest.location SET path = $2 WHERE path = $1", path, to)

    async def put_in_session(self, ids: Sequence[str], session_id: str = SESSION) -> None:
        """Make files frames of a session, which is theirs alone from now on."""
        await self.admin.execute("DELETE FROM stats.frame WHERE file_id = ANY($1::text[])", list(ids))
        await self.admin.execute(
            """
            INSERT INTO stats.frame (file_id, scan_revision, format, frame_type, session_id, catalog_id, filter,
                counted, exposure_key, exposure_ms, size_bytes, night, session_night, own_session_id, night_ends_at,
                observed_at,
                arrived_at, source, stem, stem_key, rig, camera, event_no)
            SELECT id, 1, 'fits', 'LIGHT', $2, 'M42', 'L', true, id, 60000, 10, $3, $3, $2, $4, $4, $4, 'rig', id,
                hashtext(id), 'rig', 'camera', nextval('stats.event_no')
            FROM unnest($1::text[]) AS id
            """,
            list(ids), session_id, NIGHT, ARRIVED,
        )  # fmt: skip

    async def finish(self, session_id: str = SESSION, *, tell: bool = True) -> int:
        """Finish a session once more, as stats does; its revision."""
        revision = self.revisions[session_id] = self.revisions.get(session_id, 0) + 1
        async with self.stats.acquire() as connection, connection.transaction():
            await connection.execute(
                """
                INSERT INTO session (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms,
                    ends_at, last_arrived_at, open, revision, finished_at)
                VALUES ($1, $2, 'rig', 1, 1, 10, 1, 60000, $3, $3, false, $4, clock_timestamp())
                ON CONFLICT (session_id) DO UPDATE SET revision = excluded.revision, open = false
                """,
                session_id, NIGHT, ARRIVED, revision,
            )  # fmt: skip
            if tell:
                event = SessionFinished(
                    session_id=session_id,
                    revision=revision,
                    night=NIGHT,
                    rig="rig",
                    size_bytes=10,
                    integration_ms=60000,
                )
        if tell:
            await self.publish([event])
        return revision

    async def publish(self, events: Sequence[SessionFinished | FileRemoved]) -> None:
        """Publish events that other services tell."""
        from shared.bus.broker import connect
        from shared.bus.publish import Publisher

        for event in events:
            service = "ingest" if isinstance(event, FileRemoved) else "stats"
            client = await connect(self.settings.nats, service)
            await Publisher(client.jetstream(), service).publish(event)
            await client.close()

    async def archives(self, **wanted: object) -> list[dict[str, Any]]:
        """Rows of archives, oldest first."""
        where = " AND ".join(f"{name} = ${n}" for n, name in enumerate(wanted, 1)) or "true"
        rows = await self.backup.fetch(
            f"SELECT * FROM archive WHERE {where} ORDER BY created_at, archive_id", *wanted.values()
        )
        return [dict(row) for row in rows]

    async def settled(self, *, archives: int | None = None) -> list[dict[str, Any]]:
        """Wait until nothing is under way and so many archives are there; the rows."""

        async def done() -> bool:
            rows = await self.archives()
            enough = archives is None or len(rows) >= archives
            return enough and all(row["state"] not in ("waiting", "running") for row in rows)

        await until(done)
        return await self.archives()

    async def told(self) -> list[dict[str, Any]]:
        """What was told as archived: the messages of the stream, in their order, once nothing waits in the outbox."""

        async def relayed() -> bool:
            return bool(await self.backup.fetchval("SELECT count(*) FROM outbox") == 0)

        await until(relayed)
        import json

        from shared.bus.broker import connect
        from shared.bus.names import EVENTS

        client = await connect(self.settings.nats, "test")
        js = client.jetstream()
        found = []
        state = (await js.stream_info(EVENTS)).state
        for sequence in range(state.first_seq or 1, state.last_seq + 1):
            message = await js.get_msg(EVENTS, sequence)
            if message.subject == "session.archived":
                found.append(json.loads(message.data or b"{}"))
        await client.close()
        return found

    async def run_now(self, **chosen: Any) -> BackupAccepted:
        """What `nightbus backup run` asks; the look that it asks for is over then."""
        accepted = await self._ask(RunBackup(**chosen))

        async def looked() -> bool:
            return not await self.backup.fetchval("SELECT count(*) FROM look")

        await until(looked)
        return accepted

    async def retry(self) -> BackupAccepted:
        """What `nightbus backup retry` asks."""
        return await self._ask(RetryBackup())

    async def _ask(self, command: RunBackup | RetryBackup) -> BackupAccepted:
        from shared.bus.broker import connect

        client = await connect(self.settings.nats, "test")
        try:
            return await ask(client, command, BackupAccepted)
        finally:
            await client.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[int]]:
        """Backup, running."""
        process = Process(("backup",))
        task = asyncio.create_task(app.run(self.settings, process))
        try:
            await until(lambda: _is_ready(task, process))
            yield task
        finally:
            process.stopping.set()
            await task


async def _is_ready(task: asyncio.Task[int], process: Process) -> bool:
    if task.done():
        task.result()
    return process.health.get("backup") is not None


def unpacked(folder: Path, into: Path) -> dict[str, bytes]:
    """All archives below a folder, unpacked by zstd and tar alone: contents by name."""
    into.mkdir(parents=True, exist_ok=True)
    for archive in sorted(folder.rglob("*.tar.zst")):
        plain = subprocess.run(["zstd", "-dcq", archive], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", into], input=plain, check=True)
    for archive in sorted(folder.rglob("*.tar")):
        subprocess.run(["tar", "-xf", archive, "-C", into], check=True)
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


@asynccontextmanager
async def world(settings: Settings, folder: Path, *destinations: Path, **backup: Any) -> AsyncIterator[World]:
    """A world with a library below a folder and a destination for each of the given ones."""
    library = folder / "library"
    library.mkdir()
    (library / ".keep").touch()
    chosen = configured(settings, *destinations, **backup)
    postgres = settings.postgres
    async with (
        pool_of(postgres, postgres.admin_role) as admin,
        pool_of(postgres, "stats") as stats,
        pool_of(postgres, "backup") as pool,
    ):
        await admin.execute(
            "INSERT INTO ingest.root (name, path, kind) VALUES ('library', $1, 'library')", str(library)
        )
        yield World(chosen, library, admin, stats, pool)
