"""What the levels of one calibration frame are; ``pixels.measure`` finds them."""

from typing import NamedTuple

GRID = 8
"""Cells along each side of a frame whose levels are compared."""
FULL_RANGE = 65_535.0
MAD_TO_SIGMA = 1.482602218505602
"""Standard deviations of a normal distribution in its median absolute deviation."""
MOST_NAN_SHARE = 0.001
"""Of pixels without a value, in a frame that is used."""
MOST_TOP_SHARE = 0.01
"""Of saturated pixels, in a frame that is used."""
LEAST_FLAT_LEVEL = 0.01
"""Share of the range below which a flat has hardly any light."""


class Levels(NamedTuple):
    """Levels in ADU; shares from 0 to 1."""

    width_px: int
    height_px: int
    median_adu: float
    mad_adu: float
    """Median distance from the median: noise, structure and hot pixels together."""
    noise_adu: float
    """Standard deviation of the noise from pixel to pixel."""
    min_adu: float
    max_adu: float
    low_share: float
    """Share of pixels at or below zero."""
    high_share: float
    """Share of pixels at the largest value, where saturated ones pile up."""
    nan_share: float
    grid_adu: tuple[float, ...]
    """Medians of 8 x 8 cells, by rows."""
    range_adu: float = FULL_RANGE
    """The largest value that the frame can have: 255, or 65,535."""
    adu_per_unit: float = 1.0
    """What its numbers were multiplied with: floats from 0 to 1 are scaled to the range of 16 bits."""


NOTHING = Levels(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, ())
"""Of a frame without a single value."""
