"""When a master may not be used: one sentence with the numbers that it rests on."""

from typing import NamedTuple

from services.calibration.matching import words
from services.calibration.pixels.levels import LEAST_FLAT_LEVEL, MOST_NAN_SHARE, MOST_TOP_SHARE, Levels
from shared.events.frame import FrameType

MOST_NEGATIVE_SHARE = 0.75
"""Of the pixels of a light, after subtraction. Noise alone makes half of them negative where a light sees no sky."""
MOST_ZERO_SHARE = 0.001
MOST_FLAT_NOISE = 0.2
"""Noise of a master flat as a share of its level; a usable one stays far below a hundredth."""
_NORMALISED_ADU = 1000.0


class Trial(NamedTuple):
    """What became of a light when a master was subtracted from it."""

    light_name: str
    light_median_adu: float
    negative_share: float


def refusal(
    master_type: FrameType,
    found: Levels,
    trial: Trial | None = None,
    size: tuple[int | None, int | None] = (None, None),
) -> str | None:
    """Why a master may not be used; None where nothing speaks against it.

    Args:
        master_type: MASTER_BIAS, MASTER_DARK, MASTER_DARKFLAT or MASTER_FLAT.
        found: its levels.
        trial: what it makes of a light; None where there was none to try it on. Flats need none.
        size: width and height that its header gives; None where it gives none.
    """
    kind = words.TYPES[master_type]
    if size[0] is not None and size[1] is not None and (found.width_px, found.height_px) != size:
        return f"the {kind} has {found.width_px} x {found.height_px} pixels, its header says {size[0]} x {size[1]}"
    if found.nan_share > MOST_NAN_SHARE:
        return f"{percent(found.nan_share)} of the pixels of the {kind} have no value"
    if found.min_adu == found.max_adu:
        return f"all pixels of the {kind} are {found.median_adu:,.0f} ADU"
    if found.high_share > MOST_TOP_SHARE:
        return f"{percent(found.high_share)} of the pixels of the {kind} are saturated"
    if master_type is FrameType.MASTER_FLAT:
        return _of_flat(found)
    if trial is not None and trial.negative_share > MOST_NEGATIVE_SHARE:
        return (
            f"subtracting the {kind} would make {percent(trial.negative_share)} of the pixels of the light "
            f"{trial.light_name} negative: its median is {found.median_adu:,.0f} ADU, that of the light "
            f"{trial.light_median_adu:,.0f} ADU"
        )
    return None


def _of_flat(found: Levels) -> str | None:
    if found.low_share > MOST_ZERO_SHARE:
        return (
            f"{percent(found.low_share)} of the pixels of the flat are zero or negative, and lights are divided by it"
        )
    if found.noise_adu > MOST_FLAT_NOISE * found.median_adu:
        share = percent(found.noise_adu / found.median_adu)
        return f"the flat has nearly no light: its noise is {share} of its level of {found.median_adu:,.0f} ADU"
    if _is_normalised(found):
        return None
    if found.median_adu < LEAST_FLAT_LEVEL * found.range_adu:
        share = percent(found.median_adu / found.range_adu)
        return f"the flat has nearly no light: its median is {found.median_adu:,.0f} ADU, {share} of the range"
    return None


def _is_normalised(found: Levels) -> bool:
    """Whether a flat was divided by its level, which leaves values about 1: its light is not known any more."""
    return found.max_adu < _NORMALISED_ADU and 0.2 < found.median_adu < 5


def percent(share: float) -> str:
    """A share for a sentence: never rounded to all or to nothing."""
    value = share * 100
    if value > 99.5:
        return "100 %" if share == 1 else "more than 99 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %" if value >= 0.1 else "less than 0.1 %"
