"""Names without their kind, and names that several objects bear."""

import pytest

from shared.targets.names import NameIndex
from tests.unit.targets.reliability import matcher

KINDS = ("Nebula", "Galaxy", "Galaxies", "Cluster")


@pytest.mark.parametrize(
    ("text", "catalog_id"),
    [
        ("Medusa", "Sh2-274"), ("Eastern Veil", "NGC6992"), ("Pencil", "NGC2736"),
        ("Apple Core", "M27"), ("Pipe", "LDN1773"), ("Propeller Nebula", "Simeis57"), ("Owl", "M97"),
    ],
)  # fmt: skip
def test_a_name_finds_its_object_without_its_kind(text: str, catalog_id: str) -> None:
    """What is left of a name without nebula, galaxy or cluster names the same object, surely, and is no near name."""
    found = matcher().match(text)
    assert (found.catalog_id, found.method, found.uncertain) == (catalog_id, "name", False)


def test_no_shipped_name_means_another_object_without_its_kind() -> None:
    """A bare name finds its own object, asks a person, finds nothing, or is itself the full name of something else."""
    index = NameIndex(matcher().catalogue)
    wrong = []
    for known in matcher().catalogue:
        for name in known.common_names:
            bare, _, kind = name.rpartition(" ")
            if kind not in KINDS or not bare or index.exact(bare):
                continue
            found = matcher().match(bare)
            if found.catalog_id not in {None, known.catalog_id} and not found.uncertain:
                wrong.append((name, known.catalog_id, found.catalog_id))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "catalog_id", "other"),
    [("Propeller", "Simeis57", "NGC7479"), ("Butterfly", "NGC6302", "M6"), ("Squid", "Ou4", "M77")],
)
def test_a_bare_name_of_several_is_uncertain_and_keeps_the_others(text: str, catalog_id: str, other: str) -> None:
    """The nebula comes before the galaxy and the cluster of that name, a person is asked, and the others stay."""
    found = matcher().match(text)
    assert (found.catalog_id, found.uncertain) == (catalog_id, True)
    assert other in [one.catalog_id for one in found.candidates]


@pytest.mark.parametrize("text", ["Double", "Spiral", "Hidden", "Barred Spiral", "Sculptor", "Hercules", "Virgo"])
def test_words_of_every_day_and_constellations_are_no_bare_names(text: str) -> None:
    """``Double`` is not the Double Cluster, and ``Hercules`` not the Hercules Cluster."""
    assert matcher().match(text).catalog_id is None


@pytest.mark.parametrize(
    ("text", "catalog_id", "other"),
    [
        ("Double Cluster", "NGC869", "NGC884"), ("Antennae Galaxies", "NGC4038", "NGC4039"),
        ("Siamese Twins", "NGC4567", "NGC4568"), ("Eyes Galaxies", "NGC4435", "NGC4438"),
    ],
)  # fmt: skip
def test_a_name_of_neighbours_is_filed_under_the_first(text: str, catalog_id: str, other: str) -> None:
    """Two objects beside each other that share a name are one target: sure, wherever in it the telescope points."""
    found = matcher().match(text)
    second = matcher().catalogue.get(other)
    assert second is not None
    assert (found.catalog_id, found.uncertain) == (catalog_id, False)
    assert [one.catalog_id for one in found.candidates] == [other]
    assert matcher().match(text, ra_deg=second.ra_deg, dec_deg=second.dec_deg).catalog_id == catalog_id


def test_a_name_of_distant_objects_stays_uncertain() -> None:
    """The two Spindle Galaxies and the two halves of the Veil are apart: a person decides, or the position."""
    assert matcher().match("Spindle Galaxy").uncertain
    assert matcher().match("Veil Nebula").uncertain


@pytest.mark.parametrize("text", ["Gamma Cas", "Alpha Persei", "R CrA"])
def test_a_star_is_not_surely_the_nebula_beside_it(text: str) -> None:
    """A star's name is that of a nebula or cluster only perhaps."""
    assert matcher().match(text).uncertain
    assert not matcher().match(f"{text} {'Cluster' if text == 'Alpha Persei' else 'Nebula'}").uncertain
