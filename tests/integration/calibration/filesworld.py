"""A whole stack that takes in lights and masters: ingest, scanner, stats and calibration, and files for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from nats.aio.client import Client

from services.calibration import app as calibration_app
from services.calibration.settings import CalibrationSettings
from services.ingest.settings import FolderSettings
from services.scanner import app as scanner_app
from services.scanner.settings import ScannerSettings
from services.standalone.simulation.fits_writer import Card, write_fits
from services.stats import app as stats_app
from services.stats.settings import StatsSettings
from shared.db.pool import pool_of
from shared.process import Process
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, configured, ingest, library_files
from tests.integration.scanner.world import decided

CAMERA, TELESCOPE = "ZWO ASI2600MM Pro", "C8E"
NX, NY = 64, 48
LEVELS = {"LIGHT": 900, "DARK": 500, "BIAS": 500, "FLAT": 30_000, "MASTER DARK": 500, "MASTER FLAT": 30_000}
"""Medians of frames, ADU, by IMAGETYP."""
LIGHT: dict[str, Any] = {"EXPTIME": 300.0, "FILTER": "Ha", "OBJECT": "M 31"}
DARK: dict[str, Any] = {"EXPTIME": 300.0}
FLAT: dict[str, Any] = {"EXPTIME": 2.0, "FILTER": "Ha"}
NIGHT = "2026-01-03"
WATCHED = ("rig", "wbpp")


def frame(path: Path, kind: str, seed: int, night: str = NIGHT, **facts: Any) -> None:
    """Write a frame of the rig; each seed has pixels of its own. ``facts``: cards; None leaves one out."""
    cards: dict[str, Any] = {
        "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": NX, "NAXIS2": NY, "BZERO": 32768, "BSCALE": 1,
        "IMAGETYP": kind, "INSTRUME": CAMERA, "TELESCOP": TELESCOPE, "GAIN": 100, "OFFSET": 50, "SET-TEMP": -10.0,
        "CCD-TEMP": -10.0, "XBINNING": 1, "YBINNING": 1, "FOCALLEN": 2032.0, "FOCRATIO": 10.0,
        "DATE-OBS": f"{night}T22:{seed % 60:02}:{seed // 60 % 60:02}.000", "SWCREATE": "N.I.N.A. 3.2.0.9001 (x64)",
    }  # fmt: skip
    given = {name.replace("_", "-"): value for name, value in facts.items()}
    cards = {name: value for name, value in (cards | given).items() if value is not None}
    pixels = np.random.default_rng(seed).normal(LEVELS[kind], 12.0, (NY, NX)).round().astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_fits(path, (Card(name, value) for name, value in cards.items()), pixels)


def lights(folder: Path, count: int, first: int = 0, night: str = NIGHT, **facts: Any) -> None:
    """Write lights where the process has them."""
    place = folder / f"M 31/accept/DATE_{night}/FILTER_{facts.get('FILTER', 'Ha')}_EXP_300.00"
    for seed in range(first, first + count):
        frame(place / f"{night}_22-{seed:02}-00.fits", "LIGHT", seed, night, **{**LIGHT, **facts})


@dataclass
class Files:
    """The stack, and the folders of its sources ``rig`` and ``wbpp``."""

    settings: Settings
    service: Ingest
    pool: asyncpg.Pool
    folder: Path

    @property
    def library(self) -> Path:
        """The library."""
        return self.service.library

    def source(self, name: str) -> Path:
        """The folder of a source."""
        return self.folder / name

    async def value(self, query: str, *values: object) -> Any:
        """The value of a query of calibration."""
        return await self.pool.fetchval(query, *values)

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query of calibration."""
        return [tuple(row) for row in await self.pool.fetch(query, *values)]

    async def until(self, query: str, wanted: object, *, within_s: float = 20.0) -> None:
        """Wait until a query has a value."""
        found: object = None
        try:
            async with asyncio.timeout(within_s):
                while (found := await self.value(query)) != wanted:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            rows = await self.rows(
                "SELECT folder, name, state, how, attempt, reason FROM placement ORDER BY folder, name"
            )
            jobs = await self.rows("SELECT task, state, reason, lines FROM ingest.keeper_job_progress")
            raise AssertionError(f"{query}: {found!r} instead of {wanted!r}; {rows}; {jobs}") from None

    def below(self, prefix: str) -> list[str]:
        """What lies in a folder of the library, also what is a link."""
        base = self.library / prefix
        return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if not path.is_dir())

    def contents(self) -> Mapping[str, bytes]:
        """All files of the library."""
        return library_files(self.library)


def chosen(settings: Settings, folder: Path, **calibration: Any) -> Settings:
    """Settings with two watched sources, the folder of WBPP among them, and services in a hurry."""
    for name in WATCHED:
        (folder / name).mkdir(exist_ok=True)
    watched = [FolderSettings(name=name, path=folder / name, settle_s=0.0, walk_interval_s=0.5) for name in WATCHED]
    return configured(settings, folder, *watched).model_copy(
        update={
            "calibration": CalibrationSettings(**{"match_interval_s": 0.2, **calibration}),
            "scanner": ScannerSettings(workers=1, measure_stars=False),
            "stats": StatsSettings(session_check_interval_s=0.5),
        }
    )


@asynccontextmanager
async def files_stack(settings: Settings, client: Client, folder: Path) -> AsyncIterator[Files]:
    """All four services running; each must still run at the end."""
    await decided(client.jetstream(), 0)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(ingest(settings, client))
        for app in (scanner_app, stats_app, calibration_app):
            await stack.enter_async_context(also_running(app, settings))
        pool = await stack.enter_async_context(pool_of(settings.postgres, "calibration"))
        yield Files(settings, service, pool, folder)


@asynccontextmanager
async def also_running(app: Any, settings: Settings) -> AsyncIterator[None]:
    """A service running in this process; it must still run at the end."""
    process = Process()
    task = asyncio.create_task(app.run(settings, process))
    try:
        yield
        assert not task.done(), "the service ended"
    finally:
        process.stopping.set()
        assert await asyncio.wait_for(task, 30) == 0
