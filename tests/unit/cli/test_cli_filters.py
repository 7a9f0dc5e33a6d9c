"""The filters of the listings, as far as they need no database."""

from pathlib import Path

import pytest

from services.cli.filters import make_filters


def objects(*names: str) -> tuple[str, ...]:
    """What a listing looks for when these objects are asked for."""
    return make_filters(list(names), None, None, None, None, None, None, None, None).objects


def filters(*names: str) -> tuple[str, ...]:
    """What a listing looks for when these filters are asked for."""
    return make_filters(None, list(names), None, None, None, None, None, None, None).filters


@pytest.fixture(autouse=True)
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's settings, empty at first."""
    path = tmp_path / "nightbus.toml"
    path.write_text("config_version = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(path))
    return path


def test_an_object_is_looked_for_by_its_id_too() -> None:
    """Names and other designations add the object's id; what is no object, and patterns, stay as they are."""
    assert objects("NGC 224") == ("NGC 224", "M31")
    assert objects("Andromeda", "M 3*", "my test") == ("Andromeda", "M 3*", "my test", "M31")


def test_of_several_objects_with_a_name_each_is_looked_for() -> None:
    """The Veil Nebula is its western and its eastern part."""
    assert objects("Veil Nebula") == ("Veil Nebula", "NGC6960", "NGC6992")


def test_the_users_own_names_are_known(settings_file: Path) -> None:
    """A name from the settings finds the object that the settings give it to."""
    settings_file.write_text('config_version = 1\n[[targets]]\nid = "IC1805"\nnames = ["Herzchen"]\n')
    assert objects("Herzchen") == ("Herzchen", "IC1805")


def test_a_filter_is_looked_for_by_its_canonical_name_too(settings_file: Path) -> None:
    """What a header may say finds what is stored: by the built-in table, the user's names and those of a rig."""
    settings_file.write_text('filters = {"My L" = "L2"}\n[[rigs]]\nname = "a"\nfilters = {"slot 3" = "OIII"}\n')
    assert filters("luminance") == ("luminance", "L")
    assert filters("My L", "Slot 3", "none") == ("My L", "Slot 3", "none", "L2", "OIII")
    assert filters("h*") == ("h*",)
    assert filters("LPR") == ("LPR", "LP")
