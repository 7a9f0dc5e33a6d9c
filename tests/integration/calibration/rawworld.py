"""A library with raw calibration frames, the loops of calibration over it, and ingest's keeper to place masters."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
from numpy.typing import NDArray

from services.calibration.asking import Ask
from services.calibration.handlers import note_files
from services.calibration.integration.asked import Builds
from services.calibration.integration.builder import JOBS, Builder
from services.calibration.masters_work import MastersWork
from services.calibration.pixels.measuring import Measuring
from services.calibration.ruling import Ruling
from services.calibration.sanity.work import Sanity
from services.calibration.sets.work import Sets
from services.calibration.settings import CalibrationKeys
from services.ingest.keeper.keeper import Keeper
from shared.db.pool import pool_of, transaction
from shared.errors import UserError
from shared.events.base import utc_now
from shared.events.commands import KeeperCommand, PlaceFile
from shared.events.file import FileScanned
from shared.frames.read import read_frame
from shared.jobs.runner import Runner
from shared.library.hashing import sha256_file
from shared.library.roots import Root, open_library
from shared.settings import PostgresSettings, Settings
from tests.raw_frames import exposed, scene, vignette, write_frame

HANDOVER = ".nightbus/handover/calibration"


@dataclass
class RawWorld:
    """Calibration and ingest on one database and one library."""

    pool: asyncpg.Pool
    ingest: asyncpg.Pool
    root: Root
    settings: Settings
    keeper: Keeper
    rest_s: float = 0.0
    asked: list[PlaceFile] = field(default_factory=list)
    """What ingest was asked to place."""

    def __post_init__(self) -> None:
        """The loops, as the wiring makes them."""
        assert isinstance(self.settings, CalibrationKeys)
        ruling = Ruling(self.settings)
        self.builder = Builder(self.pool, self.root, ruling.own, ruling.of, self.ask, lambda: None)
        self.runner = Runner(self.pool, JOBS, self.builder.work, at_once=1)
        self.builds = Builds(self.pool, ruling.of, self.runner.wake, rest_s=self.rest_s)
        sets, sanity = Sets(self.pool, ruling.own.min_frames), Sanity(self.pool)
        self.work = MastersWork(sets, Measuring(self.pool), sanity, self.builds, self.builder)

    @property
    def ask(self) -> Ask:
        """Ask the keeper, as over NATS."""

        async def give(command: KeeperCommand) -> bool:
            assert isinstance(command, PlaceFile)
            self.asked.append(command)
            try:
                await self.keeper.place(command)
            except UserError:
                return False
            return True

        return give

    async def arrive(self, path: Path, revision: int = 1) -> str:
        """Have ingest know a file of the library, and calibration read it; its file_id."""
        content = sha256_file(path)
        relative = str(path.relative_to(self.root.path))
        await self.ingest.execute(
            "INSERT INTO file (file_id, size_bytes, source, origin) VALUES ($1, $2, 'rig', $3)",
            content.file_id, content.size_bytes, relative,
        )  # fmt: skip
        await self.ingest.execute(
            "INSERT INTO location (root, path, file_id, mtime_ns) VALUES ('library', $1, $2, $3)",
            relative, content.file_id, path.stat().st_mtime_ns,
        )  # fmt: skip
        await self.scan(path, content.file_id, revision)
        return content.file_id

    async def scan(self, path: Path, file_id: str, revision: int = 1) -> None:
        """Have calibration read what the scanner tells of a file."""
        facts = read_frame(path, relative_path=str(path.relative_to(self.root.path)))
        event = FileScanned(
            file_id=file_id, scan_revision=revision, root="library", path=str(path.relative_to(self.root.path)),
            size_bytes=path.stat().st_size, source="rig", arrived_at=utc_now(), format=facts.format.value,
            frame=facts.metadata,
        )  # fmt: skip
        async with transaction(self.pool) as connection:
            await note_files(connection, [event])

    async def raws(self, frame_type: str, count: int, truth: NDArray[Any], first: int = 0, **cards: Any) -> list[str]:
        """Raw frames of a type arrive, each with noise and cosmic rays of its own."""
        folder = self.root.path / "raw" / frame_type
        found = []
        for number in range(first, first + count):
            frame = exposed(truth, number, hits=10)
            path = write_frame(folder / f"{frame_type}_{number:03}.fits", frame, IMAGETYP=frame_type, **cards)
            found.append(await self.arrive(path))
        return found

    async def set_no(self, frame_type: str) -> int:
        """The number of the one set of a type."""
        number: int = await self.pool.fetchval("SELECT set_no FROM sets WHERE frame_type = $1", frame_type)
        return number

    async def build(self, build_id: UUID) -> asyncpg.Record:
        """What the contract says of a build."""
        row = await self.pool.fetchrow("SELECT * FROM build_progress WHERE build_id = $1", build_id)
        assert row is not None
        return row

    async def ended(self, build_id: UUID) -> asyncpg.Record:
        """Wait until a build is over."""
        async with asyncio.timeout(60):
            while (row := await self.build(build_id))["state"] in ("waiting", "running"):
                await asyncio.sleep(0.05)
        return row

    async def told(self) -> list[dict[str, Any]]:
        """What the events master.built say, in order."""
        rows = await self.pool.fetch("SELECT payload FROM outbox WHERE subject = 'master.built' ORDER BY outbox_id")
        return [json.loads(row["payload"]) for row in rows]

    def masters(self) -> list[Path]:
        """Every master in the library's folders for them."""
        return sorted(path for path in self.root.path.glob("_*/**/*.fits"))

    def handed_over(self) -> list[Path]:
        """What lies in the folder for handing over."""
        folder = self.root.path / HANDOVER
        return sorted(folder.iterdir()) if folder.exists() else []

    @asynccontextmanager
    async def running(self, *, keeper: bool = True) -> AsyncIterator[None]:
        """Builds are worked on, and ingest places what it is asked to."""
        tasks = [asyncio.create_task(self.runner.run())]
        if keeper:
            tasks.append(asyncio.create_task(self.keeper.changes.run()))
        try:
            yield
            assert not any(task.done() for task in tasks), "a runner ended"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def flat_truth() -> NDArray[np.float64]:
    """What a flat shows: the bias, and the light that the optics let through."""
    return scene(1) + 20_000 * vignette()


@asynccontextmanager
async def raw_world(settings: Settings, database: PostgresSettings, folder: Path) -> AsyncIterator[RawWorld]:
    """An empty library on a migrated database."""
    root = Root("library", folder / "library", writable=True)
    marker = open_library(root, first_time=True)
    async with pool_of(database, "calibration") as pool, pool_of(database, "ingest") as ingest:
        await ingest.execute(
            "INSERT INTO root (name, path, kind, marker_id) VALUES ('library', $1, 'library', $2)",
            str(root.path), UUID(marker.id),
        )  # fmt: skip
        yield RawWorld(pool, ingest, root, settings, Keeper(ingest, lambda: None, library=root))
