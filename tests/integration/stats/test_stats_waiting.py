"""Which sessions waiting files hold back: those that they may belong to, and for a limited time."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.stats.finish import LONGEST_HOLD, finish_sessions
from services.stats.settings import StatsSettings
from shared.events.session import SessionFinished
from tests.integration.stats.world import ARRIVED, DUSK, NIGHT, apply, arrived, light, quarantined, scanned

SETTINGS = StatsSettings()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUIET, WAIT = HOUR, 6 * HOUR
LATER = ARRIVED + 2 * HOUR
AHEAD = datetime(2150, 1, 1, tzinfo=UTC)
"""What a clock says that is ahead."""


async def _finish(connection: Any, now: datetime, read_until: datetime | None = None) -> dict[str, SessionFinished]:
    """Run the job and take what it wrote from the outbox, by rig."""
    async with connection.transaction():
        await finish_sessions(connection, SETTINGS, now, read_until=read_until)
    rows = await connection.fetch("DELETE FROM outbox RETURNING payload")
    events = [SessionFinished.model_validate_json(row["payload"]) for row in rows]
    assert len({event.rig for event in events}) == len(events)
    return {event.rig: event for event in events}


async def _rigs(connection: Any, now: datetime) -> set[str]:
    return set(await _finish(connection, now))


async def test_waiting_files_of_the_source_hold_its_sessions_back(connection: Any) -> None:
    """A file that waits holds back all sessions of its source, until it is scanned, quarantined, or too old."""
    await apply(connection, [light("a", rig="A"), light("b", rig="B")], [arrived("c"), arrived("d")])
    assert await _rigs(connection, LATER) == set()
    await apply(connection, [quarantined("c", at=LATER)])
    assert await _rigs(connection, LATER) == set()
    await apply(connection, [light("d", rig="C", at=LATER)])
    assert await _rigs(connection, LATER) == {"A", "B", "C"}


async def test_a_file_that_waits_for_ever_holds_nobody_for_ever(connection: Any) -> None:
    """What a file on an unplugged disk holds back is finished some hours after its arrival, however long it waits."""
    await apply(connection, [light("a")], [arrived("gone")])
    assert await _rigs(connection, ARRIVED + WAIT - MINUTE) == set()
    assert len(await _rigs(connection, ARRIVED + WAIT + MINUTE)) == 1
    await apply(connection, [light("b", start_s=60, arrived_at=ARRIVED + DAY)])
    (event,) = (await _finish(connection, ARRIVED + DAY + 2 * HOUR)).values()
    assert event.revision == 2


async def test_a_clock_that_was_ahead_holds_nobody_back(connection: Any) -> None:
    """An arrival, a file that waits and a scan of years to come hold back neither their own session nor others.

    What arrived in the session by a true clock still does, until it is quiet.
    """
    await apply(connection, [light("a", rig="A", arrived_at=AHEAD)], [arrived("waits", arrived_at=AHEAD, at=AHEAD)])
    await apply(connection, [light("b", rig="B")], [arrived("d", at=LATER - DAY)], [quarantined("d", at=AHEAD)])
    await connection.execute(
        "UPDATE source SET last_arrived_at = $1, handled_at = $1, handled_up_to = $2", AHEAD, LATER
    )
    assert await _rigs(connection, LATER) == {"A", "B"}
    await apply(connection, [light("c", rig="A", start_s=60, arrived_at=LATER)])
    await connection.execute("UPDATE session SET finished_at = $1 WHERE rig = 'A'", AHEAD)
    assert await _rigs(connection, LATER + MINUTE) == set()
    assert await _rigs(connection, LATER + QUIET + MINUTE) == {"A"}


async def test_a_clock_that_was_ahead_is_forgotten_by_the_next_file(connection: Any) -> None:
    """What a source is known by, and since when a file waits, is never later than now."""
    await apply(connection, [light("a", arrived_at=AHEAD)], [arrived("waits", arrived_at=AHEAD, at=AHEAD)])
    await connection.execute("UPDATE source SET last_arrived_at = $1, handled_at = $1, handled_up_to = $1", AHEAD)
    await apply(connection, [arrived("b")], [light("b", start_s=60)])
    latest = "SELECT greatest(last_arrived_at, handled_at, handled_up_to, waiting_since) FROM source, pending"
    assert await connection.fetchval(latest) < AHEAD - DAY


async def test_another_source_holds_nobody_back(connection: Any) -> None:
    """Thousands of files of another rig's import may wait: the sessions of other sources go on."""
    await apply(connection, [light("a", rig="A", source="seestar"), light("b", rig="B", source="old-disk")])
    await apply(connection, [arrived(f"w{n}", source="old-disk", at=LATER) for n in range(20)])
    assert await _rigs(connection, LATER) == {"A"}


