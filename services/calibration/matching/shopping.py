"""What to capture for a master that is missing, and how long it takes."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.calibration.matching import words
from services.calibration.matching.model import Need
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
    total_s: float | None
    """Of all frames together, seconds; None for flats, whose exposure follows from the light."""
    latest_night: date | None
    """The last night on which it counts; None for what keeps."""
    sentence: str
    """``capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)``."""


def to_capture(
    need: Need, min_frames: int, flat_nights: int | None = None, train_changes: Sequence[date] = ()
) -> Shopping:
    """What to capture so that a need is met.

    ``flat_nights`` says how many nights later a flat still counts, as long as the optical train is not changed.
    """
    kind = need.master_type
    frames = max(min_frames, RECOMMENDED.get(kind, RECOMMENDED_FRAMES))
    exposure = 0.0 if kind is FrameType.MASTER_BIAS else None
    if kind not in (FrameType.MASTER_BIAS, FrameType.MASTER_FLAT):
        exposure = need.properties.exposure_s
    total = exposure * frames if exposure is not None else None
    wanted = need.properties._replace(exposure_s=None) if kind is FrameType.MASTER_BIAS else need.properties
    night = need.properties.night
    latest = None
    if night is not None and flat_nights is not None:
        latest = night + timedelta(days=flat_nights)
        latest = min((latest, *(change - timedelta(days=1) for change in train_changes if change > night)))
    facts = words.described(wanted, [name for name in words.ORDER if name != "night"])
    sentence = f"capture {words.frames(frames, kind)}" + (f" of {', '.join(facts)}" if facts else "")
    if total:
        sentence += f" ({duration(total)})"
    if latest is not None and night is not None:
        sentence += f" by {latest}" if latest > night else f" of the night {night}"
    return Shopping(FrameType(kind.removeprefix("MASTER_")), frames, total, latest, sentence)
