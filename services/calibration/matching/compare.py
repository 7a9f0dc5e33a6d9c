"""How one master differs from what lights need, property by property."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from services.calibration.matching import words
from services.calibration.matching.model import Master, Need
from services.calibration.matching.rules import IDENTITY, WITHOUT_EXPOSURE, Rules
from services.calibration.properties import Properties
from services.calibration.settings import Property
from shared.equipment.cameras import same_camera
from shared.equipment.filters import canonical_filter, filter_key
from shared.equipment.telescopes import telescope_key
from shared.events.frame import FrameType

EXPOSURE_TOLERANCE_S = 0.05
EXPOSURE_TOLERANCE = 0.001
"""Relative; the greater of both counts."""
LEAST_EXPOSURE_S = 1e-6
"""What a bias has, in quotients."""
SLACK = 1e-6
"""Temperatures and angles are decimals: 2.0 off is within 2."""
_SETTING_TOLERANCE = 0.01
"""Of gains and offsets, which some programs write as decimals."""
_RATIO_TOLERANCE = 0.03
_RATIO = re.compile(r".+@f(\d+(?:\.\d+)?)\+.+")
FAR = 1e3
"""A distance that is greater than any measured one."""

WEIGHTS: dict[str, int] = {
    "night": 1, "set_temp_c": 1, "sensor_temp_c": 1, "rotator_angle_deg": 2, "train": 3, "offset": 3,
    "readout_mode": 3, "gain": 4, "exposure_s": 4, "filter": 8, "telescope": 8, "x_binning": 16, "size": 32,
    "camera": 32,
}  # fmt: skip
"""How far a property takes a master away that differs in it; the nearest of those that do not fit has the least sum."""
MEASURED: tuple[Property, ...] = ("night", "rotator_angle_deg", "set_temp_c", "sensor_temp_c", "exposure_s")
"""Properties that are equal within a tolerance, or near each other; the others are equal or not."""


class Difference(NamedTuple):
    """A property in which a master does not fit. ``distance`` orders what differs in the same properties."""

    name: str
    words: str
    distance: float = 1.0


class Unknown(NamedTuple):
    """A property that only one side knows: it forbids nothing."""

    name: str
    of_master: bool
    """Whether it is the master that does not state it; else it is the lights."""


Found = Difference | Unknown | None


class Comparison(NamedTuple):
    """What speaks against a master, and what nobody can tell; it fits where nothing speaks against it."""

    differences: tuple[Difference, ...]
    unknown: tuple[Unknown, ...]

    @property
    def weight(self) -> int:
        """How far away the master is."""
        return sum(WEIGHTS[one.name] for one in self.differences)

    @property
    def distance(self) -> float:
        """How far away among those of equal weight."""
        return sum(one.distance for one in self.differences)


def compare(need: Need, master: Master, rules: Rules, train_changes: Sequence[date] = ()) -> Comparison:
    """Everything in which a master of the needed type differs from a need."""
    return sorted_out(
        (
            *discrete(need, master, rules),
            *measured(need, master, rules, train_changes),
        )
    )


def sorted_out(found: Sequence[Found]) -> Comparison:
    """Differences and unknown properties, each by themselves."""
    return Comparison(
        tuple([one for one in found if type(one) is Difference]), tuple([one for one in found if type(one) is Unknown])
    )


@lru_cache(maxsize=256)
def counting(master_type: FrameType, rules: Rules) -> tuple[Property, ...]:
    """The properties that count for a type, in the order of sentences."""
    of_rules = rules.properties_for(master_type)
    forced: tuple[Property, ...] = () if master_type in WITHOUT_EXPOSURE else ("exposure_s",)
    return tuple(name for name in words.ORDER if name in (*IDENTITY, *forced, *of_rules))


def discrete(need: Need, master: Master, rules: Rules) -> list[Found]:
    """What differs in properties that are equal or not."""
    return [
        _DISCRETE[name](need.properties, master.properties)
        for name in counting(need.master_type, rules)
        if name not in MEASURED
    ]


def measured(need: Need, master: Master, rules: Rules, train_changes: Sequence[date]) -> list[Found]:
    """What differs in properties with a tolerance."""
    found: list[Found] = []
    ours, theirs = need.properties, master.properties
    for name in counting(need.master_type, rules):
        if name == "exposure_s":
            found.append(_exposure(ours, theirs))
        elif name == "set_temp_c":
            found.append(_temperature(name, temperature(ours), temperature(theirs), rules))
        elif name == "sensor_temp_c":
            found.append(_temperature(name, ours.sensor_temp_c, theirs.sensor_temp_c, rules))
        elif name == "night":
            found += (_night(ours, theirs, rules), _train(ours, theirs, train_changes))
        elif name == "rotator_angle_deg":
            found.append(_angle(ours, theirs, rules))
    return found


def states_all(properties: Properties, names: Sequence[Property]) -> bool:
    """Whether all that is measured, of these properties, is known."""
    return not (
        ("set_temp_c" in names and temperature(properties) is None)
        or ("sensor_temp_c" in names and properties.sensor_temp_c is None)
        or ("night" in names and properties.night is None)
        or ("rotator_angle_deg" in names and properties.rotator_angle_deg is None)
    )


def temperature(properties: Properties) -> float | None:
    """The set temperature; where it is not known, the measured one stands for it."""
    return properties.sensor_temp_c if properties.set_temp_c is None else properties.set_temp_c


def exposures_equal(one_s: float, other_s: float) -> bool:
    """Whether two exposures are equal within max(0.05 s, 0.1 %)."""
    return abs(one_s - other_s) <= max(EXPOSURE_TOLERANCE_S, EXPOSURE_TOLERANCE * max(one_s, other_s)) + SLACK


def exposure_distance(one_s: float, other_s: float) -> float:
    """How far exposures are from each other: the logarithm of their quotient."""
    return abs(math.log(max(one_s, LEAST_EXPOSURE_S) / max(other_s, LEAST_EXPOSURE_S)))


def turned_deg(one_deg: float, other_deg: float) -> float:
    """The angle between two positions of a rotator, degrees, at most 180."""
    return abs((one_deg - other_deg + 180.0) % 360.0 - 180.0)


def change_between(one: date, other: date, train_changes: Sequence[date]) -> date | None:
    """The first change of the optical train between two nights; a change counts from its own night on."""
    first, last = min(one, other), max(one, other)
    return min((change for change in train_changes if first < change <= last), default=None)


def _missing(name: str, ours: object, theirs: object) -> Found:
    """What to say where at least one side does not know a property."""
    return None if ours is None and theirs is None else Unknown(name, of_master=theirs is None)


def _camera(ours: Properties, theirs: Properties) -> Found:
    if ours.camera is None or theirs.camera is None:
        if _size_of(ours) is None or _size_of(theirs) is None:
            whose = "its camera" if theirs.camera is None else "the camera of the lights"
            return Difference("camera", f"{whose} is not known, nor is the size")
        return Unknown("camera", of_master=theirs.camera is None)
    same = same_camera(ours.camera, theirs.camera)
    return None if same else Difference("camera", f"another camera, {theirs.camera}")


def _size(ours: Properties, theirs: Properties) -> Found:
    one, other = _size_of(ours), _size_of(theirs)
    if one is None or other is None or one == other:
        return None
    return Difference("size", f"{other[0]}x{other[1]} pixels instead of {one[0]}x{one[1]}")


def _size_of(properties: Properties) -> tuple[int, int] | None:
    width, height = properties.width_px, properties.height_px
    return None if width is None or height is None else (width, height)


def _telescope(ours: Properties, theirs: Properties) -> Found:
    if ours.telescope is None or theirs.telescope is None:
        return _missing("telescope", ours.telescope, theirs.telescope)
    if telescope_key(ours.telescope) != telescope_key(theirs.telescope):
        return Difference("telescope", f"another telescope, {theirs.telescope}")
    one, other = _ratio(ours.rig), _ratio(theirs.rig)
    if one is None or other is None or abs(one - other) <= _RATIO_TOLERANCE * one:
        return None
    return Difference("telescope", f"at f/{other:g} instead of f/{one:g}")


@lru_cache(maxsize=1024)
def _ratio(rig: str | None) -> float | None:
    """The focal ratio in a rig's name: ``C8E@f7.0+ATR585M``."""
    match = _RATIO.fullmatch(rig) if rig else None
    return float(match[1]) if match else None


