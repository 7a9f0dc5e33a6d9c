"""Every SQL panel runs as Grafana's role on a real Postgres, and says what the command line says."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.db.roles import GRAFANA
from shared.settings import PostgresSettings
from tests.dashboards import Asked, Times, sql_of, sql_queries
from tests.integration.grafana.library import FIRST_NIGHT, NIGHTS, RIGS, SINCE, UNTIL, fill
from tests.stack import PostgresServer, fresh_database

TIMES = Times(SINCE, UNTIL)
QUERIES = {str(asked): asked for asked in sql_queries()}
HOUR_S = 3600.0
A_ROW_FOR_EACH_FILE = {"frame", "file", "event", "location", "source_file", "member", "inbox"}
"""Tables of services that grow with each file."""
Row = dict[str, Any]


@dataclass
class Library:
    """A seeded database: asked as Grafana asks, and as a person does."""

    runner: asyncio.Runner
    settings: PostgresSettings
    grafana: asyncpg.Connection

    def rows(self, asked: Asked, **chosen: list[str]) -> list[Row]:
        """What a panel gets."""
        return [dict(row) for row in self.runner.run(self.grafana.fetch(sql_of(asked, TIMES, chosen)))]

    def plan(self, asked: Asked) -> dict[str, Any]:
        """How Postgres goes about it where it may not take what is quick in small tables alone."""

        async def explain() -> Any:
            async with self.grafana.transaction():
                await self.grafana.execute("SET LOCAL enable_seqscan = off")
                return await self.grafana.fetchval(f"EXPLAIN (FORMAT JSON) {sql_of(asked, TIMES)}")

        (explained,) = json.loads(self.runner.run(explain()))
        return dict(explained)

    def panel(self, name: str, **chosen: list[str]) -> list[Row]:
        """What the panel ``dashboard: title`` gets."""
        return self.rows(QUERIES[name], **chosen)

    def number(self, name: str, **chosen: list[str]) -> float:
        """The one number of a panel."""
        (row,) = self.panel(name, **chosen)
        (value,) = row.values()
        return float(value)

    def nightbus(self, *words: str) -> Any:
        """What the command line prints as JSON."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
        where = self.settings
        environment = clean | {
            "NIGHTBUS_POSTGRES__HOST": where.host,
            "NIGHTBUS_POSTGRES__PORT": str(where.port),
            "NIGHTBUS_POSTGRES__DATABASE": where.database,
            "NIGHTBUS_POSTGRES__SECRETS_DIR": str(where.secrets_dir),
        }
        result = CliRunner().invoke(app, [*words, "--json"], env=environment)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def library(postgres: PostgresServer) -> Iterator[Library]:
    """One library for all tests of this file, which only read it."""
    kept = AsyncExitStack()

    async def opened() -> tuple[PostgresSettings, asyncpg.Connection]:
        settings = await kept.enter_async_context(fresh_database(postgres))
        await fill(settings)
        grafana = await asyncpg.connect(
            host=settings.host, port=settings.port, database=settings.database, user=GRAFANA.name,
            password=settings.password_of(GRAFANA.name),
        )  # fmt: skip
        kept.push_async_callback(grafana.close)
        return settings, grafana

    with asyncio.Runner() as runner:
        try:
            yield Library(runner, *runner.run(opened()))
        finally:
            runner.run(kept.aclose())


@pytest.mark.parametrize("asked", list(QUERIES.values()), ids=str)
def test_every_panel_shows_something(library: Library, asked: Asked) -> None:
    """Each query runs as the role that reads views alone, and finds what the library has for it."""
    rows = library.rows(asked)
    assert rows
    assert any(value is not None for row in rows for value in row.values())


@pytest.mark.parametrize("asked", list(QUERIES.values()), ids=str)
def test_no_panel_reads_all_files(library: Library, asked: Asked) -> None:
    """Where a table has a row for each file, a query finds its rows by an index: it does not go through all of them."""
    explained = library.plan(asked)
    nodes, waiting = [], [explained["Plan"]]
    while waiting:
        nodes.append(waiting.pop())
        waiting += nodes[-1].get("Plans", [])
    through_all = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert not through_all & A_ROW_FOR_EACH_FILE


@pytest.mark.parametrize("asked", [one for one in QUERIES.values() if one.time_series], ids=str)
def test_a_time_series_is_one(library: Library, asked: Asked) -> None:
    """Times are times, within the dashboard's and in order; each point of a series is there once and has a value."""
    rows = library.rows(asked)
    times = [row["time"] for row in rows]
    assert all(isinstance(time, datetime) for time in times)
    assert times == sorted(times)
    points = [(row["time"], row.get("metric")) for row in rows]
    assert len(set(points)) == len(points)
    assert {len(row) for row in rows} <= {2, 3}
    for row in rows:
        (value,) = [value for name, value in row.items() if name not in {"time", "metric"}]
        assert isinstance(value, int | float | Decimal)


