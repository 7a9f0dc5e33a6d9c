"""`calibration status`, `missing`, `why`, `masters`, `sets`, `build` and what people decide, on running services."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.calibration.world import NIGHT
from tests.integration.cli.calibrated import FAR, LOSE, MIN_FRAMES, PIN, READ, REFUSE, TURN, Place, place, rig
from tests.integration.cli.calibration_refusals import REFUSED, UNKNOWN
from tests.integration.stats.world import file_id
from tests.raw_frames import CAMERA as RAW
from tests.stack import NatsServer, embedded_nats

__all__ = ["place"]

LISTINGS = {
    "status": ((), "session rig requirement lights state because"),
    "missing": ((), "type camera to capture lights sessions nights requirement"),
    "masters": ((), "id type camera exposure (s) gain offset temp. (C) filter night lights file"),
    "sets": ((), "set type camera exposure (s) gain offset temp. (C) filter night fit needed state master"),
    "plan": (
        ("--camera", READ, "--exposure", "60", "--exposure", "600"),
        "camera exposure (s) gain temp. (C) state because, or what to do",
    ),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_table_json_and_csv_have_the_same_rows(place: Place, name: str) -> None:
    """Each listing is a table with titles, JSON and CSV; JSON and CSV have the same fields in the same rows."""
    options, titles = LISTINGS[name]
    assert place.said(name, *options).startswith(titles)
    rows = place.listed(name, *options)
    cells = list(csv.DictReader(io.StringIO(place.run(name, *options, "--csv").stdout)))
    assert rows
    assert [list(row) for row in cells] == [list(row) for row in rows]
    for cell, row in zip(cells, rows, strict=True):
        for column, value in row.items():
            if column == "answered_at":
                assert cell[column], "the service may have looked once more in between"
            elif isinstance(value, str):
                assert cell[column].lstrip("'") == value, column
            elif value is None:
                assert cell[column] == "", column
    both = place.run(name, *options, "--json", "--csv")
    assert (both.exit_code, both.stderr) == (2, "nightbus: choose one of --json and --csv\n")


def test_status_missing_and_masters_agree(place: Place) -> None:
    """Lights and requirements of the three listings and of the last line of `status` are the same numbers."""
    rows = place.listed("status")
    lacking = place.listed("missing")
    by_requirement: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["state"] == "missing":
            by_requirement.setdefault(row["requirement_id"], []).append(row)
    assert {row["requirement_id"]: (row["lights"], row["sessions"], row["integration_s"]) for row in lacking} == {
        name: (sum(one["lights"] for one in of), len(of), sum(one["integration_s"] for one in of))
        for name, of in by_requirement.items()
    }
    assert {row["capture_words"] for row in lacking} == {
        row["capture_words"] for of in by_requirement.values() for row in of
    }
    used: dict[str, int] = {}
    for row in rows:
        if row["state"] == "matched":
            used[row["master_file_id"]] = used.get(row["master_file_id"], 0) + row["lights"]
    masters = place.listed("masters")
    assert {row["file_id"]: row["lights"] for row in masters if row["lights"]} == used
    assert {row["file_id"] for row in place.listed("masters", "--unused")} == {
        row["file_id"] for row in masters if row["file_id"] not in used
    }
    assert place.said("status").endswith(
        f"9 lights = 3 with every master + 6 that lack one + 0 that need none + 0 waiting; {len(masters)} masters"
    )
    seconds = sum(row["capture_s"] or 0.0 for row in lacking)
    table = place.said("missing")
    assert f"{len(lacking)} missing masters; darks and biases take {seconds / 60:.0f} min" in table


def answers(place: Place) -> list[dict[str, Any]]:
    """What is answered to the rig that is only read, but when it was."""
    return [row | {"answered_at": None} for row in place.listed("status", "--camera", READ)]


def found(place: Place, *words: str) -> list[tuple[Any, ...]]:
    """What a filter leaves of the lights of the rig that is only read."""
    rows = place.listed("status", "--camera", READ, *words)
    return sorted((row["master_type"], row["state"], row["lights"], row["master_name"]) for row in rows)


def test_status_is_filtered(place: Place) -> None:
    """Each option leaves the rows that it names; of an unknown session or requirement there is none."""
    first, last = sorted({row["session_id"] for row in place.listed("status", "--camera", READ)})
    has_dark, has_flat = ("MASTER_DARK", "matched", 3, "d.fits"), ("MASTER_FLAT", "matched", 3, "f.fits")
    late_dark, no_flat = ("MASTER_DARK", "matched", 2, "d.fits"), ("MASTER_FLAT", "missing", 2, None)
    (lacking,) = place.listed("status", "--camera", READ, "--state", "missing")
    for options, expected in (
        ((), [late_dark, has_dark, has_flat, no_flat]),
        (("--session", first), [has_dark, has_flat]),
        (("--session", last, "--type", "flat"), [no_flat]),
        (("--state", "missing"), [no_flat]),
        (("--state", "waiting"), []),
        (("--requirement", lacking["requirement_id"]), [no_flat]),
        (("--date", str(NIGHT)), [has_dark, has_flat]),
        (("--since", str(NIGHT + timedelta(days=1)), "--type", "dark"), [late_dark]),
        (("--rig", "c8e*readcam", "--filter", "Ha"), [no_flat]),
        (("--session", UNKNOWN), []),
        (("--requirement", "dark-00000000"), []),
    ):
        assert found(place, *options) == expected, options
    assert len(place.listed("status", "--limit", "2")) == 2
    assert place.run("status", "--limit", "2").stderr.endswith(" more requirements left out; --limit shows more\n")
    assert place.said("status", "--session", UNKNOWN).startswith("no requirements 9 lights = ")
    assert "the flat" not in place.said("status", "--camera", READ, "--type", "dark")


def test_missing_says_what_to_capture(place: Place) -> None:
    """The flat of the late night is wanted, by type, rig and camera; a rig without lights wants nothing."""
    (row,) = place.listed("missing", "--camera", READ)
    assert (row["master_type"], row["lights"], row["sessions"], row["filter"]) == ("MASTER_FLAT", 2, 1, "Ha")
    assert row["first_night"] == row["last_night"] == str(NIGHT + timedelta(days=FAR))
    assert row["rigs"] == [rig(READ)]
    assert place.listed("missing", "--rig", "C8E*ReadCam", "--type", "flat") == [row]
    assert place.listed("missing", "--rig", "C8E*ReadCam", "--type", "dark") == []
    assert place.said("missing", "--rig", "nothing") == "no missing masters"
    assert row["capture_words"].removeprefix("capture ") in place.said("missing", "--camera", READ)


def test_why_compares_the_masters(place: Place) -> None:
    """Of a session, of one requirement and of a light: the answer, the rules, and masters with what differs."""
    which = place.session(READ)
    text = place.said("why", which)
    assert f"* {file_id('d')[:12]}" in text
    assert "(dark for 3 lights): matched" in text
    assert "masters, nearest first:" in text
    of_session = place.listed("why", which)
    assert {one["master_type"]: one["master_file_id"] for one in of_session} == {
        "MASTER_DARK": file_id("d"), "MASTER_FLAT": file_id("f"),
    }  # fmt: skip
    assert place.listed("why", file_id("l1")[:9].upper()) == of_session
    (dark_of,) = [one for one in of_session if one["master_type"] == "MASTER_DARK"]
    words = ("why", which, "--requirement", dark_of["requirement_id"])
    (alone,) = place.listed(*words, "--alternatives", "1")
    assert [one["fits"] for one in alone["alternatives"]] == [True]
    assert "300 s" in place.said(*words), "the other dark, and its exposure"
    assert "nearest" not in place.said(*words, "--alternatives", "0")
    (lacking,) = place.listed("missing", "--camera", READ)
    (told,) = place.listed("why", file_id("h0"), "--requirement", lacking["requirement_id"])
    assert (told["state"], told["capture"]) == ("missing", lacking["capture_words"])


def test_masters_are_filtered(place: Place) -> None:
    """By type, use, camera and filter; each with the lights that use it."""
    rows = {row["name"]: row["lights"] for row in place.listed("masters", "--camera", READ)}
    assert rows == {"d.fits": 5, "f.fits": 3, "unused.fits": 0, "same.fits": 0}
    for options, expected in (
        (("--type", "flat"), ["f.fits"]),
        (("--type", "bias"), []),
        (("--unused", "--type", "dark"), ["same.fits", "same.fits", "unused.fits"]),
        (("--filter", "L"), ["f.fits"]),
        (("--aged", "--type", "flat"), []),
        (("--refused",), []),
    ):
        names = [row["name"] for row in place.listed("masters", "--camera", READ, *options)]
        assert sorted(names) == expected, options
    assert place.said("masters", "--camera", "nothing") == "no masters"


def test_a_plan_is_compared_with_the_masters(place: Place) -> None:
    """Wanted darks of options, or of the settings: which exist, and how long the others take."""
    rows = place.listed("plan", "--camera", READ, "--exposure", "60s", "--exposure", "600", "--temperature", "-10C")
    assert [(row["exposure_s"], row["master_name"], row["total_s"]) for row in rows] == [
        (60.0, "d.fits", None), (600.0, None, 600.0 * 20),
    ]  # fmt: skip
    text = place.said("plan", "--camera", READ, "--exposure", "60", "--exposure", "600")
    assert text.endswith("1 of 2 darks exist; what is missing takes 3 h 20 min")
    assert place.said("plan", "--camera", READ, "--exposure", "60").endswith("1 of 1 dark exists")
    assert [(row["exposure_s"], row["master_name"]) for row in place.listed("plan")] == [
        (60.0, "d.fits"), (120.0, None),
    ]  # fmt: skip


def test_a_master_is_chosen_and_taken_back(place: Place) -> None:
    """`assign` goes before the newest, by id or by name; `unassign` takes it back, or says that nobody did."""
    which = place.session(PIN)
    needed = place.until(PIN, "MASTER_DARK", lambda row: row["master_name"] == "p-new.fits")["requirement_id"]
    for master in ("p-old.fits", file_id("p-old")[:8]):
        said = place.said("assign", which, master)
        assert said == f"{needed} of {which} is met by {file_id('p-old')[:12]} from now on"
        row = place.until(PIN, "MASTER_DARK", lambda row: row["is_pinned"])
        assert (row["master_name"], row["state"]) == ("p-old.fits", "matched")
        assert f"{needed} 1 pinned" in place.said("status", "--session", which)
        assert "matched, chosen by a person" in place.said("why", which)
        said = place.said("unassign", which, "--requirement", needed)
        assert said == f"what fits best counts again for {needed} of {which}"
        place.until(PIN, "MASTER_DARK", lambda row: row["master_name"] == "p-new.fits" and not row["is_pinned"])
    gone = place.run("unassign", which)
    assert (gone.exit_code, gone.stderr) == (1, f"nightbus: nobody chose a master for any requirement of {which}\n")


def test_a_master_is_refused_and_used_again(place: Place) -> None:
    """A refused master serves nobody, and the listing has the reason; twice changes nothing; --undo brings it back."""
    short = file_id("r-dark")[:12]
    place.until(REFUSE, "MASTER_DARK", lambda row: row["state"] == "matched")
    assert place.said("refuse", "r-dark.fits", "--reason", "light leak") == f"{short} is refused"
    row = place.until(REFUSE, "MASTER_DARK", lambda row: row["state"] == "missing")
    assert "light leak" in row["explanation"]
    assert place.said("refuse", short, "--reason", "light leak") == f"nothing changed: {short} is refused already"
    (listed,) = place.listed("masters", "--refused")
    assert (listed["file_id"], listed["refused_by"], listed["refused"]) == (file_id("r-dark"), "person", "light leak")
    assert "refused: light leak" in place.said("masters", "--refused")
    assert place.said("status").endswith("masters, 1 of them refused")
    assert place.said("refuse", short, "--undo") == f"{short} may be used"
    assert place.said("refuse", short, "--undo") == f"nothing changed: {short} may be used already"
    place.until(REFUSE, "MASTER_DARK", lambda row: row["state"] == "matched")
    assert place.listed("masters", "--refused") == []


def test_what_a_header_has_wrong_is_supplied(place: Place) -> None:
    """A dark of a wrong gain meets its light once the right one is supplied, and no more when that is taken back."""
    frame, short = "x-dark.fits", file_id("x-dark")[:12]
    place.until(LOSE, "MASTER_DARK", lambda row: row["state"] == "missing")
    assert place.said("describe", frame, "--gain", "100") == f"{short}: supplied: gain 100.0"
    row = place.until(LOSE, "MASTER_DARK", lambda row: row["state"] == "matched")
    assert row["master_file_id"] == file_id("x-dark")
    (listed,) = place.listed("masters", "--camera", LOSE)
    assert (listed["gain"], listed["supplied"]) == (100.0, {"gain": 100.0})
    done = json.loads(place.said("describe", short, "--temperature", "-10C", "--withdraw", "gain", "--json"))
    assert done == {"file_id": file_id("x-dark"), "supplied": {"set_temp_c": -10.0}}
    place.until(LOSE, "MASTER_DARK", lambda row: row["state"] == "missing")
    said = place.said("describe", short, "--withdraw", "temperature")
    assert said == f"{short}: nothing is supplied, its header counts"


def test_no_flat_is_used_across_a_change_of_the_train(place: Place) -> None:
    """The flat before the change serves no more; the list has the day; --undo makes it serve again."""
    place.until(TURN, "MASTER_FLAT", lambda row: row["state"] == "matched")
    day = str(NIGHT - timedelta(days=1))
    what = f"the change of {rig(TURN)} on {day}"
    words = ("train-changed", rig(TURN), "--date", day)
    assert place.said(*words) == f"{what} is recorded: no flat is used across it"
    assert place.said(*words) == f"nothing changed: {what} was recorded before"
    place.until(TURN, "MASTER_FLAT", lambda row: row["state"] == "missing")
    (listed,) = place.listed("train-changed")
    assert (listed["rig"], listed["changed_on"]) == (rig(TURN), day)
    assert place.said("train-changed").startswith(f"rig changed on by recorded (UTC) {rig(TURN)} {day}")
    (cell,) = csv.DictReader(io.StringIO(place.run("train-changed", "--csv").stdout))
    assert (cell["rig"], cell["changed_on"]) == (rig(TURN), day)
    assert place.said(*words, "--undo") == f"{what} is recorded no more"
    assert place.said(*words, "--undo") == f"nothing changed: {what} was not recorded before"
    place.until(TURN, "MASTER_FLAT", lambda row: row["state"] == "matched")
    assert place.said("train-changed") == "no changes"


def test_check_matches_everything_anew(place: Place) -> None:
    """`check` says how many requirements it has matched: those that `status` lists, with the same answers."""
    before = answers(place)
    count = len(place.listed("status"))
    said = f"{count} requirements matched anew; `nightbus calibration status` shows the answers"
    assert place.said("check") == said
    assert answers(place) == before


def test_sets_say_how_far_each_is_from_a_master(place: Place) -> None:
    """Sets by type, state and camera, and the frames of one with their levels."""
    rows = {row["frame_type"]: row for row in place.listed("sets")}
    dark_of = rows["DARK"]
    assert (dark_of["set_no"], dark_of["frames"], dark_of["kept"]) == (place.sets["DARK"], 3, 3)
    assert (dark_of["wanted"], dark_of["state"], dark_of["exposure_s"]) == (MIN_FRAMES, "too_few", 300.0)
    assert place.listed("sets", "--type", "dark", "--camera", str(RAW["INSTRUME"])) == [dark_of]
    assert {row["frame_type"] for row in place.listed("sets", "--ready")} <= {"BIAS", "FLAT"}
    assert place.said("sets", "--type", "darkflat") == "no sets"
    assert f"3 of 3 {MIN_FRAMES} too few" in place.said("sets", "--type", "dark")
    frames = place.listed("sets", "--frames", str(place.sets["DARK"]))
    assert [(row["name"], row["state"]) for row in frames] == [(f"DARK_{n:03}.fits", "kept") for n in range(3)]
    assert all(495 < row["median_adu"] < 505 for row in frames)
    assert place.said("sets", "--frames", str(place.sets["DARK"])).startswith("frame state median (ADU)")


def test_masters_are_built(place: Place) -> None:
    """A ready set becomes a file of the library; what cannot be built is a sentence, and the others go on."""
    bias, darks, flats = (str(place.sets[kind]) for kind in ("BIAS", "DARK", "FLAT"))
    few = f"set {darks} has 3 frames that are fit for a master, {MIN_FRAMES} are needed"
    done = place.run("build", flats, "--json")
    (row,) = json.loads(done.stdout)
    assert (done.exit_code, row["set_no"], row["state"]) == (1, int(flats), "failed")
    assert "no master dark-flat or master bias fits these flats" in row["reason"]
    done = place.run("build", bias, darks)
    assert done.exit_code == 1, done.output
    first, second = done.stdout.splitlines()
    assert first.startswith(f"set {bias}: _Bias Library/{RAW['INSTRUME']}/masterBias_")
    assert f", of {MIN_FRAMES} frames, " in first
    assert second == f"set {darks}: {few}"
    assert [row["state"] for row in place.listed("sets", "--type", "bias")] == ["built"]
    said = place.said("build", bias, "--detach")
    assert said.startswith(f"set {bias}: build ")
    build_id = said.split()[3]
    assert place.said("build", "--cancel", build_id[:8]).startswith(f"build {build_id}")


def test_what_cannot_be_done_is_one_sentence(place: Place) -> None:
    """Wrong usage has exit code 2, what is not there 1; each is a sentence, and nothing is decided."""
    which = place.session(READ)
    (dark_of,) = [row for row in place.listed("status", "--session", which) if row["master_type"] == "MASTER_DARK"]
    names = {
        "SESSION": which, "LIGHT": file_id("l0")[:12], "DARK": dark_of["requirement_id"], "FEW": str(place.sets["DARK"])
    }  # fmt: skip
    before = answers(place)
    for name, (words, code, sentence) in REFUSED.items():
        expected = " ".join(names.get(word, word) for word in sentence.split(" "))
        done = place.run(*(names.get(word, word) for word in words))
        assert done.exit_code == code, (name, done.output, done.exception)
        assert expected in done.stderr, (name, done.stderr)
        assert done.stderr.startswith("nightbus: "), name
        assert (done.stdout, done.stderr.count("\n")) == ("", 1), (name, done.output)
    assert answers(place) == before


def _nats_of(server: NatsServer) -> dict[str, str]:
    known = server.settings
    return {
        "NIGHTBUS_NATS__URL": known.url, "NIGHTBUS_NATS__USER": str(known.user),
        "NIGHTBUS_NATS__PASSWORD_FILE": str(known.password_file),
    }  # fmt: skip


def test_without_the_service_each_command_says_so(place: Place) -> None:
    """Where no service answers, what needs one says that; listings read the database and go on."""
    nobody = "nightbus: the calibration service is not running\n"
    which = place.session(READ)
    with embedded_nats() as silent:
        environment = _nats_of(silent)
        for words in (
            ("why", which), ("plan",), ("assign", which, "d.fits"), ("unassign", which), ("check",),
            ("refuse", "d.fits", "--undo"), ("describe", "d.fits", "--gain", "1"), ("build",),
            ("train-changed", rig(READ), "--date", "2026-01-01"),
        ):  # fmt: skip
            done = place.run(*words, **environment)
            assert (done.exit_code, done.stdout, done.stderr) == (1, "", nobody), words
        for listing in ("status", "missing", "masters", "sets", "train-changed"):
            assert place.run(listing, **environment).exit_code == 0, listing
