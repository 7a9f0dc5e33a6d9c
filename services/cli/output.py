"""One renderer for every listing: a table for people, JSON for programs, CSV for spreadsheets.

`--json` prints one array with one object per line, `--csv` a header and one line per row; both have every field of the
view and are written as rows arrive. CSV has plain cells alone: a field that holds sums by filter or type is a column
for each of them, a list is its items with semicolons between. Tables show the columns that people look at.
"""

import csv
import json
import math
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.cli.layout import Cell, Column, Noted, layout
from services.cli.usage import WrongUsage
from shared.inert import json_escaped, sentence, visible
from shared.quantities import counted as counted  # noqa: PLC0414 - for the rest of the command line

Row = Mapping[str, Any]
_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
"""Tabs and carriage returns are escapes by then."""
_CSV_NULL = ""
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def chosen_format(*, as_json: bool, as_csv: bool) -> Format:
    """The format that --json and --csv ask for.

    Raises:
        WrongUsage: both were given.
    """
    if as_json and as_csv:
        raise WrongUsage("choose one of --json and --csv")
    return Format.JSON if as_json else Format.CSV if as_csv else Format.TABLE


def plain(value: Any) -> Any:
    """A value as JSON has it: times in UTC with Z, NaN and infinities as null, bytes as text where they are text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def to_json(value: Any) -> str:
    """A value on one line of JSON; what a terminal would obey are escapes that read back the same."""
    return json_escaped(json.dumps(plain(value), ensure_ascii=False, allow_nan=False))


def csv_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula and no terminal obeys; numbers stay numbers."""
    value = plain(value)
    if value is None:
        return _CSV_NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = visible(_plain_text(value))
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _is_number(text) else text


def _plain_text(value: Any) -> str:
    """A value as text without brackets and quotes: items with semicolons between, pairs as ``name = value``."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} = {_plain_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        pairs = all(isinstance(item, list) and len(item) == 2 for item in value)
        return "; ".join(" = ".join(map(_plain_text, item)) if pairs else _plain_text(item) for item in value)
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text == text.strip()
    except ValueError:
        return False


async def write_json(rows: AsyncIterator[Row]) -> None:
    """Print an array, one object per line, as rows arrive."""
    opening = "["
    async for row in rows:
        sys.stdout.write(f"{opening}\n{to_json(row)}")
        opening = ","
    sys.stdout.write("[]\n" if opening == "[" else "\n]\n")


async def write_csv(
    rows: AsyncIterator[Row], header: Sequence[str], spread: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Print CSV (RFC 4180 quoting, lines end with LF) as rows arrive.

    ``spread`` names the keys of fields that are mappings: ``exposure_s_by_filter`` becomes ``exposure_s_Ha`` and so on,
    with ``none`` for the empty key.
    """
    spread = spread or {}
    writer = csv.writer(sys.stdout, lineterminator="\n")
    titles = [[name] if name not in spread else _spread_titles(name, spread[name]) for name in header]
    writer.writerow([csv_cell(title) for group in titles for title in group])
    async for row in rows:
        cells: list[Any] = []
        for name in header:
            cells += [(row[name] or {}).get(key) for key in spread[name]] if name in spread else [row[name]]
        writer.writerow(map(csv_cell, cells))


def _spread_titles(name: str, keys: Sequence[str]) -> list[str]:
    return [f"{name.partition('_by_')[0]}_{key or 'none'}" for key in keys]


def print_table(rows: Sequence[Row], columns: Sequence[Column], *, note: str = "") -> None:
    """Print a table, and notes below it on standard error: on a terminal in its width, else one line per row."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    sheet = layout(columns, [[cell(column.show(row)) for column in columns] for row in rows], width)
    bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print("\n".join(f"{_BOLD}{line}{_PLAIN}" if bold else line for line in sheet.head))
    if sheet.body:
        print("\n".join(sheet.body))
    if sheet.left_out:
        names = ", ".join(column.title for column in sheet.left_out)
        print(f"no room for: {names}; a wider terminal, --json and --csv have all", file=sys.stderr)
    if note:
        print(note, file=sys.stderr)


def cell(value: object) -> Cell:
    """A value of a table: a text, the items of a list, or a text with a note."""
    if isinstance(value, Noted):
        return Noted(cell_text(value.text), cell_text(value.note), value.brief)
    return tuple(map(cell_text, value)) if isinstance(value, tuple) else cell_text(value)


def cell_text(value: object) -> str:
    """A value as a table shows it: nothing for None, times to the second in UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return sentence(value)


def fixed(value: float | None, digits: int) -> str | None:
    """A number with fixed decimals."""
    return None if value is None else f"{value:.{digits}f}"