async def test_a_session_of_two_sources_waits_for_both(connection: Any) -> None:
    """Flats that are copied from another source hold the night back as its lights do."""
    await apply(connection, [light("a", source="card"), scanned("f", frame_type="FLAT", source="nas")])
    for source in ("card", "nas"):
        await apply(connection, [arrived(source, source=source, at=LATER)])
        assert await _rigs(connection, LATER) == set()
        await apply(connection, [quarantined(source, at=LATER)])
    assert len(await _rigs(connection, LATER)) == 1


async def test_late_frames_reopen_a_session_once_an_hour(connection: Any) -> None:
    """What comes after the end raises the revision, at most one in an hour."""
    await apply(connection, [light("a")])
    told = [await _finish(connection, LATER)]
    for minute in range(1, 300):
        now = LATER + minute * MINUTE
        if minute % 90 == 1:
            await apply(connection, [light(f"late{minute}", start_s=minute, arrived_at=now - QUIET - MINUTE)])
        told.append(await _finish(connection, now))
    events = [event for turn in told for event in turn.values()]
    assert [event.revision for event in events] == [1, 2, 3, 4, 5]
    assert [event.counts["LIGHT"] for event in events] == [1, 2, 3, 4, 5]
    assert all(later.occurred_at - earlier.occurred_at >= HOUR for earlier, later in itertools.pairwise(events))


@pytest.mark.parametrize(("hours_to_copy", "hours_behind"), [(20, 0), (2, 20), (20, 12)])
async def test_ten_years_at_once_give_one_revision_per_night(
    connection: Any, hours_to_copy: int, hours_behind: int
) -> None:
    """However slowly an import is copied or scanned, and however far apart a night's files are, each is told once."""
    nights = [date(2014, 1, 1) + n * 30 * DAY for n in range(12)]
    files = [("LIGHT", night, part) for night in nights for part in "ab"] + [("DARK", night, "d") for night in nights]
    copied = [ARRIVED + n * hours_to_copy * HOUR / len(files) for n in range(len(files))]
    read = [at + n * hours_behind * HOUR / len(files) for n, at in enumerate(copied)]
    told: list[SessionFinished] = []
    at = ARRIVED
    while at < read[-1] + 3 * HOUR:
        for n, (kind, night, part) in enumerate(files):
            name, came = f"{night}{part}", copied[n]
            if at <= came < at + HOUR:
                await apply(connection, [arrived(name, at=came, arrived_at=came)])
            if at <= read[n] < at + HOUR:
                start = {"observed_at": DUSK + n * HOUR} if kind == "LIGHT" else {}
                facts: dict[str, Any] = {"frame_type": kind, "night": night, **start}
                await apply(connection, [scanned(name, arrived_at=came, at=read[n], **facts)])
        at += HOUR
        async with connection.transaction():
            await finish_sessions(connection, SETTINGS, at)
        rows = await connection.fetch("DELETE FROM outbox RETURNING payload")
        told += [SessionFinished.model_validate_json(row["payload"]) for row in rows]
    assert sorted(event.night for event in told) == nights
    assert all(event.counts == {"DARK": 1, "LIGHT": 2} and event.revision == 1 for event in told)


async def test_an_earlier_night_is_told_while_its_source_never_rests(connection: Any) -> None:
    """A source that is never quiet holds a night that came late for a week at most, and last night's not at all."""
    old = NIGHT - 30 * DAY
    await apply(connection, [arrived("o"), arrived("n")], [light("o", rig="OLD", night=old), light("n", rig="NEW")])
    now = ARRIVED
    finished: dict[str, datetime] = {}
    while now < ARRIVED + LONGEST_HOLD + HOUR:
        now += HOUR / 2
        await apply(connection, [arrived(f"x{now}", at=now, arrived_at=now)], [quarantined(f"x{now}", at=now)])
        finished |= dict.fromkeys(await _rigs(connection, now), now)
    assert finished["NEW"] - ARRIVED <= 2 * HOUR
    assert LONGEST_HOLD - HOUR <= finished["OLD"] - ARRIVED <= LONGEST_HOLD + HOUR


