"""Weight and distance of what is measured, for many masters at once: what `compare.measured` says, in numbers alone.

A test holds both to each other.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.matching.compare import (
    EXPOSURE_TOLERANCE,
    EXPOSURE_TOLERANCE_S,
    FAR,
    LEAST_EXPOSURE_S,
    SLACK,
    WEIGHTS,
    counting,
    temperature,
)
from services.calibration.matching.model import Need
from services.calibration.matching.rules import Rules
from services.calibration.properties import Properties

Numbers = NDArray[np.float64]


class Positions(NamedTuple):
    """Where masters are along all that is measured, an array of each; NaN is not known."""

    exposure_s: Numbers
    reach_s: Numbers
    """How far another exposure may be from it."""
    log_exposure: Numbers
    temperature_c: Numbers
    """The set one, else the measured one."""
    sensor_temp_c: Numbers
    night: Numbers
    """The ordinal of its date."""
    angle_deg: Numbers


class Weighed(NamedTuple):
    """How far each master is from a need: (0, 0) where it fits in all that is measured."""

    weight: NDArray[np.int64]
    distance: Numbers


def positions_of(masters: Iterable[Properties]) -> Positions:
    """The positions of masters, in their order."""
    rows = [
        (
            one.exposure_s,
            temperature(one),
            one.sensor_temp_c,
            None if one.night is None else one.night.toordinal(),
            one.rotator_angle_deg,
        )
        for one in masters
    ]
    exposures, *others = np.array(rows, dtype=np.float64).reshape(-1, 5).T.copy()
    reach = np.maximum(EXPOSURE_TOLERANCE_S, EXPOSURE_TOLERANCE * exposures) + SLACK
    return Positions(exposures, reach, np.log(np.maximum(exposures, LEAST_EXPOSURE_S)), *others)


def weigh(
    need: Need, positions: Positions, rules: Rules, train_changes: Sequence[date], *, any_exposure: bool = False
) -> Weighed:
    """The weight and distance of each master; ``any_exposure`` leaves the exposure out."""
    count = len(positions.night)
    found = Weighed(np.zeros(count, dtype=np.int64), np.zeros(count))
    ours = need.properties
    for name in counting(need.master_type, rules):
        if name == "exposure_s" and not any_exposure:
            _exposures(found, ours.exposure_s, positions)
        elif name == "set_temp_c":
            _temperatures(found, temperature(ours), positions.temperature_c, rules)
        elif name == "sensor_temp_c":
            _temperatures(found, ours.sensor_temp_c, positions.sensor_temp_c, rules)
        elif name == "night":
            _nights(found, ours.night, positions.night, rules, train_changes)
        elif name == "rotator_angle_deg" and ours.rotator_angle_deg is not None:
            turned = np.abs((ours.rotator_angle_deg - positions.angle_deg + 180.0) % 360.0 - 180.0)
            _beyond(found, turned, rules.rotator_tolerance_deg + SLACK, name, 30.0)
    return found


def equal_exposures(one_s: float, positions: Positions) -> NDArray[np.bool_]:
    """As `compare.exposures_equal`, for many; what is not known equals nothing."""
    reach = max(EXPOSURE_TOLERANCE_S, EXPOSURE_TOLERANCE * one_s) + SLACK
    equal: NDArray[np.bool_] = np.abs(positions.exposure_s - one_s) <= np.maximum(positions.reach_s, reach)
    return equal


def _add(found: Weighed, differs: NDArray[np.bool_], name: str, distance: Numbers | float) -> None:
    np.add(found.weight, WEIGHTS[name], out=found.weight, where=differs)
    np.add(found.distance, distance, out=found.distance, where=differs)


def _beyond(found: Weighed, apart: Numbers, allowed: float, name: str, unit: float) -> None:
    """Add what is farther apart than allowed, in units of distance."""
    differs = apart > allowed
    if differs.any():
        _add(found, differs, name, apart / unit)


def _exposures(found: Weighed, ours: float | None, theirs: Positions) -> None:
    if ours is None:
        _add(found, np.ones(len(theirs.exposure_s), dtype=np.bool_), "exposure_s", FAR)
        return
    differs = ~equal_exposures(ours, theirs)
    if differs.any():
        apart = np.abs(theirs.log_exposure - math.log(max(ours, LEAST_EXPOSURE_S)))
        _add(found, differs, "exposure_s", np.where(np.isnan(apart), FAR, apart))


def _temperatures(found: Weighed, ours: float | None, theirs: Numbers, rules: Rules) -> None:
    if ours is not None:
        _beyond(found, np.abs(theirs - ours), rules.temperature_tolerance_c + SLACK, "set_temp_c", 10.0)


def _nights(found: Weighed, ours: date | None, theirs: Numbers, rules: Rules, train_changes: Sequence[date]) -> None:
    if ours is None:
        if train_changes:
            _add(found, np.ones(len(theirs), dtype=np.bool_), "train", 1.0)
        return
    night = float(ours.toordinal())
    _beyond(found, np.abs(theirs - night), float(rules.flat_nights), "night", 30.0)
    if train_changes:
        first, last = np.minimum(theirs, night), np.maximum(theirs, night)
        crossed = np.isnan(theirs)
        for change in train_changes:
            crossed |= (first < change.toordinal()) & (change.toordinal() <= last)
        _add(found, crossed, "train", 1.0)
