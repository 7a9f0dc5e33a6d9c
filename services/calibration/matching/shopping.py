"""What to capture for a master that is missing, and how long it takes."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from services.calibration.matching import words
from services.calibration.matching.model import Need
from services.calibration.matching.needs import requirement_id
from services.calibration.properties import Properties
from shared.events.frame import FrameType
from shared.quantities import duration

RECOMMENDED = {FrameType.MASTER_BIAS: 50}
"""Frames of a good master; every other type has `RECOMMENDED_FRAMES`. A bias costs no time."""
RECOMMENDED_FRAMES = 20


class Shopping(NamedTuple):
    """A line of the shopping list."""

    frame_type: FrameType
    """Of the frames to capture: DARK, FLAT, BIAS."""
    frames: int
    properties: Properties
    """What they must be like; None is free."""
    exposure_s: float | None
    """Of one frame, seconds; None for a flat, whose exposure follows from the light."""
    total_s: float | None
    """Of all frames together, seconds."""
    lights: int
    """How many lights wait for it."""
    latest_night: date | None
    """The last night on which it counts; None for what keeps."""
    sentence: str
    """``capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)``."""


def to_capture(need: Need, lights: int, min_frames: int, flat_nights: int | None = None) -> Shopping:
    """What to capture so that a need is met; ``flat_nights`` says how many nights later a flat still counts."""
    kind = need.master_type
    frames = max(min_frames, RECOMMENDED.get(kind, RECOMMENDED_FRAMES))
    exposure = 0.0 if kind is FrameType.MASTER_BIAS else None
    if kind not in (FrameType.MASTER_BIAS, FrameType.MASTER_FLAT):
        exposure = need.properties.exposure_s
    total = exposure * frames if exposure is not None else None
    wanted = need.properties._replace(exposure_s=None) if kind is FrameType.MASTER_BIAS else need.properties
    night = need.properties.night
    latest = night + timedelta(days=flat_nights) if night is not None and flat_nights is not None else None
    facts = words.described(wanted, [name for name in words.ORDER if name != "night"])
    sentence = f"capture {words.frames(frames, kind)}" + (f" of {', '.join(facts)}" if facts else "")
    if total:
        sentence += f" ({duration(total)})"
    if latest is not None and night is not None:
        sentence += f" on {night} or until {latest}" if latest > night else f" of the night {night}"
    return Shopping(FrameType(kind.removeprefix("MASTER_")), frames, wanted, exposure, total, lights, latest, sentence)


def shopping_list(
    missing: Iterable[tuple[Need, int]], min_frames: int, flat_nights: int | None = None
) -> list[Shopping]:
    """One line for each need that is missing in whatever sessions, with all the lights that wait for it.

    Most lights first, then by what it is.
    """
    needs: dict[str, Need] = {}
    waiting: dict[str, int] = {}
    for need, lights in missing:
        name = requirement_id(need)
        needs.setdefault(name, need)
        waiting[name] = waiting.get(name, 0) + lights
    found = [to_capture(need, waiting[name], min_frames, flat_nights) for name, need in needs.items()]
    return sorted(found, key=lambda line: (-line.lights, line.frame_type, line.sentence))
