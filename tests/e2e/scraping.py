"""The /metrics pages of a running stack, as one who scrapes them sees them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.standalone.home import LOOPBACK, Home
from tests.contract import metrics_page
from tests.e2e.running import Up

_OF_LIBRARIES = ("python_", "process_")
_PARTS = ("_bucket", "_sum", "_count")
"""What the series of a histogram are called behind its name."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The series of all services, and what was said of each metric: by its name type and help."""

    samples: tuple[tuple[str, dict[str, str], float], ...]
    said: dict[str, tuple[str, str]]

    def series(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Labels and value of each series of a metric."""
        return ((labels, value) for sample, labels, value in self.samples if sample == name)

    def value(self, name: str, **labels: str) -> float:
        """The value of the one series with these labels, whoever tells it."""
        found = {value for having, value in self.series(name) if having == labels}
        assert len(found) == 1, (name, labels, found)
        return found.pop()

    def total(self, name: str, **labels: str) -> float:
        """The sum over the series that have these labels among theirs."""
        return sum(value for having, value in self.series(name) if labels.items() <= having.items())

    def unknown(self) -> list[str]:
        """Metrics that docs/metrics.md does not have, or has with another type or help."""
        known = {name.removesuffix("_total"): (one.type, one.help) for name, one in metrics_page.all_named().items()}
        return [name for name, said in self.said.items() if known.get(name) != said]

    def of_wrong_labels(self) -> list[str]:
        """Series that have other labels than docs/metrics.md says."""
        known = metrics_page.all_named()
        found = []
        for name, labels, _value in self.samples:
            base = next((name.removesuffix(part) for part in _PARTS if name.removesuffix(part) in known), name)
            if set(labels) - {"le"} != set(known[base].labels):
                found.append(f"{name} {sorted(labels)}")
        return found


def scrape(stack: Up) -> Pages:
    """Read the pages of every process once."""
    ports = {port for name, port in Home.attach(stack.home).ports().items() if name.startswith("health_")}
    samples: list[tuple[str, dict[str, str], float]] = []
    said: dict[str, tuple[str, str]] = {}
    for port in ports:
        page = httpx.get(f"http://{LOOPBACK}:{port}/metrics", trust_env=False).raise_for_status().text
        for family in text_string_to_metric_families(page):
            if family.name.startswith(_OF_LIBRARIES):
                continue
            if family.samples:
                said[family.name] = (family.type, family.documentation)
            samples += [(sample.name, dict(sample.labels), sample.value) for sample in family.samples]
    return Pages(tuple(samples), said)


def scrape_until(stack: Up, so: Callable[[Pages], bool], within_s: float = 60.0) -> Pages:
    """Read the pages until they say something: some numbers are measured now and again."""
    deadline = time.monotonic() + within_s
    while True:
        pages = scrape(stack)
        try:
            if so(pages):
                return pages
        except AssertionError:  # not measured yet
            pass
        assert time.monotonic() < deadline, pages.samples
        time.sleep(0.5)
