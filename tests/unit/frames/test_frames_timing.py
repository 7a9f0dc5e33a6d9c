"""When an exposure began: clocks apart from their dates, Julian dates, zones in cards of their own."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.events.frame import FrameMetadata
from shared.frames import FrameFacts

Read = Callable[..., FrameMetadata]


@pytest.mark.parametrize(
    ("cards", "observed_at"),
    [
        # EMMI at the NTT, ESO, by MIDAS
        (["DATE-OBS= '09/04/92'", "MJD-OBS = 48721.06194", "TM-START= 5351.615999965"], datetime(1992, 4, 9, 1, 29, 11, 616000, UTC)),
        (["DATE-OBS= '09/04/92'", "MJD-OBS = 48721.06194"], datetime(1992, 4, 9, 1, 29, 11, 616000, UTC)),
        (["DATE-OBS= '28/03/93' / days/month/year", "UT      = '07:18:51'"], datetime(1993, 3, 28, 7, 18, 51, tzinfo=UTC)),
        (["DATE-OBS= '2005-01-02'", "UTC     = 5351.5 / 01:29:11.500 UTC at start (sec)"], datetime(2005, 1, 2, 1, 29, 11, 500000, UTC)),
        (["DATE-OBS= '2005-01-02'", "UT      = 1.5 / [hours] start"], datetime(2005, 1, 2, 1, 30, tzinfo=UTC)),
        (["DATE-OBS= '2005-01-02'", "TIME-OBS= '20:00:00' / local time", "UT      = '03:00:00'"], datetime(2005, 1, 2, 3, tzinfo=UTC)),
        (["DATE-OBS= '2005-01-02'", "UTC-OBS = '03:00:00.25'"], datetime(2005, 1, 2, 3, 0, 0, 250000, UTC)),
        (["DATE-OBS= '2005-01-02'", "JD      = 2453372.625"], datetime(2005, 1, 2, 3, tzinfo=UTC)),
        (["MJD-OBS = 60000.5"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["MJD     = 60000.5"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["MJD-BEG = 60000.5"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["JULIAN  = 2460001.0"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["EXPTIME = 60.0", "DATE-AVG= '2023-02-25T12:00:30'"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["EXPTIME = 86.4", "MJD-AVG = 60000.5005"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["EXPTIME = 60.0", "DATE-END= '2023-02-25T12:01:00'"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["DATE-OBS= '2023/02/25 12:00:00'"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
        (["DATE-OBS= '25/02/23'", "TIME-OBS= '12:00:00'"], datetime(2023, 2, 25, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_times_in_other_cards(read_facts: Callable[..., FrameFacts], cards: list[str], observed_at: datetime) -> None:
    """A day gets its time from whatever clock or Julian date stands beside it; without a date these serve alone."""
    found = read_facts(cards)
    assert found.metadata.observed_at is not None
    assert abs((found.metadata.observed_at - observed_at).total_seconds()) < 0.01
    assert found.problems == ()


@pytest.mark.parametrize(
    "cards",
    [
        ["DATE-OBS= '2005-01-02'"],
        ["DATE-OBS= '2005-01-02'", "UT      = 5351.5"],  # of what?
        ["DATE-OBS= '2005-01-02'", "TIME    = 30.0 / [s] exposure"],
        ["DATE-OBS= '2005-01-02'", "MJD-OBS = 60000.5"],  # another day
        ["DATE-OBS= '2005-01-02'", "MJD-OBS = 53372.0"],  # the day again
    ],
)
def test_a_day_stays_a_day(read_facts: Callable[..., FrameFacts], cards: list[str]) -> None:
    """A number whose meaning nobody tells, or of another day, is no time of day, and a problem says so."""
    found = read_facts(cards)
    assert found.problems == ("DATE-OBS gives a day without a time",)
    assert found.metadata.night == date(2005, 1, 2)


def test_the_names_time_completes_a_day(read_facts: Callable[..., FrameFacts]) -> None:
    """Where the header has a day alone, the name's time of that night is the start."""
    cards = ["DATE-OBS= '2026-02-07'", "TELESCOP= 'Chile One'", "EXPTIME = 50.0"]
    found = read_facts(cards, "ngc3372_20260207_063727_0_re5tkp_l.fits")
    assert found.metadata.observed_at == datetime(2026, 2, 7, 6, 37, 27, tzinfo=UTC)
    assert found.problems == ()


