"""Tables fit the terminal, and words stay whole in them."""

import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from services.cli import dead_letters, imports, listings, status
from services.cli.layout import Column, layout
from services.cli.output import cell
from shared.words import clipped, pieces, wrapped

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
SESSION = {
    "night": "2025-10-20",
    "rig": "Esprit100ED@f5.5+ZWO ASI2600MM Pro",
    "catalog_ids": ["NGC7000", "NGC7331", "IC1396"],
    "integration_s": 4200.0,
    "exposures": 31,
    "files_by_type": {"BIAS": 10, "DARK": 8, "FLAT": 10, "LIGHT": 31, "MASTER_DARKFLAT": 2},
    "state": "reopened",
    "session_id": "20251020_BD7DD03E",
}
CAPTURE = {
    "catalog_id": "IC1396",
    "name": "Elephant's Trunk Nebula",
    "total_exposure_s": 12 * 60.0,
    "exposure_s_by_filter": {"L": 120.0, "R": 120.0, "G": 120.0, "B": 120.0, "Ha": 240.0},
    "total_frames": 12,
    "uncertain_frames": 0,
    "total_sessions": 1,
    "best_fwhm_arcsec": 7.2,
    "first_night": "2025-10-20",
    "last_night": "2025-10-20",
}


def lines(columns: tuple[Column, ...], row: dict[str, object], width: int | None) -> list[str]:
    """The lines of a table of one row."""
    sheet = layout(columns, [[cell(column.show(row)) for column in columns]], width)
    return [*sheet.head, *sheet.body]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_sessions_are_readable(width: int) -> None:
    """In 80, 100 and 140 columns every target and every count with its type is in one piece, within the terminal."""
    shown = lines(listings._SESSION_COLUMNS, SESSION, width)
    assert max(map(len, shown)) <= width
    for whole in (
        "NGC7000",
        "IC1396",
        "10 BIAS",
        "31 LIGHT",
        "2 MASTER_DARKFLAT",
        "1 h 10 min",
        "reopened",
        "ASI2600MM",
    ):
        assert any(whole in line for line in shown), (whole, shown)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_integrations_are_not_torn(width: int) -> None:
    """A filter stays on one line with its integration, and no name loses letters."""
    shown = lines(listings._CAPTURE_COLUMNS, CAPTURE, width)
    assert max(map(len, shown)) <= width
    for whole in ("R 2 min", "Ha 4 min", "Elephant's", "Nebula", "12 min"):
        assert any(whole in line for line in shown), (whole, shown)


FILE = {
    "night": "2025-10-20",
    "frame_type": "MASTER_DARKFLAT",
    "catalog_id": "NGC7331",
    "target_uncertain": True,
    "object_name": "NGC 7331",
    "filter": "IRCUT",
    "exposure_s": 300.0,
    "fwhm_arcsec": 3.456,
    "star_count": 12345,
    "root": "library",
    "path": "seestar/MyWorks/NGC 7331_sub/Light_NGC 7331_10.0s_IRCUT_20251020-222521_with_a_long_name_0001.fit",
    "state": "scanned",
    "reason": None,
    "missing_since": None,
    "absent": None,
    "lies_in": "library",
    "archives": [],
    "absent_reason": None,
    "problems": [],
}


@pytest.mark.parametrize("width", [72, 80, 100, 140])
@pytest.mark.parametrize("frame_type", ["LIGHT", "MASTER_DARKFLAT"])
def test_files_keep_width_and_stars_at_80_columns(width: int, frame_type: str) -> None:
    """FWHM and the number of stars are always there; a path takes two lines, and its end is seen."""
    shown = lines(listings._FILE_COLUMNS, FILE | {"frame_type": frame_type}, width)
    assert max(map(cell_len, shown)) <= width
    assert len(shown) <= 5
    for whole in ("2025-10-20", "NGC7331", "?", "3.46", "12345"):
        assert any(whole in line for line in shown), (whole, shown)
    assert any(line.endswith("0001.fit") for line in shown)
    if width <= 80:
        assert any("20251020-222521" in line for line in shown)
    assert width < 80 or any("300 s" in line for line in shown)


