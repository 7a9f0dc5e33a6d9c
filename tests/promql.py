"""What a PromQL expression asks for: the series that it reads, and the labels that it names."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser
from promql_parser import Expr


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
