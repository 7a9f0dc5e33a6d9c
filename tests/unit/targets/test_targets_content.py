"""What the catalogue holds: whole catalogues with positions, comets, the solar system, and rows that agree."""

import math
import re
from itertools import pairwise

import pytest

from shared.targets.catalogue import Catalogue
from shared.targets.names import NameIndex
from shared.targets.spelling import key
from shared.targets.tables import OBJECT_TABLES, read_aliases, read_objects
from tests.unit.targets.reliability import matcher


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue that all tests of this folder share."""
    return matcher().catalogue


@pytest.mark.parametrize(
    ("pattern", "numbers", "least"),
    [
        ("M{}", range(1, 111), 110), ("C{}", range(1, 110), 109), ("Sh2-{}", range(1, 314), 313),
        ("LDN{}", range(1, 1803), 1787), ("LBN{}", range(1, 1126), 1125), ("vdB{}", range(1, 159), 158),
        ("B{}", range(1, 371), 340), ("Abell{}", range(1, 87), 80), ("Arp{}", range(1, 339), 338),
        ("HCG{}", range(1, 101), 45), ("Cr{}", range(1, 472), 460), ("Mel{}", range(1, 246), 165),
        ("Stock{}", range(1, 25), 22), ("Tr{}", range(1, 38), 36), ("King{}", range(1, 28), 25),
        ("Berkeley{}", range(1, 105), 104), ("Pal{}", range(1, 16), 15), ("Ter{}", range(1, 13), 11),
    ],
)  # fmt: skip
def test_catalogues_have_positions(catalogue: Catalogue, pattern: str, numbers: range, least: int) -> None:
    """So many numbers of a catalogue have a position, and every number is an object."""
    known = [catalogue.resolve(pattern.format(number)) for number in numbers]
    assert all(one is not None for one in known), pattern
    assert sum(one is not None and one.ra_deg is not None for one in known) >= least


def test_new_general_catalogue_and_index_catalogue_have_positions_and_sizes(catalogue: Catalogue) -> None:
    """More than 13,000 objects of NGC and IC have a position, and three in four of all objects a size."""
    listed = [one for one in catalogue if re.fullmatch(r"(?:NGC|IC|M)\d+", one.catalog_id)]
    assert len(listed) > 12_000
    assert all(one.ra_deg is not None for one in listed)
    placed = [one for one in catalogue if one.ra_deg is not None]
    assert sum(one.size_arcmin is not None for one in placed) > 0.75 * len(placed)


@pytest.mark.parametrize("table", OBJECT_TABLES)
def test_tables_are_well_formed(table: str) -> None:
    """Every row has ids of the contract's form and a position on the sky, or adds designations to a listed object."""
    seen: set[str] = set()
    for row in read_objects(table):
        assert all(re.fullmatch(r"[A-Za-z0-9+-]{1,64}", one) for one in row.designations), row
        assert (row.ra_deg is None) is (row.dec_deg is None), row
        if row.ra_deg is None or row.dec_deg is None:
            assert len(row.designations) > 1, row
            new = set(row.designations[1:])
        else:
            assert 0 <= row.ra_deg < 360, row
            assert -90 <= row.dec_deg <= 90, row
            assert row.kind, row
            new = set(row.designations)
        assert row.size_arcmin is None or 0 < row.size_arcmin < 2000, row
        assert not new & seen, row
        seen |= new


def test_every_row_without_position_adds_to_an_object_with_one(catalogue: Catalogue) -> None:
    """A further designation leads to an object that another table lists with its position."""
    for table in OBJECT_TABLES:
        for row in read_objects(table):
            known = catalogue.resolve(row.designations[0])
            assert known is not None, row
            assert known.ra_deg is not None, row
            assert all(catalogue.resolve(one) is known for one in row.designations), row


