"""Metrics, alerts and dashboards as Prometheus itself sees them: a real server scrapes a running stack."""

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
from tests.dashboards import ALERTS, ROOT, promql_of, promql_queries
from tests.e2e.running import Up, up
from tests.stack import open_folder
from tests.system.conftest import Program, found_program

FRAMES = 20
_PORTS = range(19_090, 19_190)
FOLDER = ROOT / "deploy" / "prometheus"
PATIENCE_S = 120.0
"""The janitor measures the stream once a minute, and a busy machine takes its time."""
NOT_HERE = (
    "nightbus_backup_", "nightbus_root_nights_left", "nightbus_newest_frame_fwhm", "nightbus_newest_frame_stars",
    "nightbus_source_", "nightbus_ingested_",
)  # fmt: skip
"""Series of what this stack does not have: destinations, sources, measured stars, nights enough for a forecast."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Up]:
    """A running ``nightbus up`` that has handled some frames."""
    with open_folder() as folder:
        tiny_frames(folder / "frames", FRAMES, 1)
        quick = {"NIGHTBUS_INGEST__SETTLE_S": "0.1", "NIGHTBUS_SCANNER__MEASURE_STARS": "false"}
        with up(folder / "home", **quick) as running:
            running.run("ingest", str(folder / "frames"), "--mode", "index", "--wait")
            yield running


@pytest.fixture(scope="module")
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Prometheus listens that has scraped every service of the stack, with the rules of deploy/prometheus."""
    server = found_program("prometheus", "prometheus")
    targets = addresses(request.getfixturevalue("stack"))
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ALERTS)]
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [at], "labels": {"name": name}} for name, at in targets.items()]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    at = f"{LOOPBACK}:{next(port for port in _PORTS if port_is_free(port))}"
    command = [server, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen([*command, f"--web.listen-address={at}"], stdout=output, stderr=output)
    try:
        states = until_all_up(at, len(targets), folder / "log")
        assert states == dict.fromkeys(targets, "up")
        yield at
    finally:
        process.terminate()
        process.wait(30)


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


@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml", "alerts_of_days_test.yml"),
    ],
)
def test_promtool_finds_nothing_wrong_with_the_rules(program: Program, words: tuple[str, ...]) -> None:
    """The settings of Prometheus and the alerts are right, and each alert fires when it should and only then."""
    promtool = program("promtool", "prometheus")
    done = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_every_service(prometheus: str) -> None:
    """A real Prometheus finds all services up, and the counters of handled events have the numbers of the night."""
    series = ask(prometheus, "query", query="sum by (service, subject) (nightbus_events_handled_total)")["result"]
    handled = {(row["metric"]["service"], row["metric"]["subject"]): float(row["value"][1]) for row in series}
    assert handled["scanner", "file.arrived"] >= FRAMES
    assert handled["stats", "file.scanned"] >= FRAMES


def test_every_panel_finds_its_series(prometheus: str) -> None:
    """Each expression of the dashboards runs on a real Prometheus, and finds something in a stack at work."""
    for asked in promql_queries():
        text = promql_of(asked.text, "10s")
        found = until_found(prometheus, text, patience_s=0 if is_empty_here(text) else PATIENCE_S)
        assert found or is_empty_here(text), f"{asked} finds nothing: {text}"


def test_no_alert_fires_in_a_healthy_stack(prometheus: str) -> None:
    """Every rule is evaluated without an error, and none of them fires or is about to."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] != "unknown" for rule in rules):
            break
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert len(rules) > 10
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    assert {rule["name"]: rule["alerts"] for rule in rules if rule["alerts"]} == {}


def is_empty_here(text: str) -> bool:
    """Whether an expression is of series that this stack does not have."""
    return any(name in text for name in NOT_HERE)


def until_found(at: str, text: str, patience_s: float) -> list[Any]:
    """What an expression finds, once it finds something."""
    deadline = time.monotonic() + patience_s
    while True:
        found: list[Any] = ask(at, "query", query=text)["result"]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def until_all_up(at: str, count: int, log: Path) -> dict[str, str]:
    """The health of every target by name, once all have been scraped."""
    deadline = time.monotonic() + PATIENCE_S
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
    answer = httpx.get(f"http://{at}/api/v1/{question}", params=parameters, trust_env=False)
    told = json.loads(answer.text)
    assert told["status"] == "success", f"{parameters}: {told}"
    return told["data"]
