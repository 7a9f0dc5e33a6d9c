"""What a master is made of: fixed once, so that whoever goes on after a kill writes the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from services.calibration.integration.made import Made
from services.calibration.matching.model import Master, Matched
from services.calibration.matching.needs import need_of
from services.calibration.matching.rules import Rules
from services.calibration.properties import Properties, from_json, to_json
from services.calibration.sets.grouping import MASTER_OF
from shared.events.frame import FrameType

MOST_FRAMES = 500
"""Frames in one master: the first of a larger set; more would take less than a thousandth off the noise."""
_SAME_EXPOSURE = 0.01

PEDESTALS = {FrameType.MASTER_DARKFLAT: "master dark-flat", FrameType.MASTER_BIAS: "master bias"}
"""What may be subtracted from flats, the better first, and what headers call it."""


class Frame(NamedTuple):
    """A raw frame that goes into a master."""

    file_id: str
    name: str
    observed_at: datetime | None
    sensor_temp_c: float | None
    exposure_s: float | None


def described(common: Properties, frames: Sequence[Frame]) -> Properties:
    """The properties of a master: those of its set, and what its frames have in common beside."""
    exposures = [frame.exposure_s for frame in frames if frame.exposure_s is not None]
    temperatures = [frame.sensor_temp_c for frame in frames if frame.sensor_temp_c is not None]
    return common._replace(
        exposure_s=common.exposure_s if common.exposure_s is not None or not exposures else median(exposures),
        sensor_temp_c=round(median(temperatures), 2) if temperatures else None,
    )


def pedestal_for(flat: Properties, frames: Sequence[Frame], masters: Sequence[Master], rules: Rules) -> Matched | None:
    """The master that is subtracted from flats: a dark-flat of their exposure, else a bias; None without either."""
    from services.calibration.matching.candidates import Candidates
    from services.calibration.matching.match import match

    candidates = Candidates(masters)
    exposures = [frame.exposure_s for frame in frames if frame.exposure_s is not None]
    for master_type in PEDESTALS:
        if master_type is FrameType.MASTER_DARKFLAT and (
            not exposures or max(exposures) - min(exposures) > _SAME_EXPOSURE * max(exposures)
        ):
            continue  # flats of a changing sky: no dark-flat has all of their exposures
        answer = match(need_of(master_type, flat, rules.properties_for(master_type)), candidates, rules)
        if isinstance(answer, Matched):
            return answer
    return None


def is_wanted(frame_type: FrameType, common: Properties, masters: Sequence[Master], rules: Rules) -> bool:
    """Whether no master of the library serves what a set would be made for; a flat serves its own night."""
    from services.calibration.matching.candidates import Candidates
    from services.calibration.matching.match import match

    master_type = MASTER_OF[frame_type]
    answer = match(need_of(master_type, common, rules.properties_for(master_type)), Candidates(masters), rules)
    if not isinstance(answer, Matched):
        return True
    return master_type is FrameType.MASTER_FLAT and answer.master.properties.night != common.night


def plan_of(
    master_type: FrameType,
    properties: Properties,
    frames: Sequence[Frame],
    left_out: Sequence[tuple[str, str]],
    pedestal: Master | None,
    made_at: datetime,
) -> dict[str, Any]:
    """The plan as it is kept in the row of the build."""
    observed = [frame.observed_at for frame in frames if frame.observed_at is not None]
    return {
        "master_type": master_type.value,
        "properties": to_json(properties),
        "inputs": [frame.file_id for frame in frames],
        "left_out": [list(one) for one in left_out],
        "pedestal": None if pedestal is None else [PEDESTALS[pedestal.master_type], pedestal.file_id],
        "made_at": made_at.isoformat(),
        "observed_at": min(observed).isoformat() if observed else None,
        "height_px": properties.height_px,
    }


def made_of(plan: Mapping[str, Any]) -> Made:
    """What the header says of a plan."""
    properties = from_json(plan["properties"])
    pedestal = plan["pedestal"]
    return Made(
        FrameType(plan["master_type"]),
        properties,
        tuple(plan["inputs"]),
        datetime.fromisoformat(plan["made_at"]),
        datetime.fromisoformat(plan["observed_at"]) if plan["observed_at"] else None,
        properties.sensor_temp_c,
        tuple((file_id, reason) for file_id, reason in plan["left_out"]),
        None if pedestal is None else (pedestal[0], pedestal[1]),
    )
