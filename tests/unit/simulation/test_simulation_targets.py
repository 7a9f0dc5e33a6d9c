"""The programme of a night: real objects, high in the sky, the same for a month."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.standalone.simulation.sky import HIGH_DESERT, NightClock, alt_az_deg, modified_julian_date, sexagesimal
from services.standalone.simulation.targets import TARGETS, Target, plan_targets

_nights = st.dates(min_value=date(2015, 1, 1), max_value=date(2035, 12, 31))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.catalog_id)
def test_positions_are_those_of_the_catalogue(target: Target) -> None:
    """Every target lies where OpenNGC has the object of that name."""
    import numpy as np
    from pyongc import ongc

    ra_deg, dec_deg = np.degrees(ongc.get(target.designation.replace(" ", "")).rad_coords)

    assert abs((target.ra_deg - ra_deg + 180.0) % 360.0 - 180.0) < 0.01
    assert target.dec_deg == pytest.approx(dec_deg, abs=0.01)
    assert target.catalog_id == target.designation.replace(" ", "")


@given(night=_nights, seed=st.integers(min_value=0, max_value=2**31))
def test_every_night_has_three_different_targets_above_the_horizon(night: date, seed: int) -> None:
    """In every season two rigs find a galaxy or cluster and two nebulae that are up during the night."""
    clock = NightClock(night, HIGH_DESERT)
    programme = plan_targets(clock, seed=seed)
    chosen = (programme.broadband, programme.seestar_emission, programme.nina_emission)

    assert len({target.catalog_id for target in chosen}) == 3
    assert [target.emission for target in chosen] == [False, True, True]
    for target in chosen:
        heights = [alt_az_deg(target.ra_deg, target.dec_deg, clock.at(h), HIGH_DESERT)[0] for h in (9.0, 12.0, 15.0)]
        assert max(heights) > 15.0


@given(night=_nights)
def test_targets_stay_within_a_month(night: date) -> None:
    """The first day of a month has the targets of any other day of it."""
    plans = [plan_targets(NightClock(day, HIGH_DESERT), seed=5) for day in (night.replace(day=1), night)]

    assert plans[0] == plans[1]


@given(night=_nights, hours=st.floats(min_value=0.0, max_value=23.99))
def test_the_night_is_the_local_date_of_the_noon_before(night: date, hours: float) -> None:
    """Any hour from noon to noon, west of Greenwich too, belongs to the night of its noon."""
    from datetime import timedelta

    instant = NightClock(night, HIGH_DESERT).at(hours)

    assert (instant + timedelta(hours=HIGH_DESERT.longitude_deg / 15.0 - 12.0)).date() == night


def test_known_values_of_the_sky() -> None:
    """Julian dates and sexagesimal angles agree with published examples."""
    from datetime import UTC, datetime

    assert modified_julian_date(datetime(2000, 1, 1, 12, tzinfo=UTC)) == pytest.approx(51544.5)
    assert sexagesimal(41.2691, signed=True) == "+41 16 09"
    assert sexagesimal(-5.3897, signed=True) == "-05 23 23"
    assert sexagesimal(10.6848 / 15.0, signed=False) == "00 42 44"
    # Meeus, example 13.b: Venus from Washington, 1987 April 10, 19:21 UT; azimuth there is counted from the south.
    from services.standalone.simulation.sky import Site

    washington = Site(38.921389, -77.065556, 0.0, "America/New_York")
    altitude, azimuth = alt_az_deg(347.3193375, -6.719892, datetime(1987, 4, 10, 19, 21, tzinfo=UTC), washington)
    assert altitude == pytest.approx(15.125, abs=0.01)
    assert azimuth == pytest.approx(68.034 + 180.0, abs=0.01)
