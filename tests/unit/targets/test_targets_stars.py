"""Stars: the grammar of their designations, and what is no star's."""

import re

import pytest

from shared.targets.stars import NAMED_STARS, is_star_id, is_variable, parse_star, star_display, star_places
from tests.unit.targets.reliability import matcher


@pytest.mark.parametrize(
    ("text", "star_id"),
    [
        ("T CrB", "TCrB"), ("T Coronae Borealis", "TCrB"), ("TCrB", "TCrB"), ("V* T CrB", "TCrB"), ("r leonis", "RLeo"),
        ("RR Lyr", "RRLyr"), ("ch_cyg", "CHCyg"), ("V838 Mon", "V838Mon"), ("V0838 Mon", "V838Mon"),
        ("v838mon", "V838Mon"), ("eta Cas", "etaCas"), ("etacas", "etaCas"), ("η Cas", "etaCas"),
        ("eps Lyr", "epsilonLyr"), ("epsilon1 Lyrae", "epsilon1Lyr"), ("ε¹ Lyr", "epsilon1Lyr"),
        ("gamma Leo A", "gammaLeo"), ("61 Cygni", "61Cyg"),
        ("5 Ursae Minoris", "5UMi"), ("mu Cep", "muCep"), ("MU Cep", "MUCep"), ("** bet Cyg", "betaCyg"),
    ],
)  # fmt: skip
def test_designations_of_stars_are_read(text: str, star_id: str) -> None:
    """Variables, Bayer's letters and Flamsteed's numbers, with the constellation short or in the genitive."""
    assert parse_star(text) == star_id


@pytest.mark.parametrize(
    "text",
    [
        "sand", "stand", "Mon Dec 12", "light and", "TA Cyg", "JJ Cyg", "V1 Cyg", "300 Leo", "M Car", "Orion", "R",
        "Ha", "Lyr", "T CrB and M 13", "zeta", "X Camera",
    ],
)  # fmt: skip
def test_words_are_no_stars(text: str) -> None:
    """Neither words that end in a constellation's letters, nor letters that no variable has."""
    assert parse_star(text) is None


def test_variables_have_the_334_letters_of_a_constellation() -> None:
    """R to Z, then the pairs: with V335 the numbers begin."""
    capitals = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    pairs = [first + second for first in capitals for second in capitals]
    assert sum(is_variable(one) for one in "RSTUVWXYZ") + sum(map(is_variable, pairs)) == 334


def test_the_table_of_stars_is_well_formed() -> None:
    """Every id is one that the grammar gives, and every position is on the sky."""
    assert len(star_places()) >= 5000
    for star_id, (root, ra_deg, dec_deg) in star_places().items():
        assert is_star_id(star_id)
        assert is_star_id(root)
        assert 0 <= ra_deg < 360
        assert -90 <= dec_deg <= 90
        shown = star_display(root)
        assert shown is not None
        assert re.fullmatch(r"[A-Za-z0-9+-]{1,64}", root)
        assert parse_star(shown) == root


@pytest.mark.parametrize(
    ("text", "catalog_id", "name", "ra_deg"),
    [
        ("T CrB", "TCrB", "T CrB", 239.88), ("V838 Monocerotis", "V838Mon", "V838 Mon", 106.02),
        ("Albireo", "betaCyg", "Albireo", 292.68), ("beta1 Cyg", "betaCyg", "Albireo", 292.68),
        ("Mira", "omicronCet", "Mira", 34.84), ("61 Cyg", "61Cyg", "61 Cygni", 316.73),
        ("Mesarthim", "gammaAri", "Mesarthim", 28.38), ("Dabih", "betaCap", "Dabih", 305.25),
        ("Algedi", "alphaCap", "Algedi", 304.51), ("Alkalurops", "muBoo", "Alkalurops", 231.12),
        ("Propus", "etaGem", "Propus", 93.72), ("Mekbuda", "zetaGem", "Mekbuda", 106.03),
        ("Alfirk", "betaCep", "Alfirk", 322.17), ("Alrescha", "alphaPsc", "Alrescha", 30.51),
        ("V530 Lyrae", "V530Lyr", "V530 Lyr", None),
    ],
)  # fmt: skip
def test_stars_are_found_with_their_place(text: str, catalog_id: str, name: str, ra_deg: float | None) -> None:
    """A variable or double star is an object of the catalogue, with a position where the tables have it."""
    found = matcher().match(text)
    star = matcher().catalogue.get(catalog_id)
    assert star is not None
    assert (found.catalog_id, found.name, found.uncertain) == (catalog_id, name, False)
    assert star.ra_deg == (ra_deg if ra_deg is None else pytest.approx(ra_deg, abs=0.01))


def test_a_star_in_its_field_is_confirmed_and_elsewhere_contradicted() -> None:
    """The position says of a star what it says of a nebula."""
    there = matcher().match("T CrB", ra_deg=239.9, dec_deg=25.9, width_deg=1.3, height_deg=0.7)
    elsewhere = matcher().match("T CrB", ra_deg=10.68, dec_deg=41.27, width_deg=1.3, height_deg=0.7)
    assert there.confidence > 0.97
    assert elsewhere.method == "conflict"


def test_no_position_alone_names_a_star() -> None:
    """A frame that points at a star shows what lies behind it, unless somebody says that the star is meant."""
    found = matcher().match("", ra_deg=239.8758, dec_deg=25.9203, width_deg=1.3, height_deg=0.7)
    assert found.catalog_id != "TCrB"


@pytest.mark.parametrize("text", ["eta Cas", "etacas", "gamma Cas", "lambda Cen", "R CrA"])
def test_a_letter_and_a_constellation_is_a_star_before_any_nebula(text: str) -> None:
    """A nebula that is named after a star is no more than a candidate."""
    found = matcher().match(text)
    assert found.catalog_id is not None
    assert is_star_id(found.catalog_id)


@pytest.mark.parametrize("name", sorted(NAMED_STARS))
def test_alignment_stars_are_no_targets(name: str) -> None:
    """The names of the stars on which mounts are aligned and cameras focused give no target."""
    assert matcher().match(name.title()).catalog_id is None
