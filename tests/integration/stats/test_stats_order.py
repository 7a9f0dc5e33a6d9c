"""The order of events, and how often each comes, never matters."""

from datetime import date, timedelta
from itertools import permutations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.stats.store.rebuild import rebuild
from shared.events.base import Event
from tests.integration.stats.world import (
    ARRIVED,
    DUSK,
    NIGHT,
    apply,
    arrived,
    check,
    moved,
    quarantined,
    removed,
    scanned,
    snapshot,
)

NAMES = tuple("abcdefgh")
STEMS = ("one.fits", "one.jpg", "one_thn.jpg", "two.fit.gz", "two.xisf", "two.jpg", "x/one.fits")
MOMENTS = st.integers(0, 2).map(lambda hours: ARRIVED + timedelta(hours=hours))
PLACES = 4
"""Location revisions of one life of a file, which ends with its file.removed; its next scan revision begins another."""


async def test_of_several_readings_the_same_one_counts(connection: Any) -> None:
    """Of equal scan revisions the reading that knew more decisions, then the later, then by digest; in any order.

    A reading of schema version 1 gives way to any later one, and stays before none of a lower scan revision.
    """
    hour = timedelta(hours=1)
    first = scanned("a", target="M42", at=ARRIVED).model_copy(update={"digest": None, "schema_version": 1})
    first = first.model_copy(update={"event_id": first.derive_id()})
    readings = [
        first,
        scanned("a", target="M31", at=ARRIVED + 5 * hour),
        scanned("a", target="M33", decisions_revision=1, at=ARRIVED + hour),
        scanned("a", target="M45", decisions_revision=1, at=ARRIVED + 2 * hour),
    ]
    assert sorted(readings, key=lambda event: event.reading) == readings
    assert all(event.has_its_own_id() for event in readings)
    twins = sorted((scanned("b", target=name) for name in ("M31", "M33")), key=lambda event: event.digest or "")
    for order in permutations(readings):
        transaction = connection.transaction()
        await transaction.start()
        await apply(connection, *order, [*twins], twins[::-1])
        found = await connection.fetch("SELECT catalog_id, decisions_revision FROM frame ORDER BY stem")
        assert [tuple(row) for row in found] == [("M45", 1), (twins[1].target and twins[1].target.catalog_id, 0)]
        assert await check(connection) == []
        await apply(connection, scanned("a", target="M1", revision=2))
        assert await connection.fetchval("SELECT catalog_id FROM frame ORDER BY stem LIMIT 1") == "M1"
        await transaction.rollback()


@st.composite
def _scans(draw: st.DrawFn) -> Event:
    frame_type = draw(st.sampled_from(("LIGHT", "LIGHT", "LIGHT", "DARK", "FLAT", "PREVIEW", "PREVIEW", "STACK")))
    site = draw(st.sampled_from((None, 10.0)))
    revision = draw(st.integers(1, 3))
    return scanned(
        draw(st.sampled_from(NAMES)),
        revision=revision,
        location_revision=_known_to(revision, draw(st.integers(0, PLACES - 1))),
        decisions_revision=draw(st.integers(0, 1)),
        at=draw(MOMENTS),
        path=draw(st.sampled_from(STEMS)),
        target=draw(st.sampled_from((None, "M31", "M33"))),
        size_bytes=draw(st.integers(0, 2)),
        arrived_at=draw(MOMENTS),
        frame_type=frame_type,
        rig=draw(st.sampled_from((None, "R1", "R2"))),
        camera=draw(st.sampled_from((None, "C1", "C2"))),
        night=draw(st.sampled_from((None, NIGHT, date(2024, 3, 2)))),
        observed_at=draw(st.sampled_from((None, DUSK, DUSK + timedelta(minutes=5)))),
        exposure_s=draw(st.sampled_from((None, 10.0, 60.0))),
        filter=draw(st.sampled_from((None, "L", "Ha"))),
        site_latitude_deg=site,
        site_longitude_deg=site,
        object_name=draw(st.sampled_from((None, "M 31"))),
        fwhm_arcsec=draw(st.sampled_from((None, 2.1, 3.3))),
        background_adu=draw(st.sampled_from((None, -0.25, 1e38))),
        star_count=draw(st.sampled_from((None, 7, 90))),
        uncertain=draw(st.booleans()),
    )


def _known_to(scan_revision: int, moves: int) -> int:
    """The location revision that an event of a life of a file knows of."""
    return (scan_revision - 1) * PLACES + moves


@st.composite
def _arrivals(draw: st.DrawFn) -> Event:
    revision, stem = draw(st.integers(1, 3)), draw(st.integers(0, len(STEMS) - 1))
    return arrived(
        draw(st.sampled_from(NAMES)),
        path=STEMS[stem],
        revision=revision,
        at=draw(MOMENTS) + timedelta(seconds=stem),  # one service tells of two places one after the other
        source=draw(st.sampled_from(("rig", "nas"))),
        location_revision=_known_to(revision, draw(st.integers(0, PLACES - 1))),
    )


_MOVES = st.builds(
    lambda name, path, revision, moves: moved(name, path, revision=_known_to(revision, moves)),
    st.sampled_from(NAMES),
    st.sampled_from(STEMS),
    st.integers(1, 3),
    st.integers(1, PLACES - 1),
)
_REMOVALS = st.builds(
    lambda name, revision: removed(name, revision=revision, location_revision=revision * PLACES),
    st.sampled_from(NAMES),
    st.integers(1, 2),
)
_REFUSALS = st.builds(
    quarantined,
    st.sampled_from(NAMES),
    attempt=st.integers(1, 3),
    service=st.sampled_from(("scanner", "stats")),
    at=MOMENTS,
)


def _once(events: list[Event]) -> list[Event]:
    """One event per id: two contents under one id are no fact that ever happened."""
    return list({event.event_id: event for event in events}.values())


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]]]:
    events = _once(
        draw(
            st.lists(
                st.one_of(_scans(), _scans(), _scans(), _arrivals(), _REFUSALS, _MOVES, _REMOVALS),
                min_size=1,
                max_size=24,
            )
        )
    )
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    shuffled = draw(st.permutations([*events, *again]))
    batches: list[list[Event]] = []
    for event in shuffled:
        if batches and type(batches[-1][0]) is type(event) and draw(st.booleans()):
            batches[-1].append(event)
        else:
            batches.append([event])
    return events, batches


async def _outcome(connection: Any, batches: list[Any], *, bisected: bool = False) -> Any:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await apply(connection, *batches, bisected=bisected)
        result = await snapshot(connection)
        assert await check(connection) == []
        await rebuild(connection)
        assert await snapshot(connection) == result
        return result
    finally:
        await transaction.rollback()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=_histories())
async def test_any_order_gives_the_same_tables(connection: Any, history: tuple[list[Event], list[list[Event]]]) -> None:
    """Shuffled, repeated, batched at random and bisected, events give the rows of one by one; so does a rebuild."""
    events, batches = history
    expected = await _outcome(connection, list(events))
    assert await _outcome(connection, batches) == expected
    assert await _outcome(connection, batches, bisected=True) == expected
