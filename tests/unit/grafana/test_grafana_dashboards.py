"""The dashboards keep the rules of Grafana's own linter, which is a Go program, and those of the house.

Of the linter's rules those about the labels `job` and `instance` are not kept: they are for dashboards with one data
source, and all our metrics have names of our own and a label for the service.
"""

import json
import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from deploy.grafana.source.panels import POSTGRES, PROMETHEUS
from tests.contract.views import kept
from tests.dashboards import (
    Asked,
    Json,
    RefusedByGrafana,
    Times,
    dashboards,
    expanded,
    panels,
    promql_of,
    promql_queries,
    sql_of,
    sql_queries,
    variables,
)
from tests.promql import read, series

DASHBOARDS = dashboards()
PANELS = [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]
DRAWN = {"barchart", "bargauge", "stat", "table", "timeseries"}
"""Kinds of panel that every Grafana has without a plugin."""
UNITS = {
    "arcsec", "Bps", "cps", "dateTimeAsIso", "decbytes", "eps", "locale", "none", "percentunit", "pixel", "s",
}  # fmt: skip
"""Ids of units in Grafana (packages/grafana-data/src/valueFormats/categories.ts) that are used here."""
RANGES = {"rate", "irate", "increase", "delta"}
TIMES = Times(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NAMED = re.compile(r"\b(?:FROM|JOIN)\s+(?:LATERAL\s+)?([a-z_]+\.[a-z_]+)")


def of_panels() -> list[Any]:
    """Each panel as a parameter of a test."""
    return [pytest.param(panel, id=f"{name}: {panel['title']}") for name, panel in PANELS]


def units(panel: Json) -> set[str]:
    """The units of a panel and of its columns."""
    columns = {
        part["value"] for one in panel["fieldConfig"]["overrides"] for part in one["properties"] if part["id"] == "unit"
    }
    return {panel["fieldConfig"]["defaults"]["unit"], *columns}


def test_there_are_six() -> None:
    """The six dashboards are there, each under an address of its own."""
    assert list(DASHBOARDS) == ["backup", "calibration", "captures", "pipeline", "quality", "storage"]
    assert {dashboard["uid"] for dashboard in DASHBOARDS.values()} == {f"nightbus-{name}" for name in DASHBOARDS}
    assert all("id" not in dashboard and dashboard["tags"] == ["nightbus"] for dashboard in DASHBOARDS.values())


def test_each_data_source_is_a_variable() -> None:
    """Whoever has several Postgres or Prometheus chooses one; a dashboard has a variable for each that it uses."""
    for name, dashboard in DASHBOARDS.items():
        kinds = {variable["name"]: variable["query"] for variable in variables(dashboard, "datasource")}
        used = {target["datasource"]["type"] for panel in panels(dashboard) for target in panel["targets"]}
        assert set(kinds.values()) == used, name
        for variable in variables(dashboard, "query"):
            assert variable["datasource"] == POSTGRES
            assert variable["refresh"] == 2, "asked anew when the time changes"
            assert variable["name"] in json.dumps(dashboard["panels"]), f"{name}: nothing uses {variable['name']}"


@pytest.mark.parametrize("panel", of_panels())
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    """Every panel has a title, a sentence that says what it shows, a kind that needs no plugin, and a unit."""
    assert panel["title"].strip()
    assert panel["description"].endswith(".")
    assert panel["type"] in DRAWN
    unknown = {unit for unit in units(panel) if unit not in UNITS and not unit.startswith("suffix:")}
    assert not unknown
    if panel["fieldConfig"]["defaults"]["unit"] == "none":
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["mappings"], "a number without a unit"


@pytest.mark.parametrize("panel", of_panels())
def test_a_panel_asks_by_variable(panel: Json) -> None:
    """The data source of a panel and of each of its queries is a variable; a panel asks one kind of source."""
    assert panel["datasource"] in (POSTGRES, PROMETHEUS)
    assert panel["targets"]
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])


@pytest.mark.parametrize("panel", of_panels())
def test_a_column_that_is_formatted_is_there(panel: Json) -> None:
    """What a table says of a column names one that its query has."""
    text = " ".join(target.get("rawSql", "") for target in panel["targets"])
    for override in panel["fieldConfig"]["overrides"]:
        assert f'AS "{override["matcher"]["options"]}"' in text


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_beside_each_other(name: str) -> None:
    """No two panels of a dashboard overlap, none sticks out, and each has a number and a title of its own."""
    found = DASHBOARDS[name]["panels"]
    places = [panel["gridPos"] for panel in found]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert len({panel["id"] for panel in found}) == len(found)
    named = [(panel["type"], panel["title"]) for panel in found]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("asked", promql_queries(), ids=str)
