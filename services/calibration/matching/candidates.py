"""All masters, found quickly: by type, by what is equal or not, and along the property that is measured.

Masters are compared once with each combination of camera, size, gain, filter and so on, of which there are few; these
tiers are kept. Within a tier masters are sorted by exposure (darks), night (flats) or temperature (biases), so that a
need looks at its neighbours alone.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from services.calibration.matching.compare import (
    EXPOSURE_TOLERANCE,
    EXPOSURE_TOLERANCE_S,
    SLACK,
    WEIGHTS,
    Comparison,
    Difference,
    Unknown,
    discrete,
    exposure_distance,
    exposures_equal,
    sorted_out,
    temperature,
)
from services.calibration.matching.model import Master, Need
from services.calibration.matching.rules import Rules
from services.calibration.properties import Properties
from shared.events.frame import FrameType

_MOST_TIERS = 20_000
_NONE = (0, 0.0)


class Entry(NamedTuple):
    """A master in a tier, with what was found out about it."""

    master: Master
    unknown: tuple[Unknown, ...]
    distance: float
    """Of its differences that are not measured."""
    age: tuple[float, str]
    """Newest first."""


class Tier(NamedTuple):
    """Masters whose differences weigh the same, sorted along the axis of their type."""

    weight: int
    keys: list[float]
    entries: list[Entry]
    unplaced: list[Entry]
    """Without a place on the axis: exposure, night or temperature is not known."""


class Candidates:
    """The masters of the library; what the answer is does not depend on their order."""

    def __init__(self, masters: Iterable[Master]) -> None:
        self.by_id = {master.file_id: master for master in masters}
        self._by_type: dict[FrameType, list[Master]] = {}
        for master in self.by_id.values():
            self._by_type.setdefault(master.master_type, []).append(master)
        self._tiers: dict[tuple[object, ...], tuple[Tier, ...]] = {}

    def of_type(self, master_type: FrameType) -> Sequence[Master]:
        """All masters of a type, refused ones among them."""
        return self._by_type.get(master_type, ())

    def tiers(self, need: Need, rules: Rules, *, refused: bool = False) -> tuple[Tier, ...]:
        """The masters of the needed type that may be used, or those that may not, nearest tier first.

        The first tier has the weight 0 if any master is equal in everything that is not measured.
        """
        ours = need.properties
        key = (
            need.master_type, refused, rules.properties_for(need.master_type), ours.camera, ours.width_px,
            ours.height_px, ours.gain, ours.offset, ours.filter, ours.readout_mode, ours.x_binning, ours.telescope,
            ours.rig,
        )  # fmt: skip
        found = self._tiers.get(key)
        if found is None:
            if len(self._tiers) >= _MOST_TIERS:
                self._tiers.clear()
            found = self._tiers[key] = _tiers(
                need, [one for one in self.of_type(need.master_type) if (one.refused is not None) is refused], rules
            )
        return found


def age(master: Master) -> tuple[float, str]:
    """A key that sorts the newest first; of the same moment the smaller id."""
    return -master.made_at.timestamp(), master.file_id


def axis(properties: Properties, master_type: FrameType) -> float | None:
    """The place on the axis of a type: exposure in seconds, night in days, temperature in degrees Celsius."""
    if master_type is FrameType.MASTER_FLAT:
        return None if properties.night is None else float(properties.night.toordinal())
    if master_type is FrameType.MASTER_BIAS:
        return temperature(properties)
    return properties.exposure_s


def within(tier: Tier, need: Need, rules: Rules) -> Iterator[Entry]:
    """The entries of a tier that can be near enough along the axis, and those without a place on it."""
    place = axis(need.properties, need.master_type)
    if place is None:
        yield from tier.entries
    else:
        reach = _reach(place, need.master_type, rules)
        first, last = bisect_left(tier.keys, place - reach), bisect_right(tier.keys, place + reach)
        yield from tier.entries[first:last]
    yield from tier.unplaced


def outwards(tier: Tier, need: Need, rules: Rules) -> Iterator[tuple[tuple[int, float], Entry]]:
    """All entries of a tier from the need outwards, each with the weight and distance that the axis alone gives it.

    No later entry has less of both; other properties can only add to them.
    """
    place = axis(need.properties, need.master_type)
    for entry in tier.unplaced:
        yield _NONE, entry
    if place is None:
        for entry in tier.entries:
            yield _NONE, entry
        return
    after = bisect_left(tier.keys, place)
    before = after - 1
    while after < len(tier.keys) or before >= 0:
        above = _least(place, tier.keys[after], need.master_type, rules) if after < len(tier.keys) else _END
        below = _least(place, tier.keys[before], need.master_type, rules) if before >= 0 else _END
        if above <= below:
            yield above, tier.entries[after]
            after += 1
        else:
            yield below, tier.entries[before]
            before -= 1


_END = (1 << 30, math.inf)


def _least(place: float, key: float, master_type: FrameType, rules: Rules) -> tuple[int, float]:
    """The weight and distance that the axis alone gives."""
    if master_type is FrameType.MASTER_FLAT:
        apart = abs(place - key)
        return _NONE if "night" not in rules.flat or apart <= rules.flat_nights else (WEIGHTS["night"], apart / 30)
    if master_type is FrameType.MASTER_BIAS:
        off = abs(place - key)
        near = "set_temp_c" not in rules.bias or off <= rules.temperature_tolerance_c + SLACK
        return _NONE if near else (WEIGHTS["set_temp_c"], off / 10)
    return _NONE if exposures_equal(place, key) else (WEIGHTS["exposure_s"], exposure_distance(place, key))


def _reach(place: float, master_type: FrameType, rules: Rules) -> float:
    """How far along the axis a master can be and fit."""
    if master_type is FrameType.MASTER_FLAT:
        return float(rules.flat_nights) if "night" in rules.flat else math.inf
    if master_type is FrameType.MASTER_BIAS:
        return rules.temperature_tolerance_c + 2 * SLACK if "set_temp_c" in rules.bias else math.inf
    return max(EXPOSURE_TOLERANCE_S, 2 * EXPOSURE_TOLERANCE * place) + 2 * SLACK


def _tiers(need: Need, masters: Iterable[Master], rules: Rules) -> tuple[Tier, ...]:
    by_weight: dict[int, list[Entry]] = {}
    for master in masters:
        found: Comparison = sorted_out(discrete(need, master, rules))
        entry = Entry(master, found.unknown, _distance(found.differences), age(master))
        by_weight.setdefault(found.weight, []).append(entry)
    return tuple(_tier(weight, by_weight[weight], need.master_type) for weight in sorted(by_weight))


def _distance(differences: Iterable[Difference]) -> float:
    return sum(one.distance for one in differences)


def _tier(weight: int, entries: list[Entry], master_type: FrameType) -> Tier:
    placed: list[tuple[float, Entry]] = []
    unplaced: list[Entry] = []
    for entry in entries:
        place = axis(entry.master.properties, master_type)
        if place is None:
            unplaced.append(entry)
        else:
            placed.append((place, entry))
    placed.sort(key=lambda pair: (pair[0], pair[1].age))
    unplaced.sort(key=lambda entry: entry.age)
    return Tier(weight, [place for place, _ in placed], [entry for _, entry in placed], unplaced)