@pytest.mark.parametrize(
    ("designation", "canonical", "ra_deg", "dec_deg"),
    [
        ("Abell39", "Abell39", 246.8906, 27.9093), ("PK164+31-1", "PK164+31-1", 119.465, 53.421),
        ("Abell85", "Abell85", 359.7, 62.45), ("Abell1656", "Abell1656", 194.95, 27.98),
        ("Abell426", "Abell426", 49.95, 41.51), ("Cr399", "Cr399", 291.35, 20.18), ("Mel111", "Mel111", 186.3, 26.0),
        ("Mel20", "Mel20", 51.2, 48.9), ("Mel15", "IC1805", 38.2, 61.45), ("Stock2", "Stock2", 33.7, 59.3),
        ("Pal5", "Pal5", 229.02, -0.11), ("Arp273", "Arp273", 35.37, 39.37), ("UGC1810", "Arp273", 35.37, 39.37),
        ("Arp244", "NGC4038", 180.47, -18.87), ("Arp85", "M51", 202.47, 47.2), ("Arp319", "HCG92", 338.99, 33.96),
        ("Arp316", "HCG44", 154.5, 21.81), ("HCG92", "HCG92", 338.99, 33.96), ("UGC10214", "Arp188", 241.51, 55.43),
        ("SNRG65-3+5-7", "SNRG65-3+5-7", 293.3, 31.3), ("CTB1", "Abell85", 359.7, 62.45), ("Ou4", "Ou4", 317.95, 59.99),
        ("Sh2-108", "IC1318", 305.5, 40.3), ("UGCA34", "Sh2-191", 39.1, 59.65), ("Cr50", "Mel25", 66.7, 15.9),
        ("PNG75-5+1-7", "PNG75-5+1-7", 303.84, 38.05), ("Tr37", "IC1396", 324.8, 57.5),
    ],
)  # fmt: skip
def test_positions_agree_with_well_known_ones(
    catalogue: Catalogue, designation: str, canonical: str, ra_deg: float, dec_deg: float
) -> None:
    """Objects of every table are where observers know them to be, within half a degree."""
    known = catalogue.resolve(designation)
    assert known is not None
    assert known.catalog_id == canonical
    assert known.ra_deg is not None
    assert known.dec_deg == pytest.approx(dec_deg, abs=0.5)
    assert (known.ra_deg - ra_deg) * math.cos(math.radians(dec_deg)) == pytest.approx(0.0, abs=0.5)


def test_no_planetary_nebula_is_listed_twice(catalogue: Catalogue) -> None:
    """Two planetary nebulae are at least a tenth of an arcminute apart: one identity each."""
    placed = sorted((one.dec_deg or 0.0, one.ra_deg or 0.0, one.catalog_id) for one in catalogue if one.kind == "PN")
    for (dec, ra, first), (next_dec, next_ra, second) in pairwise(placed):
        apart = math.hypot(next_dec - dec, (next_ra - ra) * math.cos(math.radians(dec)))
        assert apart * 60 > 0.1, (first, second)


def test_comets_and_the_solar_system_are_named(catalogue: Catalogue) -> None:
    """At least thirty comets, the Sun, the Moon, all planets, Pluto and large asteroids are found by name."""
    comets = [one for one in catalogue if re.fullmatch(r"[CP]\d{4}[A-Z]+\d+|\d+[PI]", one.catalog_id)]
    assert len(comets) >= 50
    assert all(one.common_names and one.ra_deg is None for one in comets)
    bodies = "Sun Moon Mercury Venus Mars Jupiter Saturn Uranus Neptune Pluto Ceres Vesta"
    assert all(catalogue.get(body) is not None for body in bodies.split(" "))


def test_hundreds_of_names_are_known(catalogue: Catalogue) -> None:
    """At least 300 objects have a common name, at least 60 of them in other languages too; no name is there twice."""
    rows = read_aliases()
    assert len({one.catalog_id for one in catalogue if one.common_names}) >= 400
    assert sum(len(row.names) for row in rows) >= 1000
    for row in rows:
        assert len({key(name) for name in row.names}) == len(row.names), row
        assert all(name == name.strip() and name for name in row.names), row


def test_objects_are_shown_by_a_name_of_their_own(catalogue: Catalogue) -> None:
    """A galaxy is not called by the group or cluster around it, nor half of the Double Cluster by the whole."""
    shown = {one: catalogue.resolve(one) for one in ("NGC7331", "NGC1399", "NGC5985", "NGC884", "PK104-29-1")}
    assert [one.name if one else None for one in shown.values()] == [
        "NGC 7331", "NGC 1399", "NGC 5985", "chi Persei Cluster", "Jones 1",
    ]  # fmt: skip
    group = re.compile(r"\b(?:group|triplet|trio|quartet|quintet|cluster)\b", re.IGNORECASE)
    assert [one for one in catalogue if one.kind == "G" and group.search(one.name) and one.catalog_id != "Arp248"] == []


def test_the_first_line_of_an_ambiguous_name_is_the_answer(catalogue: Catalogue) -> None:
    """The Lion Nebula is Sh2-132 to imagers; NGC 2392, which has the name too, is the other candidate."""
    assert NameIndex(catalogue).exact("Lion Nebula") == ("Sh2-132", "NGC2392")
    assert NameIndex(catalogue).exact("Double Cluster") == ("NGC869", "NGC884")
