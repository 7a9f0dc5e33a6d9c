"""Rendering: JSON that parses, CSV that no spreadsheet executes, tables that cannot harm a terminal."""

import csv
import io
import json
import math
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.output import (
    Format,
    chosen_format,
    csv_cell,
    plain,
    to_json,
    write_csv,
    write_json,
)
from shared.errors import UserError
from shared.inert import visible
from shared.quantities import age, duration, size

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


async def _rows(rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for row in rows:
        yield row


@settings(deadline=None)
@given(st.text())
def test_no_cell_starts_a_formula(text: str) -> None:
    """Whatever a file was named, its cell does not start with a formula's character, unless it is a number."""
    cell = csv_cell(text)
    if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and cell:
        assert math.isfinite(float(cell))
    assert cell.removeprefix("'") == visible(text).removeprefix("'")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-9.9, "-9.9"),
        ("-9.9", "-9.9"),
        ("=1+1", "'=1+1"),
        ("-M31", "'-M31"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a\x1b[31m\x9b\u202e\nb", "a\\x1b[31m\\x9b\\u202e\\nb"),
        ("-inf", "'-inf"),
        (None, ""),
        (True, "true"),
        (["=a"], "'=a"),
        (["a", "b"], "a; b"),
        ([["Ha 7nm", "Ha"]], "Ha 7nm = Ha"),
        ({"a": 1, "b": None}, "a = 1; b = "),
        ([], ""),
    ],
)
def test_numbers_stay_numbers(value: object, cell: str) -> None:
    """Negative numbers are not quoted; text that a spreadsheet would run is."""
    assert csv_cell(value) == cell


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=3), max_size=4))
def test_json_always_parses(value: dict[str, Any]) -> None:
    """Every row becomes valid JSON on one line; NaN becomes null."""
    line = to_json(value)
    assert "\n" not in line
    assert visible(line) == line
    assert json.loads(line) == plain(value)


def test_times_and_bytes_in_json() -> None:
    """Times are UTC with Z, nights are dates, bytes are text."""
    row = {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "night": date(2026, 1, 1), "payload": b"a\xff"}
    assert plain(row) == {"at": "2026-01-02T03:04:05Z", "night": "2026-01-01", "payload": "a\\xff"}


@pytest.mark.parametrize("rows", [[], [{"a": 1}], [{"a": 1}, {"a": "x"}]])
async def test_listings_are_one_array(rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one array, also when there is nothing."""
    await write_json(_rows(rows))
    assert json.loads(capsys.readouterr().out) == rows


async def test_csv_has_a_header_and_one_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    """--csv prints the header even without rows, and quotes what needs it."""
    await write_csv(_rows([{"a": 'x,"y"\nz', "b": None}]), ["a", "b"])
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [["a", "b"], ['x,"y"\\nz', ""]]


async def test_a_field_of_several_sums_is_a_column_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Sums by filter or type are plain columns in the order of their keys, the same for every row; no cell is JSON."""
    rows: list[dict[str, Any]] = [
        {"id": "M31", "exposure_s_by_filter": {"Ha": 60.0, "": 5}, "files_by_type": {"LIGHT": 2}},
        {"id": "M42", "exposure_s_by_filter": None, "files_by_type": {}},
    ]
    spread = {"exposure_s_by_filter": ["", "Ha", "L"], "files_by_type": ["DARK", "LIGHT"]}
    await write_csv(_rows(rows), ["id", "exposure_s_by_filter", "files_by_type"], spread)
    assert capsys.readouterr().out.splitlines() == [
        "id,exposure_s_none,exposure_s_Ha,exposure_s_L,files_DARK,files_LIGHT",
        "M31,5,60.0,,,2",
        "M42,,,,,",
    ]


def test_formats_exclude_each_other() -> None:
    """--json and --csv together are refused."""
    assert chosen_format(as_json=False, as_csv=False) is Format.TABLE
    with pytest.raises(UserError, match="one of"):
        chosen_format(as_json=True, as_csv=True)


def test_quantities_read_well() -> None:
    """Integration and sizes are shown in the unit that people use."""
    assert [duration(value) for value in (0.25, 30, 70, 90, 120, 150, 300, 1510, 3600, 3900, 5400, 360000)] == [
        "0.2 s", "30 s", "70 s", "90 s", "2 min", "2 min 30 s", "5 min", "25 min", "1 h", "1 h 05 min",
        "1 h 30 min", "100 h",
    ]  # fmt: skip
    assert [size(value) for value in (0, 999, 12_345_678, 2e15)] == ["0 B", "999 B", "12.3 MB", "2000.0 TB"]


def test_an_age_is_in_days_from_two_days_on() -> None:
    """A night of last year is so many days old; what is of tonight is told to the minute."""
    assert [age(seconds) for seconds in (-5, 5400, 2 * 86_400 - 120, 2 * 86_400, 44_851_216)] == [
        "0 s", "1 h 30 min", "47 h 58 min", "2 days", "519 days",
    ]  # fmt: skip
