"""A simulated night through the whole stack gives what its manifest says is true."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.standalone.simulation import SMALL, Anomaly, NightManifest, simulate, simulate_masters
from shared.events.frame import FrameType
from shared.logging import SETTLED
from tests.e2e.running import Up, up
from tests.e2e.scraping import Pages, scrape, scrape_until
from tests.stack import open_folder


@pytest.fixture(scope="module")
def night() -> Iterator[tuple[Up, NightManifest, Path]]:
    """A stack that watched two folders while a night was written into them, and has handled everything."""
    with open_folder() as folder:
        captures = folder / "captures"
        sources = [
            {"name": "seestar", "path": str(captures / "MyWorks"), "mode": "copy", "time_zone": "America/Denver"},
            {"name": "nina", "path": str(captures / "NINA"), "mode": "index", "time_zone": "America/Denver"},
        ]
        for source in sources:
            Path(str(source["path"])).mkdir(parents=True)
        quick = {
            "NIGHTBUS_SOURCES": json.dumps(sources),
            "NIGHTBUS_INGEST__SETTLE_S": "0.5",
            "NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": "1",
            "NIGHTBUS_STATS__SESSION_QUIET_S": "3",
            "NIGHTBUS_CALIBRATION__MATCH_INTERVAL_S": "0.5",
            "NIGHTBUS_STATS__SESSION_CHECK_INTERVAL_S": "0.5",
            "NIGHTBUS_STATS__SESSION_REVISION_INTERVAL_S": "1",
        }
        with up(folder / "home", **quick) as running:
            manifest = simulate(captures, nights=1, seed=7, profile=SMALL)[0]
            expected = sum(item.anomaly not in (Anomaly.UNFINISHED, Anomaly.DUPLICATE) for item in manifest.files)
            deadline = time.monotonic() + 120
            while True:
                counts = running.json("status")["counts"]
                sessions = running.json("sessions")
                finished = all(session["state"] == "finished" for session in sessions)
                if counts["arrived"] >= expected and counts["waiting"] == 0 and sessions and finished:
                    break
                assert time.monotonic() < deadline, (counts, running.log.read_text()[-3000:])
                time.sleep(0.3)
            yield running, manifest, captures


def test_integration_is_what_was_exposed(night: tuple[Up, NightManifest, Path]) -> None:
    """Seconds per target equal the manifest's: stacks, previews and copies count nothing, both rigs add up."""
    running, manifest, _captures = night
    found = {row["catalog_id"]: row["total_exposure_s"] for row in running.json("captures")}
    truth = manifest.integration_s()
    truncated = manifest.with_anomaly(Anomaly.TRUNCATED)[0]
    assert truncated.target is not None
    # The header of the truncated sub is whole, so its exposure is known; its missing pixels are in problems[].
    truth[truncated.target] = truth.get(truncated.target, 0.0) + (truncated.exposure_s or 0.0)
    assert found == pytest.approx(truth)


def test_every_file_has_the_type_target_and_filter_it_was_made_with(night: tuple[Up, NightManifest, Path]) -> None:
    """Frame type, filter, exposure and target of every readable file are those of the manifest."""
    running, manifest, _captures = night
    found = {Path(row["path"]).name: row for row in running.json("files", "--limit", "1000")}
    copied = {item.duplicate_of: Path(item.path).name for item in manifest.files if item.duplicate_of}
    checked = 0
    for truth in manifest.files:
        if not truth.is_readable or truth.anomaly is Anomaly.DUPLICATE or truth.frame_type is None:
            continue
        name = Path(truth.path).name
        row = found[name if name in found else copied[truth.path]]  # of two equal files the first one arrives
        assert row["frame_type"] == truth.frame_type.value, truth
        if truth.frame_type is FrameType.LIGHT:
            assert (row["catalog_id"], row["filter"], row["exposure_s"]) == (
                truth.target,
                truth.filter,
                truth.exposure_s,
            ), truth
        checked += 1
    assert checked > 30


