"""files, captures and sessions on a real database."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import Result

from shared.settings import Settings
from tests.integration.cli.conftest import ARRIVED_AT, count_anew
from tests.stack import connected_as

pytestmark = pytest.mark.usefixtures("rows")

Quick = Callable[..., Result]


def listed(quick: Quick, *words: str) -> list[dict[str, Any]]:
    """The rows that --json prints."""
    result = quick(*words, "--json")
    assert result.exit_code == 0, result.stderr
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def first_digits(rows: Sequence[dict[str, Any]]) -> str:
    """The files' made-up ids, in order."""
    return "".join(row["file_id"][0] for row in rows)


def test_files_are_filtered(quick: Quick) -> None:
    """Each filter restricts the listing; case and blanks do not matter, * is any text, nothing else is special."""
    cases: list[tuple[list[str], str]] = [
        ([], "abcdef"),
        (["--object", "m31"], "ab"),
        (["--object", "M 3*"], "ab"),
        (["--object", "NGC 224"], "ab"),
        (["--object", "Andromeda*"], "ab"),
        (["--object", "M3"], ""),
        (["--object", "m 42", "--object", "M31"], "abc"),
        (["--filter", "ha"], "b"),
        (["--filter", "H-alpha 7nm"], "b"),
        (["--filter", "luminance"], "ac"),
        (["--date", "2026-02-28"], "bd"),
        (["--since", "2026-02-27", "--until", "2026-02-27"], "a"),
        (["--year", "2025"], "c"),
        (["--rig", "seestar*"], "c"),
        (["--camera", "cam", "--type", "dark"], "d"),
        (["--type", "LIGHT", "--type", "DARK"], "abcd"),
        (["--object", "%"], ""),
        (["--object", "'; DROP TABLE stats.file; --"], ""),
    ]
    for options, found in cases:
        assert sorted(first_digits(listed(quick, "files", *options))) == sorted(found), options


def test_files_show_state_and_reason(quick: Quick) -> None:
    """The table names what was quarantined and why, newest night first, and cannot harm the terminal."""
    result = quick("files")
    assert result.exit_code == 0
    assert "quarantined: the header is cut off" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.index("M31 light 2.fits") < result.stdout.index("=M31 light 1.fits")


async def test_a_damaged_or_missing_file_is_marked(
    quick: Quick, stats: asyncpg.Connection, ingest: asyncpg.Connection
) -> None:
    """A truncated light looks unlike any other, and so does a path of the library where nothing is any more."""
    await stats.execute("UPDATE frame SET problems = '{truncated: has 5,b}' WHERE file_id = $1", "a" * 64)
    await ingest.execute("UPDATE location SET missing_since = $1 WHERE file_id = $2", ARRIVED_AT, "b" * 64)
    table = (await asyncio.to_thread(quick, "files")).stdout
    assert "library/=M31 light 1.fits  ! 2 problems: truncated: has 5\n" in table
    assert "library/M31 light 2.fits  gone from the library since 2026-03-01\n" in table
    assert "library/dark.fits\n" in table
    rows = await asyncio.to_thread(listed, quick, "files")
    assert {row["file_id"][0]: row["missing_since"] for row in rows if row["missing_since"]} == {
        "b": "2026-03-01T06:00:00Z"
    }


def test_a_table_says_how_many_rows_it_left_out(quick: Quick) -> None:
    """--limit cuts the table, and a note on standard error counts the rest."""
    result = quick("files", "--limit", "4")
    assert len(result.stdout.splitlines()) == 5
    assert result.stderr == "2 more files left out; --limit shows more\n"
    assert len(listed(quick, "files", "--limit", "4")) == 4
    assert quick("files", "--limit", "5").stderr == "1 more file left out; --limit shows more\n"


