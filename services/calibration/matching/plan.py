"""A wanted dark library, exposures x gains x temperatures, compared with the masters that there are."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

from services.calibration.matching.match import Candidates, match
from services.calibration.matching.model import Answer, Missing, Need
from services.calibration.matching.needs import need_of
from services.calibration.matching.rules import Rules
from services.calibration.matching.shopping import Shopping, to_capture
from services.calibration.properties import Properties
from shared.events.frame import FrameType


class Planned(NamedTuple):
    """One master of the plan, and what there is or is to be captured for it."""

    need: Need
    answer: Answer
    shopping: Shopping | None
    """What to capture; None where a master is there."""


def wanted_darks(
    camera: Properties,
    exposures_s: Iterable[float],
    gains: Sequence[float],
    temperatures_c: Sequence[float],
    rules: Rules,
) -> list[Need]:
    """A need for each combination, in the order given; without gains or temperatures those of ``camera`` count.

    ``camera`` holds what all have in common: camera, offset, binning, readout mode.
    """
    combinations = product(exposures_s, gains or (camera.gain,), temperatures_c or (camera.set_temp_c,))
    return [
        need_of(
            FrameType.MASTER_DARK,
            camera._replace(exposure_s=exposure, gain=gain, set_temp_c=temperature),
            rules.dark,
        )
        for exposure, gain, temperature in combinations
    ]


def plan(needs: Iterable[Need], candidates: Candidates, rules: Rules) -> list[Planned]:
    """For each need the master that fits it, else what to capture."""
    found: list[Planned] = []
    for need in needs:
        answer = match(need, candidates, rules._replace(scale_darks=False))
        shopping = to_capture(need, 0, rules.min_frames) if isinstance(answer, Missing) else None
        found.append(Planned(need, answer, shopping))
    return found