def test_what_is_wrong_is_set_aside_with_a_reason(night: tuple[Up, NightManifest, Path]) -> None:
    """The text called .fit is quarantined with a sentence, the truncated file has a problem, the .part is no file."""
    running, manifest, _captures = night
    rows = {Path(row["path"]).name: row for row in running.json("files", "--limit", "1000")}
    text = rows[Path(manifest.with_anomaly(Anomaly.NOT_FITS)[0].path).name]
    assert text["state"] == "quarantined"
    assert "text that begins with" in text["reason"]
    truncated = rows[Path(manifest.with_anomaly(Anomaly.TRUNCATED)[0].path).name]
    assert any("truncated" in problem for problem in truncated["problems"])
    assert Path(manifest.with_anomaly(Anomaly.UNFINISHED)[0].path).name not in rows


def test_one_session_per_rig_holds_the_night(night: tuple[Up, NightManifest, Path]) -> None:
    """Lights, darks, flats and bias of a rig are one session; previews follow the stacks of the telescope."""
    running, manifest, _captures = night
    sessions = running.json("sessions")
    assert {session["night"] for session in sessions} == {manifest.night.isoformat()}
    assert len(sessions) == len({item.rig for item in manifest.files if item.rig is not None})


def test_sources_are_only_read(night: tuple[Up, NightManifest, Path]) -> None:
    """Every file of the sources is still there with its size; the copies of the telescope's are in the library."""
    running, manifest, captures = night
    for item in manifest.files:
        assert (captures / item.path).stat().st_size == item.size_bytes
    in_library = [path for path in (running.home / "library" / "seestar").rglob("*.fit") if path.is_file()]
    assert len(in_library) >= 10


def test_status_adds_up(night: tuple[Up, NightManifest, Path]) -> None:
    """What arrived is scanned, quarantined or waiting, and the dead letter of the text file can be read."""
    running, _manifest, _captures = night
    counts = running.json("status")["counts"]
    assert counts["arrived"] == counts["scanned"] + counts["quarantined"] + counts["waiting"]
    letters = running.json("dead-letters", "list")
    assert len(letters) == counts["quarantined"] == 1
    running.run("dead-letters", "replay", str(letters[0]["dead_letter_id"]))
    assert "permissions violation" not in running.log.read_text().lower(), "each works with its rights alone"


def test_every_service_tells_its_numbers(night: tuple[Up, NightManifest, Path]) -> None:
    """A scrape of every service: known names, labels, types and help alone, and the values of the command line."""
    running, _manifest, _captures = night

    def measured(pages: Pages) -> bool:
        status = running.json("status")
        letters = sum(service["dead_letters"] for service in status["services"])
        return (
            pages.value("nightbus_files", state="here") == status["counts"]["arrived"]
            and pages.total("nightbus_dead_letters") == letters
            and len(status["space"]) == len(list(pages.series("nightbus_root_size_bytes"))) == 3
        )

    pages = scrape_until(running, measured)
    assert pages.unknown() == []
    assert pages.of_wrong_labels() == []
    status = running.json("status")
    for service in status["services"]:
        name = service["service"]
        assert pages.value("nightbus_service_ready", service=name) == 1
        assert pages.value("nightbus_dead_letters", service=name) == service["dead_letters"]
        waiting = pages.total("nightbus_consumer_pending_events", service=name)
        waiting += pages.total("nightbus_consumer_unacknowledged_events", service=name)
        assert waiting == service["waiting"]
        if service["outbox"] is not None:
            assert pages.value("nightbus_outbox_waiting", service=name) == service["outbox"]
            assert abs(pages.value("nightbus_clock_offset_seconds", service=name)) < 1.0
    assert (
        pages.total("nightbus_events_handled_total", service="stats", outcome="handled") >= status["counts"]["scanned"]
    )
    types = Counter(row["frame_type"] for row in running.json("files", "--limit", "1000") if row["frame_type"])
    assert {one["frame_type"]: value for one, value in pages.series("nightbus_frames")} == types
    for row in status["sources"]:
        assert pages.value("nightbus_source_reachable", source=row["source"]) == 1
        walked_at = datetime.fromisoformat(row["walked_at"]).timestamp()
        assert pages.value("nightbus_source_last_walk_timestamp_seconds", source=row["source"]) == pytest.approx(
            walked_at, abs=120
        )
    assert {row["root"] for row in status["space"]} == {"library", "seestar", "nina"}
    for row in status["space"]:
        assert pages.value("nightbus_root_size_bytes", root=row["root"]) == row["disk_bytes"]
    ingested = pages.total("nightbus_ingested_files_total", outcome="arrived")
    assert ingested == status["counts"]["arrived"]
    assert pages.value("nightbus_stream_limit_bytes") > pages.value("nightbus_stream_bytes") > 0


