"""Names in German, French, Spanish and Italian, and how near a misspelt name must be."""

from importlib import resources

import pytest

from shared.targets.names import FUZZY_THRESHOLD, NameIndex, stem_of
from shared.targets.spelling import key
from shared.targets.tables import alias_row, read_aliases
from tests.unit.targets import fuzzy
from tests.unit.targets.reliability import PAGE, matcher

NAMES = """
Andromedagalaxie=M31;Andromeda-Galaxie=M31;Andromeda Galaxie=M31;Galaxie d'Andromède=M31;galaxie d andromede=M31
Galaxia de Andrómeda=M31;Galassia di Andromeda=M31;Orionnebel=M42;Großer Orionnebel=M42;Grosser Orionnebel=M42
Nébuleuse d'Orion=M42;Nebulosa de Orión=M42;Nebulosa di Orione=M42;Nordamerikanebel=NGC7000;Nordamerika-Nebel=NGC7000
Nébuleuse de l'Amérique du Nord=NGC7000;Nebulosa Norteamérica=NGC7000;Nebulosa Nord America=NGC7000
Pferdekopfnebel=B33;Pferdekopf=B33;Tête de Cheval=B33;Nebulosa Cabeza de Caballo=B33;Nebulosa Testa di Cavallo=B33
Plejaden=M45;Siebengestirn=M45;Les Pléiades=M45;Pléyades=M45;Le Pleiadi=M45;Feuerradgalaxie=M101
Sombrerogalaxie=M104;Galaxie du Sombrero=M104;Irisnebel=NGC7023;Nébuleuse de l'Iris=NGC7023;Zirrusnebel=NGC6960
Cirrusnebel=NGC6960;Dentelles du Cygne=NGC6960;Nebulosa Velo=NGC6960;Hantelnebel=M27;Nébuleuse de l'Haltère=M27
Ringnebel=M57;Nébuleuse de la Lyre=M57;Nebulosa Anello=M57;Krebsnebel=M1;Nébuleuse du Crabe=M1;Nebulosa del Cangrejo=M1
Adlernebel=M16;Nébuleuse de l'Aigle=M16;Lagunennebel=M8;Trifidnebel=M20;Rosettennebel=NGC2237;Flammennebel=NGC2024
Elefantenrüsselnebel=IC1396;Trompe d'Éléphant=IC1396;Proboscide di Elefante=IC1396;Herznebel=IC1805;Seelennebel=IC1848
Nébuleuse du Cœur=IC1805;Nebulosa Cuore=IC1805;Quallennebel=IC443;Nébuleuse de la Méduse=IC443;Sichelnebel=NGC6888
Kaliforniennebel=NGC1499;Hexenkopfnebel=NGC1909;Möwennebel=IC2177;Eulennebel=M97;Zigarrengalaxie=M82;Mond=Moon;Lune=Moon
Sonne=Sun;Soleil=Sun;Saturno=Saturn;Giove=Jupiter;Neptun=Neptune;Doppelhaufen=NGC869;Kohlensack=C99;Kleiderbügel=Cr399
Große Magellansche Wolke=ESO56-115;Petit Nuage de Magellan=NGC292;Blasennebel=NGC7635;Pelikannebel=IC5070;Krippe=M44
Nordamerikanebl=NGC7000;Pferdekopfnbel=B33;Nébuleuse de la Rosete=NGC2237;Nebulosa Cabeza de Cabalo=B33
"""


@pytest.mark.parametrize(
    ("name", "canonical"), [entry.split("=") for line in NAMES.split("\n") for entry in line.split(";") if entry]
)
def test_names_in_other_languages_find_their_object(name: str, canonical: str) -> None:
    """People write names in their own language, with and without accents and hyphens, and with slips."""
    assert matcher().match(name).catalog_id == canonical


def test_display_names_stay_english() -> None:
    """A name of another language is one more name, never the one that is shown."""
    for catalog_id, name in {
        "M42": "Great Orion Nebula",
        "Mel25": "Hyades",
        "Sun": "Sun",
        "NGC869": "Double Cluster",
    }.items():
        known = matcher().catalogue.get(catalog_id)
        assert known is not None
        assert known.name == name


def test_other_languages_name_no_second_object() -> None:
    """A name in another language is that of one object, unless English has the same ambiguity, or it is the Medusa."""
    owners: dict[str, set[str]] = {}
    for row in read_aliases():
        for name in row.names:
            owners.setdefault(key(name), set()).add(row.catalog_id)
    english = {key(line) for line in _names_of("aliases.tsv")}
    excused = [ids for name, ids in owners.items() if name in english and len(ids) > 1] + [{"IC443", "Sh2-274"}]
    foreign = {key(line): owners[key(line)] for line in _names_of("aliases-in-other-languages.tsv")}
    assert len(foreign) > 300
    assert {name: ids for name, ids in foreign.items() if len(ids) > 1 and ids not in excused} == {}


def _names_of(table: str) -> list[str]:
    lines = (resources.files("shared.targets") / table).read_text(encoding="utf-8").splitlines()
    rows = [alias_row(*line.split("\t")) for line in lines if line and not line.startswith("#")]
    return [name for row in rows for name in row.names]


@pytest.mark.parametrize(
    ("name", "stem", "kind"),
    [
        ("Orionnebel", "orion", "nebula"), ("Orion Nebula", "orion", "nebula"),
        ("Feuerradgalaxie", "feuerrad", "galaxy"),
        ("Herkuleshaufen", "herkules", "cluster"), ("Nébuleuse du Crabe", "crabe", "nebula"), ("Nebel", "", "nebula"),
        ("Galassia Sombrero", "sombrero", "galaxy"), ("Cúmulo del Pesebre", "pesebre", "cluster"),
        ("Ammasso Presepe", "presepe", "cluster"), ("Cometa Halley", "halley", "comet"),
    ],
)  # fmt: skip
def test_kinds_are_known_in_five_languages(name: str, stem: str, kind: str) -> None:
    """The kind is told from the name's proper part, also where it is the end of a German word."""
    assert stem_of(name) == (stem, kind)


def test_a_contradicting_kind_of_another_language_excludes() -> None:
    """There is a Quallennebel and no Quallengalaxie."""
    index = NameIndex(matcher().catalogue)
    assert index.near("Qualennebel")[0].catalog_id == "IC443"
    assert index.near("Quallengalaxie") == []


def test_the_threshold_keeps_its_precision() -> None:
    """At the threshold in force at least 97 % of the fuzzy matches are right, and most single slips are forgiven."""
    row = fuzzy.measured(FUZZY_THRESHOLD)
    assert row.asked >= 2000
    assert row.foreign >= 200
    assert row.precision >= 0.97
    assert row.found_one >= 0.8


def test_the_page_shows_the_measured_threshold() -> None:
    """docs/targets.md holds today's table; renew it with ``python -m tests.unit.targets.fuzzy``."""
    assert fuzzy.page_table(PAGE.read_text(encoding="utf-8")) == fuzzy.table()