async def test_the_first_rows_are_those_of_the_whole_listing(quick: Quick, stats: asyncpg.Connection) -> None:
    """With a limit, rows are found in other ways than without one, and are the same in the same order."""
    await stats.execute("UPDATE frame SET target_uncertain = (filter = 'Ha') WHERE catalog_id = 'M31'")
    await stats.execute("UPDATE frame SET catalog_id = NULL, object_name = 'auto focus' WHERE catalog_id = 'M42'")
    await stats.execute("UPDATE frame SET night = NULL WHERE frame_type = 'DARK'")
    await count_anew(stats)
    found = set()
    for options in (
        [],
        ["--object", "M31"],
        ["--object", "autofocus"],
        ["--object", "*"],
        ["--object", "M31", "--filter", "Ha"],
        ["--object", "*", "--type", "LIGHT", "--since", "2026-01-01"],
        ["--uncertain"],
        ["--uncertain", "--rig", "rig*"],
        ["--object", "*", "--uncertain"],
        ["--filter", "*"],
        ["--camera", "cam"],
        ["--rig", "*", "--until", "2026-02-27"],
        ["--type", "DARK"],
        ["--date", "2026-02-28"],
        ["--year", "2001"],
    ):
        whole = await asyncio.to_thread(listed, quick, "files", *options)
        for limit in range(1, len(whole) + 2):
            rows = await asyncio.to_thread(listed, quick, "files", *options, "--limit", str(limit))
            assert rows == whole[:limit], (options, limit)
        found.add(first_digits(whole))
        table = await asyncio.to_thread(quick, "files", *options, "--limit", "1")
        kept = not {"--object", "--uncertain"} & set(options) or options[::2] == ["--object"]
        left = f"{len(whole) - 1} more file{'s' if len(whole) > 2 else ''}" if kept else "more files"
        assert table.stderr == (f"{left} left out; --limit shows more\n" if len(whole) > 1 else ""), options
    assert found == {"", "ac", "b", "ba", "bac", "bacdef", "bad", "c", "d"}


async def test_numbers_have_the_digits_that_were_kept(quick: Quick, stats: asyncpg.Connection) -> None:
    """--json and --csv show a real as the database has it, without the noise of a wider type."""
    await stats.execute(
        "UPDATE frame SET target_confidence = 0.9975, pixel_scale_arcsec = 2.3927 WHERE catalog_id = 'M42'"
    )
    (row,) = await asyncio.to_thread(listed, quick, "files", "--object", "M42")
    assert (row["target_confidence"], row["pixel_scale_arcsec"]) == (0.9975, 2.3927)
    result = await asyncio.to_thread(quick, "files", "--object", "M42", "--csv")
    (text,) = csv.DictReader(io.StringIO(result.stdout))
    assert (text["target_confidence"], text["pixel_scale_arcsec"]) == ("0.9975", "2.3927")


async def test_an_unknown_object_is_marked(quick: Quick, stats: asyncpg.Connection) -> None:
    """What no target was found for stands in brackets, so that nobody takes it for one."""
    await stats.execute("UPDATE frame SET catalog_id = NULL, object_name = 'auto_focus' WHERE catalog_id = 'M42'")
    table = (await asyncio.to_thread(quick, "files")).stdout
    assert "(auto_focus)" in table
    assert "M31" in table
    assert "(M" not in table


async def test_an_uncertain_target_is_marked_and_listed(quick: Quick, stats: asyncpg.Connection) -> None:
    """A target that a person should decide looks unlike any other, and --uncertain lists it alone."""
    certain = await asyncio.to_thread(listed, quick, "files", "--uncertain")
    assert certain == await asyncio.to_thread(listed, quick, "captures", "--uncertain") == []
    assert "?" not in (await asyncio.to_thread(quick, "captures")).stdout
    await stats.execute("UPDATE frame SET target_uncertain = true WHERE catalog_id = 'M31' AND filter = 'Ha'")
    await count_anew(stats)
    rows = await asyncio.to_thread(listed, quick, "files")
    assert {row["file_id"][0]: row["target_uncertain"] for row in rows} == {
        "a": False, "b": True, "c": False, "d": False, "e": None, "f": None,
    }  # fmt: skip
    assert first_digits(await asyncio.to_thread(listed, quick, "files", "--uncertain")) == "b"
    table = (await asyncio.to_thread(quick, "files", "--object", "M31")).stdout
    assert table.count("M31 ?") == 1
    rows = await asyncio.to_thread(listed, quick, "captures")
    assert {row["catalog_id"]: (row["total_frames"], row["uncertain_frames"]) for row in rows} == {
        "M31": (2, 1),
        "M42": (1, 0),
    }
    (row,) = await asyncio.to_thread(listed, quick, "captures", "--uncertain")
    assert (row["catalog_id"], row["total_exposure_s"], row["uncertain_frames"]) == ("M31", 600.0, 1)
    table = (await asyncio.to_thread(quick, "captures")).stdout
    assert "M31 ?" in table
    assert "2 (1 ?)" in table
    assert "M42 ?" not in table
    result = await asyncio.to_thread(quick, "reread", "--uncertain", "--dry-run")
    assert result.stdout == "1 file would be read anew\n"


async def test_a_designation_is_not_repeated_as_a_name(quick: Quick, stats: asyncpg.Connection) -> None:
    """A target without a name of its own shows its id once."""
    await stats.execute("UPDATE target SET name = 'M 42' WHERE catalog_id = 'M42'")
    table = (await asyncio.to_thread(quick, "captures")).stdout
    assert "Andromeda Galaxy" in table
    assert "M42" in table
    assert "M 42" not in table