def test_promql_asks_for_metrics_that_there_are(asked: Asked) -> None:
    """Every expression is PromQL, over series that the code registers, by labels that these have."""
    found = read(promql_of(asked.text))
    known = series()
    assert found.series <= known.keys()
    assert found.labels <= {label for name in found.series for label in known[name]}


@pytest.mark.parametrize("asked", promql_queries(), ids=str)
def test_rates_are_over_the_interval_of_the_panel(asked: Asked) -> None:
    """A rate is taken over $__rate_interval, so that it is right at every zoom; a quantile is of rates of buckets."""
    ranges = [name for name in read(promql_of(asked.text)).ranges if name in RANGES]
    assert asked.text.count("[$__rate_interval]") == len(ranges)
    assert asked.text.count("[") == len(ranges)
    counters = [name for name in read(promql_of(asked.text)).series if name.endswith(("_total", "_bucket"))]
    assert bool(counters) == bool(ranges)


@pytest.mark.parametrize("asked", sql_queries(), ids=str)
def test_sql_reads_views_of_the_contract(asked: Asked) -> None:
    """A query names views that are promised, each with its schema, and changes nothing."""
    text = sql_of(asked, TIMES)
    named = set(NAMED.findall(text))
    assert named
    assert named <= kept().keys()
    assert text.lstrip().startswith(("SELECT", "WITH"))
    assert ";" not in text
    assert "$" not in text, "everything that Grafana puts in is put in"


@pytest.mark.parametrize("asked", [asked for asked in sql_queries() if asked.time_series], ids=str)
def test_a_time_series_has_its_time(asked: Asked) -> None:
    """A query for a time series names its time as Grafana wants it, in order, and restricts it by the dashboard's."""
    assert '"time"' in asked.text
    assert re.search(r"ORDER BY 1(, 2)?$", asked.text)
    assert "$__timeFilter(" in asked.text


def test_macros_are_expanded_as_grafana_does() -> None:
    """Each macro becomes what Grafana makes of it; times are UTC, as Go writes them."""
    since, until = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    for macro, becomes in {
        "$__time(at)": 'at AS "time"',
        "$__timeEpoch(at)": 'extract(epoch from at) as "time"',
        "$__timeFilter(at)": f"at BETWEEN '{since}' AND '{until}'",
        "$__timeFrom()": f"'{since}'",
        "$__timeTo()": f"'{until}'",
        "$__timeGroup(at,'5m')": "floor(extract(epoch from at)/300)*300",
        "$__timeGroup(at, '1h'), x": 'floor(extract(epoch from at)/3600)*3600 AS "time", x',
        "$__timeGroupAlias(at,'1d')": 'floor(extract(epoch from at)/86400)*86400 AS "time"',
        "$__unixEpochFilter(s)": "s >= 1767225600 AND s <= 1769904000",
        "$__unixEpochNanoFilter(s)": "s >= 1767225600000000000 AND s <= 1769904000000000000",
        "$__unixEpochNanoFrom()": "1767225600000000000",
        "$__unixEpochNanoTo()": "1769904000000000000",
        "$__unixEpochGroup(s,'1m')": "floor((s)/60)*60",
        "$__unixEpochGroupAlias(s,'1w')": 'floor((s)/604800)*604800 AS "time"',
    }.items():
        assert expanded(macro, TIMES) == becomes


def test_what_grafana_refuses_is_refused() -> None:
    """A macro that there is not, one without an interval, a variable that there is not, and a parenthesis too early."""
    for wrong in ("$__interval(x)", "$lower(x)", "$__timeGroup(at)", "$__timeGroup(at,'often')"):
        with pytest.raises(RefusedByGrafana):
            expanded(wrong, TIMES)
    with pytest.raises(RefusedByGrafana, match="no variable place"):
        sql_of(Asked("captures", "a panel", "SELECT ${place:sqlstring}"), TIMES)
    assert expanded("$__timeFilter(coalesce(a, b))", TIMES).startswith("coalesce(a BETWEEN"), (
        "its first argument ends here"
    )


def test_values_of_variables_are_quoted() -> None:
    """A name with a quote stays a name; where all are chosen, one word stands for them."""
    asked = Asked("captures", "a panel", "SELECT ${rig:sqlstring}")
    assert sql_of(asked, TIMES, {"rig": ["O'Brien's", "b"]}) == "SELECT 'O''Brien''s','b'"
    assert sql_of(asked, TIMES) == "SELECT '*'"
