"""N.I.N.A. profiles: read within bounds, never trusted."""

from pathlib import Path
from xml.parsers.expat import ExpatError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.equipment import ninaprofile
from shared.equipment.ninaprofile import NinaProfile, profiles_at, read_profile, rig_of
from shared.errors import UserError

HEAD = '<Profile xmlns="urn:p" xmlns:a="urn:a" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
PROFILE = f"""{HEAD}
<ApplicationSettings><Name>not this</Name></ApplicationSettings>
<FilterWheelSettings><FilterWheelFilters>
<a:FilterInfo><a:_name>Ha</a:_name><a:_position>1</a:_position></a:FilterInfo>
<a:FilterInfo><a:_name>L</a:_name><a:_position>0</a:_position></a:FilterInfo>
<a:FilterInfo><a:_name>Dark slot</a:_name><a:_position>2</a:_position></a:FilterInfo>
</FilterWheelFilters></FilterWheelSettings>
<Id>0b9f5d5e-1111-2222-3333-444455556666</Id><Name>RedCat@f4.9+2600MM</Name>
<TelescopeSettings><FocalLength>250</FocalLength><FocalRatio>4.9</FocalRatio>
<Name>WO RedCat 51</Name></TelescopeSettings>
</Profile>"""


def written(folder: Path, text: str, name: str = "a.profile") -> Path:
    """A profile file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_profile_is_read(tmp_path: Path) -> None:
    """Name, optics and the wheel's names in the order of their positions, opaque ones left out."""
    assert read_profile(written(tmp_path, PROFILE)) == NinaProfile(
        profile_id="0b9f5d5e-1111-2222-3333-444455556666",
        name="RedCat@f4.9+2600MM",
        telescope="WO RedCat 51",
        focal_length_mm=250.0,
        focal_ratio=4.9,
        filters=("L", "Ha"),
    )


def test_its_name_makes_it_a_rig(tmp_path: Path) -> None:
    """``<optic>@f<ratio>+<camera>`` is a rig; a profile with any other name is none."""
    profile = read_profile(written(tmp_path, PROFILE))
    rig = rig_of(profile, "a.profile")
    assert rig is not None
    assert (rig.name, rig.telescope, rig.focal_ratio, rig.camera, rig.focal_length_mm) == (
        "RedCat@f4.9+2600MM", "RedCat", 4.9, "2600MM", 250.0,
    )  # fmt: skip
    assert rig.from_profile
    assert rig.wheel == ("L", "Ha")
    other = read_profile(written(tmp_path, PROFILE.replace("RedCat@f4.9+2600MM", "Default")))
    assert rig_of(other, "b.profile") is None


def test_what_is_not_set_is_absent(tmp_path: Path) -> None:
    """NaN and zero are how the program writes a focal length that nobody gave."""
    text = PROFILE.replace(">250<", ">NaN<").replace(">4.9<", ">0<")
    profile = read_profile(written(tmp_path, text))
    assert (profile.focal_length_mm, profile.focal_ratio) == (None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Profile><Name>&b;</Name></Profile>',
            "declares",
        ),
        ('<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><Profile><Name>&x;</Name></Profile>', "declares"),
        ("<Sequence><Name>x</Name></Sequence>", "its root is 'Sequence'"),
        ("<Profile></Profile>", "it has no name"),
        ("<Profile><Name>x</Name>", "no element found"),
        ("", "no element found"),
        ("\x00\x00\x00", "not well-formed"),
        ("<Profile>" + "<a>" * 100, "more than 64 levels"),
    ],
)
def test_what_is_no_profile_is_refused_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    """Entity bombs, other documents, and damaged ones are refused by name and reason."""
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=reason) as caught:
        read_profile(path)
    assert str(path) in str(caught.value)


def test_a_huge_file_is_not_read_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is limited before anything is parsed."""
    monkeypatch.setattr(ninaprofile, "MAX_PROFILE_BYTES", 1000)
    with pytest.raises(UserError, match="larger than"):
        read_profile(written(tmp_path, PROFILE + " " * 1000))


def test_places_are_files_and_folders(tmp_path: Path) -> None:
    """A folder stands for its profiles by name, a file for itself; a missing place is said."""
    first, second = written(tmp_path, PROFILE, "b.profile"), written(tmp_path, PROFILE, "a.profile")
    written(tmp_path, PROFILE, "a.profile.bkp")
    assert list(profiles_at([tmp_path, first])) == [second, first, first]
    with pytest.raises(UserError, match="is not there"):
        list(profiles_at([tmp_path / "none"]))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_profile_or_a_sentence(content: bytes) -> None:
    """Nothing but the two known ends, whatever the bytes are."""
    for data in (content, PROFILE.encode()[: len(content) * 3], PROFILE.encode().replace(b"Name", content[:8])):
        try:
            found = ninaprofile._parse(data)
        except (ninaprofile._Refused, ExpatError):
            continue
        assert found.name
