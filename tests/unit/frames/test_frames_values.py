"""Numbers, angles, times, nights, filters and precession as they are really written."""

# ruff: noqa: DTZ001  (what cards and file names give is naive until its zone is known)

import warnings
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.equipment.filters import canonical_filter
from shared.frames.cards import CardValue
from shared.frames.nights import is_repeated, local_to_utc, night_of
from shared.frames.precession import of_date, to_icrs
from shared.frames.values import (
    binning,
    duration,
    file_stamp,
    moment,
    moment_of_mjd,
    number,
    sexagesimal,
    text,
    time_of_day,
    written_offset,
)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" 9,78E-03", 0.00978),
        ("11 C", 11.0),
        ("10.0", 10.0),
        ("+1.0E+001", 10.0),
        (5, 5.0),
        (True, None),
        ("N/A", None),
        ("Default", None),
        (float("inf"), None),
        ("1e9999", None),
        (10**400, None),
    ],
)
def test_numbers(written: CardValue, meant: float | None) -> None:
    """Decimal commas and units are understood; words, booleans and infinities are no numbers."""
    assert number(written) == meant


@pytest.mark.parametrize(
    ("written", "degrees"),
    [
        ("18 53 34.930", 18.893036111),
        (" 0 06 23.27", 0.106463889),
        ("-00 18 18", -0.305),
        ("89 51 41.95", 89.861652778),
        ("+46:52:00.408", 46.86678),
        ("3 43 0.000", 3.716666667),
        ("3 43 0 W", -3.716666667),
        ("47.0017671", 47.0017671),
        ("12 99 00", None),
        ("", None),
    ],
)
def test_sexagesimal(written: str, degrees: float | None) -> None:
    """Blanks, colons, missing and negative-zero signs all give the right angle."""
    assert sexagesimal(written) == (None if degrees is None else pytest.approx(degrees, abs=1e-8))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-09-10T03:32:01.7364051", datetime(2025, 9, 10, 3, 32, 1, 736405)),
        ("2023-06-10T09:31:35.2882193Z[UTC]", datetime(2023, 6, 10, 9, 31, 35, 288219, UTC)),
        ("2017-12-19T18:33:43.317-0700", datetime(2017, 12, 20, 1, 33, 43, 317000, UTC)),
        ("2019-01-01T00:00:00.00", datetime(2019, 1, 1)),
        ("26/10/92", datetime(1992, 10, 26)),
        ("26/07/102", datetime(2002, 7, 26)),
        ("2019-08-08", datetime(2019, 8, 8)),
        ("2016-12-31T23:59:60", datetime(2016, 12, 31, 23, 59, 59, 999999)),
        ("02/01/05", datetime(2005, 1, 2)),
        ("02/01/05T04:49:34", datetime(2005, 1, 2, 4, 49, 34)),
        ("2005/01/02 04:49:34.5", datetime(2005, 1, 2, 4, 49, 34, 500000)),
        ("20050102T044934Z", datetime(2005, 1, 2, 4, 49, 34, tzinfo=UTC)),
        ("20050102", datetime(2005, 1, 2)),
        ("N/A", None),
        ("0001-01-01T00:00:00", None),
        ("2023-13-45T00:00:00", None),
        ("2023-01-01T25:00:00", None),
    ],
)
def test_times(written: str, meant: datetime | None) -> None:
    """Every way of writing a start time that was met gives that time; impossible ones give none."""
    assert moment(written) == meant


def test_modified_julian_dates() -> None:
    """An MJD is UTC to the millisecond; zero is unknown."""
    found = moment_of_mjd(60928.1472423146)
    assert found is not None
    assert abs(found - datetime(2025, 9, 10, 3, 32, 1, 736000, UTC)) < timedelta(milliseconds=2)
    assert moment_of_mjd(0.0) is None


def test_stamps_of_file_names() -> None:
    """Seestar's, DWARF's and N.I.N.A.'s stamps are times; other digits are not."""
    assert file_stamp("20250326-212057") == datetime(2025, 3, 26, 21, 20, 57)
    assert file_stamp("20251018-051725998") == datetime(2025, 10, 18, 5, 17, 25, 998000)
    assert file_stamp("2023-12-07_20-56-01") == datetime(2023, 12, 7, 20, 56, 1)
    assert file_stamp("99999999-999999") is None


@pytest.mark.parametrize(("written", "factor"), [("2*2", 2), ("3x3", 3), (4.0, 4), ("1", 1), ("0", None), (9999, None)])
def test_binning(written: CardValue, factor: int | None) -> None:
    """Numbers and products are understood; impossible factors are absent."""
    assert binning(written) == factor


@given(st.text(max_size=60))
def test_no_text_makes_the_readers_raise(written: str) -> None:
    """Whatever a header holds, the readers answer or say None."""
    text(written)
    number(written)
    sexagesimal(written)
    moment(written)
    time_of_day(written, 1.0)
    written_offset(written)
    duration(written)
    binning(written)
    file_stamp(written)
    canonical_filter(written)


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("Ha", "Ha"),
        ("H-alpha", "Ha"),
        ("S2", "SII"),
        ("o3", "OIII"),
        ("Luma", "L"),
        ("Red", "R"),
        ("UV-IR", "UVIR"),
        ("BaaderUVIRCut", "UVIR"),
        ("OptolongLeXtreme", "LeXtr"),
        ("ircut", "IRCUT"),
        ("LPR", "LP"),
        ("HaOiii", "HaOIII"),
        ("Duo-Band", "DuoBand"),
        ("Position 3", "Position 3"),
        ("None", None),
        ("N/A", None),
        ("", None),
        ("Dark", None),
        ("RGGB", None),
        (None, None),
    ],
)
def test_filters(raw: str | None, canonical: str | None) -> None:
    """Spellings of a filter fold into one name; no filter is None; strangers stay as written."""
    assert canonical_filter(raw) == canonical


