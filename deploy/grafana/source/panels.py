"""Building blocks of a dashboard: what a panel asks, and how it shows the answer.

A panel says what it is with a title, a description and a unit; the words of Grafana's JSON are in this file and in
``dashboard`` only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
POSTGRES: Json = {"type": "grafana-postgresql-datasource", "uid": "${postgres}"}
PROMETHEUS: Json = {"type": "prometheus", "uid": "${prometheus}"}
"""The data sources, as variables: whoever has several chooses at the top of the dashboard."""

WIDTH = 24
"""Columns of a dashboard."""
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


@dataclass(frozen=True, slots=True)
class Sql:
    """A query of a view of the contract, as role reader_grafana.

    ``format`` time_series: a column ``time`` in ascending order, perhaps ``metric`` with the name of the series, and
    the value.
    """

    text: str
    format: Literal["table", "time_series"] = "table"
    datasource = POSTGRES

    def target(self) -> Json:
        """The query as Grafana keeps it."""
        return {"editorMode": "code", "format": self.format, "rawQuery": True, "rawSql": self.text.strip()}


@dataclass(frozen=True, slots=True)
class Prom:
    """A PromQL expression. ``legend`` names a series by its labels; ``instant`` asks for now alone."""

    expression: str
    legend: str = "__auto"
    instant: bool = False
    datasource = PROMETHEUS

    def target(self) -> Json:
        """The query as Grafana keeps it."""
        shown = {"instant": True, "range": False} if self.instant else {"instant": False, "range": True}
        return {"editorMode": "code", "expr": self.expression, "legendFormat": self.legend, **shown}


@dataclass(frozen=True, slots=True)
class Column:
    """How a table shows one column: its unit, and a bar or colour in its cells."""

    name: str
    unit: str = ""
    cell: Json = field(default_factory=dict)

    def override(self) -> Json:
        """The column as Grafana keeps it."""
        properties = [{"id": "unit", "value": self.unit}] if self.unit else []
        properties += [{"id": name, "value": value} for name, value in self.cell.items()]
        return {"matcher": {"id": "byName", "options": self.name}, "properties": properties}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel, as wide and high as it says, in Grafana's own units."""

    title: str
    description: str
    kind: str
    unit: str
    queries: Sequence[Sql | Prom]
    width: int
    height: int
    options: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()

    def json(self) -> Json:
        """The panel without its place."""
        datasources = [query.datasource for query in self.queries]
        return {
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": datasources[0],
            "targets": [
                {"refId": letter, "datasource": query.datasource, **query.target()}
                for letter, query in zip("ABCDEF", self.queries, strict=False)
            ],
            "fieldConfig": {"defaults": {"unit": self.unit, **self.defaults}, "overrides": list(self.overrides)},
            "options": self.options,
            "transformations": list(self.transformations),
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A heading over the panels that follow."""

    title: str


def thresholds(*steps: tuple[float, str], base: str = GREEN) -> Json:
    """Colours from a value on; ``base`` is that of all values below the first."""
    below: Json = {"color": base, "value": None}
    return {"mode": "absolute", "steps": [below, *({"color": color, "value": value} for value, color in steps)]}


def words(values: Mapping[str, tuple[str, str]]) -> Json:
    """A word and a colour in place of a value."""
    shown = {value: {"text": text, "color": color} for value, (text, color) in values.items()}
    return {"type": "value", "options": shown}


def stat(
    title: str,
    description: str,
    query: Sql | Prom,
    *,
    unit: str,
    width: int = 4,
    height: int = 4,
    colors: Json | None = None,
    decimals: int | None = None,
    mappings: Sequence[Json] = (),
    text: Literal["auto", "value_and_name"] = "auto",
) -> Panel:
    """One number, or one for each series, without a line behind it."""
    defaults: Json = {"thresholds": colors or thresholds(base=BLUE), "mappings": list(mappings), "noValue": "-"}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": text,
        "wideLayout": True, "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    return Panel(
        title=title, description=description, kind="stat", unit=unit, queries=[query], width=width, height=height,
        options=options, defaults=defaults,
    )  # fmt: skip


def series(
    title: str,
    description: str,
    *queries: Sql | Prom,
    unit: str,
    width: int = 12,
    height: int = 8,
    draw: Literal["line", "bars", "points"] = "line",
    stacked: bool = False,
    smallest: float | None = None,
    largest: float | None = None,
    lines: Json | None = None,
) -> Panel:
    """Values over time. ``lines``: thresholds that are drawn across."""
    custom: Json = {
        "drawStyle": draw, "lineWidth": 1, "pointSize": 4, "showPoints": "always" if draw == "points" else "never",
        "fillOpacity": 70 if draw == "bars" else 5, "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if lines else "off"},
    }  # fmt: skip
    defaults: Json = {"custom": custom, "thresholds": lines or thresholds()}
    defaults |= {name: value for name, value in (("min", smallest), ("max", largest)) if value is not None}
    options = {
        "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        title=title, description=description, kind="timeseries", unit=unit, queries=queries, width=width,
        height=height, options=options, defaults=defaults,
    )  # fmt: skip


def table(
    title: str,
    description: str,
    query: Sql | Prom,
    *,
    columns: Sequence[Column] = (),
    unit: str = "none",
    width: int = 24,
    height: int = 9,
    defaults: Json | None = None,
) -> Panel:
    """Rows as the query orders them; ``unit`` is that of every number that no column says otherwise of."""
    shown: Json = {"custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True}}
    return Panel(
        title=title, description=description, kind="table", unit=unit, queries=[query], width=width, height=height,
        options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
        defaults=shown | (defaults or {}), overrides=[column.override() for column in columns],
    )  # fmt: skip


def bar_chart(title: str, description: str, query: Sql, *, unit: str, row: str, column: str, value: str) -> Panel:
    """Bars of one ``value`` for each ``row``, stacked by ``column``; the query gives the three as columns."""
    return Panel(
        title=title, description=description, kind="barchart", unit=unit, queries=[query], width=24, height=10,
        options={
            "orientation": "vertical", "stacking": "normal", "xTickLabelRotation": -45, "showValue": "never",
            "legend": {"displayMode": "list", "placement": "right", "showLegend": True, "calcs": ["sum"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        defaults={"custom": {"fillOpacity": 80, "lineWidth": 0}},
        transformations=[
            {
                "id": "groupingToMatrix",
                "options": {"rowField": row, "columnField": column, "valueField": value, "emptyValue": "zero"},
            }
        ],
    )  # fmt: skip


def bars(
    title: str, description: str, query: Sql | Prom, *, unit: str, width: int = 12, height: int = 8,
    colors: Json | None = None, largest: float | None = None,
) -> Panel:  # fmt: skip
    """A bar for each row of a table (its text and its number), or for each series."""
    defaults: Json = {"min": 0, "thresholds": colors or thresholds(base=BLUE)}
    if largest is not None:
        defaults["max"] = largest
    return Panel(
        title=title, description=description, kind="bargauge", unit=unit, queries=[query], width=width, height=height,
        options={
            "orientation": "horizontal", "displayMode": "basic", "showUnfilled": True, "valueMode": "color",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": isinstance(query, Sql)},
        },
        defaults=defaults,
    )  # fmt: skip