def test_the_newest_frame_of_each_rig_is_told_alike(night: tuple[Up, NightManifest, Path]) -> None:
    """Latest and the metrics name the same frame of each rig, which is the newest light of the night."""
    running, manifest, _captures = night
    rows = running.json("latest")
    assert len(rows) == len({item.rig for item in manifest.files if item.frame_type is FrameType.LIGHT})
    newest = {row["rig"]: row for row in rows}
    pages = scrape(running)
    info = {one["rig"]: one for one, _ in pages.series("nightbus_newest_frame_info")}
    assert info.keys() == newest.keys()
    for rig, row in newest.items():
        begun = datetime.fromisoformat(row["observed_at"]).timestamp()
        assert pages.value("nightbus_newest_frame_timestamp_seconds", rig=rig) == pytest.approx(begun)
        assert (info[rig]["target"], info[rig]["filter"]) == (row["catalog_id"], row["filter"] or "")
        for metric, column in (("fwhm_arcseconds", "fwhm_arcsec"), ("fwhm_pixels", "fwhm_px"), ("stars", "star_count")):
            if row[column] is not None:
                assert pages.value(f"nightbus_newest_frame_{metric}", rig=rig) == pytest.approx(row[column], rel=1e-4)
        lights = [one["observed_at"] for one in running.json("files", "--type", "LIGHT", "--rig", rig)]
        assert row["observed_at"] == max(lights)


def test_each_message_is_one_line_of_the_log(night: tuple[Up, NightManifest, Path]) -> None:
    """The way of a file through the services is found by its id alone: arrived and scanned, with outcome and time."""
    running, _manifest, _captures = night
    (scanned,) = running.json("files", "--type", "LIGHT", "--limit", "1")
    log = (running.home / "log" / "nightbus.log").read_text()
    said = [json.loads(line) for line in log.splitlines() if scanned["file_id"] in line]
    lines = [line for line in said if line["event"] == SETTLED]
    told = {(line["subject"], line["outcome"]) for line in lines}
    assert told >= {("file.arrived", "handled"), ("file.scanned", "handled")}
    assert all(UUID(line["event_id"]) and line["duration_ms"] >= 0 for line in lines)


def test_the_doctor_finds_nothing_wrong(night: tuple[Up, NightManifest, Path]) -> None:
    """Of a whole stack every line is fine or a note, and the exit code says so."""
    running, _manifest, _captures = night
    done = running.run("doctor", check=False)
    assert [line for line in done.stdout.splitlines() if line.startswith(("wrong", "unknown"))] == []
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 15


def test_passwords_are_renewed_and_programs_subscribe_while_it_runs(night: tuple[Up, NightManifest, Path]) -> None:
    """All passwords at once, in the middle of a rereading: the counts are as before, and no process was started anew.

    A subscriber that asks for the past is given every event that the stream has.
    """
    running, _manifest, _captures = night
    before = running.json("status")["counts"]
    processes = running.children()
    passwords = {file: file.read_text() for file in (running.home / "secrets").iterdir()}
    arrived = before["arrived"]
    running.run("reread", "--all")
    renewed = running.json("passwords", "renew", "--all")
    assert renewed["state"] == "in effect"
    changed = {file.name for file, password in passwords.items() if file.read_text() != password}
    assert changed == set(renewed["files"])
    assert {"nats-stats", "stats", "nats-cli", "reader_cli"} <= changed
    deadline = time.monotonic() + 120
    while (counts := running.json("status")["counts"])["waiting"] or counts["arrived"] != arrived:
        assert time.monotonic() < deadline, (counts, running.log.read_text()[-3000:])
        time.sleep(0.3)
    assert {key: counts[key] for key in before} == before
    assert running.children() == processes, "each goes on"
    added = running.json("subscribers", "add", "past", "--since", "2020-01-01", "--subjects", "file.arrived")
    assert added["waiting_events"] >= arrived
    running.run("subscribers", "revoke", "past")
    assert running.json("subscribers", "list") == []


