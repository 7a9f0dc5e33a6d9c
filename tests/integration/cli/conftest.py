"""A stack with rows, and the command line run on it as a program."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import asyncpg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.descriptions import SERVICES
from services.stats.store.derived import COUNTERS
from services.stats.store.rebuild import replace
from shared.bus.provision import provision
from shared.bus.transaction import Connection
from shared.settings import Settings
from tests.stack import connected_as

REPOSITORY = Path(__file__).resolve().parents[3]
ARRIVED_AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def stats(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the stats service's role."""
    async with connected_as(settings.postgres, "stats") as connection:
        yield connection


@pytest.fixture
async def ingest(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the ingest service's role."""
    async with connected_as(settings.postgres, "ingest") as connection:
        yield connection


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the api service's role."""
    async with connected_as(settings.postgres, "api") as connection:
        yield connection


def environment_of(settings: Settings) -> dict[str, str]:
    """Where the servers of settings are, as environment variables of the command line."""
    postgres, nats = settings.postgres, settings.nats
    known = {
        "NIGHTBUS_POSTGRES__HOST": postgres.host,
        "NIGHTBUS_POSTGRES__PORT": str(postgres.port),
        "NIGHTBUS_POSTGRES__DATABASE": postgres.database,
        "NIGHTBUS_POSTGRES__ADMIN_ROLE": postgres.admin_role,
        "NIGHTBUS_POSTGRES__SECRETS_DIR": str(postgres.secrets_dir),
        "NIGHTBUS_NATS__URL": nats.url,
        "NIGHTBUS_NATS__MAX_BYTES": str(nats.max_bytes),
    }
    if nats.user and nats.password_file:
        known |= {"NIGHTBUS_NATS__USER": nats.user, "NIGHTBUS_NATS__PASSWORD_FILE": str(nats.password_file)}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    return clean | known | {"PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Settings of this test's stack as environment variables."""
    return environment_of(settings)


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the command line as a program."""

    def nightbus(*words: str, stdin: str = "", extra: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.cli.main", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment | (extra or {}),
            cwd=tmp_path,
            timeout=60,
            check=False,
        )

    return nightbus


@pytest.fixture
def quick(environment: dict[str, str]) -> Callable[..., Result]:
    """Run the command line in this process, for tests of many cases."""
    return lambda *words: CliRunner().invoke(app, list(words), env=environment)


@pytest.fixture
async def js(settings: Settings, nats_client: Client) -> JetStreamContext:
    """JetStream with our streams and consumers."""
    context = nats_client.jetstream()
    await provision(context, settings.nats, SERVICES)
    return context


@pytest.fixture
async def rows(stats: asyncpg.Connection, ingest: asyncpg.Connection) -> None:
    """A small library: M31 in L and Ha over two nights, M42 with one rig more, a dark, a broken file, a waiting one."""
    await ingest.execute("INSERT INTO root (name, path, kind) VALUES ('library', '/library', 'library')")
    frames = [
        ("a", "=M31 light 1.fits", "LIGHT", "M31", "L", date(2026, 2, 27), "rig@f5+cam", "cam", 300_000, 2.5),
        ("b", "M31 light 2.fits", "LIGHT", "M31", "Ha", date(2026, 2, 28), "rig@f5+cam", "cam", 600_000, 3.5),
        ("c", "M42 light.fits", "LIGHT", "M42", "L", date(2025, 12, 31), "Seestar S50", "S50", 10_000, 4.0),
        ("d", "dark.fits", "DARK", None, None, date(2026, 2, 28), "rig@f5+cam", "cam", 600_000, None),
    ]
    for digit, path, frame_type, target, filter_name, night, rig, camera, milliseconds, fwhm in frames:
        await _file(stats, ingest, digit * 64, path)
        observed_at = datetime(night.year, night.month, night.day, 22, tzinfo=UTC)
        session = f"{night:%Y%m%d}_0000000{'A' if camera == 'cam' else 'B'}"
        await _insert(
            stats, "frame", file_id=digit * 64, scan_revision=1, format="fits", frame_type=frame_type,
            session_id=session, own_session_id=session, catalog_id=target, filter=filter_name,
            counted=frame_type == "LIGHT", exposure_ms=milliseconds, total_exposure_ms=milliseconds, size_bytes=100,
            night=night, session_night=night, night_ends_at=observed_at, observed_at=observed_at, arrived_at=ARRIVED_AT,
            source="s", stem=path, stem_key=ord(digit), rig=rig, camera=camera,
            object_name=target and target.replace("M", "M "), fwhm_arcsec=fwhm, star_count=500,
        )  # fmt: skip
        if digit != "d":
            await _insert(
                stats, "session", session_id=session, night=night, rig=rig, files=1, size_bytes=100, exposures=1,
                integration_ms=milliseconds, ends_at=observed_at + timedelta(hours=9), last_arrived_at=ARRIVED_AT,
            )  # fmt: skip
    await stats.execute(
        "INSERT INTO target (catalog_id, name, exposures, integration_ms, sessions) VALUES "
        "('M31', 'Andromeda Galaxy', 2, 900000, 2), ('M42', 'Orion Nebula', 1, 10000, 1)"
    )
    await count_anew(stats)
    await _file(stats, ingest, "e" * 64, "broken\x1b[31m.fits")
    await _insert(
        stats, "quarantine", quarantine_key="e" * 64, file_id="e" * 64, root="library", path="broken.fits",
        service="scanner", attempt=1, reason="the header is cut off", occurred_at=ARRIVED_AT,
    )  # fmt: skip
    await _file(stats, ingest, "f" * 64, "new.fits")
    await _insert(stats, "pending", file_id="f" * 64, scan_revision=1, source="rig", waiting_since=ARRIVED_AT)


async def count_anew(stats: asyncpg.Connection) -> None:
    """Have what is counted of the frames agree with rows that a test wrote or changed by itself."""
    for derived in COUNTERS:
        await replace(cast(Connection, stats), derived)


async def _insert(connection: asyncpg.Connection, table: str, **values: object) -> None:
    columns = ", ".join(values)
    numbers = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({numbers})", *values.values())


async def _file(stats: asyncpg.Connection, ingest: asyncpg.Connection, file_id: str, path: str) -> None:
    common = {"file_id": file_id, "size_bytes": 100, "source": "s", "origin": path, "arrived_at": ARRIVED_AT}
    await _insert(ingest, "file", **common)
    await _insert(ingest, "location", root="library", path=path, file_id=file_id)
    await _insert(stats, "file", **common, root="library", path=path, scan_revision=1, announced_at=ARRIVED_AT)
