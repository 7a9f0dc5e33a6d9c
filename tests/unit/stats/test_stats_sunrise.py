"""Promises about the end of a night."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stats.sessions import night_end, zone_of
from services.stats.sunrise import sunrise_after
from shared.events.values import EARLIEST, LATEST

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


@pytest.mark.parametrize(
    ("name", "night", "expected"),
    [
        ("Pacific/Kiritimati", date(2024, 3, 1), datetime(2024, 3, 1, 19, tzinfo=UTC)),
        ("Etc/GMT+12", date(2024, 3, 1), datetime(2024, 3, 2, 21, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 19, tzinfo=UTC)),
        ("America/Los_Angeles", date(2024, 11, 2), datetime(2024, 11, 3, 17, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2024, 10, 5), datetime(2024, 10, 5, 22, tzinfo=UTC)),
        ("Mars/Olympus", date(2024, 3, 1), datetime(2024, 3, 2, 8, tzinfo=UTC)),
        (None, date(2024, 3, 1), datetime(2024, 3, 2, 8, tzinfo=UTC)),
    ],
)
def test_nine_is_the_clock_of_the_source(name: str | None, night: date, expected: datetime) -> None:
    """09:00 is that of the source's zone, else of the setting: at the map's edges, over a day left out, at a change."""
    assert night_end(night, None, None, zone_of(name, ZoneInfo("Europe/Berlin"))) == expected


@given(
    night=st.dates(EARLIEST.date(), LATEST.date() - timedelta(days=1)),
    name=st.sampled_from(sorted(available_timezones())),
    latitude=st.one_of(st.none(), st.floats(-90, 90)),
    longitude=st.one_of(st.none(), st.floats(-180, 180)),
)
def test_every_night_of_the_contract_ends(
    night: date, name: str, latitude: float | None, longitude: float | None
) -> None:
    """Any night that an event may carry ends within two days, at any site and in any zone."""
    end = night_end(night, latitude, longitude, zone_of(name, ZoneInfo("UTC")))
    assert timedelta(0) < end - datetime(night.year, night.month, night.day, 12, tzinfo=UTC) + timedelta(hours=14)
    assert end - datetime(night.year, night.month, night.day, 12, tzinfo=UTC) < timedelta(hours=48)
