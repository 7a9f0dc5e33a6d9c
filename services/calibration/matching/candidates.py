"""All masters, found quickly: by type, and in tiers by what is equal or not.

Masters are compared once with each combination of camera, size, gain, filter and so on, of which there are few; the
tiers that this gives are kept. What is measured, such as temperatures and nights, is weighed for a tier at once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from services.calibration.matching.compare import Comparison, Unknown, discrete, sorted_out
from services.calibration.matching.model import Master, Need
from services.calibration.matching.rules import Rules
from services.calibration.matching.weigh import Numbers, Positions, positions_of
from services.calibration.properties import Properties
from shared.events.frame import FrameType

_MOST_KEPT = 1_000_000
"""Masters in all tiers that are kept, of some 70 bytes each."""


class Tier(NamedTuple):
    """Masters whose differences weigh the same, newest first."""

    weight: int
    masters: list[Master]
    unknown: list[tuple[Unknown, ...]]
    """For each master what only one side knows, of what is equal or not."""
    distance: Numbers
    """Of the differences."""
    positions: Positions


class Candidates:
    """The masters of the library; what the answer is does not depend on their order."""

    def __init__(self, masters: Iterable[Master]) -> None:
        self.by_id = {master.file_id: master for master in masters}
        self._by_type: dict[FrameType, list[Master]] = {}
        for master in sorted(self.by_id.values(), key=age):
            self._by_type.setdefault(master.master_type, []).append(master)
        self._most_tiers = max(_MOST_KEPT // max(len(self.by_id), 1), 50)
        self._tiers: dict[tuple[object, ...], tuple[Tier, ...]] = {}

    def of_type(self, master_type: FrameType) -> Sequence[Master]:
        """All masters of a type, newest first, refused ones among them."""
        return self._by_type.get(master_type, ())

    def tiers(self, need: Need, rules: Rules, *, refused: bool = False) -> tuple[Tier, ...]:
        """The masters of the needed type that may be used, or those that may not, nearest tier first.

        The first tier has the weight 0 if any master is equal in everything that is not measured.
        """
        key = (need.master_type, refused, rules.properties_for(need.master_type), _sort(need.properties))
        found = self._tiers.get(key)
        if found is None:
            if len(self._tiers) >= self._most_tiers:
                self._tiers.clear()
            wanted = [one for one in self.of_type(need.master_type) if (one.refused is not None) is refused]
            found = self._tiers[key] = _tiers(need, wanted, rules)
        return found


def age(master: Master) -> tuple[float, str]:
    """A key that sorts the newest first; of the same moment the smaller id."""
    return -master.made_at.timestamp(), master.file_id


def _sort(one: Properties) -> tuple[object, ...]:
    """All that is equal or not: what has the same is of one sort."""
    return (
        one.camera, one.width_px, one.height_px, one.gain, one.offset, one.filter, one.readout_mode, one.x_binning,
        one.telescope, one.rig,
    )  # fmt: skip


def _tiers(need: Need, masters: Iterable[Master], rules: Rules) -> tuple[Tier, ...]:
    sorts: dict[tuple[object, ...], Comparison] = {}
    by_weight: dict[int, list[tuple[Master, tuple[Unknown, ...], float]]] = {}
    for master in masters:
        sort = _sort(master.properties)
        found = sorts.get(sort)
        if found is None:
            found = sorts[sort] = sorted_out(discrete(need, master, rules))
        by_weight.setdefault(found.weight, []).append((master, found.unknown, found.distance))
    return tuple(_tier(weight, by_weight[weight]) for weight in sorted(by_weight))


def _tier(weight: int, rows: list[tuple[Master, tuple[Unknown, ...], float]]) -> Tier:
    masters = [master for master, _, _ in rows]
    return Tier(
        weight,
        masters,
        [unknown for _, unknown, _ in rows],
        np.array([distance for *_, distance in rows]),
        positions_of([master.properties for master in masters]),
    )
