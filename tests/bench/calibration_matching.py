"""Matching of lights with masters: 50,000 lights against 2,000 masters, every light another, and in groups."""

import random
from datetime import UTC, date, datetime, timedelta

from services.calibration.matching.candidates import Candidates
from services.calibration.matching.compare import compare
from services.calibration.matching.match import match
from services.calibration.matching.model import Master, Matched
from services.calibration.matching.needs import as_group, needs_of, requirement_id
from services.calibration.matching.rules import Rules, rules_of
from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings
from shared.events.frame import FrameType
from tests.bench.table import Rows, floor_row, interleaved

_LIGHTS, _MASTERS = 50_000, 2_000
_GROUPS = 1_000
"""Nights, filters and exposures of the lights that come in groups."""
_SECONDS = 10.0
_FIRST_NIGHT = date(2022, 1, 1)
_NIGHTS = 1_400
_CAMERAS = (
    ("ZWO ASI2600MM Pro", 6248, 4176, "C8E"),
    ("ATR585M", 3856, 2180, "SQA55"),
    ("ZWO ASI533MC Pro", 3008, 3008, "RedCat51"),
)
_FILTERS = ("L", "R", "G", "B", "Ha", "OIII", "SII")
_EXPOSURES_S = (30.0, 60.0, 120.0, 180.0, 300.0, 600.0)


def rows(*, quick: bool) -> Rows:
    """Pairs of a light and a master per second; each light is asked for its dark and its flat, with the sentence."""
    rng = random.Random(14)
    masters = [_master(rng, number) for number in range(_MASTERS)]
    count = _LIGHTS // 5 if quick else _LIGHTS
    single = [_light(rng, number) for number in range(count)]
    kinds = [_grouped(rng) for _ in range(_GROUPS)]
    alike = [rng.choice(kinds)._replace(sensor_temp_c=round(rng.uniform(-10.4, -9.6), 1)) for _ in range(_LIGHTS)]
    rules = rules_of(None, None, CalibrationSettings(), ())
    few = single[: count // 500]

    def one_by_one() -> None:
        for light in few:
            for need in needs_of(light, rules):
                for master in masters:
                    if master.master_type is need.master_type:
                        compare(need, master, rules)

    seconds = interleaved(
        {
            "single": lambda: _matched(single, masters, rules),
            "grouped": lambda: _in_groups(alike, masters, rules),
            "loop": one_by_one,
        },
        1 if quick else 3,
    )
    pairs = count * _MASTERS
    floor = pairs / (_SECONDS * count / _LIGHTS)
    loop = len(few) * _MASTERS / seconds["loop"]
    share = _matched(single, masters, rules) / count / 2
    return [
        floor_row(
            "calibration matching",
            pairs / seconds["single"],
            floor,
            unit="pairs/s",
            limit=f"each pair compared {loop:,.0f}",
            how=f"{count:,} lights x {_MASTERS:,} masters in {seconds['single']:.1f} s, every light with an exposure, "
            f"temperature, night and angle of its own; {share:.0%} of the needs are met, of the others the nearest "
            "master is found; the index is made anew in each round, and every answer has its sentence",
        ),
        floor_row(
            "calibration matching, in groups",
            _LIGHTS * _MASTERS / seconds["grouped"],
            floor,
            unit="pairs/s",
            how=f"{_LIGHTS:,} lights of {len({as_group(light) for light in alike}):,} groups of sessions, put "
            f"into groups and matched once each, in {seconds['grouped']:.2f} s",
        ),
    ]


def _matched(lights: list[Properties], masters: list[Master], rules: Rules) -> int:
    known = Candidates(masters)
    return sum(isinstance(match(need, known, rules), Matched) for light in lights for need in needs_of(light, rules))


def _in_groups(lights: list[Properties], masters: list[Master], rules: Rules) -> int:
    known = Candidates(masters)
    needs = {
        requirement_id(need): need for group in {as_group(light) for light in lights} for need in needs_of(group, rules)
    }
    return sum(isinstance(match(need, known, rules), Matched) for need in needs.values())


def _light(rng: random.Random, number: int) -> Properties:
    """A light as no other: half have an exposure that masters have, nights and angles are anywhere."""
    light = _grouped(rng)
    return light._replace(
        exposure_s=(light.exposure_s or 0.0) + (number % 40 / 1000 if number % 2 else number / 10_000),
        set_temp_c=round(-10 + rng.uniform(-3, 3), 1),
        rotator_angle_deg=round(rng.uniform(0, 360), 1),
    )


def _grouped(rng: random.Random) -> Properties:
    camera, width, height, telescope = rng.choice(_CAMERAS)
    return Properties(
        camera=camera,
        telescope=telescope,
        exposure_s=rng.choice(_EXPOSURES_S),
        gain=rng.choice((0.0, 100.0)),
        offset=50.0,
        set_temp_c=-10.0,
        filter=rng.choice(_FILTERS),
        x_binning=1,
        width_px=width,
        height_px=height,
        night=_FIRST_NIGHT + timedelta(days=rng.randrange(_NIGHTS)),
        rotator_angle_deg=float(rng.choice((0, 90, 180, 270))),
    )


def _master(rng: random.Random, number: int) -> Master:
    """Half are flats of many nights, four tenths darks, the rest biases; one in ten lost a property."""
    kind = (FrameType.MASTER_FLAT,) * 5 + (FrameType.MASTER_DARK,) * 4 + (FrameType.MASTER_BIAS,)
    found = _grouped(rng)._replace(set_temp_c=rng.choice((-10.0, -20.0, 0.0)))
    if number % 10 == 0:
        found = found._replace(gain=None, offset=None)
    made = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return Master(f"{number:064x}", rng.choice(kind), found, made, f"master{number}.xisf")
