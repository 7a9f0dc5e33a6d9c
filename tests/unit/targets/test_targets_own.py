"""The user's own targets and names."""

import math
import re
from pathlib import Path

import pytest

from services.settings import load_settings
from shared.errors import UserError
from shared.targets.catalogue import Catalogue
from shared.targets.matcher import Matcher
from shared.targets.own import OwnTarget

OWN = (
    OwnTarget("NGC 7000".replace(" ", ""), names=("Amerika", "My Wall")),
    OwnTarget("NGC224", names=("Grandma's Galaxy",)),
    OwnTarget("Backyard-7", names=("Backyard Field", "Cocoon Nebula"), ra_deg=10.5, dec_deg=-20.0, size_arcmin=45.0),
    OwnTarget("Gum12", ra_deg=120.0, dec_deg=-41.0, size_arcmin=2160.0),
    OwnTarget("IC5146", names=("Snapshot 1",)),
    OwnTarget("Plain"),
)


@pytest.fixture(scope="module")
def own() -> Matcher:
    """A matcher that knows the user's targets."""
    return Matcher(Catalogue.load(own=OWN))


@pytest.mark.parametrize(
    ("text", "catalog_id"),
    [
        ("Amerika", "NGC7000"), ("my wall", "NGC7000"), ("North America Nebula", "NGC7000"), ("NGC 7000", "NGC7000"),
        ("Grandmas Galaxy", "M31"), ("Backyard Field", "Backyard-7"), ("Backyard Feld", "Backyard-7"), ("M 42", "M42"),
        ("Cocoon Nebula", "Backyard-7"), ("IC 5146", "IC5146"), ("Snapshot 1", "IC5146"), ("Gum 12", "Gum12"),
    ],
)  # fmt: skip
def test_own_names_are_found_and_win(own: Matcher, text: str, catalog_id: str) -> None:
    """A known id gets further names, an unknown one is a new object, and a shipped name goes to the user's object."""
    found = own.match(text)
    assert found.catalog_id == catalog_id
    assert found.candidates == ()


def test_own_names_are_shown(own: Matcher) -> None:
    """The user's first name is the display name; without one the id is, and the shipped names stay as names."""
    assert own.match("NGC 7000").name == "Amerika"
    assert own.match("M 31").name == "Grandma's Galaxy"
    assert own.match("Backyard Field").name == "Backyard Field"
    assert own.match(None, hints_catalog_id="Plain").name == "Plain"
    cocoon = own.catalogue.get("IC5146")
    assert cocoon is not None
    assert "Cocoon Nebula" not in cocoon.common_names
    assert cocoon.name == "Snapshot 1"


@pytest.mark.parametrize("text", ["Backyard-7", "backyard-7", "Backyard-7_sub", "backyard_7 Ha 300s"])
def test_an_own_id_is_found_as_typed(own: Matcher, text: str) -> None:
    """The id of a target of one's own names it in any case and with decoration; no other number resembles it."""
    assert own.match(text).catalog_id == "Backyard-7"
    assert own.match(text).confidence > 0.9
    assert own.match("Backyard-8").catalog_id is None
    assert own.match("Backyard").catalog_id is None


def test_own_positions_are_used(own: Matcher) -> None:
    """A new object has the given position, and an object of the catalogue gets the given one."""
    new, gum = own.catalogue.get("Backyard-7"), own.catalogue.get("Gum12")
    assert new is not None
    assert gum is not None
    assert (new.ra_deg, new.dec_deg, new.size_arcmin) == (10.5, -20.0, 45.0)
    assert (gum.ra_deg, gum.dec_deg, gum.size_arcmin, gum.name) == (120.0, -41.0, 2160.0, "Gum Nebula")
    assert own.match("Backyard Field", ra_deg=10.5, dec_deg=-20.0).separation_deg == pytest.approx(0.0, abs=1e-6)


def test_a_designation_among_the_names_is_one(own: Matcher) -> None:
    """``names = ["Ruprecht 999"]`` is a name, ``names = ["LBN 400"]`` makes the object's number lead to the target."""
    catalogue = Catalogue.load(own=[OwnTarget("MyLoop", names=("LBN 400", "My Loop"))])
    known = catalogue.resolve("LBN400")
    assert known is not None
    assert (known.catalog_id, known.name) == ("MyLoop", "My Loop")
    assert known.ra_deg is not None


def test_shipped_objects_stay_where_nothing_is_own(own: Matcher) -> None:
    """The user's targets change their objects alone."""
    shipped = Catalogue.load()
    changed = {"NGC7000", "M31", "Backyard-7", "Gum12", "IC5146", "Plain"}
    assert {one.catalog_id for one in own.catalogue} - {one.catalog_id for one in shipped} == {"Backyard-7", "Plain"}
    assert all(own.catalogue.get(one.catalog_id) == one for one in shipped if one.catalog_id not in changed)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"catalog_id": "my field"}, "letters, digits, + and -"),
        ({"catalog_id": ""}, "letters, digits, + and -"),
        ({"catalog_id": "X", "ra_deg": 1.0}, "both ra_deg and dec_deg"),
        ({"catalog_id": "X", "ra_deg": 360.0, "dec_deg": 0.0}, "within 0 to 360"),
        ({"catalog_id": "X", "ra_deg": 1.0, "dec_deg": math.nan}, "within -90 to 90"),
        ({"catalog_id": "X", "size_arcmin": 0.0}, "no size"),
    ],
)
def test_what_cannot_be_a_target_is_refused(fields: dict[str, object], sentence: str) -> None:
    """Wrong ids, half positions and impossible numbers are refused in one sentence."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        OwnTarget(**fields)  # type: ignore[arg-type]


def test_targets_of_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``[[targets]]`` in nightbus.toml is read, and a wrong id is refused in one clear sentence."""
    file = tmp_path / "nightbus.toml"
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(file))
    file.write_text('[[targets]]\nid = "Backyard-7"\nnames = ["Backyard Field"]\nra_deg = 10.5\ndec_deg = -20.0\n')
    (target,) = load_settings().targets
    assert (target.id, target.names, target.ra_deg, target.dec_deg) == ("Backyard-7", ("Backyard Field",), 10.5, -20.0)
    file.write_text('[[targets]]\nid = "my field"\n')
    with pytest.raises(UserError, match=r"setting targets\.id: 'my field' is no target id: those have letters, digits"):
        load_settings()
    file.write_text('[[targets]]\nid = "X"\nra_deg = 10.5\n')
    with pytest.raises(UserError, match="needs both ra_deg and dec_deg"):
        load_settings()
