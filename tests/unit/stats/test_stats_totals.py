"""Promises about differences: they add up, and what is taken away is gone."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.stats.placing import Change
from services.stats.sessions import Session, session_of
from services.stats.totals import Entry, SessionDelta, Totals
from shared.events.file import Reading
from tests.integration.stats.world import ARRIVED, DUSK

SESSIONS = [session_of(date(2024, 3, day), rig) for day in (1, 2) for rig in ("R1", "R2")]


def entry(**facts: object) -> Entry:
    """A counted light frame."""
    defaults: dict[str, object] = {
        "file_id": "a",
        "reading": Reading(1, 0, ARRIVED, ""),
        "frame_type": "LIGHT",
        "own": SESSIONS[0],
        "night_ends_at": DUSK,
        "arrived_at": ARRIVED,
        "camera": "cam",
        "stem": "root:a",
        "stem_key": 1,
        "exposure_key": None,
        "exposure_ms": 60_000,
        "size_bytes": 10,
        "catalog_id": "M31",
        "filter": "L",
        "session": SESSIONS[0],
        "counted": True,
    }
    return Entry(**{**defaults, **facts})  # type: ignore[arg-type]


ENTRIES = st.builds(
    entry,
    file_id=st.sampled_from("abcdef"),
    frame_type=st.sampled_from(("LIGHT", "DARK", "PREVIEW", "STACK")),
    own=st.sampled_from(SESSIONS),
    session=st.sampled_from(SESSIONS),
    camera=st.sampled_from(("", "c1", "c2")),
    exposure_ms=st.integers(0, 2**40),
    size_bytes=st.integers(0, 2**50),
    catalog_id=st.sampled_from(("", "M31", "M33")),
    filter=st.sampled_from(("", "L")),
    counted=st.booleans(),
)


def _figures(delta: SessionDelta) -> tuple[int, ...]:
    return (delta.sky_files, delta.files, delta.size_bytes, delta.exposures, delta.integration_ms)


@given(entries=st.lists(ENTRIES, max_size=12), extra=st.lists(ENTRIES, max_size=5))
def test_what_is_taken_away_is_gone(entries: list[Entry], extra: list[Entry]) -> None:
    """Adding frames and taking them away again leaves no difference anywhere."""
    totals = Totals()
    for item in (*entries, *extra):
        totals.add(item)
    for item in (*extra, *entries):
        totals.subtract(item)
    assert totals.changed_sessions() == set()
    assert not any(any(_figures(delta)) for delta in totals.sessions.values())
    assert totals.target_sessions() == {}
    assert totals.target_filters() == {}
    assert totals.left == {item.session.session_id for item in (*entries, *extra)}


@given(entries=st.lists(ENTRIES, max_size=12), data=st.data())
def test_order_does_not_matter(entries: list[Entry], data: st.DataObject) -> None:
    """Sums do not depend on the order of the frames."""
    one, other = Totals(), Totals()
    for item in entries:
        one.add(item)
    for item in data.draw(st.permutations(entries)):
        other.add(item)
    assert one == other


def test_only_counted_lights_are_exposures() -> None:
    """Of four files two are exposures, and of one of them the target is unknown."""
    totals = Totals()
    for item in (entry(), entry(catalog_id=""), entry(counted=False), entry(frame_type="STACK")):
        totals.add(item)
    delta = totals.sessions[SESSIONS[0]]
    assert _figures(delta) == (4, 4, 40, 2, 120_000)
    assert totals.target_filters() == {("M31", "L"): (1, 60_000)}
    assert totals.target_sessions() == {("M31", SESSIONS[0].session_id): 1}
    assert totals.types == {(SESSIONS[0].session_id, "LIGHT"): 3, (SESSIONS[0].session_id, "STACK"): 1}


def test_a_file_that_joined_does_not_end_the_night() -> None:
    """Only a session's own files say when its night ends."""
    totals = Totals()
    totals.add(entry())
    totals.add(entry(own=Session("20300101_00000000", date(2030, 1, 1), "unknown"), night_ends_at=ARRIVED))
    assert totals.sessions[SESSIONS[0]].ends_at == DUSK


@given(entries=st.lists(ENTRIES, max_size=12))
def test_one_file_of_each_exposure_counts(entries: list[Entry]) -> None:
    """Of the light frames with one key exactly the one with the smallest id counts."""
    change = Change()
    fresh = {item.file_id: item for item in entries}
    for item in fresh.values():
        item.exposure_key = f"key{item.exposure_ms % 2}"
        item.counted = False
    change.bring(fresh.values())
    change.count_exposures({"key0", "key1"})
    lights = [item for item in fresh.values() if item.frame_type == "LIGHT"]
    expected = {
        min(item.file_id for item in lights if item.exposure_key == key) for key in {i.exposure_key for i in lights}
    }
    assert {item.file_id for item in lights if item.counted} == expected
