"""The catalogue's identities, positions and names."""

import re

import pytest

from shared.targets.catalogue import Catalogue, display
from shared.targets.tables import read_aliases


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """One catalogue for all tests."""
    return Catalogue.load()


def test_ids_are_valid_and_their_own_canonical_form(catalogue: Catalogue) -> None:
    """Every object's id fits the contract and resolves to that object."""
    for one in catalogue:
        assert re.fullmatch(r"[A-Za-z0-9+-]+", one.catalog_id), one
        assert catalogue.resolve(one.catalog_id) is one
        assert one.name


def test_whole_catalogues_resolve(catalogue: Catalogue) -> None:
    """Every Messier and Caldwell number has a position, and every Sharpless, LDN, LBN and vdB number an object."""
    for prefix, last in (("M", 110), ("C", 109)):
        for number in range(1, last + 1):
            known = catalogue.resolve(f"{prefix}{number}")
            assert known is not None
            assert known.ra_deg is not None, f"{prefix}{number}"
    for prefix, last in (("Sh2-", 313), ("LDN", 1802), ("LBN", 1125), ("vdB", 158)):
        assert all(catalogue.resolve(f"{prefix}{number}") for number in range(1, last + 1))


def test_canonical_order(catalogue: Catalogue) -> None:
    """Messier before NGC before IC before the object's own catalogue."""
    for designation, canonical in {
        "NGC224": "M31", "UGC454": "M31", "IC11": "NGC281", "IC2118": "NGC1909", "C20": "NGC7000", "LBN953": "IC434",
        "Sh2-190": "IC1805", "C9": "Sh2-155", "Mel22": "M45", "C41": "Mel25", "NGC5866": "M102", "Abell21": "Sh2-274",
    }.items():  # fmt: skip
        known = catalogue.resolve(designation)
        assert known is not None
        assert known.catalog_id == canonical


@pytest.mark.parametrize(
    ("catalog_id", "ra_deg", "dec_deg"),
    [
        ("M31", 10.685, 41.269),
        ("NGC7000", 314.75, 44.37),
        ("NGC2024", 85.43, -1.85),
        ("B33", 85.25, -2.46),
        ("Sh2-101", 299.9, 35.3),
        ("M45", 56.87, 24.11),
        ("M102", 226.62, 55.76),
    ],
)
def test_positions(catalogue: Catalogue, catalog_id: str, ra_deg: float, dec_deg: float) -> None:
    """Positions are ICRS degrees and agree with well-known ones."""
    known = catalogue.get(catalog_id)
    assert known is not None
    assert known.ra_deg == pytest.approx(ra_deg, abs=0.3)
    assert known.dec_deg == pytest.approx(dec_deg, abs=0.2)


def test_known_errors_of_openngc_are_corrected(catalogue: Catalogue) -> None:
    """IC 434 is not the Flame Nebula, and no name of an object is one known to be wrong."""
    ic434, flame = catalogue.get("IC434"), catalogue.get("NGC2024")
    assert ic434 is not None
    assert flame is not None
    assert "Flame Nebula" not in ic434.common_names
    assert flame.name == "Flame Nebula"


def test_aliases_name_existing_objects(catalogue: Catalogue) -> None:
    """Every alias row has an id in canonical form with a name or designation; deep-sky ones with a position mostly."""
    rows = read_aliases()
    assert len(rows) > 150
    for row in rows:
        known = catalogue.resolve(row.catalog_id)
        assert known is not None, row
        assert known.catalog_id == row.catalog_id
        assert row.names or row.designations
    assert len({row.catalog_id for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("catalog_id", "text"),
    [("M31", "M 31"), ("NGC6027A", "NGC 6027A"), ("C2023A3", "C/2023 A3"), ("12P", "12P"), ("Sh2-101", "Sh2-101")],
)
def test_display(catalog_id: str, text: str) -> None:
    """Ids without a proper name are shown as people write them."""
    assert display(catalog_id) == text