@pytest.mark.parametrize("asked", [one for one in QUERIES.values() if "${rig" in one.text], ids=str)
def test_a_choice_restricts_what_is_shown(library: Library, asked: Asked) -> None:
    """A rig that is none has nothing, and a name with a quote is a name."""
    nothing = library.rows(asked, rig=["none"])
    assert not [value for row in nothing for name, value in row.items() if value not in (None, 0) and name != "rig"]
    library.rows(asked, rig=["Seestar S50 O'Brien"])


def test_captures_are_those_of_the_command_line(library: Library) -> None:
    """Integration, exposures, targets and the table of targets have the numbers of `nightbus captures`."""
    captures = {row["catalog_id"]: row for row in library.nightbus("captures")}
    table = {row["Target"]: row for row in library.panel("captures: Targets", target=list(captures))}
    assert table.keys() == captures.keys()
    for name, row in table.items():
        assert row["Name"] == captures[name]["name"]
        assert row["Exposures"] == captures[name]["total_frames"]
        assert row["Integration"] == pytest.approx(captures[name]["total_exposure_s"] / HOUR_S)
        assert row["Sessions"] == captures[name]["total_sessions"]
        assert row["To decide"] == captures[name]["uncertain_frames"]
        assert row["First night"] == captures[name]["first_night"]
        assert row["Best FWHM"] == pytest.approx(captures[name]["best_fwhm_arcsec"])
    chosen = {"target": list(captures)}
    total_s = sum(row["total_exposure_s"] for row in captures.values())
    assert library.number("captures: Integration", **chosen) == pytest.approx(total_s / HOUR_S)
    assert library.number("captures: Exposures", **chosen) == sum(row["total_frames"] for row in captures.values())


def test_sessions_are_those_of_the_command_line(library: Library) -> None:
    """The table of sessions, the calendar and the nights have the numbers of `nightbus sessions`."""
    sessions = {row["session_id"]: row for row in library.nightbus("sessions")}
    table = {row["Session"]: row for row in library.panel("captures: Sessions")}
    assert table.keys() == sessions.keys()
    for name, row in table.items():
        assert (row["Files"], row["Exposures"], row["Size"]) == (
            sessions[name]["files"], sessions[name]["exposures"], sessions[name]["size_bytes"],
        )  # fmt: skip
        assert row["Integration"] == pytest.approx(sessions[name]["integration_s"] / HOUR_S)
        assert row["State"] == sessions[name]["state"]
    by_night: dict[str, float] = defaultdict(float)
    for row in sessions.values():
        by_night[row["night"]] += row["integration_s"] / HOUR_S
    calendar = {
        f"{row['Month']}-{int(day):02}": float(row[day])
        for row in library.panel("captures: Nights calendar")
        for day in map(str, range(1, 32))
        if row[day] is not None
    }
    assert calendar == pytest.approx({night: hours for night, hours in by_night.items() if hours})
    assert library.number("captures: Nights") == len(calendar) == NIGHTS
    for title in ("captures: Integration by rig", "captures: Integration by filter"):
        assert sum(float(row["integration"]) for row in library.panel(title)) == pytest.approx(sum(by_night.values()))
    stored = sum(float(row["size"]) for row in library.panel("storage: Captured by night and rig"))
    assert stored == sum(row["size_bytes"] for row in sessions.values())
    assert library.panel("storage: All captures over the nights")[-1]["grown"] == stored


def test_quality_is_that_of_the_files(library: Library) -> None:
    """Means over any nights, rigs and filters are the means of the exposures that `nightbus files` lists."""
    lights = [row for row in library.nightbus("files", "--type", "LIGHT") if row["counted"]]
    for title, column in (
        ("Mean FWHM", "fwhm_arcsec"),
        ("Mean number of stars", "star_count"),
        ("Mean sky level", "background_adu"),
    ):
        for rig in (*RIGS, None):
            values = [row[column] for row in lights if row[column] is not None and rig in (row["rig"], None)]
            found = library.panel(f"quality: {title}", **({"rig": [rig]} if rig else {}))[0][title]
            assert found == (pytest.approx(sum(values) / len(values)) if values else None)
    measured = sum(row["star_count"] is not None for row in lights) / len(lights)
    assert library.number("quality: Measured") == pytest.approx(measured)
    nights = library.panel("quality: FWHM by night and rig")
    first = [
        row["fwhm_arcsec"] for row in lights if row["night"] == str(FIRST_NIGHT) and row["rig"] == nights[0]["metric"]
    ]
    assert nights[0]["fwhm_arcsec"] == pytest.approx(sum(first) / len(first))
    of_each = library.panel("quality: Stars of each exposure")
    assert len(of_each) == sum(row["star_count"] is not None for row in lights)


