"""What N.I.N.A.'s Session Metadata plug-in wrote beside the images: ``ImageMetaData.csv`` or ``ImageMetaData.json``.

One row per exposure, found by the image's name (its folder and extension may have changed since). The plug-in (Session
Metadata, Tom Palmer, versions 1.0 to 2.6) writes numbers with a point, ``NaN`` for what was not measured, and 0 for an
HFR or a guiding error that failed; rows may lack the columns that later versions added.

A reader is told one file at a time, so a folder's table is kept, and looked at again by its time and size: at most once
in `LOOK_AGAIN_S` where there is one, once in `LOOK_FOR_NEW_S` where there is none.
"""

import csv
import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from shared.frames import values
from shared.frames.frametypes import frame_type_of
from shared.frames.paths import PathFacts

FILE_NAMES = ("ImageMetaData.csv", "ImageMetaData.json")
MAX_BYTES = 32 << 20
MAX_ROWS = 50_000
LOOK_AGAIN_S, LOOK_FOR_NEW_S = 2.0, 20.0
_MAX_FOLDERS = 32
_MAX_NOTES = 3

Row = Mapping[str, object]
_Signature = tuple[str, int, int]


@dataclass(slots=True)
class _Table:
    """A folder's rows by the images' names without extension, in lower case, and the lines that could not be read."""

    signature: _Signature | None
    looked_at_s: float
    rows: dict[str, Row] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


_tables: dict[str, _Table] = {}


def side_row(path: str | os.PathLike[str]) -> tuple[Row | None, tuple[str, ...]]:
    """The plug-in's row of an image and, where it has none, what is wrong with the table; never raises."""
    folder, name = os.path.split(os.fspath(path))
    table = _tables.get(folder)
    now_s = time.monotonic()
    pause_s = LOOK_FOR_NEW_S if table is None or table.signature is None else LOOK_AGAIN_S
    if table is None or now_s - table.looked_at_s >= pause_s:
        table = _look(folder, table, now_s)
    if table.signature is None:
        return None, ()
    row = table.rows.get(_stem(name))
    return row, table.problems if row is None else ()


def with_row(facts: PathFacts, row: Row) -> tuple[PathFacts, tuple[str, ...]]:
    """Path facts completed by a row, which fills only what is missing, and the values of the row that make no sense."""
    problems: list[str] = []

    def number(column: str) -> float | None:
        written = row.get(column)
        found = values.number(written) if isinstance(written, (str, int, float)) else None
        if found is None and isinstance(written, str) and values.text(written) is not None:
            problems.append(f"the side file's {column} {written[:40]!r} is not a number")
        return found

    def positive(column: str) -> float | None:
        found = number(column)
        return found if found is not None and found > 0 else None

    def text(column: str) -> str | None:
        written = row.get(column)
        return values.text(written) if isinstance(written, str) else None

    stars, gain, offset = number("DetectedStars"), number("Gain"), number("Offset")
    start = values.moment(text("ExposureStartUTC"))
    exposure = number("Duration")
    found: dict[str, object] = {
        "hfr_px": positive("HFR"),
        "star_count": int(stars) if stars is not None and 0 < stars < 2**31 else None,
        "rms_arcsec": positive("GuidingRMSArcSec"),
        "filter": text("FilterName"),
        "exposure_s": exposure if exposure is not None and exposure >= 0 else None,
        "gain": gain if gain is not None and gain >= 0 else None,
        "offset": offset if offset is not None and offset >= 0 else None,
        "sensor_temp_c": _temperature(number("CameraTemp")),
        "set_temp_c": _temperature(number("CameraTargetTemp")),
        "x_binning": values.binning(text("Binning")),
        "frame_type": frame_type_of(text("ImageType")),
        "utc_time": _utc(start),
    }
    missing = {name: fact for name, fact in found.items() if fact is not None and getattr(facts, name) is None}
    return replace(facts, **missing) if missing else facts, tuple(problems[:_MAX_NOTES])  # type: ignore[arg-type]


def _look(folder: str, table: _Table | None, now_s: float) -> _Table:
    signature = _signature(folder)
    if table is not None and table.signature == signature:
        table.looked_at_s = now_s
        return table
    if signature is None:
        table = _Table(None, now_s)
    else:
        rows, problems = _read(Path(folder, signature[0]), signature[2])
        table = _Table(signature, now_s, rows, problems)
    while len(_tables) >= _MAX_FOLDERS and folder not in _tables:
        del _tables[next(iter(_tables))]
    _tables[folder] = table
    return table


def _signature(folder: str) -> _Signature | None:
    """Name, modification time (ns) and size (bytes) of the folder's table."""
    for name in FILE_NAMES:
        try:
            found = Path(folder, name).stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(found.st_mode):
            return name, found.st_mtime_ns, found.st_size
    return None


def _read(path: Path, size_bytes: int) -> tuple[dict[str, Row], tuple[str, ...]]:
    name = path.name
    if size_bytes > MAX_BYTES:
        return {}, (f"{name} was not read: it has {size_bytes} bytes",)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            text = stream.read(MAX_BYTES)
    except OSError as error:
        return {}, (f"{name} cannot be read: {error.strerror or error}",)
    return _json_rows(text) if name.endswith(".json") else _csv_rows(text)


def _csv_rows(text: str) -> tuple[dict[str, Row], tuple[str, ...]]:
    problems: list[str] = []
    lines = csv.reader(text.replace("\x00", "").splitlines())
    try:
        columns = next(lines, [])
    except csv.Error as error:
        return {}, (f"ImageMetaData.csv cannot be read: {error}",)
    if "FilePath" not in columns:
        return {}, ("ImageMetaData.csv has no column FilePath",)
    rows: list[Row] = []
    while len(rows) < MAX_ROWS:
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(f"ImageMetaData.csv line {lines.line_num} cannot be read: {error}")
            continue
        if len(cells) == len(columns):
            rows.append(dict(zip(columns, cells, strict=True)))
        elif cells:
            problems.append(f"ImageMetaData.csv line {lines.line_num} has {len(cells)} cells, not {len(columns)}")
    return _by_image(rows), tuple(problems[:_MAX_NOTES])


def _json_rows(text: str) -> tuple[dict[str, Row], tuple[str, ...]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {}, (f"ImageMetaData.json cannot be read: {str(error)[:120]}",)
    if not isinstance(parsed, list):
        return {}, ("ImageMetaData.json is not a list of exposures",)
    rows = [row for row in parsed[:MAX_ROWS] if isinstance(row, dict) and isinstance(row.get("FilePath"), str)]
    strangers = min(len(parsed), MAX_ROWS) - len(rows)
    return _by_image(rows), (f"ImageMetaData.json: {strangers} entries have no FilePath",) if strangers else ()


def _by_image(rows: Iterable[Row]) -> dict[str, Row]:
    """The last row of each image: a repeated name is a file that was written again."""
    return {_stem(str(row["FilePath"])): row for row in rows}


def _stem(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    name = name.removesuffix(".gz").removesuffix(".fz")
    return name.rpartition(".")[0] or name


def _temperature(degrees: float | None) -> float | None:
    return degrees if degrees is not None and -120 <= degrees <= 100 else None


def _utc(start: datetime | None) -> datetime | None:
    return start.replace(tzinfo=UTC) if start is not None and start.tzinfo is None else start
