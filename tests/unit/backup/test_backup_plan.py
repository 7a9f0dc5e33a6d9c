"""Promises about what archives are known by, about quiet hours and about the bandwidth that uploads share."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backup import plan
from services.backup.bandwidth import BURST_S, Bucket
from services.backup.hours import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside


def test_one_cause_is_one_archive() -> None:
    """The same destination, session and revision give the same id; anything else gives another."""
    ids = {plan.archive_id(where, session, cause) for where in "ab" for session in "xy" for cause in ("r1", "r2")}
    assert len(ids) == 8
    assert plan.archive_id("a", "x", "r1") in ids


@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)))
def test_days_of_arrival_come_back(day: date) -> None:
    """The collection of a day says which day that is; a session is none."""
    assert plan.arrival_day(plan.arrival_collection(day)) == day
    assert plan.arrival_day("20260115_5D41402A") is None


def test_the_share_that_is_read_back_is_the_asked_one() -> None:
    """Of many archives about as many are drawn as the settings say, and always the same ones."""
    ids = [plan.archive_id("disk", str(n), "r1") for n in range(20_000)]
    assert 300 < sum(plan.is_read_back(one, 2.0) for one in ids) < 500
    assert all(plan.is_read_back(one, 100.0) for one in ids)
    assert not any(plan.is_read_back(one, 0.0) for one in ids)
    assert {one for one in ids if plan.is_read_back(one, 1.0)} <= {one for one in ids if plan.is_read_back(one, 2.0)}


@pytest.mark.parametrize(
    ("hours", "local", "left_h"),
    [
        ("20:00-06:00", "2026-01-10T23:00", 7.0),
        ("20:00-06:00", "2026-01-10T05:30", 0.5),
        ("20:00-06:00", "2026-01-10T06:00", 0.0),
        ("20:00-06:00", "2026-01-10T20:00", 10.0),
        ("08:00-17:30", "2026-01-10T12:00", 5.5),
        ("08:00-17:30", "2026-01-10T18:00", 0.0),
        ("00:00-00:00", "2026-01-10T12:00", 12.0),
        # The clocks skip an hour in that night, or have it twice.
        ("20:00-06:00", "2026-03-28T23:00", 6.0),
        ("20:00-06:00", "2026-10-24T23:00", 8.0),
    ],
)
def test_quiet_hours(hours: str, local: str, left_h: float) -> None:
    """They go over midnight, and an hour that the clocks skip or repeat is counted as it passes."""
    moment = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    quiet = QuietHours.of(hours, "Europe/Berlin")
    assert quiet.left_s(moment) == pytest.approx(left_h * 3600)
    assert quiet.holds(moment) == (left_h > 0)


@given(
    MOMENTS, st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(["Europe/Berlin", "America/St_Johns", "UTC"])
)
def test_quiet_hours_end(moment: datetime, begin: int, end: int, zone: str) -> None:
    """Whatever the zone, the hours last a day at most (an hour more where the clocks go back) and then are over."""
    text = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    quiet = QuietHours.of(text, zone)
    left_s = quiet.left_s(moment)
    assert 0 <= left_s <= 25 * 3600
    if left_s and begin != end:
        after = moment + timedelta(seconds=left_s)
        assert not quiet.holds(after) or quiet.left_s(after) <= 3600


@given(st.lists(st.tuples(st.integers(1, 50_000_000), st.floats(0, 10)), min_size=1, max_size=50), st.floats(1e4, 1e9))
def test_uploads_share_the_bandwidth(takes: list[tuple[int, float]], bytes_per_s: float) -> None:
    """However uploads ask, by the time that each may send, no more bytes were let through than the limit gives."""
    bucket, now_s, sent = Bucket(bytes_per_s, 0.0), 0.0, 0
    for count, pause_s in takes:
        now_s += pause_s
        wait_s = bucket.take(count, now_s)
        sent += count
        assert sent <= (now_s + wait_s + BURST_S) * bytes_per_s * (1 + 1e-9) + 1
        assert wait_s <= sent / bytes_per_s
