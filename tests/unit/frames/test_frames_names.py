"""File names read part by part: forms, orders, times, and what may name the object."""

# ruff: noqa: DTZ001  (what file names give is naive until its zone is known)

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.frame import FrameType
from shared.frames.paths import PathFacts, facts_from_path
from shared.frames.stamps import stamp_of

_PARTS = (
    "300.0s", "Bin1", "2600MM", "OIII", "gain100", "20260226-213045", "63deg", "-20.0C",
)  # fmt: skip


@given(st.permutations(_PARTS))
def test_the_parts_of_an_asiair_name_may_stand_in_any_order(parts: list[str]) -> None:
    """Wherever a firmware puts the angle, the filter or the temperature, nothing else is lost."""
    found = facts_from_path("_".join(("Light", "M 81", *parts, "0012.fit")))
    assert (found.program, found.frame_type, found.object_name) == ("ASIAIR", FrameType.LIGHT, "M 81")
    assert (found.exposure_s, found.x_binning, found.gain) == (300.0, 1, 100.0)
    assert (found.camera, found.filter) == ("2600MM", "OIII")
    assert (found.rotator_angle_deg, found.sensor_temp_c) == (63.0, -20.0)
    assert found.local_time == datetime(2026, 2, 26, 21, 30, 45)
    assert found.night == date(2026, 2, 26)


@given(st.permutations((*_PARTS, "0012")))
def test_the_parts_of_any_name_may_stand_in_any_order(parts: list[str]) -> None:
    """A name of no known program gives the same facts in every order of its parts."""
    found = facts_from_path("_".join(("NGC7000", *parts)) + ".fits")
    facts = (found.exposure_s, found.x_binning, found.gain, found.camera, found.filter, found.sensor_temp_c)
    assert facts == (300.0, 1, 100.0, "2600MM", "OIII", -20.0)
    assert found.object_guess == "NGC7000"


@pytest.mark.parametrize(
    ("part", "fact", "value"),
    [
        ("26.6F", "sensor_temp_c", -3.0), ("5°C", "sensor_temp_c", 5.0), ("T-25", "sensor_temp_c", -25.0),
        ("ISO1600", "gain", 1600.0), ("G139", "gain", 139.0), ("110G", "gain", 110.0), ("gain-25", "gain", -25.0),
        ("50Of", "offset", 50.0), ("BL30", "offset", 30.0), ("1x1", "x_binning", 1), ("Bin2x2", "x_binning", 2),
        ("1.2s", "exposure_s", 1.2), ("108.3ms", "exposure_s", 0.1083), ("600sec", "exposure_s", 600.0),
        ("5min", "exposure_s", 300.0), ("360.0deg", "rotator_angle_deg", 360.0),
        ("Rot-115.25", "rotator_angle_deg", 115.25),
        ("1.60HFR", "hfr_px", 1.6), ("HFR2.83", "hfr_px", 2.83), ("RMS0.42", "rms_arcsec", 0.42),
        ("filter-L-eXtreme", "filter", "L-eXtreme"), ("LQuadE", "filter", "LQuadE"), ("NoFilter", "filter", "NoFilter"),
        ("ZWO ASI2600MM Pro", "camera", "ZWO ASI2600MM Pro"),
    ],
)  # fmt: skip
def test_every_form_of_a_part_is_known(part: str, fact: str, value: Any) -> None:
    """Temperatures in C and F, gain or ISO, lengths in any unit, angles, measurements, filters and cameras."""
    found = facts_from_path(
        f"Light_M 51_10.0s_Bin1_20240605-221706_{part}_0001.fit" if fact not in _TWICE else f"M51_{part}.fit"
    )
    assert getattr(found, fact) == pytest.approx(value) if isinstance(value, float) else getattr(found, fact) == value


_TWICE = frozenset({"exposure_s", "x_binning"})
"""Facts that the name around the part has already."""


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("20240605-221706", datetime(2024, 6, 5, 22, 17, 6)),
        ("2023-09-10_23-47-59", datetime(2023, 9, 10, 23, 47, 59)),
        ("2023-03-20T21-04-17", datetime(2023, 3, 20, 21, 4, 17)),
        ("2022-02-12T1816", datetime(2022, 2, 12, 18, 16)),
        ("2020-03-17T024357", datetime(2020, 3, 17, 2, 43, 57)),
        ("20251018-051725998", datetime(2025, 10, 18, 5, 17, 25, 998000)),
        ("20251031-53206503", datetime(2025, 10, 31, 5, 32, 6, 503000)),
        ("20250723-13073265", datetime(2025, 7, 23, 13, 7, 32, 650000)),
        ("20250723-53206", datetime(2025, 7, 23, 5, 32, 6)),
        ("2024-13-45_99-99-99", None),
        ("20240605", None),
    ],
)  # fmt: skip
def test_times_are_read_with_and_without_seconds_fractions_and_zeros(stamp: str, moment: datetime | None) -> None:
    """A clock may lack its seconds or its leading zero, and have a fraction of any length."""
    assert stamp_of(stamp) == moment


