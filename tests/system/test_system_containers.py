"""The suite passes on containers as it does on the embedded servers, and the tests do not know which they had."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stack import NATS_IMAGE, POSTGRES_IMAGE
from tests.system.conftest import Engine

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("bus", "api", "stats")
"""Of tests/integration: events, both servers together, the heaviest SQL."""


@pytest.mark.timeout(600)
def test_the_suite_passes_on_containers(engine: Engine) -> None:
    """With NIGHTBUS_TEST_STACK=containers the same tests pass, on one Postgres and one NATS container of the run."""
    started = int(time.time())
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *(f"tests/integration/{name}" for name in FOLDERS),
        ],
        cwd=REPOSITORY,
        env={**os.environ, **engine.environment, "NIGHTBUS_TEST_STACK": "containers"},
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    summary = done.stdout.strip().splitlines()[-1]
    assert int(re.findall(r"(\d+) passed", summary)[0]) > 40, summary
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
