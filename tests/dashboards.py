"""The dashboards as Grafana reads them, and their queries as Grafana sends them to Postgres and to Prometheus.

What becomes of a query is Grafana's own affair: first variables are put in, then macros are expanded
(pkg/tsdb/grafana-postgresql-datasource/macros.go of grafana/grafana). Both are done here in the same way, with what is
odd about it: an argument of a macro ends at the first closing parenthesis, a name that is no macro is an error, and
``$__timeGroup`` before a comma also names its column.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
Json = dict[str, Any]
_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_VARIABLE = re.compile(r"\$\{(\w+):sqlstring\}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class RefusedByGrafana(ValueError):
    """Grafana would show an error in place of the panel."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, or of a variable."""

    dashboard: str
    title: str
    text: str
    time_series: bool = False

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}"


@dataclass(frozen=True, slots=True)
class Times:
    """The time that a dashboard looks at, UTC."""

    since: datetime
    until: datetime


def dashboards() -> dict[str, Json]:
    """Every dashboard by the name of its file."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def panels(dashboard: Json) -> Iterator[Json]:
    """Its panels, those of rows included, without the rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def variables(dashboard: Json, kind: str) -> list[Json]:
    """Its variables of a kind: datasource, or query."""
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == kind]


def sql_queries() -> list[Asked]:
    """The SQL of all panels and variables."""
    found = []
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            found += [
                Asked(name, panel["title"], target["rawSql"], target["format"] == "time_series")
                for target in panel["targets"]
                if "rawSql" in target
            ]
        found += [Asked(name, f"variable {one['name']}", one["query"]) for one in variables(dashboard, "query")]
    return found


def promql_queries() -> list[Asked]:
    """The PromQL of all panels."""
    return [
        Asked(name, panel["title"], target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
        if "expr" in target
    ]


def sql_of(asked: Asked, times: Times, chosen: Mapping[str, Sequence[str]] | None = None) -> str:
    """What Postgres gets. ``chosen``: values of variables; of one that is not here all are chosen.

    Raises:
        RefusedByGrafana: the query uses a variable or a macro that there is not.
    """
    known = {one["name"]: one["allValue"] for one in variables(dashboards()[asked.dashboard], "query")}

    def put_in(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise RefusedByGrafana(f"{asked}: there is no variable {match[1]}")
        if chosen is None or match[1] not in chosen:
            return str(known[match[1]])
        return ",".join("'" + value.replace("'", "''") + "'" for value in chosen[match[1]])

    return expanded(_VARIABLE.sub(put_in, asked.text), times)


def promql_of(text: str, rate_interval: str = "1m") -> str:
    """What Prometheus gets."""
    return text.replace("$__rate_interval", rate_interval)


def expanded(sql: str, times: Times) -> str:
    """A query with its macros expanded.

    Raises:
        RefusedByGrafana: there is no such macro, or it lacks an argument.
    """

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name == "__timeGroup" and sql[sql.index(match[0]) + len(match[0]) :].startswith(","):
            name = "__timeGroupAlias"
        return _expand(name, [argument.strip(" ") for argument in match[2].split(",")], times)

    return _MACRO.sub(one, sql)


def _expand(name: str, arguments: Sequence[str], times: Times) -> str:
    column = arguments[0]
    since, until = _text(times.since), _text(times.until)
    since_s, until_s = int(times.since.timestamp()), int(times.until.timestamp())
    without_interval = {
        "__time": f'{column} AS "time"',
        "__timeEpoch": f'extract(epoch from {column}) as "time"',
        "__timeFilter": f"{column} BETWEEN '{since}' AND '{until}'",
        "__timeFrom": f"'{since}'",
        "__timeTo": f"'{until}'",
        "__unixEpochFilter": f"{column} >= {since_s} AND {column} <= {until_s}",
        "__unixEpochNanoFilter": f"{column} >= {since_s}000000000 AND {column} <= {until_s}000000000",
        "__unixEpochNanoFrom": f"{since_s}000000000",
        "__unixEpochNanoTo": f"{until_s}000000000",
    }
    if name in without_interval:
        return without_interval[name]
    base = name.removesuffix("Alias")
    if base not in {"__timeGroup", "__unixEpochGroup"}:
        raise RefusedByGrafana(f"there is no macro ${name}")
    if len(arguments) < 2:
        raise RefusedByGrafana(f"${name} needs a column and an interval")
    seconds = _seconds(arguments[1].strip("'"))
    value = f"extract(epoch from {column})" if base == "__timeGroup" else f"({column})"
    group = f"floor({value}/{seconds})*{seconds}"
    return f'{group} AS "time"' if name.endswith("Alias") else group


def _seconds(interval: str) -> int:
    match = re.fullmatch(r"(\d+)([smhdw])", interval)
    if match is None:
        raise RefusedByGrafana(f"{interval!r} is no interval")
    return int(match[1]) * _SECONDS[match[2]]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
