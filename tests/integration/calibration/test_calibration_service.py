"""The service as it runs: switched on late it ends where one ends that saw every event; it tells, and it answers."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from services.calibration import app
from services.calibration.settings import CalibrationSettings
from services.descriptions import SERVICES
from shared.bus.names import EVENTS
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.bus.rpc import ask
from shared.events.base import Event
from shared.events.calibration import CalibrationMatched, CalibrationMissing
from shared.events.calibration_commands import (
    DarkLibrary,
    DarksPlanned,
    ExplainRequirements,
    PlanDarks,
    RequirementsExplained,
)
from shared.process import Process
from shared.settings import ServicesSettings, Settings
from tests.integration.calibration.world import NIGHT, World, dark, flat, opened, removed, sub
from tests.stack import connected_as

FILES = 20_000
NIGHTS = 50
KEPT = (
    "group_need", "need", "light", "light_group", "frame", "other_file", "forgotten_file", "inbox", "outbox", "past",
    "evaluation",
)  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No services are named, since NATS is provisioned with and without calibration; it looks often."""
    return settings.model_copy(
        update={"services": ServicesSettings(), "calibration": CalibrationSettings(match_interval_s=0.2)}
    )


@pytest.fixture
async def one(settings: Settings) -> AsyncIterator[World]:
    """An empty world."""
    async with opened(settings.postgres, settings) as made:
        yield made


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Calibration, as `nightbus run calibration` has it."""
    process = Process()
    task = asyncio.create_task(app.run(settings, process))
    try:
        yield
    finally:
        process.stopping.set()
        assert await asyncio.wait_for(task, 30) == 0


async def until(one: World, query: str, wanted: object) -> None:
    """Wait until a query has a value."""
    async with asyncio.timeout(120):
        while await one.pool.fetchval(query) != wanted:
            await asyncio.sleep(0.1)


def night(number: int) -> dict[str, Any]:
    """Facts of a frame of one of the nights."""
    return {"night": NIGHT + timedelta(days=number % NIGHTS), "filter": "LRGBH"[number // NIGHTS % 5]}


def library() -> Iterator[Sequence[Event]]:
    """Batches of events of 20,000 files: lights of 50 nights, masters that fit some of them, files that went."""
    lights = [sub(f"l{n}", start_s=float(n), gain=100.0 if n % 7 else 200.0, **night(n)) for n in range(FILES - 400)]
    for start in range(0, len(lights), 1000):
        yield lights[start : start + 1000]
    yield [dark(f"d{n}", gain=100.0 * (n % 3), exposure_s=60.0 + n % 2) for n in range(100)]
    yield [flat(f"f{n}", **night(3 * n)) for n in range(300)]
    yield [sub(f"l{n}", start_s=float(n), revision=2, gain=300.0, **night(n)) for n in range(100)]
    yield [removed(f"l{n}") for n in range(200, 300)]


async def test_switched_on_late_it_ends_like_one_that_saw_every_event(
    settings: Settings, one: World, nats_client: Client
) -> None:
    """20,000 files of which the stream knows nothing any more: tables, matches and reasons are the same."""
    js = nats_client.jetstream()
    last = sub("last", start_s=50_000.0, **night(1))
    for batch in (*library(), [last]):
        await one.count(batch)
        await one.note(batch)
    await one.matcher.turn()
    early = await one.snapshot()
    assert len(early["requirements"]) > 200
    async with connected_as(settings.postgres, settings.postgres.admin_role) as admin:
        await admin.execute("TRUNCATE " + ", ".join(f"calibration.{table}" for table in KEPT))
    await provision(js, settings.nats, [service for service in SERVICES if service.name != "calibration"])
    await js.purge_stream(EVENTS)
    await provision(js, settings.nats, SERVICES)
    async with running(settings):
        await Publisher(js, "scanner").publish(last)  # which is part of the past as well
        await until(one, "SELECT count(*) FROM past WHERE done_at IS NOT NULL", 1)
        await until(one, "SELECT count(*) FROM light", FILES - 400 - 100 + 1)
        await until(one, "SELECT lights_waiting + outbox_waiting FROM counts", 0)
    assert await one.snapshot() == early


async def test_it_tells_what_it_matches_and_answers_questions(
    settings: Settings, one: World, nats_client: Client
) -> None:
    """A light, then a dark: calibration.missing, then calibration.matched, in the stream; a plan knows the dark."""
    js = nats_client.jetstream()
    told: list[bytes] = []
    subscription = await js.pull_subscribe("calibration.>", durable=None, stream=EVENTS)
    publisher = Publisher(js, "scanner")

    async def next_event() -> tuple[str, bytes]:
        (message,) = await subscription.fetch(1, timeout=30)
        told.append(message.data)
        return message.subject, message.data

    async with running(settings):
        await one.count(sub("l"))
        await publisher.publish(sub("l"))
        first = dict([await next_event(), await next_event()])
        assert set(first) == {"calibration.missing"}
        missing = [CalibrationMissing.model_validate_json(data) for data in told]
        assert [one.has_its_own_id() for one in missing] == [True, True]
        assert {one.requirement.master_type.value for one in missing} == {"MASTER_DARK", "MASTER_FLAT"}
        (wanted,) = [one for one in missing if one.requirement.master_type == "MASTER_DARK"]
        assert wanted.capture is not None
        assert (wanted.capture.frames, wanted.capture.total_s, wanted.lights) == (20, 1200.0, 1)
        await publisher.publish(dark("d"))
        subject, data = await next_event()
        matched = CalibrationMatched.model_validate_json(data)
        assert (subject, matched.revision, matched.requirement_id) == ("calibration.matched", 2, wanted.requirement_id)
        planned = await ask(
            nats_client,
            PlanDarks(
                libraries=(
                    DarkLibrary(camera="ASI2600MM", exposures_s=(60.0, 300.0), gains=(100.0,), set_temps_c=(-10.0,)),
                )
            ),
            DarksPlanned,
        )
        assert [(row.exposure_s, row.master_name, row.frames) for row in planned.darks] == [
            (60.0, "d.fits", None), (300.0, None, 20),
        ]  # fmt: skip
        explained = await ask(nats_client, ExplainRequirements(session_id=matched.session_id), RequirementsExplained)
        assert [row.state for row in explained.requirements] == ["matched", "missing"]
