"""Promises about differences: they add up, and what is taken away is gone."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.stats.placing import Change
from services.stats.sessions import Session, session_of
from services.stats.sums import MEASURED, Sums, millionths
from services.stats.totals import UNDATED, Entry, SessionDelta, Totals
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
        "night": date(2024, 3, 1),
        "rig": "R1",
        "object_name": "M 31",
        "observed_at": DUSK,
        "fwhm_arcsec": 2.5,
        "star_count": 100,
        "uncertain": False,
        "session": SESSIONS[0],
        "counted": True,
        "measured": (2_500_000, None, 100_000_000, None),
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
    night=st.sampled_from((UNDATED, date(2024, 3, 1))),
    object_name=st.sampled_from(("", "M 31")),
    observed_at=st.none() | st.sampled_from((DUSK, ARRIVED)),
    fwhm_arcsec=st.none() | st.floats(0.5, 9.0),
    star_count=st.none() | st.integers(0, 500),
    uncertain=st.booleans(),
    counted=st.booleans(),
    measured=st.tuples(*[st.none() | st.integers(-(10**13), 10**13)] * len(MEASURED)),
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
    assert not any(delta.counts or delta.uncertain for delta in totals.target_filters().values())
    assert not any(delta.measured for delta in totals.targets.values())
    assert not any(totals.nights.values())
    assert not any(totals.objects.values())
    assert {key: delta.came for key, delta in totals.targets.items()} == totals.went
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
    (delta_of_filter,) = totals.target_filters().values()
    assert (delta_of_filter.exposures, delta_of_filter.integration_ms) == (1, 60_000)
    assert totals.nights == {
        (date(2024, 3, 1), "R1", "cam", "L", "LIGHT"): 3,
        (date(2024, 3, 1), "R1", "cam", "L", "STACK"): 1,
    }
    assert totals.objects == {("M31", "M 31"): 3, ("", "M 31"): 1}
    assert totals.target_sessions() == {("M31", SESSIONS[0].session_id): 1}
    assert totals.types == {(SESSIONS[0].session_id, "LIGHT"): 3, (SESSIONS[0].session_id, "STACK"): 1}


def test_bests_are_those_of_counted_lights() -> None:
    """First, last and best of what came and of what went, over the sessions of a target; what is not known is none."""
    totals = Totals()
    totals.add(entry(fwhm_arcsec=3.0, star_count=None))
    totals.add(entry(session=SESSIONS[1], observed_at=ARRIVED, fwhm_arcsec=None, star_count=7))
    totals.add(entry(counted=False, fwhm_arcsec=1.0))
    totals.subtract(entry(observed_at=None, fwhm_arcsec=2.0, star_count=3, uncertain=True))
    (delta,) = totals.target_filters().values()
    assert delta.came.values == (DUSK, ARRIVED, 3.0, 7)
    assert (delta.exposures, delta.uncertain) == (1, -1)
    (gone,) = totals.gone_of_filters().values()
    assert gone.values == (None, None, 2.0, 3)


def test_measured_values_are_summed_of_counted_lights() -> None:
    """Each measured value has a number of exposures of its own: the mean is over those that have it."""
    totals = Totals()
    totals.add(entry(measured=(2_500_000, None, 90_000_000, -250_000)))
    totals.add(entry(measured=(3_500_000, None, None, None)))
    totals.add(entry(measured=(9_000_000, 1, 1, 1), counted=False))
    (delta,) = totals.targets.values()
    assert delta.measured.values == [2, 6_000_000, 0, 0, 1, 90_000_000, 1, -250_000]
    assert not Sums()


def test_a_measured_value_is_what_the_database_stores() -> None:
    """Millionths are of the four bytes that a value is stored in; what is no measurement is left out."""
    assert [millionths(value) for value in (2.5, 2.3, 90, -0.25, 0.0)] == [
        2_500_000,
        2_300_000,
        90_000_000,
        -250_000,
        0,
    ]
    assert millionths(60_000.123) == 60_000_121_094
    assert [millionths(value) for value in (None, float("nan"), float("inf"), -float("inf"), 1e39, 1e8)] == [None] * 6


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
