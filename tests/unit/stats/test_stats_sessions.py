"""Promises about session identity and about joining."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stats.sessions import SkySessions, exposure_key, label_of, session_night, session_of, stem_of

NIGHT = date(2024, 3, 1)
START = datetime(2024, 3, 1, 20, 0, 0, 123456, tzinfo=UTC)


def test_the_id_is_the_same_for_ever() -> None:
    """An id follows from night and label alone; this one is written down so that no release changes it."""
    assert session_of(NIGHT, "Seestar S50").session_id == "20240301_BF8A0F97"


@given(night=st.dates(), label=st.text(max_size=40))
def test_ids_match_the_contract(night: date, label: str) -> None:
    """Every id is eight digits, an underscore and eight upper-case hexadecimal digits."""
    assert re.fullmatch(r"\d{8}_[0-9A-F]{8}", session_of(night, label).session_id)


def test_labels_and_nights_have_fallbacks() -> None:
    """Rig, else camera, else unknown; night, else the UTC date of arrival."""
    assert [label_of("rig", "cam"), label_of(None, "cam"), label_of("", None)] == ["rig", "cam", "unknown"]
    late = datetime(2024, 3, 1, 23, tzinfo=timezone(timedelta(hours=-5)))
    assert (session_night(None, late), session_night(NIGHT, late)) == (date(2024, 3, 2), NIGHT)


@pytest.mark.parametrize(
    "path",
    ["m31/one.fits", "m31/one.fit.gz", "m31/one.fits.fz", "m31/one.xisf", "m31/one.jpg", "m31/one_thn.jpg"],
)
def test_files_of_one_frame_share_a_stem(path: str) -> None:
    """Extension, compression and thumbnail suffix do not tell files of one frame apart."""
    assert stem_of("library", path) == stem_of("library", "m31/one")
    assert stem_of("library", path)[0] == "library:m31/one"


def test_other_folders_roots_and_decimals_are_other_stems() -> None:
    """The folder, the root and what only looks like an extension belong to the stem."""
    stems = {stem_of("a", "x/one.fit"), stem_of("b", "x/one.fit"), stem_of("a", "y/one.fit"), stem_of("a", "one.fit")}
    assert len(stems) == 4
    assert stem_of("a", "Light_M 31_10.0s.fit")[0] == "a:Light_M 31_10.0s"


@given(path=st.text(max_size=60))
def test_keys_fit_a_bigint(path: str) -> None:
    """Any path has a stem, and a key of 64 bits with sign."""
    stem, key = stem_of("root", path)
    assert stem.startswith("root:")
    assert -(2**63) <= key < 2**63


def test_exposure_keys_start_with_the_time() -> None:
    """The key is start to the millisecond in UTC, camera, length, filter; None when a part is unknown or no LIGHT."""
    berlin = START.astimezone(timezone(timedelta(hours=1)))
    assert exposure_key("LIGHT", berlin, "cam", 10_000, None) == "2024-03-01T20:00:00.123+00:00|cam|10000|"
    assert exposure_key("LIGHT", None, "cam", 10_000, "L") is None
    assert exposure_key("LIGHT", START, None, 10_000, "L") is None
    assert exposure_key("LIGHT", START, "cam", None, "L") is None
    assert exposure_key("STACK", START, "cam", 10_000, "L") is None


def test_calibration_stays_where_its_own_session_has_sky_files() -> None:
    """Its own night and rig come first, then the first rig by name with its camera, then its own again."""
    own, first, second = session_of(NIGHT, "own"), session_of(NIGHT, "a"), session_of(NIGHT, "b")
    other_night = session_of(date(2024, 3, 2), "0")
    sky = SkySessions([("cam", second, 3), ("cam", other_night, 3), ("", first, 3)])
    assert sky.joined_by(own, "cam") == second
    assert sky.count("cam", first, 1)
    assert not sky.count("cam", first, 1)
    assert sky.joined_by(own, "cam") == first
    assert sky.joined_by(own, "") == own
    assert sky.count("other", own, 1)
    assert sky.joined_by(own, "cam") == own
    assert sky.count("other", own, -1)
    assert sky.joined_by(own, "cam") == first
