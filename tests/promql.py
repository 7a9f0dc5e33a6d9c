"""What a PromQL expression asks for, and what there is to ask for."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser
from promql_parser import Expr

from tests.contract.metrics_page import all_named


@dataclass(slots=True)
class Reads:
    """Names of the series of an expression, and the labels that each is matched by or grouped by."""

    series: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    ranges: list[str] = field(default_factory=list)
    """Calls that take a range, such as ``rate``."""


def read(expression: str) -> Reads:
    """Parse an expression.

    Raises:
        ValueError: it is no PromQL.
    """
    found = Reads()
    for node in _nodes(promql_parser.parse(expression)):
        if isinstance(node, promql_parser.VectorSelector):
            found.series.add(node.name or "")
            found.labels |= {matcher.name for matcher in node.matchers.matchers}
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.labels |= set(node.modifier.labels)
        elif isinstance(node, promql_parser.Call):
            found.ranges += [node.func.name for part in node.args if isinstance(part, promql_parser.MatrixSelector)]
    return found


def _nodes(expression: Expr) -> Iterator[Expr]:
    seen: list[Expr] = []
    promql_parser.walk(expression, pre_visit=seen.append)
    yield from seen


def series() -> dict[str, frozenset[str]]:
    """Every series that a service may have, by the name that Prometheus knows, with its labels."""
    found: dict[str, frozenset[str]] = {}
    for metric in all_named().values():
        labels = frozenset(metric.labels)
        if metric.type == "histogram":
            found |= {
                f"{metric.name}_bucket": labels | {"le"},
                f"{metric.name}_sum": labels,
                f"{metric.name}_count": labels,
            }
        else:
            found[metric.name] = labels
    return found