def _filter(ours: Properties, theirs: Properties) -> Found:
    one, other = canonical_filter(ours.filter), canonical_filter(theirs.filter)
    if one is None or other is None:
        return _missing("filter", one, other)
    return None if filter_key(one) == filter_key(other) else Difference("filter", f"filter {other} instead of {one}")


def _setting(name: str, one: float | None, other: float | None) -> Found:
    if one is None or other is None:
        return _missing(name, one, other)
    if abs(one - other) <= _SETTING_TOLERANCE:
        return None
    return Difference(name, f"{name} {words.number(other)} instead of {words.number(one)}", abs(one - other) / 100)


def _readout_mode(ours: Properties, theirs: Properties) -> Found:
    if ours.readout_mode is None or theirs.readout_mode is None:
        return _missing("readout_mode", ours.readout_mode, theirs.readout_mode)
    if ours.readout_mode.strip().casefold() == theirs.readout_mode.strip().casefold():
        return None
    return Difference(
        "readout_mode", f"readout mode {theirs.readout_mode.strip()} instead of {ours.readout_mode.strip()}"
    )


def _binning(ours: Properties, theirs: Properties) -> Found:
    if ours.x_binning is None or theirs.x_binning is None:
        # equal sizes mean equal binning, and nobody misses the number
        same = _size_of(ours) is not None and _size_of(ours) == _size_of(theirs)
        return None if same else _missing("x_binning", ours.x_binning, theirs.x_binning)
    if ours.x_binning == theirs.x_binning:
        return None
    return Difference("x_binning", f"binning {theirs.x_binning} instead of {ours.x_binning}")


