"""Promises about what archives are known by, about quiet hours and about the bandwidth that uploads share."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backup import plan
from services.backup.archive.manifest import FileEntry
from services.backup.bandwidth import BURST_S, Bucket
from services.backup.hours import QuietHours
from services.backup.restore.manifests import MOST_MANIFEST_BYTES
from services.backup.restore.words import is_collection_of, kind_of

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside


def test_one_cause_is_one_archive() -> None:
    """The same destination, session and revision give the same id; anything else gives another."""
    ids = {plan.archive_id(where, session, cause) for where in "ab" for session in "xy" for cause in ("r1", "r2")}
    assert len(ids) == 8
    assert plan.archive_id("a", "x", "r1") in ids


@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)), st.integers(1, 200))
def test_days_of_arrival_come_back(day: date, part: int) -> None:
    """The collection of a day says which day that is, whichever of the day's it is; a session is none."""
    collection = plan.arrival_collection(day, part)
    assert plan.arrival_day(collection) == day
    assert plan.next_collection(day, collection) == plan.arrival_collection(day, part + 1)
    assert kind_of(collection) == "session"
    assert is_collection_of(plan.arrival_collection(day), collection)
    assert plan.arrival_day("20260115_5D41402A") is None
    assert not is_collection_of("20260115_5D41402A", collection)


def test_a_day_goes_on_where_there_is_room() -> None:
    """What is found goes into a collection that is being made or has failed, else into the first that is not full."""
    day = date(2026, 3, 1)
    first, second, third = (plan.arrival_collection(day, n) for n in (1, 2, 3))
    assert plan.collection_of_day(day, ()) == first
    full = plan.Part(first, is_open=False, files=plan.MOST_FILES, size_bytes=1)
    heavy = plan.Part(second, is_open=False, files=1, size_bytes=plan.MOST_BYTES)
    assert plan.collection_of_day(day, [full]) == second
    assert plan.collection_of_day(day, [full, heavy]) == third
    assert plan.collection_of_day(day, [full._replace(is_open=True), heavy]) == first
    assert plan.collection_of_day(day, [full._replace(files=5), heavy]) == first


def test_a_million_files_of_a_day_have_manifests_that_can_be_read() -> None:
    """However long their names are: each collection's manifest stays below its limit, and has some files at least."""
    for name in ("night/Light_0001.fits", "ü" * 2000, "\x01" * 3000, "/".join(["x" * 200] * 20)):
        files = [(f"arrived_20260301/library/{name}", name, 52_000_000)] * 120_000
        taken = plan.fitting(files, plan.Held())
        entry = FileEntry(
            member=files[0][0], root="library", path=name, file_id="0" * 64, size_bytes=files[0][2],
            archive="backups/raw/2026/arrived_20260301_200.r99.tar.zst", stored_offset=250 * 10**9,
            stored_bytes=files[0][2], frame_sizes=(4_000_000,) * 13, header_sha256="0" * 64,
        )  # fmt: skip
        line = len(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False).encode()) + 2
        assert line <= plan.listed_bytes(*files[0])
        assert taken * line < MOST_MANIFEST_BYTES * 0.9
        assert 1_000_000 / taken < 1000


def test_a_collection_is_full_once_and_never_empty() -> None:
    """What it holds already counts; a file that is too large for any goes into one that has nothing."""
    huge = [("a", "a", 2 * plan.MOST_BYTES), ("b", "b", 1)]
    assert plan.fitting(huge, plan.Held()) == 1
    assert plan.fitting(huge, plan.Held(files=1, size_bytes=1)) == 0
    small = [("a", "a", 1)] * 10
    assert plan.fitting(small, plan.Held(files=plan.MOST_FILES - 3)) == 3
    assert plan.fitting(small, plan.Held(files=plan.MOST_FILES)) == 0
    assert plan.fitting(small, plan.Held(files=1, listed_bytes=plan.MOST_LISTED_BYTES)) == 0


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