ORIGIN = ["TELESCOP= 'Celestron Origin'", "DATE-OBS= '2025-08-31T20:40:32'"]


@pytest.mark.parametrize(
    ("card", "offset_h"),
    [
        ("TIMEZONE= '-0700'", -7), ("TIMEZONE= '-07:00'", -7), ("TIMEZONE= 'UTC-7'", -7), ("TIMEZONE= -7", -7),
        ("TIMEZONE= -700", -7), ("TIMEZONE= '+0200'", 2), ("TIMEZONE= 2.0", 2), ("TIMEZONE= 'America/Denver'", -6),
        ("UTCOFF  = '+01'", 1), ("TIMEZONE= 'UTC'", 0), ("TZ      = '+0530'", 5.5),
    ],
)  # fmt: skip
def test_a_zone_in_another_card(read: Read, card: str, offset_h: float) -> None:
    """A local clock becomes UTC by the offset or the name that a card of its own gives, and keeps its night."""
    found = read([*ORIGIN, card])
    assert found.observed_at == datetime(2025, 8, 31, 20, 40, 32, tzinfo=UTC) - timedelta(hours=offset_h)
    assert found.night == date(2025, 8, 31)


def test_a_zone_that_cannot_be_read_is_said(read_facts: Callable[..., FrameFacts]) -> None:
    """An impossible or ambiguous zone is none: the source's holds, or the problem says that nobody knows it."""
    for card in ("TIMEZONE= 'MDT'", "TIMEZONE= 99", "TIMEZONE= -420", "TIMEZONE= ''"):
        found = read_facts([*ORIGIN, card])
        assert "DATE-OBS is local time of an unknown zone and was read as UTC" in found.problems, card
    assert read_facts([*ORIGIN, "TIMEZONE= 'MDT'"], zone="America/Denver").metadata.observed_at == datetime(
        2025, 9, 1, 2, 40, 32, tzinfo=UTC
    )


def test_a_comment_says_whose_clock_it_is(read: Read) -> None:
    """Local by its comment is local where no program is known; UTC by its comment is UTC even with DWARF's habit."""
    local = ["DATE-OBS= '2025-08-31T20:40:32' / local time at start", "TIMEZONE= '-0700'"]
    assert read(local).observed_at == datetime(2025, 9, 1, 3, 40, 32, tzinfo=UTC)
    assert read(["CREATOR = 'ZWO Seestar S50'", *local]).observed_at == datetime(2025, 8, 31, 20, 40, 32, tzinfo=UTC)
    utc = ["TELESCOP= 'DWARFIII'", "DATE-OBS= '2025-08-31T20:40:32' / [UTC] Time start of exposure"]
    assert read(utc, zone="Europe/Paris").observed_at == datetime(2025, 8, 31, 20, 40, 32, tzinfo=UTC)
    assert read(["TIMESYS = 'LOCAL'", local[0].partition(" /")[0], local[1]]).night == date(2025, 8, 31)


def test_the_zone_of_the_date_keeps_its_night_whole(read: Read) -> None:
    """A morning in Arizona belongs to the evening before, though nobody knows the longitude."""
    assert read(["DATE-OBS= '2017-12-20T05:33:43-0700'"]).night == date(2017, 12, 19)
    assert read(["DATE-OBS= '2017-12-20T12:33:43Z'"]).night == date(2017, 12, 20)
