"""Promises about the end of a night."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stats.sessions import night_end
from services.stats.sunrise import sunrise_after

ALMANAC = [
    # Sunrises of the evening after, as almanacs print them (to the minute, local time turned into UTC).
    ("Greenwich, June", date(2024, 6, 19), 51.48, 0.0, datetime(2024, 6, 20, 3, 43, tzinfo=UTC)),
    ("Greenwich, December", date(2024, 12, 20), 51.48, 0.0, datetime(2024, 12, 21, 8, 4, tzinfo=UTC)),
    ("New York, March", date(2024, 3, 19), 40.71, -74.01, datetime(2024, 3, 20, 10, 59, tzinfo=UTC)),
    ("Sydney, June", date(2024, 6, 20), -33.87, 151.21, datetime(2024, 6, 20, 21, 0, tzinfo=UTC)),
    ("Honolulu, January", date(2023, 12, 31), 21.31, -157.86, datetime(2024, 1, 1, 17, 9, tzinfo=UTC)),
]


@pytest.mark.parametrize(("night", "latitude", "longitude", "expected"), [row[1:] for row in ALMANAC])
def test_almanac(night: date, latitude: float, longitude: float, expected: datetime) -> None:
    """Sunrise agrees with printed almanacs to two minutes."""
    assert abs(sunrise_after(night, latitude, longitude) - expected) <= timedelta(minutes=2)


@given(
    night=st.dates(date(1990, 1, 1), date(2060, 12, 31)),
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
)
def test_sunrise_is_between_the_midnight_and_the_noon_after(night: date, latitude: float, longitude: float) -> None:
    """Anywhere and at any time the night ends in the half day after its local midnight, the poles included."""
    midnight = datetime(night.year, night.month, night.day, tzinfo=UTC) + timedelta(days=1, hours=-longitude / 15)
    slack = timedelta(minutes=20)  # the equation of time
    assert midnight - slack <= sunrise_after(night, latitude, longitude) <= midnight + timedelta(hours=12) + slack


def test_polar_cases_are_the_limits() -> None:
    """In the polar night the night lasts until noon; under the midnight sun it is over at midnight."""
    noon = sunrise_after(date(2024, 12, 20), 78.2, 15.6)
    assert abs(noon - datetime(2024, 12, 21, 10, 56, tzinfo=UTC)) < timedelta(minutes=3)
    midnight = sunrise_after(date(2024, 6, 19), 78.2, 15.6)
    assert abs(midnight - datetime(2024, 6, 19, 22, 59, tzinfo=UTC)) < timedelta(minutes=3)


def test_without_a_site_the_night_ends_at_nine() -> None:
    """Where the site is unknown the night ends at 09:00 in the given zone, daylight saving time included."""
    zone = ZoneInfo("Europe/Berlin")
    assert night_end(date(2024, 3, 30), None, None, zone) == datetime(2024, 3, 31, 7, tzinfo=UTC)
    assert night_end(date(2024, 1, 30), None, 11.0, zone) == datetime(2024, 1, 31, 8, tzinfo=UTC)
    assert night_end(date(2024, 6, 19), 51.48, 0.0, zone) == sunrise_after(date(2024, 6, 19), 51.48, 0.0)
