"""Which rig took a frame."""

import pytest

from shared.equipment.rigs import Rig, RigSigns, find_rig, rig_name

WIDE = Rig("Wide", camera="ZWO ASI2600MC Pro", focal_length_mm=250, aliases=("RedCat@f4.9+ZWO ASI2600MC Pro",))
LONG = Rig("Long", camera="ZWO ASI2600MC Pro", focal_length_mm=1000, telescope="Newton")
SIZE = Rig("Small sensor", width_px=3008, height_px=3008)


def signs(
    label: str | None = None,
    camera: str | None = "ZWO ASI2600MC Pro",
    width: int | None = 6248,
    height: int | None = 4176,
    focal: float | None = None,
    telescope: str | None = None,
) -> RigSigns:
    """What a frame shows."""
    return RigSigns(label, camera, width, height, focal, telescope)


@pytest.mark.parametrize(
    ("focal", "name"), [(250, "Wide"), (257.4, "Wide"), (242.6, "Wide"), (258, None), (1000, "Long")]
)
def test_the_focal_length_decides_within_its_tolerance(focal: float, name: str | None) -> None:
    """Three per cent is the default tolerance; outside of every rig there is none."""
    found, several = find_rig([WIDE, LONG], signs(focal=focal))
    assert (found.name if found else None, several) == (name, ())


def test_what_cannot_be_told_apart_has_no_rig() -> None:
    """A frame without focal length fits both rigs of its camera: both are named, none is chosen."""
    assert find_rig([WIDE, LONG], signs()) == (None, (WIDE, LONG))
    assert find_rig([WIDE], signs()) == (WIDE, ())


def test_the_telescope_confirms_and_never_contradicts() -> None:
    """A mount's name in TELESCOP excludes nothing; the rig's own telescope decides."""
    assert find_rig([WIDE, LONG], signs(telescope="newton"))[0] is LONG
    assert find_rig([LONG], signs(focal=1000, telescope="EQ6"))[0] is LONG


def test_an_old_name_is_the_rig() -> None:
    """A frame whose header gives a rig's alias belongs to it, whatever else differs."""
    label = "redcat@f4.9+ZWO  ASI2600MC Pro"
    assert find_rig([LONG, WIDE], signs(label=label, focal=990))[0] is WIDE


def test_the_sensor_size_is_enough() -> None:
    """A rig may state nothing but its sensor; a per cent of border is allowed, another sensor is not."""
    assert find_rig([SIZE], signs(camera=None, width=3000, height=3000))[0] is SIZE
    assert find_rig([SIZE], signs())[0] is None


def test_an_unstated_frame_has_no_rig() -> None:
    """Nothing that confirms a rig is no match: silence alone never chooses."""
    assert find_rig([WIDE, SIZE], signs(camera=None, width=None, height=None)) == (None, ())


def test_mine_are_asked_before_profiles() -> None:
    """A profile's rig counts only where none of the user's fits, and only with its optics confirmed."""
    profile = Rig("P", camera="2600MC", focal_length_mm=250, telescope="RedCat", from_profile=True)
    assert find_rig([profile, WIDE], signs(focal=250))[0] is WIDE
    assert find_rig([profile], signs(focal=250))[0] is profile
    assert find_rig([profile], signs(telescope="RedCat"))[0] is profile
    assert find_rig([profile], signs())[0] is None
    assert find_rig([profile], signs(focal=400))[0] is None


def test_names_by_the_header() -> None:
    """Optic, ratio and camera as far as they are known, in one form."""
    assert rig_name("C8E", 10.0, "ASI294MC") == "C8E@f10+ASI294MC"
    assert rig_name("RedCat", 4.9, "ASI533MC") == "RedCat@f4.9+ASI533MC"
    assert rig_name("RedCat", None, "ASI533MC") == "RedCat+ASI533MC"
    assert rig_name(None, 4.9, "ASI533MC") == "ASI533MC"
    assert rig_name("RedCat", 4.9, None) is None
