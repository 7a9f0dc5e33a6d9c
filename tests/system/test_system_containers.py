"""The suite passes on containers as it does on the embedded servers, and the tests do not know which they had."""

import time

import pytest

from tests.stack import NATS_IMAGE, POSTGRES_IMAGE
from tests.system.conftest import Engine
from tests.system.suite import passes

PARTS = ("bus", "api", "stats")
"""Of tests/integration: events, both servers together, the heaviest SQL."""


@pytest.mark.timeout(3000)
def test_the_suite_passes_on_containers(engine: Engine) -> None:
    """With NIGHTBUS_TEST_STACK=containers the same tests pass, on one Postgres and one NATS container of the run."""
    started = int(time.time())
    summary = passes("containers", PARTS, 2940, engine.environment)
    events = engine.client.api.events(
        since=started, until=int(time.time()) + 1, decode=True, filters={"type": "container", "event": "start"}
    )
    images = sorted(event["from"] for event in events)
    assert images == sorted([NATS_IMAGE, POSTGRES_IMAGE]), "one container of each for the whole run"
    print(f"{summary}; images: {engine.images}")


def test_the_run_leaves_no_container_behind(engine: Engine) -> None:
    """After the run the engine has no container of these images, running or stopped."""
    ours = [item for item in engine.client.containers.list(all=True) if set(item.image.tags) & set(engine.images)]
    assert ours == []