def test_a_night_by_longitude_does_not_split() -> None:
    """A Seestar's evening and early morning belong to one night, though the UTC date is the next day's."""
    assert night_of(datetime(2025, 3, 27, 1, 20, tzinfo=UTC), -79.76, None) == date(2025, 3, 26)
    assert night_of(datetime(2025, 3, 27, 5, 45, tzinfo=UTC), -79.76, None) == date(2025, 3, 26)
    assert night_of(datetime(2025, 3, 27, 15, 0, tzinfo=UTC), 149.0, None) == date(2025, 3, 27)


def test_a_night_by_zone_and_without_any() -> None:
    """Without a longitude the source's zone decides, and without a zone UTC does."""
    start = datetime(2025, 7, 2, 18, 30, tzinfo=UTC)
    assert night_of(start, None, "America/Los_Angeles") == date(2025, 7, 1)
    assert night_of(start, None, None) == date(2025, 7, 2)
    assert night_of(start, None, "No/Where") == date(2025, 7, 2)


@given(st.floats(-180, 180), st.dates(date(1990, 1, 1), date(2090, 12, 31)), st.floats(0, 23.99), st.floats(0, 23.99))
def test_a_night_never_splits_at_its_own_longitude(longitude: float, day: date, one: float, other: float) -> None:
    """Any two moments between one solar noon and the next, wherever on Earth, are of one night, at year ends too."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15)
    starts = [noon + timedelta(hours=hours, seconds=1) for hours in (one, other)]
    assert {night_of(start, longitude, None) for start in starts} == {day}
    assert night_of(noon - timedelta(seconds=1), longitude, None) == day - timedelta(days=1)


@given(
    st.sampled_from(
        ["Europe/Berlin", "America/Los_Angeles", "Australia/Sydney", "Pacific/Auckland", "America/St_Johns"]
    ),
    st.dates(date(2000, 1, 1), date(2035, 12, 31)),
    st.floats(0, 23.99),
)
def test_a_night_of_a_zone_runs_from_noon_to_noon_by_its_clocks(zone: str, day: date, hours: float) -> None:
    """From one noon of the clock to the next is one night, also where clocks change and where years end."""
    place = ZoneInfo(zone)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=place).astimezone(UTC)
    following = day + timedelta(days=1)
    next_noon = datetime(following.year, following.month, following.day, 12, tzinfo=place).astimezone(UTC)
    start = noon + (next_noon - noon) * (hours / 24)
    assert night_of(start, None, zone) == day
    assert night_of(next_noon - timedelta(seconds=1), None, zone) == day
    assert night_of(next_noon, None, zone) == following


@given(
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Australia/Sydney"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 12, 31)),
)
def test_local_times_go_to_utc_and_back(zone: str, local: datetime) -> None:
    """A clock's time that exists once comes back from UTC; one that the clocks skip moves by the hour they skip."""
    local = local.replace(fold=0)  # a time that was read says nothing of which of two it is
    utc = local_to_utc(local, zone)
    assert utc is not None
    back = utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert back - local in (timedelta(0), timedelta(hours=1))
    if is_repeated(local, zone):
        assert local_to_utc(local + timedelta(hours=1), zone) != utc + timedelta(hours=1)


def test_the_year_ends_in_one_night() -> None:
    """New Year's Eve is one night, by longitude and by zone."""
    for hour, day in ((22, 31), (3, 1)):
        start = datetime(2024 if day == 31 else 2025, 12 if day == 31 else 1, day, hour, tzinfo=UTC)
        assert night_of(start, 10.0, None) == date(2024, 12, 31)
        assert night_of(start, None, "Europe/Berlin") == date(2024, 12, 31)


def test_local_time_needs_a_zone() -> None:
    """Local time becomes UTC by a known zone only."""
    assert local_to_utc(datetime(2025, 7, 1, 23, 0), "Europe/Paris") == datetime(2025, 7, 1, 21, 0, tzinfo=UTC)
    assert local_to_utc(datetime(2025, 7, 1, 23, 0), "../etc/passwd") is None


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 359.99), st.floats(-89.5, 89.5), st.floats(1980, 2050))
def test_precession_agrees_with_astropy(ra: float, dec: float, equinox: float) -> None:
    """Coordinates of date precess to within 0.1 arcsecond of astropy's FK5, and back to themselves."""
    from astropy import units
    from astropy.coordinates import FK5, SkyCoord

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        then = SkyCoord(ra * units.deg, dec * units.deg, frame=FK5(equinox=f"J{equinox}"))
        theirs = then.transform_to(FK5(equinox="J2000"))
        ours = to_icrs(ra, dec, equinox)
        assert theirs.separation(SkyCoord(*ours, unit="deg", frame=FK5(equinox="J2000"))).arcsec < 0.1
        back = SkyCoord(*of_date(*ours, equinox), unit="deg", frame=FK5(equinox=f"J{equinox}"))
        assert then.separation(back).arcsec < 1e-6