def test_captures_show_nights(quick: Quick) -> None:
    """First and last are the nights that `sessions` lists, with and without filters."""
    for words in (["captures"], ["captures", "--since", "2025-01-01"]):
        rows = {row["catalog_id"]: (row["first_night"], row["last_night"]) for row in listed(quick, *words)}
        assert rows == {"M31": ("2026-02-27", "2026-02-28"), "M42": ("2025-12-31", "2025-12-31")}
    assert "2026-02-28" in quick("captures").stdout


def test_csv_is_safe_for_spreadsheets(quick: Quick) -> None:
    """A file named like a formula becomes text; numbers stay numbers."""
    result = quick("files", "--csv", "--object", "M31")
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert set(rows) == {"'=M31 light 1.fits", "M31 light 2.fits"}
    assert rows["M31 light 2.fits"]["exposure_s"] == "600.0"


def test_csv_has_plain_columns(quick: Quick) -> None:
    """Integration by filter and files by type are columns of their own; no cell holds JSON."""
    for listing, titles in (
        ("captures", {"exposure_s_Ha", "exposure_s_L"}),
        ("sessions", {"files_DARK", "files_LIGHT"}),
    ):
        rows = list(csv.DictReader(io.StringIO(quick(listing, "--csv").stdout)))
        assert titles <= set(rows[0])
        assert not any(cell.startswith(("{", "[")) for row in rows for cell in row.values())
    (row,) = csv.DictReader(io.StringIO(quick("captures", "--csv", "--object", "M31").stdout))
    assert (row["exposure_s_Ha"], row["exposure_s_L"]) == ("600", "300")
    (row,) = csv.DictReader(io.StringIO(quick("sessions", "--csv", "--date", "2026-02-28").stdout))
    assert (row["files_DARK"], row["files_LIGHT"], row["catalog_ids"]) == ("1", "1", "M31")


def test_captures_are_totals_of_targets(quick: Quick) -> None:
    """Most integration first, with the sums by filter."""
    rows = listed(quick, "captures")
    assert [(row["catalog_id"], row["total_exposure_s"], row["total_sessions"]) for row in rows] == [
        ("M31", 900.0, 2),
        ("M42", 10.0, 1),
    ]
    assert rows[0]["exposure_s_by_filter"] == {"L": 300.0, "Ha": 600.0}
    assert rows[0]["best_fwhm_arcsec"] == 2.5
    table = quick("captures").stdout
    assert "Andromeda Galaxy" in table
    assert "Ha 10 min, L 5 min" in table


def test_captures_sum_what_was_asked_for(quick: Quick) -> None:
    """Filters on frames restrict what is summed; filters on objects restrict the rows."""
    cases: list[tuple[list[str], list[tuple[str, float]]]] = [
        (["--object", "andromeda galaxy"], [("M31", 900.0)]),
        (["--object", "Messier 031"], [("M31", 900.0)]),
        (["--filter", "Ha"], [("M31", 600.0)]),
        (["--year", "2026"], [("M31", 900.0)]),
        (["--date", "2026-02-27"], [("M31", 300.0)]),
        (["--camera", "S50"], [("M42", 10.0)]),
        (["--camera", "S50", "--object", "M31"], []),
        (["--filter", "L", "--object", "*nebula"], [("M42", 10.0)]),
    ]
    for options, found in cases:
        rows = listed(quick, "captures", *options)
        assert [(row["catalog_id"], row["total_exposure_s"]) for row in rows] == found, options


def test_filtered_and_kept_totals_have_the_same_fields(quick: Quick) -> None:
    """A program need not know which of the two it got."""
    assert list(listed(quick, "captures")[0]) == list(listed(quick, "captures", "--year", "2026")[0])


def test_sessions_are_filtered(quick: Quick) -> None:
    """Sessions are listed newest first and filtered by what is in them."""
    cases: list[tuple[list[str], list[str]]] = [
        ([], ["20260228_0000000A", "20260227_0000000A", "20251231_0000000B"]),
        (["--object", "orion nebula"], ["20251231_0000000B"]),
        (["--object", "m31", "--filter", "ha"], ["20260228_0000000A"]),
        (["--type", "dark"], ["20260228_0000000A"]),
        (["--rig", "rig*", "--until", "2026-02-27"], ["20260227_0000000A"]),
        (["--camera", "S50", "--year", "2026"], []),
    ]
    for options, found in cases:
        assert [row["session_id"] for row in listed(quick, "sessions", *options)] == found, options


def test_a_session_shows_its_files_by_type(quick: Quick) -> None:
    """The table has night, rig, targets and counts."""
    table = quick("sessions", "--date", "2026-02-28").stdout
    assert "1 DARK, 1 LIGHT" in table
    assert "M31" in table