_DISCRETE: dict[Property, Callable[[Properties, Properties], Found]] = {
    "camera": _camera,
    "size": _size,
    "telescope": _telescope,
    "filter": _filter,
    "gain": lambda ours, theirs: _setting("gain", ours.gain, theirs.gain),
    "offset": lambda ours, theirs: _setting("offset", ours.offset, theirs.offset),
    "readout_mode": _readout_mode,
    "x_binning": _binning,
}


def _exposure(ours: Properties, theirs: Properties) -> Found:
    one, other = ours.exposure_s, theirs.exposure_s
    if one is None or other is None:
        whose = "its exposure" if other is None else "the exposure of the lights"
        return Difference("exposure_s", f"{whose} is not known", FAR)
    if exposures_equal(one, other):
        return None
    return Difference(
        "exposure_s", f"{words.seconds(other)} instead of {words.seconds(one)}", exposure_distance(one, other)
    )


def _temperature(name: str, one: float | None, other: float | None, rules: Rules) -> Found:
    if one is None or other is None:
        return _missing(name, one, other)
    off = abs(one - other)
    return None if off <= rules.temperature_tolerance_c + SLACK else Difference(name, f"{off:.1f} C off", off / 10)


def _night(ours: Properties, theirs: Properties, rules: Rules) -> Found:
    if ours.night is None or theirs.night is None:
        return _missing("night", ours.night, theirs.night)
    apart = abs((ours.night - theirs.night).days)
    if apart <= rules.flat_nights:
        return None
    return Difference("night", f"{words.apart(theirs.night, ours.night)}, {rules.flat_nights} allowed", apart / 30)


def _train(ours: Properties, theirs: Properties, train_changes: Sequence[date]) -> Found:
    if not train_changes:
        return None
    if ours.night is None or theirs.night is None:
        whose = "its night" if theirs.night is None else "the night of the lights"
        return Difference("train", f"{whose} is not known, and the train was changed on {max(train_changes)}")
    change = change_between(ours.night, theirs.night, train_changes)
    if change is None:
        return None
    side = "after it was made" if theirs.night < ours.night else "before it was made"
    return Difference("train", f"the train was changed on {change}, {side}")


def _angle(ours: Properties, theirs: Properties, rules: Rules) -> Found:
    one, other = ours.rotator_angle_deg, theirs.rotator_angle_deg
    if one is None or other is None:
        return _missing("rotator_angle_deg", one, other)
    turned = turned_deg(one, other)
    if turned <= rules.rotator_tolerance_deg + SLACK:
        return None
    return Difference("rotator_angle_deg", f"the rotator turned by {turned:.1f} deg", turned / 30)
