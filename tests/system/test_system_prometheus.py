"""Metrics as Prometheus itself sees them: the pages pass promtool, and a real server scrapes a running stack."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from services.descriptions import NAMES
from services.standalone.home import LOOPBACK, Home, port_is_free
from services.standalone.simulation import tiny_frames
from tests.e2e.running import Up, up
from tests.stack import open_folder
from tests.system.conftest import Program

FRAMES = 20
_PORTS = range(19_090, 19_190)


@pytest.fixture(scope="module")
def stack() -> Iterator[Up]:
    """A running ``nightbus up`` that has handled some frames."""
    with open_folder() as folder:
        tiny_frames(folder / "frames", FRAMES, 1)
        quick = {"NIGHTBUS_INGEST__SETTLE_S": "0.1", "NIGHTBUS_SCANNER__MEASURE_STARS": "false"}
        with up(folder / "home", **quick) as running:
            running.run("ingest", str(folder / "frames"), "--mode", "index", "--wait")
            yield running


def addresses(stack: Up) -> dict[str, str]:
    """Where each service has its pages."""
    ports = Home.attach(stack.home).ports()
    return {name: f"{LOOPBACK}:{ports[f'health_{name}']}" for name in NAMES}


def test_promtool_finds_nothing_wrong_with_the_pages(program: Program, request: pytest.FixtureRequest) -> None:
    """Every service's /metrics parses and keeps the naming rules that promtool knows."""
    promtool = program("promtool", "prometheus")
    for name, address in addresses(request.getfixturevalue("stack")).items():
        page = httpx.get(f"http://{address}/metrics", trust_env=False).raise_for_status().text
        assert "nightbus_" in page
        done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.strip()) == (0, ""), f"{name}: {done.stderr}"


def test_prometheus_scrapes_every_service(program: Program, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A real Prometheus finds all services up, and the counters of handled events have the numbers of the night."""
    server = program("prometheus", "prometheus")
    targets = addresses(request.getfixturevalue("stack"))
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "nightbus",
                "static_configs": [{"targets": [at], "labels": {"name": name}} for name, at in targets.items()],
            }
        ],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    at = f"{LOOPBACK}:{next(port for port in _PORTS if port_is_free(port))}"
    command = [server, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    with (tmp_path / "log").open("wb") as output:
        process = subprocess.Popen([*command, f"--web.listen-address={at}"], stdout=output, stderr=output)
    try:
        states = until_all_up(at, len(targets), tmp_path / "log")
        assert states == dict.fromkeys(targets, "up")
        series = ask(at, "query", query="sum by (service, subject) (nightbus_events_handled_total)")["result"]
        handled = {(row["metric"]["service"], row["metric"]["subject"]): float(row["value"][1]) for row in series}
        assert handled["scanner", "file.arrived"] >= FRAMES
        assert handled["stats", "file.scanned"] >= FRAMES
    finally:
        process.terminate()
        process.wait(30)


def until_all_up(at: str, count: int, log: Path) -> dict[str, str]:
    """The health of every target by name, once all have been scraped."""
    deadline = time.monotonic() + 60
    while True:
        try:
            found = ask(at, "targets")["activeTargets"]
            if len(found) == count and all(target["health"] != "unknown" for target in found):
                return {target["labels"]["name"]: target["health"] for target in found}
        except httpx.HTTPError:
            pass  # not listening yet
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.3)


def ask(at: str, question: str, **parameters: str) -> Any:
    """The data of an answer of Prometheus' HTTP API."""
    answer = httpx.get(f"http://{at}/api/v1/{question}", params=parameters, trust_env=False).raise_for_status()
    return json.loads(answer.text)["data"]
