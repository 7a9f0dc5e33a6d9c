"""Services of calibration that run for a module, with files that are matched and sets that are measured.

A module that wants them imports ``place``. Each test decides about a rig of its own, so that none depends on another.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.calibration.settings import CalibrationSettings
from services.cli.main import app
from services.descriptions import SERVICES
from services.settings import AllSettings
from shared.bus.broker import connect
from shared.bus.provision import provision
from shared.events.file import FileScanned
from shared.settings import PostgresSettings, Settings
from tests.integration.calibration.rawworld import RawWorld, flat_truth, raw_world
from tests.integration.calibration.world import NIGHT, dark, flat, night_after, opened, sub
from tests.integration.cli.conftest import environment_of
from tests.raw_frames import scene
from tests.stack import NatsServer, PostgresServer, empty_nats, fresh_database, open_folder

MIN_FRAMES = 6
FAR = 40
"""Nights after the first, beyond the reach of its flats."""
READ, PIN, REFUSE, LOSE, TURN = "ReadCam", "PinCam", "RefuseCam", "LoseCam", "TurnCam"
"""A camera, and so a rig and its sessions, for each thing that is tried."""
ANSWER_S = 60.0
_LATE = night_after(FAR)
_LATER = _LATE["observed_at"]


def rig(camera: str) -> str:
    """The rig of a camera."""
    return f"C8E@f7.0+{camera}"


def files() -> list[FileScanned]:
    """Lights of five rigs, and masters that some of them need."""

    def of(camera: str) -> dict[str, Any]:
        return {"camera": camera, "rig": rig(camera)}

    return [
        *(sub(f"l{n}", start_s=60.0 * n, **of(READ)) for n in range(3)),
        *(sub(f"h{n}", start_s=60.0 * n, filter="Ha", **{**of(READ), **_LATE}) for n in range(2)),
        dark("d", **of(READ)), flat("f", **of(READ)), dark("unused", exposure_s=300.0, **of(READ)),
        dark("twin1", path="one/same.fits", exposure_s=10.0, **of(READ)),
        dark("twin2", path="two/same.fits", exposure_s=10.0, **of(READ)),
        sub("p", **of(PIN)), dark("p-old", **of(PIN)), dark("p-new", at=_LATER, observed_at=_LATER, **of(PIN)),
        sub("r", **of(REFUSE)), dark("r-dark", **of(REFUSE)),
        sub("x", **of(LOSE)), dark("x-dark", gain=200.0, **of(LOSE)),
        sub("t", **of(TURN)), flat("t-flat", **{**of(TURN), "night": NIGHT - timedelta(days=3)}),
    ]  # fmt: skip


class Place:
    """The services, and the command line on them."""

    def __init__(self, environment: dict[str, str], numbers: dict[str, int]) -> None:
        self.environment = environment
        self.sets = numbers
        """Numbers of the sets of raw frames, by type."""

    def run(self, *words: str, **variables: str) -> Result:
        """What a command answers."""
        return CliRunner().invoke(app, ["calibration", *words], env=self.environment | variables)

    def said(self, *words: str) -> str:
        """What a command prints that does what it was asked, with single blanks."""
        done = self.run(*words)
        assert done.exit_code == 0, (words, done.output, done.exception)
        assert done.stderr == "", words
        return " ".join(done.stdout.split())

    def listed(self, *words: str) -> list[dict[str, Any]]:
        """The rows that --json prints."""
        rows: list[dict[str, Any]] = json.loads(self.said(*words, "--json"))
        return rows

    def needs(self, camera: str) -> dict[str, dict[str, Any]]:
        """What the only session of a camera needs, by type."""
        return {row["master_type"]: row for row in self.listed("status", "--camera", camera)}

    def session(self, camera: str) -> str:
        """The earliest session of a camera."""
        return str(min(row["session_id"] for row in self.listed("status", "--camera", camera)))

    def until(self, camera: str, master_type: str, said: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for an answer to what the session of a camera needs."""
        ends = time.monotonic() + ANSWER_S
        while not said(row := self.needs(camera)[master_type]):
            assert time.monotonic() < ends, row
            time.sleep(0.05)
        return row


@pytest.fixture(scope="module")
def place(postgres: PostgresServer, nats_of_the_run: NatsServer) -> Iterator[Place]:
    """Ingest and calibration in a process of their own, with files that are matched and sets that are measured."""
    with asyncio.Runner() as runner, open_folder() as folder:
        stack = AsyncExitStack()
        database = runner.run(stack.enter_async_context(fresh_database(postgres)))
        own = CalibrationSettings(min_frames=MIN_FRAMES)
        settings = AllSettings(postgres=database, nats=nats_of_the_run.settings)
        settings = settings.model_copy(update={"calibration": own})
        numbers = runner.run(_filled(database, settings, nats_of_the_run, folder))
        environment = environment_of(settings) | {
            "COLUMNS": "200",
            "NIGHTBUS_LIBRARY__PATH": str(folder / "library"),
            "NIGHTBUS_CALIBRATION__MIN_FRAMES": str(MIN_FRAMES),
            "NIGHTBUS_CALIBRATION__MATCH_INTERVAL_S": "0.1",
            "NIGHTBUS_CALIBRATION__FILE_MASTERS": "false",
            "NIGHTBUS_DARK_LIBRARIES": json.dumps([{"camera": READ, "exposures_s": [60, 120]}]),
        }
        command = [sys.executable, "-m", "services.cli.main", "run", "ingest", "calibration"]
        with (folder / "log").open("wb") as log:
            services = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            made = Place(environment, numbers)
            ends = time.monotonic() + ANSWER_S
            while made.run("check").exit_code:
                assert services.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < ends, (folder / "log").read_text()
                time.sleep(0.1)
            yield made
        finally:
            services.terminate()
            services.wait(60)
            runner.run(stack.aclose())


async def _filled(database: PostgresSettings, settings: Settings, nats: NatsServer, folder: Path) -> dict[str, int]:
    """Empty streams, files that stats and calibration know, and raw frames in the library; numbers of their sets."""
    await empty_nats(nats)
    client = await connect(nats.settings, "provision")
    await provision(client.jetstream(), nats.settings, SERVICES)
    await client.close()
    async with opened(database, settings) as world, raw_world(settings, database, folder) as raw:
        for event in files():
            await world.count(event)
            await world.note(event)
        await world.matcher.turn()
        return await _sets(raw)


async def _sets(raw: RawWorld) -> dict[str, int]:
    await raw.raws("BIAS", MIN_FRAMES, scene(1), EXPTIME=0.001)
    await raw.raws("DARK", 3, scene(1), EXPTIME=300.0)
    await raw.raws("FLAT", MIN_FRAMES, flat_truth(), EXPTIME=2.0, FILTER="L", TELESCOP="C8E")
    await raw.work.turn()
    return {kind: await raw.set_no(kind) for kind in ("BIAS", "DARK", "FLAT")}
