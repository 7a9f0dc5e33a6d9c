"""Metrics are a contract as well: names by Prometheus' rules, labels that are bounded, and no surprise among them."""

import re

import pytest

from shared.metrics import LABELS
from tests.contract import metrics_page

METRICS = metrics_page.all_named()
UNBOUNDED = {"file", "file_id", "path", "session", "session_id", "event_id", "archive", "name"}
UNITS_NOT_OF_PROMETHEUS = re.compile(r"_(ms|millis|milliseconds|minutes|hours|days|kb|mb|gb|mib|percent)(_|$)")


def test_every_service_with_numbers_of_its_own_names_them_in_one_module() -> None:
    """The page has a section for all services, and one for each that has metrics; no name stands in two."""
    assert set(metrics_page.modules()) == {"", "ingest", "stats", "calibration", "backup", "api"}
    assert len(METRICS) == sum(1 for module in metrics_page.modules().values() for _ in metrics_page.named(module))
    assert all(list(metrics_page.named(module)) for module in metrics_page.modules().values())


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_keeps_the_rules_of_prometheus(name: str) -> None:
    """One prefix, base units, _total of counters alone, a help that is a sentence without its end, known labels."""
    metric = METRICS[name]
    assert re.fullmatch(r"nightbus_[a-z0-9_]+", name)
    assert UNITS_NOT_OF_PROMETHEUS.search(name) is None
    assert name.endswith("_total") == (metric.type == "counter")
    assert metric.help
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert not metric.help.endswith(".")
    assert set(metric.labels) <= LABELS.keys() - UNBOUNDED


def test_every_label_says_what_it_may_be() -> None:
    """Each label that stands in the table is used, so that the table is of today."""
    assert {label for metric in METRICS.values() for label in metric.labels} == LABELS.keys()