async def test_what_lies_unread_in_the_stream_has_arrived_too(connection: Any) -> None:
    """While events are unread, time stands where they have been read to: nobody is quiet because we were off."""
    await apply(connection, [light("a")])
    assert await _finish(connection, LATER, read_until=ARRIVED + HOUR / 2) == {}
    assert len(await _finish(connection, LATER, read_until=ARRIVED + 2 * HOUR)) == 1


@dataclass(frozen=True)
class _File:
    name: str
    source: str
    rig: str
    night: date
    arrives: int
    takes: int | None
    """Minutes until it is handled; None: never."""
    quarantined: bool

    @property
    def handled(self) -> int | None:
        return None if self.takes is None else self.arrives + self.takes


_FILES = st.lists(
    st.builds(
        _File,
        name=st.uuids().map(str),
        source=st.sampled_from(("S", "T")),
        rig=st.sampled_from(("A", "B")),
        night=st.sampled_from((NIGHT, NIGHT - 400 * DAY)),
        arrives=st.integers(0, 900),
        takes=st.one_of(st.integers(0, 60), st.integers(0, 1200), st.none()),
        quarantined=st.sampled_from((False, False, False, True)),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda file: file.name,
)


def _expected(
    files: list[_File], minute: int, finished: dict[tuple[date, str], tuple[int, int]]
) -> Iterator[tuple[date, str]]:
    """The rule in plain words of Python: which sessions are finished in this minute.

    ``finished``: when each session was last finished, and how many frames it had.
    """
    known = [file for file in files if file.arrives <= minute]
    scans = [file for file in known if file.handled is not None and file.handled <= minute]
    frames = [file for file in scans if not file.quarantined]
    waiting = [file for file in known if file not in scans]
    for session in sorted({(file.night, file.rig) for file in frames}):
        own = [file for file in frames if (file.night, file.rig) == session]
        last, count = max(file.arrives for file in own), len(own)
        before, told = finished.get(session, (-10_000, 0))
        ends = int(
            (datetime.combine(session[0] + DAY, datetime.min.time(), ARRIVED.tzinfo) + 9 * HOUR - ARRIVED) / MINUTE
        )
        if told == count or before + 60 > minute or not (ends < minute and last < minute - 60):
            continue
        for source in {file.source for file in own}:
            done = [file for file in scans if file.source == source]
            behind = [file for file in waiting if file.source == source]
            turn = max((file.arrives for file in done), default=10**6)
            at_work = max((file.handled or 0 for file in done), default=-(10**6)) > minute - 360
            if any(file.arrives > minute - 360 or (file.arrives > turn and at_work) for file in behind):
                break
            if last > ends + 360 and max(file.arrives for file in known if file.source == source) >= minute - 60:
                break
        else:
            yield session


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(files=_FILES)
async def test_the_rule_holds_in_any_history(connection: Any, files: list[_File]) -> None:
    """Two rigs, two sources, files that wait, come late or never: exactly those sessions end that the rule names."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        finished: dict[tuple[date, str], tuple[int, int]] = {}
        for minute in range(0, 2400, 40):
            now = ARRIVED + minute * MINUTE
            for file in files:
                came = ARRIVED + file.arrives * MINUTE
                if minute - 40 < file.arrives <= minute:
                    await apply(connection, [arrived(file.name, source=file.source, at=came, arrived_at=came)])
                if file.handled is not None and minute - 40 < file.handled <= minute:
                    at = ARRIVED + file.handled * MINUTE
                    facts: dict[str, Any] = {"rig": file.rig, "night": file.night, "source": file.source}
                    await apply(
                        connection,
                        [quarantined(file.name, at=at)]
                        if file.quarantined
                        else [scanned(file.name, arrived_at=came, at=at, **facts)],
                    )
            expected = set(_expected(files, minute, finished))
            await finish_sessions(connection, SETTINGS, now)
            rows = await connection.fetch("DELETE FROM outbox RETURNING payload")
            events = [SessionFinished.model_validate_json(row["payload"]) for row in rows]
            assert {(event.night, event.rig) for event in events} == expected
            finished |= {(event.night, event.rig): (minute, event.counts["LIGHT"]) for event in events}
    finally:
        await transaction.rollback()
