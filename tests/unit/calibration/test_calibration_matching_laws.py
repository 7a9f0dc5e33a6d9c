"""What holds of matching for all lights and masters: no order counts, pins win, refused masters are never taken."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.calibration.matching.alternatives import alternatives
from services.calibration.matching.candidates import Candidates
from services.calibration.matching.compare import compare
from services.calibration.matching.match import fitting, match
from services.calibration.matching.model import Master, Matched, Missing, Need
from services.calibration.matching.needs import needs_of
from services.calibration.matching.rules import Rules, rules_of
from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings, RigCalibration
from shared.events.frame import FrameType

TYPES = (FrameType.MASTER_DARK, FrameType.MASTER_FLAT, FrameType.MASTER_BIAS)
NIGHT = date(2026, 1, 31)


def _maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


PROPERTIES = st.builds(
    Properties,
    camera=st.sampled_from([None, "ZWO ASI2600MM Pro", "2600MM", "ZWO ASI533MC Pro"]),
    telescope=st.sampled_from([None, "C8E", "c8-e", "SQA55"]),
    rig=st.sampled_from([None, "C8E@f10.0+X", "C8E@f7.0+X", "Big one"]),
    exposure_s=st.sampled_from([None, 0.001, 2.0, 2.04, 60.0, 300.0, 300.2, 301.0, 600.0]),
    gain=st.sampled_from([None, 0.0, 100.0]),
    offset=st.sampled_from([None, 50.0]),
    set_temp_c=st.sampled_from([None, -10.0, -8.0, -7.9, 0.0]),
    sensor_temp_c=st.sampled_from([None, -9.9, 20.0]),
    filter=st.sampled_from([None, "Ha", "H-alpha", "OIII"]),
    x_binning=st.sampled_from([None, 1, 2]),
    readout_mode=st.sampled_from([None, "Low Noise"]),
    width_px=st.sampled_from([None, 6248, 3124]),
    height_px=st.sampled_from([None, 4176]),
    night=_maybe(st.sampled_from([NIGHT + timedelta(days=days) for days in (-400, -31, -30, -2, 0, 1, 30, 50)])),
    rotator_angle_deg=st.sampled_from([None, 0.0, 88.0, 88.9, 359.5]),
)
MASTERS = st.lists(
    st.tuples(
        st.sampled_from(TYPES), PROPERTIES, st.integers(0, 3), st.sampled_from([None, None, "its median is 0 ADU"])
    ),
    max_size=12,
).map(
    lambda rows: [
        Master(
            f"{number:02d}", kind, properties, datetime(2026, 1, 1 + days, tzinfo=UTC), f"master{number}.fits", refused
        )
        for number, (kind, properties, days, refused) in enumerate(rows)
    ]
)
CHANGES = st.lists(st.sampled_from([NIGHT - timedelta(days=10), NIGHT, NIGHT + timedelta(days=10)]), max_size=2)
RULES = st.sampled_from(
    [
        rules_of("A", None, CalibrationSettings(), [RigCalibration(rig="*", requires=("dark", "flat", "bias"))]),
        rules_of(
            "A",
            None,
            CalibrationSettings(scale_darks=True, flat_nights=2, temperature_tolerance_c=0.0),
            [RigCalibration(rig="*", requires=("dark", "flat", "bias"))],
        ),
        rules_of(
            "A",
            None,
            CalibrationSettings(),
            [
                RigCalibration(
                    rig="*",
                    requires=("dark", "flat", "bias"),
                    dark=("gain", "sensor_temp_c"),
                    flat=("filter",),
                    bias=("sensor_temp_c",),
                )
            ],
        ),
    ]
)


def _needs(lights: Properties, rules: Rules) -> tuple[Need, ...]:
    return needs_of(lights, rules)


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES, st.randoms(use_true_random=False))
def test_the_order_of_masters_does_not_count(lights, masters, rules, changes, rng) -> None:  # type: ignore[no-untyped-def]
    """Shuffled masters give the same answer, word for word."""
    shuffled = rng.sample(masters, len(masters))
    for need in _needs(lights, rules):
        first = match(need, Candidates(masters), rules, train_changes=changes)
        assert match(need, Candidates(shuffled), rules, train_changes=changes) == first


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES)
def test_what_fits_is_what_a_look_at_each_master_finds(lights, masters, rules, changes) -> None:  # type: ignore[no-untyped-def]
    """The index leaves out no master that fits by comparison one by one, and takes none that does not."""
    known = Candidates(masters)
    for need in _needs(lights, rules):
        one_by_one = {
            master.file_id
            for master in masters
            if master.master_type is need.master_type
            and master.refused is None
            and not compare(need, master, rules, changes).differences
        }
        assert {fit.master.file_id for fit in fitting(need, known, rules, changes)} == one_by_one


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES)
def test_the_nearest_is_the_one_that_differs_least(lights, masters, rules, changes) -> None:  # type: ignore[no-untyped-def]
    """Where nothing fits, the nearest is that of a look at each master: least weight, least distance, newest."""
    known = Candidates(masters)
    for need in _needs(lights, rules):
        answer = match(need, known, rules, train_changes=changes)
        if isinstance(answer, Matched) or "could be scaled" in answer.reason:
            continue
        best = min(
            (
                (compared.weight, round(compared.distance, 6), -master.made_at.timestamp(), master.file_id)
                for master in masters
                if master.master_type is need.master_type and master.refused is None
                for compared in [compare(need, master, rules, changes)]
            ),
            default=None,
        )
        assert (answer.nearest and answer.nearest.file_id) == (best and best[3])


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES, st.integers(0, 11))
def test_a_pinned_master_wins_or_nothing_does(lights, masters, rules, changes, number) -> None:  # type: ignore[no-untyped-def]
    """What a person chose is taken, if it is of the type, may be used and has the size; else no other steps in."""
    known = Candidates(masters)
    pinned = f"{number:02d}"
    chosen = known.by_id.get(pinned)
    for need in _needs(lights, rules):
        answer = match(need, known, rules, pinned=pinned, train_changes=changes)
        if isinstance(answer, Matched):
            assert (answer.master, answer.is_pinned) == (chosen, True)
        else:
            assert (
                chosen is None
                or chosen.refused is not None
                or chosen.master_type is not need.master_type
                or need.properties.width_px != chosen.properties.width_px
                or need.properties.height_px != chosen.properties.height_px
            )


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES, _maybe(st.integers(0, 11)))
def test_a_refused_master_is_never_taken(lights, masters, rules, changes, number) -> None:  # type: ignore[no-untyped-def]
    """Not by itself, not as the bias of a scaled dark, not by a person's choice; and no list calls it fitting."""
    known = Candidates(masters)
    pinned = None if number is None else f"{number:02d}"
    for need in _needs(lights, rules):
        answer = match(need, known, rules, pinned=pinned, train_changes=changes)
        if isinstance(answer, Matched):
            assert answer.master.refused is None
            assert answer.bias is None or answer.bias.refused is None
        assert not any(fits for one, fits, _ in alternatives(need, known, rules, changes) if one.refused)


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES)
def test_a_master_that_is_identical_matches(lights, masters, rules) -> None:  # type: ignore[no-untyped-def]
    """Lights whose camera or size, and exposure, are known always match with a master of exactly their properties."""
    if (lights.camera is None and None in (lights.width_px, lights.height_px)) or lights.exposure_s is None:
        return
    for need in _needs(lights, rules):
        twin = Master("twin", need.master_type, need.properties, datetime(2020, 1, 1, tzinfo=UTC), "twin.fits")
        assert isinstance(match(need, Candidates([*masters, twin]), rules), Matched)


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES)
def test_every_answer_is_one_sentence_with_a_next_step(lights, masters, rules, changes) -> None:  # type: ignore[no-untyped-def]
    """A match names its master first; what is missing says what to capture, or what is not known of the lights."""
    known = Candidates(masters)
    for need in _needs(lights, rules):
        answer = match(need, known, rules, train_changes=changes)
        if isinstance(answer, Missing):
            assert "capture " in answer.reason or answer.reason.endswith("can be found")
            said = answer.reason
        else:
            assert answer.explanation.startswith(f"{answer.master.name}: ")
            said = answer.explanation
        assert "None" not in said
        assert "  " not in said
        assert not said.endswith((".", ";", ":", " "))


@settings(max_examples=100, deadline=None)
@given(PROPERTIES, MASTERS, RULES, CHANGES)
def test_alternatives_begin_with_the_answer(lights, masters, rules, changes) -> None:  # type: ignore[no-untyped-def]
    """The first of the list is what matching takes; all that fit stand before all that do not; none stands twice."""
    known = Candidates(masters)
    for need in _needs(lights, rules):
        found = alternatives(need, known, rules, changes, limit=100)
        answer = match(need, known, rules._replace(scale_darks=False), train_changes=changes)
        assert [one.file_id for one, fits, _ in found if fits][:1] == (
            [answer.master.file_id] if isinstance(answer, Matched) else []
        )
        assert [fits for _, fits, _ in found] == sorted((fits for _, fits, _ in found), reverse=True)
        assert len({one.file_id for one, _, _ in found}) == len(found) == len(known.of_type(need.master_type))
