"""Comets: which designations exist, and how a comet is shown."""

from datetime import UTC, datetime

import pytest

from shared.targets import designation
from shared.targets.designation import parse
from tests.unit.targets.reliability import matcher


class _Clock(datetime):
    """A clock that stands in a given year."""

    year_now = 0

    @classmethod
    def now(cls, tz: object = None) -> "_Clock":
        """The first of January of that year."""
        return cls(cls.year_now, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("year_now", "text", "exists"),
    [
        (2030, "C/2030 A1", True), (2030, "C/2031 A1", True), (2030, "C/2032 A1", False), (2030, "P/2050 B2", False),
        (1970, "C/2026 A1", True), (1970, "C/2050 A1", False),
    ],
)  # fmt: skip
def test_a_comet_of_a_year_to_come_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, year_now: int, text: str, *, exists: bool
) -> None:
    """A comet bears the year of its discovery; a clock without battery does not make today's comets unknown."""
    monkeypatch.setattr(_Clock, "year_now", year_now)
    monkeypatch.setattr(designation, "datetime", _Clock)
    assert (parse(text) is not None) is exists


@pytest.mark.parametrize(("text", "catalog_id"), [("500P", "500P"), ("599P", "599P"), ("600P", None), ("720P", None)])
def test_numbered_comets_end_a_few_years_ahead(text: str, catalog_id: str | None) -> None:
    """Numbers that will be given in the next years are comets, and a video's height is none."""
    assert matcher().match(text).catalog_id == catalog_id


@pytest.mark.parametrize(
    ("text", "catalog_id"),
    [
        ("C/2022 E3 (ZTF)", "C2022E3"), ("C/2022 E3", "C2022E3"), ("C/2022 E3 ZTF", "C2022E3"), ("3I/ATLAS", "3I"),
        ("Comet 3I ATLAS", "3I"), ("C/2023 A3 (Tsuchinshan-ATLAS)", "C2023A3"), ("12P/Pons-Brooks", "12P"),
        ("Comet 12P Pons-Brooks", "12P"), ("C/2019 U6 (Lemmon)", "C2019U6"),
    ],
)  # fmt: skip
def test_a_comets_full_name_is_found_by_its_designation(text: str, catalog_id: str) -> None:
    """With or without the discoverers behind it, a designation is found as one."""
    found = matcher().match(text)
    assert (found.catalog_id, found.method) == (catalog_id, "designation")
    assert found.confidence >= 0.96


def test_comets_are_shown_as_astronomers_write_them() -> None:
    """The display name is the designation with the discoverers, whatever name it was found by."""
    names = ("Green Comet", "Pons-Brooks", "NEOWISE", "Oumuamua", "C/2040 A1")
    shown = ["C/2022 E3 (ZTF)", "12P/Pons-Brooks", "C/2020 F3 (NEOWISE)", "1I/'Oumuamua", None]
    assert [matcher().match(name).name for name in names] == shown
