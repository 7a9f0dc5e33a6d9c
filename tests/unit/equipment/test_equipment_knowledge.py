"""From nightbus.toml to what readers know, and the commands that show it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.scanner.knowledge import Knowledge
from services.settings import AllSettings, load_settings
from shared.errors import UserError
from tests.integration.ingest.world import fits
from tests.unit.equipment.test_equipment_ninaprofile import PROFILE

TOML = """
[filters]
"Position 3" = "OIII"

[[rigs]]
name = "Garden"
aliases = ["Old garden"]
camera = "ZWO ASI533MC Pro"
focal_length_mm = 200
filters = { "Position 3" = "Ha" }

[[cameras]]
name = "Home made"
pixel_size_um = 6.8
width_px = 768
height_px = 512
colour = "mono"

[[targets]]
id = "Gnome1"
names = ["Our garden gnome"]

[[telescopes]]
name = "Coffee tin"
aperture_mm = 80
focal_length_mm = 640
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the settings file of this process, with the rows above."""
    path = tmp_path / "nightbus.toml"
    path.write_text(TOML)
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(path))
    return path


def test_knowledge_survives_its_journey(config: Path, tmp_path: Path) -> None:
    """Settings and profiles become plain data that a reader process reads back as it was."""
    (tmp_path / "a.profile").write_text(PROFILE)
    config.write_text(f'[scanner]\nnina_profiles = ["{tmp_path}"]\n{TOML}')
    known = Knowledge.of(load_settings())
    assert [rig.name for rig in known.rigs] == ["Garden", "RedCat@f4.9+2600MM"]
    assert Knowledge.from_json(known.to_json()) == known
    assert known.revision == Knowledge.from_json(known.to_json()).revision
    assert known.revision != Knowledge().revision
    assert Knowledge.of(AllSettings()).notes == ()
    config.write_text("")
    assert Knowledge.of(load_settings()) == Knowledge()


def test_bad_profiles_are_notes_in_folders_and_errors_by_name(config: Path, tmp_path: Path) -> None:
    """A damaged profile in a folder is said and passed over; one named itself, or a missing place, is an error."""
    (tmp_path / "good.profile").write_text(PROFILE)
    (tmp_path / "bad.profile").write_bytes(bytes(100))
    (tmp_path / "plain.profile").write_text(PROFILE.replace("RedCat@f4.9+2600MM", "Default"))
    config.write_text(f'[scanner]\nnina_profiles = ["{tmp_path}"]')
    known = Knowledge.of(load_settings())
    assert len(known.rigs) == 1
    assert [("bad.profile" in note, "plain.profile" in note) for note in known.notes] == [(True, False), (False, True)]
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, result.stdout.count("note: ")) == (0, 3)  # and that rigs count from now on
    for place in ("bad.profile", "gone"):
        config.write_text(f'[scanner]\nnina_profiles = ["{tmp_path / place}"]')
        with pytest.raises(UserError, match=place):
            Knowledge.of(load_settings())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[rigs]]\nname = "A"\n[[rigs]]\nname = "B"\naliases = ["a"]', "setting rigs: two rigs are called 'a'"),
        ('[[rigs]]\nname = "A"\n[[rigs]]\nname = "A"', "setting rigs: two rigs have the same name"),
        ('[[rigs]]\nname = "A"\nfocal_length = 200', "did you mean rigs.focal_length_mm?"),
        ('[[rigs]]\nname = "A"\nfocal_length_mm = -1', "setting rigs.focal_length_mm of 'A': "),
        ('[[rigs]]\ncamera = "A"', "setting rigs.name of number 1 is missing"),
        ('[[cameras]]\nname = "A"\nbayer_pattern = "RGB"', "setting cameras.bayer_pattern of 'A': "),
        ('[[telescopes]]\nname = "A"\naperture_mm = 0', "setting telescopes.aperture_mm of 'A': "),
        ("[filters]\nX = 3", "setting filters.X: "),
    ],
)
def test_a_wrong_row_is_said_in_a_sentence(config: Path, text: str, sentence: str) -> None:
    """``config check`` names the key and what is wrong with it, on one line."""
    config.write_text(text)
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_inspect_knows_my_equipment(config: Path, tmp_path: Path) -> None:
    """The rig and its filters, and the built-in pixel size, are in what ``inspect`` shows."""
    path = tmp_path / "a.fits"
    cards = ("INSTRUME= 'ZWO ASI533MC Pro'", "FOCALLEN= 201.0", "XBINNING= 1", "FILTER  = 'Position 3'")
    path.write_bytes(fits(cards=cards))
    result = CliRunner().invoke(app, ["inspect", "--no-stars", "--json", str(path)])
    frame = json.loads(result.stdout)["frame"]
    assert (frame["rig"], frame["filter"], frame["pixel_size_um"]) == ("Garden", "Ha", 3.76)


def test_match_knows_my_targets(config: Path) -> None:
    """A name of mine is found by ``match``, and not without my settings."""
    found = CliRunner().invoke(app, ["match", "our garden gnome", "--json"])
    assert json.loads(found.stdout)["catalog_id"] == "Gnome1"
    config.write_text("")
    found = CliRunner().invoke(app, ["match", "our garden gnome", "--json"])
    assert json.loads(found.stdout)["catalog_id"] is None


def test_the_tables_are_listed(config: Path) -> None:
    """My rows come first; names choose, --own leaves the built-in rows out; JSON and CSV have every field."""

    def listed(*arguments: str) -> list[dict[str, object]]:
        result = CliRunner().invoke(app, ["equipment", *arguments, "--json"])
        assert result.exit_code == 0
        rows: list[dict[str, object]] = json.loads(result.stdout)
        return rows

    assert [row["name"] for row in listed("cameras", "--own")] == ["Home made"]
    assert listed("cameras")[0]["name"] == "Home made"
    assert {row["sensor"] for row in listed("cameras", "--name", "zwo asi2600m?*")} == {"IMX571"}
    assert [row["focal_length_mm"] for row in listed("telescopes", "--name", "coffee*")] == [640.0]
    assert listed("filters", "--own") == [
        {"name": "OIII", "kind": "", "aliases": ["Position 3"], "origin": "nightbus.toml"}
    ]
    (rig,) = listed("rigs")
    assert (rig["name"], rig["aliases"], rig["filters"]) == ("Garden", ["Old garden"], [["Position 3", "Ha"]])
    table = CliRunner().invoke(app, ["equipment", "rigs", "--name", "old*"])
    assert "Position 3 = Ha" in table.stdout
    lines = CliRunner().invoke(app, ["equipment", "cameras", "--csv"]).stdout.splitlines()
    assert lines[0].split(",")[:3] == ["name", "brand", "kind"]
    assert len(lines) > 200