def test_lights_meet_their_masters_as_these_arrive(night: tuple[Up, NightManifest, Path]) -> None:
    """Before masters come all lights of the mono rig lack them; what comes is matched, what does not fit says why."""
    running, manifest, captures = night
    rig = next(item.rig for item in manifest.files if item.frame_type is FrameType.FLAT)
    assert rig is not None
    lights = sum(item.frame_type is FrameType.LIGHT and item.rig == rig for item in manifest.files)
    lights -= len(manifest.with_anomaly(Anomaly.DUPLICATE))
    assert {"dark", "flat", "bias"} == {row["frame_type"].lower() for row in running.json("calibration", "sets")}

    empty = answers(running, rig, dark_60="missing", dark_300="missing", flat_l="missing")
    assert sum(row["lights"] for row in empty if row["master_type"] == "MASTER_FLAT") == lights
    assert all(row["explanation"].startswith("no master ") for row in empty)

    simulate_masters(captures.parent / "made", night=manifest.night, seed=7, profile=SMALL)
    running.run("ingest", str(captures.parent / "made"), "--mode", "copy", "--wait")
    some = {named(row): row for row in answers(running, rig, dark_60="matched", dark_300="missing", flat_l="matched")}
    assert "same camera" in some["dark_60"]["explanation"]
    assert "the same night" in some["flat_l"]["explanation"]
    assert "nearest dark: 300 s, gain 100, -5 C" in some["dark_300"]["explanation"]
    assert "5.0 C off" in some["dark_300"]["explanation"]
    (wanted,) = [row for row in running.json("calibration", "missing") if row["exposure_s"] == 300]
    assert (wanted["capture_frames"], wanted["set_temp_c"], wanted["capture_s"]) == (20, -10.0, 20 * 300.0)
    assert some["dark_300"]["requirement_id"] in running.run("calibration", "status", "--state", "missing").stdout

    simulate_masters(captures.parent / "later", night=manifest.night, seed=7, profile=SMALL, off_c=0.0)
    running.run("ingest", str(captures.parent / "later"), "--mode", "copy", "--wait")
    whole = {named(row): row for row in answers(running, rig, dark_60="matched", dark_300="matched", flat_l="matched")}
    assert whole["dark_300"]["revision"] == some["dark_300"]["revision"] + 1
    assert whole["dark_60"]["revision"] == some["dark_60"]["revision"], "what nothing changed is not told again"
    assert not [row for row in running.json("calibration", "missing") if row["exposure_s"] == 300]
    why = running.run("calibration", "why", whole["dark_300"]["session_id"]).stdout
    assert "masterDark" in why


def named(row: dict[str, Any]) -> str:
    """A requirement by its type and what it is of, such as dark_60 or flat_l."""
    kind = str(row["master_type"]).removeprefix("MASTER_").lower()
    return f"{kind}_{row['filter'].lower()}" if kind == "flat" else f"{kind}_{row['exposure_s']:g}"


def answers(running: Up, rig: str, **states: str) -> list[dict[str, Any]]:
    """What the lights of a rig need, once these requirements are in these states."""
    deadline = time.monotonic() + 120
    while True:
        rows: list[dict[str, Any]] = running.json("calibration", "status", "--rig", rig)
        found = {named(row): row["state"] for row in rows}
        if all(found.get(name) == state for name, state in states.items()):
            return rows
        assert time.monotonic() < deadline, (found, running.log.read_text()[-3000:])
        time.sleep(0.3)