def test_what_needs_a_person_is_what_the_command_line_names(library: Library) -> None:
    """Waiting and quarantined files, dead letters and findings are those of `files`, `dead-letters` and `backup`."""
    states = [row["state"] for row in library.nightbus("files")]
    assert library.number("pipeline: Waiting for the scanner") == states.count("waiting") == 1
    assert library.number("pipeline: Quarantined") == states.count("quarantined") == 1
    (quarantined,) = library.panel("pipeline: Quarantined files")
    assert quarantined["Reason"] == "the header of broken ends early"
    (letter,) = library.nightbus("dead-letters", "list")
    (shown,) = library.panel("pipeline: Dead letters that wait")
    assert (shown["Number"], shown["Reason"]) == (letter["dead_letter_id"], letter["reason"])


def test_calibration_is_that_of_the_command_line(library: Library) -> None:
    """What is matched and missing, what to capture and the masters are those of `nightbus calibration`."""
    answers = library.nightbus("calibration", "status")
    missing = [row for row in answers if row["state"] == "missing"]
    assert library.number("calibration: Missing masters") == len(missing)
    assert {row["state"] for row in answers} == {"matched", "missing"}
    for row in library.panel("calibration: Missing by type and rig"):
        of_both = [
            one for one in missing
            if (one["master_type"], one["session_rig"]) == (f"MASTER_{row['Type'].upper()}", row["Rig"])
        ]  # fmt: skip
        assert (row["Requirements"], row["Lights"]) == (len(of_both), sum(one["lights"] for one in of_both))
        assert float(row["Integration"]) == pytest.approx(sum(one["integration_s"] for one in of_both))
    by_type = {row["Type"]: row["Lights"] for row in library.panel("calibration: Lights without dark, flat or bias")}
    by_night = library.panel("calibration: Lights without a master by night")
    for kind in ("dark", "flat"):
        lights = sum(one["lights"] for one in missing if one["master_type"] == f"MASTER_{kind.upper()}")
        assert by_type[kind] == sum(row["lights"] for row in by_night if row["metric"] == kind) == lights > 0
    shopping = library.nightbus("calibration", "missing")
    to_capture = library.panel("calibration: To capture")
    assert [row["Requirement"] for row in to_capture] == [row["requirement_id"] for row in shopping]
    assert [row["What"] for row in to_capture] == [row["capture_words"] for row in shopping]


def test_lights_of_calibration_add_up(library: Library) -> None:
    """Covered, missing and waiting lights are all lights; lights that need nothing are covered."""
    lights = [row for row in library.nightbus("files", "--type", "LIGHT") if row["state"] == "scanned"]
    lacking, waiting = (
        library.number(f"calibration: {title}") for title in ("Lights without a master", "Lights that wait")
    )
    assert 0 < lacking < len(lights)
    assert library.number("calibration: Covered") == pytest.approx(1 - (lacking + waiting) / len(lights))


def test_masters_are_those_of_the_command_line(library: Library) -> None:
    """The numbers of masters, refused and unused ones are those of `calibration masters`; a failed build says why."""
    masters = library.nightbus("calibration", "masters")
    table = library.panel("calibration: Masters by type and camera")
    assert library.number("calibration: Masters") == len(masters) == sum(row["Masters"] for row in table)
    assert sum(row["Masters"] for row in library.panel("calibration: Masters by age")) == len(masters)
    refused = library.nightbus("calibration", "masters", "--refused")
    assert library.number("calibration: Refused masters") == len(refused) == 1
    assert [row["Why"] for row in library.panel("calibration: Refused")] == [row["refused"] for row in refused]
    unused = library.nightbus("calibration", "masters", "--unused")
    assert sum(row["Unused"] for row in table) == len(unused)
    assert [row["Why"] for row in library.panel("calibration: Builds that failed")] == ["a frame is truncated"]
    sets = library.nightbus("calibration", "sets")
    assert sum(row["Sets"] for row in library.panel("calibration: Sets of raw frames")) == len(sets)


def test_the_backup_is_that_of_the_command_line(library: Library) -> None:
    """Coverage, findings and what failed are those of `nightbus backup status`."""
    told = library.nightbus("backup", "status")
    covered = told["covered"]
    assert library.number("backup: Unprotected files") == covered["unprotected"]
    assert library.number("backup: Covered") == pytest.approx(covered["archived"] / covered["files"])
    assert library.number("backup: Open findings") == len(told["findings"])
    table = {row["Destination"]: row for row in library.panel("backup: Coverage by destination")}
    for row in told["destinations"]:
        shown = table[row["name"]]
        assert (shown["State"], shown["Archived"], shown["Unprotected"]) == (
            row["state"], row["archived"], row["unprotected"],
        )  # fmt: skip
    assert [row["State"] for row in library.panel("backup: Archives that wait or failed")] == ["failed"]
    (dump,) = library.panel("backup: Dumps of the database")
    assert dump["Key"] == next(row["key"] for row in told["dumps"] if row["destination"] == "usb")
