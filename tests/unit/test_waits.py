"""What a service waits for: said once, and shown as long as it lasts."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY

from shared.errors import Unavailable
from shared.health import Check, Health, failures, health_app
from shared.process import Process
from shared.waits import Waits


@pytest.fixture
def said() -> Iterator[list[dict[str, object]]]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]


def test_waiting_is_said_once(said: list[dict[str, object]]) -> None:
    """The beginning, a new reason and the end are a line each; looking again says nothing."""
    waits = Waits("ingest")
    for reason in ("away", "away", "read-only"):
        waits.begin("the library", reason)
    began = waits.now()[0].since
    waits.begin("room", "full")
    assert [(wait.what, wait.reason) for wait in waits.now()] == [("the library", "read-only"), ("room", "full")]
    assert waits.now()[0].since == began
    assert REGISTRY.get_sample_value("nightbus_waits", {"service": "ingest"}) == 2
    waits.end("the library")
    waits.end("the library")
    assert [wait.what for wait in waits.now()] == ["room"]
    assert [(line["event"], line["what"], line.get("reason")) for line in said] == [
        ("waits", "the library", "away"), ("waits", "the library", "read-only"), ("waits", "room", "full"),
        ("goes on", "the library", None),
    ]  # fmt: skip


async def test_a_waiting_service_is_ready_and_says_what_it_waits_for() -> None:
    """/readyz answers 200 with the reason: a service that waits for its library does everything else."""
    waits, checks = Waits("ingest"), dict[str, Check]()
    process = Process(("ingest",))
    transport = httpx.ASGITransport(health_app(process.health))
    async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:

        async def page() -> tuple[int, str]:
            answer = await client.get("/readyz")
            return answer.status_code, answer.text

        assert await page() == (503, "waits for its servers\n")
        process.health["ingest"] = Health(checks, waits)
        assert await page() == (200, "ok\n")
        waits.begin("the library", "it is away")
        assert await page() == (200, "ok\nwaits for the library: it is away\n")
        checks["postgres"] = _refuses
        assert await page() == (503, "postgres: gone\nwaits for the library: it is away\n")


async def test_services_that_share_a_process_are_each_named() -> None:
    """/readyz has each service's own lines, and is ready once all of them are."""
    process = Process(("api", "notify"))
    process.health["api"] = Health({}, Waits("api"))
    transport = httpx.ASGITransport(health_app(process.health))
    async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "api: ok\nnotify: waits for its servers\n")
        process.health["notify"] = Health({}, Waits("notify"))
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (200, "api: ok\nnotify: ok\n")


async def test_a_check_that_hangs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer in time is named as that, and holds up no other check."""
    monkeypatch.setattr("shared.health.CHECK_TIMEOUT_S", 0.01)
    never = asyncio.Event()

    async def hangs() -> None:
        await never.wait()

    assert await failures({"nats": hangs, "postgres": _refuses}) == ["nats: does not answer", "postgres: gone"]


async def _refuses() -> None:
    raise Unavailable("gone")
