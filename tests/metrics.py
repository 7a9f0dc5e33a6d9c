"""All metrics that the code registers: what Prometheus can be asked for."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is written in the code: its name there, and its labels."""

    name: str
    labels: frozenset[str]


def series() -> dict[str, Metric]:
    """Every series that a service may have, by the name that Prometheus knows."""
    found: dict[str, Metric] = {}
    for file in sorted((*ROOT.glob("services/*/metrics.py"), ROOT / "shared" / "metrics.py")):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for value in vars(module).values():
            if isinstance(value, MetricWrapperBase):
                metric = Metric(value._name, frozenset(value._labelnames))
                if isinstance(value, Histogram):
                    found[f"{metric.name}_bucket"] = Metric(metric.name, metric.labels | {"le"})
                    found |= {f"{metric.name}_{part}": metric for part in ("sum", "count")}
                else:
                    found[f"{metric.name}_total" if isinstance(value, Counter) else metric.name] = metric
    return found
