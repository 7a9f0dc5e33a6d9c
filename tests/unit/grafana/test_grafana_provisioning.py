"""What Grafana and Prometheus are given at their start, and that each alert has its entry in the runbook."""

import re
from typing import Any

import pytest
import yaml

from deploy.grafana.source.panels import POSTGRES, PROMETHEUS
from shared.db.roles import GRAFANA
from tests.dashboards import ALERTS, ROOT
from tests.promql import read, series

GRAFANA_FOLDER = ROOT / "deploy" / "grafana"
RUNBOOK = ROOT / "docs" / "runbook.md"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]
ALERT_NAMES = (
    "NightbusServiceNotReady", "NightbusConsumerLag", "NightbusDeadLetters", "NightbusOutboxStuck",
    "NightbusStreamNearlyFull", "NightbusBackupTooOld", "NightbusUnprotectedFiles", "NightbusBackupFindings",
    "NightbusLightsWithoutMasters", "NightbusMasterBuildFailed", "NightbusMasterRefused",
    "NightbusDiskNearlyFull", "NightbusSourceUnreachable", "NightbusRootUnreachable", "NightbusStarCountCollapse",
)  # fmt: skip
PROMETHEUS_OWN = {"up"}
"""Series that Prometheus makes of its own scrapes, with the labels job and instance."""


def entries() -> dict[str, str]:
    """The entries of the runbook by their headings."""
    parts = re.split(r"^### (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_data_sources_are_those_of_the_dashboards() -> None:
    """Provisioned is one source of each kind that the dashboards ask, as the role that may only read views."""
    text = (GRAFANA_FOLDER / "provisioning" / "datasources" / "nightbus.yaml").read_text()
    sources = {source["type"]: source for source in yaml.safe_load(text)["datasources"]}
    assert sources.keys() == {POSTGRES["type"], PROMETHEUS["type"]}
    postgres = sources[POSTGRES["type"]]
    assert postgres["user"] == GRAFANA.name
    assert postgres["secureJsonData"] == {"password": f"$__file{{/run/secrets/{GRAFANA.name}}}"}
    assert postgres["jsonData"]["maxOpenConns"] <= GRAFANA.connections
    every = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert sources[PROMETHEUS["type"]]["jsonData"]["timeInterval"] == every


def test_dashboards_are_files_that_nobody_changes_in_grafana() -> None:
    """The provider reads a folder, and what it shows cannot be saved over."""
    text = (GRAFANA_FOLDER / "provisioning" / "dashboards" / "nightbus.yaml").read_text()
    (provider,) = yaml.safe_load(text)["providers"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"].startswith("/")


def test_there_is_an_alert_for_each_thing() -> None:
    """The alerts are exactly those that the runbook promises to explain."""
    assert {rule["alert"] for rule in RULES} == set(ALERT_NAMES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule['alert']} {rule['labels']['severity']}")
def test_an_alert_is_of_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """Its expression is PromQL over series that the code registers, by their labels; it names its runbook entry."""
    known = series()
    found = read(rule["expr"])
    assert found.series - PROMETHEUS_OWN <= known.keys()
    labels = {label for name in found.series - PROMETHEUS_OWN for label in known[name]}
    assert found.labels <= labels | ({"job", "service"} if found.series & PROMETHEUS_OWN else set())
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_each_alert_has_its_entry(name: str) -> None:
    """The runbook says what an alert means, how to look and how to mend it, with commands of ours."""
    entry = entries()[name]
    for part in ("**What it means.**", "**Look.**", "**Mend.**"):
        assert part in entry
    assert "nightbus " in entry


def test_the_runbook_has_what_doctor_names() -> None:
    """Each thing that `nightbus doctor` looks at stands in the table of the runbook."""
    cells = re.findall(r"^\| ([^|]+) \|", RUNBOOK.read_text().partition("## What doctor looks at")[2], re.MULTILINE)
    words = {word.strip() for cell in cells for word in cell.split(",")}
    sources = "".join(file.read_text() for file in (ROOT / "services" / "cli" / "doctor").glob("*.py"))
    named = {
        name.strip() for name in re.findall(r'(?:\b(?:ok|wrong|note|unknown|look)\(|about = )f?"([\w ]+)', sources)
    }
    assert len(named) > 10
    told = named - {"Nightbus", "everything else", "services"}
    assert not {name for name in told if not any(word.startswith(name) or name.startswith(word) for word in words)}


def test_each_alert_is_tested() -> None:
    """Promtool's unit tests have a case in which each rule fires, and one in which it is silent."""
    files = (ROOT / "deploy" / "prometheus").glob("*_test.yml")
    cases = [test for file in files for test in yaml.safe_load(file.read_text())["tests"]]
    fired = {
        (case["alertname"], alert["exp_labels"]["severity"])
        for test in cases
        for case in test["alert_rule_test"]
        for alert in case["exp_alerts"]
    }
    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in RULES}
    silent = {case["alertname"] for test in cases for case in test["alert_rule_test"] if not case["exp_alerts"]}
    assert silent == set(ALERT_NAMES)
