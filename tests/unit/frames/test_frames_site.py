"""Where the telescope stood and looked: spellings, senses and units."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable
from datetime import date

import pytest

from shared.events.frame import FrameMetadata
from shared.frames import FrameFacts
from shared.frames.limits import LATITUDES, LONGITUDES

Read = Callable[..., FrameMetadata]


def test_every_spelling_of_a_site(read: Read) -> None:
    """Latitude and longitude are found under each of their keywords."""
    for keyword in LATITUDES:
        card = f"{keyword:<8}= 34.5" if len(keyword) < 9 else f"HIERARCH {keyword} = 34.5"
        assert read([card, "SITELONG= -117.2"]).site_latitude_deg == 34.5, keyword
    for keyword in LONGITUDES:
        card = f"{keyword:<8}= -117.2" if len(keyword) < 9 else f"HIERARCH {keyword} = -117.2"
        assert read(["SITELAT = 34.5", card]).site_longitude_deg == -117.2, keyword


@pytest.mark.parametrize(
    ("cards", "latitude", "longitude"),
    [
        (["LATITUDE= -31.2729 / [deg North] Telescope latitude", "LONGITUD= 149.0708466 / [deg East] Telescope longitude"], -31.2729, 149.0708466),
        (["LATITUDE= 31.68", "LONGITUD= 110.88 / [deg West]"], 31.68, -110.88),
        (["LATITUDE= 31.68", "LONGITUD= 110.88 / degrees, west positive"], 31.68, -110.88),
        (["LATITUDE= 31.68", "LONGITUD= -20.5 / degrees, west positive"], 31.68, 20.5),
        (["LATITUDE= 31.68 / degrees South", "LONGITUD= 110.88 / +E"], -31.68, 110.88),
        (["LATITUDE= -31.68 / degrees South", "LONGITUD= 110.88 / +E"], -31.68, 110.88),
        (["SITELAT = '+34 30 10'", "SITELON = '-117 12 20'"], 34.502778, -117.205556),
        (["SITELAT = '48°12''33\"'", "SITELONG= '16°22''20\"'"], 48.209167, 16.372222),
        (["SITELAT = '48 12.55 N'", "SITELONG= '16 22.33333 E'"], 48.209167, 16.372222),
        (["SITELAT = 'S 33 52 10'", "SITELONG= 'W 70 48 17'"], -33.869444, -70.804722),
        (["SITELAT = '33.5S'", "SITELONG= '70.5W'"], -33.5, -70.5),
        (["SITELAT = '33.5'", "SITELONG= '-70.5 W'"], 33.5, -70.5),
        (["GEOLAT  = -0.5 / [rad]", "GEOLON  = -1.2 / [rad]"], -28.647890, -68.754935),
        (["OBSGEO-X= 1919128.0", "OBSGEO-Y= -4930444.0", "OBSGEO-Z= -3549000.0"], -34.0315923, -68.7320022),
        (["OBSGEO-X= 0.0", "OBSGEO-Y= 0.0", "OBSGEO-Z= 0.0"], None, None),
    ],
)  # fmt: skip
def test_sites_as_written(read: Read, cards: list[str], latitude: float | None, longitude: float | None) -> None:
    """The sense in a comment or a letter, decimal minutes, typed signs and geocentric metres give east-positive degrees."""
    found = read(cards)
    place = (found.site_latitude_deg, found.site_longitude_deg)
    assert place == ((None, None) if latitude is None else pytest.approx((latitude, longitude), abs=2e-6))


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        (["SITELAT = 34.5"], "the header gives the latitude of the site and no longitude"),
        (["SITELONG= 34.5"], "the header gives the longitude of the site and no latitude"),
        (["SITELAT = 34.5", "LONGITUD= 110.88"], "LONGITUD has no sign, so east and west cannot be told apart"),
        (["SITELAT = 34.5", "LONGITUD= -20.0 / west longitude"], "LONGITUD = -20 is negative and its comment says west: the side is not certain"),
        (["SITELAT = 134.5", "SITELONG= 10.0"], "the site's coordinates are impossible"),
    ],
)  # fmt: skip
def test_half_a_site_is_said(read_facts: Callable[..., FrameFacts], cards: list[str], problem: str) -> None:
    """What a header gives by halves, or in two senses, is a problem once."""
    found = read_facts(cards)
    assert found.problems == (problem,)
    assert found.metadata.site_latitude_deg is None or found.metadata.site_longitude_deg is None


def test_the_night_follows_the_site(read: Read) -> None:
    """A longitude that only its comment makes sure keeps an Australian night whole, and one in California too."""
    cards = ["LATITUDE= -31.27", "LONGITUD= 149.07 / [deg East] Telescope longitude"]
    assert read([*cards, "DATE-OBS= '2015-12-16T11:48:39.307'"]).night == date(2015, 12, 16)
    cards = ["SITELAT = '+34 30 10'", "SITELON = '-117 12 20'"]
    assert read([*cards, "DATE-OBS= '2021-09-12T12:20:00Z'"]).night == date(2021, 9, 11)


@pytest.mark.parametrize(
    ("cards", "ra_deg"),
    [
        (["RA      = 5.5 / [hours] right ascension", "DEC     = -5.4"], 82.5),
        (["RA      = 82.5 / [hours] right ascension", "DEC     = -5.4"], 82.5),
        (["RA      = 5.5 / [deg] right ascension", "DEC     = -5.4"], 5.5),
        (["RA      = 5.5", "DEC     = -5.4"], 5.5),
        (["OBJCTRA = 5.5", "OBJCTDEC= -5.4"], 82.5),
        (["OBJCTRA = 5.5 / [deg]", "OBJCTDEC= -5.4"], 5.5),
        (["TELESCOP= 'DWARFII'", "RA      = 5.5 / [deg] RA", "DEC     = -5.4"], 5.5),
        (["RA      = '5 30 00' / [deg]", "DEC     = -5.4"], 82.5),
        (["FOVRA   = 82.5", "FOVDEC  = -5.4"], 82.5),
        (["RA      = 1.44 / [rad]", "DEC     = -0.09", "OBJCTRA = '5 30 00'", "OBJCTDEC= '-5 24 00'"], 82.5),
    ],
)  # fmt: skip
def test_right_ascensions_by_their_comments(read: Read, cards: list[str], ra_deg: float) -> None:
    """A plain number is hours or degrees as its comment says, unless no hour is so large."""
    assert read(cards).ra_deg == pytest.approx(ra_deg)


@pytest.mark.parametrize(
    ("card", "field", "value"),
    [
        ("CCD-TEMP= 170.0 / [K] detector", "sensor_temp_c", -103.15),
        ("CCD-TEMP= 261.15", "sensor_temp_c", -12.0),
        ("CCD-TEMP= 14.0 / degrees F", "sensor_temp_c", -10.0),
        ("CCD-TEMP= '284 K'", "sensor_temp_c", 10.85),
        ("CCD-TEMP= -10.0 / [C]", "sensor_temp_c", -10.0),
        ("CAMTEMP = '-48' / degrees C", "sensor_temp_c", -48.0),
    ],
)  # fmt: skip
def test_units_of_temperatures(read: Read, card: str, field: str, value: float) -> None:
    """Kelvin and Fahrenheit become degrees Celsius where the comment or the text names them."""
    assert getattr(read([card]), field) == pytest.approx(value)
