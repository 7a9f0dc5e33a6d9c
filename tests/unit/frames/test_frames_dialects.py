"""One test per row of the dialect table: each program's special ways, from real headers or from the contracts."""

# ruff: noqa: E501  (tables of expected values read best unbroken)

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.events.frame import FrameType
from shared.frames import read_frame
from shared.frames.dialects import DIALECTS, RULES, UNKNOWN, Dialect, find_dialect
from shared.frames.frametypes import frame_type_of
from shared.frames.paths import facts_from_path
from shared.frames.read import read_content
from shared.frames.sidefiles import SideFacts
from tests.unit.frames.dialect_cases import CONTRACTS, DUMPS, REAL

FitsMaker = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "file_name", "cards", "shape", "expected"), CONTRACTS, ids=[f"{row[0]} {row[1]}" for row in CONTRACTS]
)
def test_rules_from_contracts(
    make_fits: FitsMaker, name: str, file_name: str, cards: list[str], shape: dict[str, int], expected: dict[str, Any]
) -> None:
    """From contracts: the row is recognised and its rules give what the program meant."""
    path = make_fits(cards, file_name, **shape)
    metadata = read_frame(path).metadata
    assert {key: getattr(metadata, key) for key in expected} == expected
    assert row_of(path, file_name).name == name


def row_of(path: Path, name: str) -> Dialect:
    """The row that a file is read by, its header first and its name second."""
    _, content = read_content(path)
    assert not isinstance(content, SideFacts)
    return find_dialect(content.keys, facts_from_path(name).program)


@pytest.mark.parametrize(("name", "dump", "file_name", "expected"), DUMPS, ids=[row[1] for row in DUMPS])
def test_rules_from_real_headers(
    from_dump: FitsMaker, tmp_path: Path, name: str, dump: str, file_name: str, expected: dict[str, Any]
) -> None:
    """Real header: a dump of a whole header gives the values that were read from it by hand."""
    path = from_dump(dump, file_name)
    found = read_frame(path, relative_path=str(path.relative_to(tmp_path)))
    assert {key: getattr(found.metadata, key) for key in expected} == expected
    assert not any(problem.startswith("truncated") for problem in found.problems)
    assert row_of(path, file_name).name == name


def test_local_time_of_a_dwarf_becomes_utc_by_the_source_zone(from_dump: FitsMaker) -> None:
    """Real header: with a zone the end in local time becomes the start in UTC; without one a problem says so."""
    path = from_dump("dwarf3__failed_IC 434_60s60_Astro_20251018-051725998_15C.txt", "x.fits")
    assert read_frame(path, source_zone="Europe/Paris").metadata.observed_at == datetime(
        2025, 10, 18, 3, 16, 25, 998000, UTC
    )
    assert "DATE-OBS is local time of an unknown zone and was read as UTC" in read_frame(path).problems


@pytest.mark.parametrize("row", DIALECTS, ids=[row.name for row in DIALECTS])
def test_each_row(row: Dialect, request: pytest.FixtureRequest, make_fits: FitsMaker) -> None:
    """A row is met by a real header, or by one made from the contracts, as it says of itself; none goes untested."""
    if row.origin == "from contracts":
        _, name, cards, shape, expected = next(case for case in CONTRACTS if case[0] == row.name)
        path = make_fits(cards, name, **shape)
    elif row.name in REAL:
        name, expected = REAL[row.name], {}
        path = request.getfixturevalue("corpus") / name
    else:
        _, dump, name, expected = next(case for case in DUMPS if case[0] == row.name)
        path = request.getfixturevalue("from_dump")(dump, name)
    assert row_of(path, name) is row
    metadata = read_frame(path, relative_path=name).metadata
    assert {key: getattr(metadata, key) for key in expected} == expected
    if row.processes and "frame_type" not in expected:
        assert metadata.frame_type is FrameType.PROCESSED


def test_every_rule_of_a_row_is_described() -> None:
    """Each switch of the table has its sentence, each row a note, and each pair of rows different signs."""
    switches = set(Dialect.__slots__) - {"name", "origin", "signs", "note", "marks", "by_name", "object_keywords"}
    assert switches == set(RULES)
    assert all(row.note and (row.signs or row.marks or row.by_name) for row in DIALECTS)
    signs = [sign for row in DIALECTS for sign in row.signs]
    assert len(signs) == len(set(signs))


def test_signs_beat_names() -> None:
    """A file name decides only where no card signs: a MaxIm frame with a Seestar's name is MaxIm's."""
    assert find_dialect({"SWCREATE": "MaxIm DL 6"}, "Seestar").name == "MaxIm DL"
    assert find_dialect({}, "Seestar").name == "Seestar S30 Pro"
    assert find_dialect({"SWCREATE": 5, "CREATOR": None}, None) is UNKNOWN


@pytest.mark.parametrize(
    ("words", "frame_type"),
    [
        ("Light Frame", FrameType.LIGHT), ("LIGHT", FrameType.LIGHT), ("Science", FrameType.LIGHT), ("zero", FrameType.BIAS),
        ("Flat-Field", FrameType.FLAT), ("MASTER DARK", FrameType.MASTER_DARK), ("masterBias", FrameType.MASTER_BIAS),
        ("FlatDark", FrameType.DARKFLAT), ("Master Light", FrameType.PROCESSED), ("FK5", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_frame_type_words(words: str | None, frame_type: FrameType | None) -> None:
    """The words of all programs for a frame's type are understood, and others are not guessed at."""
    assert frame_type_of(words) is frame_type