def test_what_keeps_a_file_from_being_scanned_stands_below_it() -> None:
    """The state and its reason follow the path: on lines of their own, which end, or in the one line of a pipe."""
    row = FILE | {"state": "quarantined", "reason": "the header is cut off " * 30, "frame_type": None}
    shown = lines(listings._FILE_COLUMNS, row, 80)
    assert any("quarantined" in line for line in shown)
    assert shown[-1].endswith("…")
    assert len(shown) <= 9
    piped = lines(listings._FILE_COLUMNS, row | {"reason": "cut off"}, None)
    assert len(piped) == 2
    assert piped[1].endswith("0001.fit  quarantined: cut off")


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        (
            {"problems": ["truncated: declares 4152960 bytes, has 2491776"]},
            "! truncated: declares 4152960 bytes, has 2491776",
        ),
        ({"problems": [f"{FILE['path']}: truncated", "b"]}, "! 2 problems: truncated"),
        ({"reason": f"{FILE['path']} is not in /astro any more"}, "cannot be read anew: it is not in /astro any more"),
        ({"missing_since": MARCH, "absent": "missing"}, "gone from the library since 2026-03-01"),
        (
            {"missing_since": MARCH, "absent": "missing", "absent_reason": "clouds"},
            "removed on 2026-03-01: clouds",
        ),
        ({"missing_since": MARCH, "absent": "offline"}, "offline since 2026-03-01"),
    ],
)
def test_a_file_that_is_damaged_or_gone_looks_unlike_others(changed: dict[str, object], note: str) -> None:
    """What is wrong with a file stands at it, in one line on a terminal, and so does that it is not there any more."""
    plain = lines(listings._FILE_COLUMNS, FILE, 80)
    shown = lines(listings._FILE_COLUMNS, FILE | changed, 80)
    assert shown[: len(plain)] == plain
    assert [line.strip() for line in shown[len(plain) :]] == [note]
    assert lines(listings._FILE_COLUMNS, FILE | changed, None)[1].endswith(f"0001.fit  {note}")
    long = lines(listings._FILE_COLUMNS, FILE | {"problems": ["a long problem " * 30]}, 80)
    assert len(long) == len(plain) + 1
    assert long[-1].endswith("…")


SOURCE = {
    "source": "seestar-s50-north",
    "state": "reachable",
    "reached_at": datetime(2026, 3, 1, 6, tzinfo=UTC),
    "walked_at": datetime(2026, 3, 1, 6, tzinfo=UTC),
    "hints": False,
    "found": 123456,
    "unfinished": 12,
    "not_taken": 3,
    "path": "/run/user/1000/gvfs/smb-share:server=seestar.local,share=emmc images/MyWorks",
}
IMPORT = {
    "import_id": UUID("7f0a3c52-5f0e-4a57-9a53-b0a5a4b1c9d2"),
    "created_at": datetime(2026, 3, 1, 6, tzinfo=UTC),
    "cancel_requested_at": None,
    "state": "running",
    "mode": "index",
    "paths": ["/volume1/homes/astro/archive of the years before/2019", "/volume1/homes/astro/2020"],
    "found": 120000,
    "total_files": 500000,
    "arrived": 119000,
    "failed": 12,
    "files_per_s": 27.4,
    "bytes_per_s": 310_400_000.0,
    "left_s": 7540.0,
    "waiting": 3,
    "waiting_for": ["/volume1/homes/astro/2020/M31/Light_M31_300s_0001.fits: truncated: declares 9 bytes, has 5"],
    "held_up_by": None,
    "in_hand": [],
    "reason": None,
}
LETTER = {
    "dead_letter_id": 12345,
    "buried_at": datetime(2026, 3, 1, 6, tzinfo=UTC),
    "service": "scanner",
    "subject": "session.finished",
    "size_bytes": 123_400,
    "state": "replayed",
    "reason": "the payload is not a valid file.arrived: size_bytes: Input should be a valid integer",
}
SERVICE = {
    "service": "scanner",
    "on": True,
    "running": False,
    "waits": (),
    "failed": (),
    "handled": 12345678,
    "waiting": 123456,
    "outbox": 123456,
    "dead_letters": 1234,
    "last_active_at": datetime(2026, 3, 1, 6, tzinfo=UTC),
}
LISTINGS: list[tuple[tuple[Column, ...], dict[str, object], tuple[str, ...]]] = [
    (status.SOURCE_COLUMNS, SOURCE, ("seestar-s50-north", "123456", "/run/user/1000/gvfs/")),
    (status._COLUMNS, SERVICE, ("not running", "12345678", "2026-03-01 06:00:00")),
    (
        imports.IMPORT_COLUMNS,
        IMPORT,
        ("7f0a3c52", "/volume1/homes/astro/2020", "waits for ", "119000", "27 files/s"),
    ),
    (dead_letters._COLUMNS, LETTER, ("session.finished", "the payload is not a valid file.arrived", "replayed")),
    (listings._FILE_COLUMNS, FILE | {"frame_type": "PROCESSED", "catalog_id": "SH2-101"}, ("PROCESSED", "SH2-101 ?")),
    (listings._CAPTURE_COLUMNS, CAPTURE, ("Elephant's", "Ha 4 min")),
    (listings._SESSION_COLUMNS, SESSION, ("2 MASTER_DARKFLAT", "reopened")),
]