def test_a_clock_that_may_have_lost_its_zero_is_read_by_its_device() -> None:
    """Eight digits that make sense both ways are DWARF's milliseconds without a zero, and elsewhere hundredths."""
    assert stamp_of("20250723-12345678", lost_zero=True) == datetime(2025, 7, 23, 1, 23, 45, 678000)
    assert stamp_of("20250723-12345678") == datetime(2025, 7, 23, 12, 34, 56, 780000)


@pytest.mark.parametrize(
    ("name", "guess", "named"),
    [
        ("M31_Light_Ha_300s_Bin1_0001.fits", "M31", True), ("LIGHT_M 106_300.00s_1x1_0003.fits", "M 106", True),
        ("M31_60sec_1x1_L_frame12.fits", "M31", True), ("M_106_Light_30_secs_Ha_001.fits", "M 106", True),
        ("4_Vesta_Light_L_120.fits", "4 Vesta", True),
        ("Dark_Shark_Nebula_Light_Ha_300s.fits", "Dark Shark Nebula", True),
        ("The_Andromeda_Galaxy_G100_BL20_0001.png", "The Andromeda Galaxy", False), ("m42.fit", "m42", False),
        ("20230924_M27_ASI294_0300-01.fit", "M27", False), ("Capture_0001.png", None, False),
        ("IMG_1234.CR2", None, False), ("DSC01234.NEF", None, False), ("M0042.fit", None, False),
        ("Light_001.fits", None, False), ("0001.fit", None, False), ("Light_FOV Center_300.0s_H_0002.fit", None, False),
        ("ngc4535-autofocus1.fits", None, False), ("b.fits", None, False),
    ],
)  # fmt: skip
def test_what_is_left_of_a_name_may_name_the_object(name: str, guess: str | None, named: bool) -> None:
    """Words beside a type, a length or a filter do; a camera's counter, focus runs and nameless fields never."""
    found = facts_from_path(name)
    assert (found.object_guess, found.object_name) == (guess, guess if named else None)
    assert found.object_is_guess is (True if named else None)


@pytest.mark.parametrize(
    ("folders", "fact", "value"),
    [
        ("M 31/Ha", "filter", "Ha"), ("M 31/L-eXtreme/300s", "filter", "L-eXtreme"), ("M 31/Astro", "filter", None),
        ("Orion B", "filter", None), ("M 31/C", "filter", None), ("2021.09.27", "night", date(2021, 9, 27)),
        ("2026-02-19_FRA400_ASI585MC", "night", date(2026, 2, 19)),
        ("IC 1805/Lights - Rasa 8", "frame_type", FrameType.LIGHT),
        ("raw flats/20240616", "frame_type", FrameType.FLAT), ("Dark -10C", "frame_type", FrameType.DARK),
        ("Dark Shark Nebula", "frame_type", None), ("M 31/brutes", "frame_type", FrameType.LIGHT),
        ("M 31/offsets", "frame_type", FrameType.BIAS), ("Target_M 33", "object_name", "M 33"),
        ("Angle_93.74", "rotator_angle_deg", 93.74),
    ],
)  # fmt: skip
def test_folders_say_filters_nights_types_and_keys(folders: str, fact: str, value: Any) -> None:
    """A folder that is a filter's name is the filter; words of every day and objects' names are none."""
    assert getattr(facts_from_path(f"{folders}/x.fits"), fact) == value


@pytest.mark.parametrize("name", ["masterDark_ASI585MCPro_300s_gain0_-10C_2024-12-19.xisf", "pp_light_00001.fit"])
def test_products_name_no_object(name: str) -> None:
    """The words of masters and calibrated files are those of the program that made them."""
    found = facts_from_path(name)
    assert found.object_name is found.object_guess is None


def test_copies_are_read_as_what_they_are_copies_of() -> None:
    """What a file manager adds to the name of a second copy changes nothing."""
    plain = facts_from_path("Light_M 94_10.0s_IRCUT_20250326-212057.fit")
    assert plain != PathFacts()
    for copy in ("Light_M 94_10.0s_IRCUT_20250326-212057 copy 2.fit", "Light_M 94_10.0s_IRCUT_20250326-212057 (1).fit"):
        assert facts_from_path(copy) == plain