def test_a_wrong_type_names_the_right_ones(quick: Quick) -> None:
    """--type takes the frame types only, and a mistake lists them."""
    result = quick("files", "--type", "stars")
    assert result.exit_code == 2
    assert result.stderr.startswith("nightbus: --type wants one of LIGHT, DARK, FLAT,")
    assert result.stderr.endswith("OTHER, not 'stars'\n")


def test_a_table_or_a_file_but_not_two(quick: Quick) -> None:
    """--json and --csv together are wrong usage."""
    result = quick("sessions", "--json", "--csv")
    assert (result.exit_code, result.stderr) == (2, "nightbus: choose one of --json and --csv\n")


def test_a_wrong_night_is_one_sentence(quick: Quick) -> None:
    """--date takes YYYY-MM-DD only."""
    result = quick("files", "--date", "yesterday")
    assert (result.exit_code, result.stderr) == (2, "nightbus: --date wants a night as YYYY-MM-DD, not 'yesterday'\n")


HOSTILE = ("%", "'; DROP TABLE stats.file; --", "\\", "*" * 1000, "\x1b[31m\x9b\u202e", "x" * 1000, "{}", "$1")


@pytest.mark.parametrize("listing", ["files", "captures", "sessions"])
def test_hostile_patterns_find_nothing_and_break_nothing(quick: Quick, listing: str) -> None:
    """Whatever a filter looks for, the answer is a listing; only a row of asterisks finds what there is."""
    for option in ("--object", "--filter", "--rig", "--camera"):
        for value in HOSTILE:
            result = quick(listing, f"{option}={value}", "--json")
            assert result.exit_code == 0, (option, value, result.stderr)
            assert value[0] == "*" or json.loads(result.stdout) == [], (option, value)
    assert quick(listing, "--limit", str(10**12), "--json").exit_code == 0


async def test_what_a_terminal_obeys_is_never_printed(quick: Quick, stats: asyncpg.Connection) -> None:
    """Names with control characters and turned writing are escapes in tables, in JSON (which parses) and in CSV."""
    hostile = "\x1b[31m\x07\x9b\u202e\u2066\u2028\nM 31"
    await stats.execute("UPDATE frame SET object_name = $1, rig = $1, camera = $1, catalog_id = NULL", hostile)
    await stats.execute("UPDATE session SET rig = $1", hostile)
    for listing in ("files", "sessions", "captures"):
        for form in ([], ["--json"], ["--csv"]):
            result = await asyncio.to_thread(quick, listing, *form)
            assert result.exit_code == 0, result.stderr
            assert all(line.isprintable() for line in result.stdout.split("\n")), (listing, form)
    rows = await asyncio.to_thread(listed, quick, "files")
    assert hostile in [row["object_name"] for row in rows]


async def test_archived_files_stay_listed_and_say_how_they_come_back(
    quick: Quick, settings: Settings, ingest: asyncpg.Connection
) -> None:
    """Each row says where its content lies, in which archives too; one that has gone here is still in all totals."""
    async with connected_as(settings.postgres, "backup") as backup:
        for destination, phase, held in (
            ("usb-disk", "verified", "ab"),
            ("nas", "verified", "b"),
            ("s3", "stored", "b"),
        ):
            archive_id = uuid4()
            await backup.execute(
                "INSERT INTO archive (archive_id, destination, collection_id, night, number, phase)"
                " VALUES ($1, $2, '20260301_00000001', '2026-03-01', 1, $3)",
                archive_id, destination, phase,
            )  # fmt: skip
            for position, letter in enumerate(held):
                await backup.execute(
                    "INSERT INTO member (archive_id, position, file_id, root, path, name, size_bytes, arrived_at,"
                    " state) VALUES ($1, $2, $3, 'library', $3, $3, 1, now(), 'written')",
                    archive_id, position, letter * 64,
                )  # fmt: skip
    before = await asyncio.to_thread(listed, quick, "captures")
    await ingest.execute("UPDATE location SET missing_since = $1 WHERE file_id = $2", ARRIVED_AT, "b" * 64)
    for words in (("files",), ("files", "--limit", "50")):
        found = await asyncio.to_thread(listed, quick, *words)
        places = {row["file_id"][0]: (row["lies_in"], row["archives"]) for row in found}
        assert places["a"] == ("library", ["usb-disk"])
        assert places["b"] == ("missing", ["nas", "usb-disk"])
        assert places["c"] == ("library", [])
    assert await asyncio.to_thread(listed, quick, "captures") == before
    shown = (await asyncio.to_thread(quick, "files", "--missing")).stdout
    assert f"in the archive nas: nightbus backup restore {'b' * 12}" in shown
    assert "missing, archive nas, archive usb-disk" in " ".join(shown.split())