@pytest.mark.parametrize(("columns", "row", "wholes"), LISTINGS)
@pytest.mark.parametrize("width", [80, 100, 120])
def test_every_listing_fits_a_terminal(
    columns: tuple[Column, ...], row: dict[str, object], wholes: tuple[str, ...], width: int
) -> None:
    """At 80 columns and more no line is wider than the terminal, no number and no word is broken."""
    shown = lines(columns, row, width)
    assert max(map(cell_len, shown)) <= width
    for whole in wholes:
        assert any(whole in line for line in shown), (whole, shown)


@given(st.text(alphabet="ab/_ -天…", min_size=1, max_size=80), st.integers(6, 30), st.integers(1, 3))
def test_a_clipped_path_has_its_lines_and_its_end(path: str, width: int, most: int) -> None:
    """However long a path is, it keeps its lines and its width, and what is short enough is not changed."""
    found = clipped(path, width, most)
    assert len(found) <= most or len(found) == len(wrapped("…", width))
    assert all(cell_len(line) <= width for line in found)
    if len(wrapped(path, width)) <= most:
        assert found == wrapped(path, width)


def test_no_path_takes_long_to_clip() -> None:
    """What is far too long is cut at once: a try for each of its folders and characters took minutes."""
    deep, long = "/".join(f"folder{number}" for number in range(5000)), "x" * 50_000
    began = time.monotonic()
    assert clipped(deep, 24, 2)[-1].endswith("folder4999")
    assert len(clipped(long, 24, 2)) == 2
    assert time.monotonic() - began < 5


def test_what_has_no_room_is_named() -> None:
    """A narrow terminal leaves out spare columns, the most dispensable first, and they are known to the caller."""
    columns = [Column(title, lambda row: row["a"], spare=spare) for spare, title in enumerate("abc")]
    cells = [["x" * 10] * 3]
    assert [[one.title for one in layout(columns, cells, width).left_out] for width in (34, 33, 22, 21)] == [
        [], ["c"], ["c"], ["b", "c"],
    ]  # fmt: skip


def test_a_pipe_gets_one_line_per_row() -> None:
    """Without a terminal nothing is wrapped and nothing is left out, however long it is."""
    row = SESSION | {"rig": "a rig " * 200}
    shown = lines(listings._SESSION_COLUMNS, row, None)
    assert len(shown) == 2
    assert "20251020_BD7DD03E" in shown[1]


@given(st.text(alphabet="ab/_ -天\u200b", max_size=60) | st.tuples(st.text("ab ", max_size=9)), st.integers(2, 30))
def test_nothing_is_lost_by_wrapping(value: str | tuple[str, ...], width: int) -> None:
    """Lines keep the width, and together they have every letter of the text in order."""
    found = wrapped(value, width)
    whole = "".join(pieces(value)).replace(" ", "")
    assert "".join(found).replace(" ", "") == whole
    assert all(cell_len(line) <= width for line in found)


def test_long_names_break_where_their_parts_end() -> None:
    """A path breaks after a slash, an underscore or a hyphen before it breaks anywhere else."""
    assert wrapped("library/seestar/Light_NGC7331_10.0s.fit", 20) == ["library/seestar/", "Light_NGC7331_", "10.0s.fit"]
    assert wrapped(("8 DARK", "10 FLAT"), 9) == ["8 DARK,", "10 FLAT"]
    assert wrapped('best FWHM "', 7) == ["best", 'FWHM "']
