"""What the levels of one calibration frame are; ``pixels.measure`` finds them."""

from typing import NamedTuple

GRID = 8
"""Cells along each side of a frame whose levels are compared."""
FULL_RANGE = 65_535.0


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

    @property
    def spread(self) -> float:
        """How far the cells lie apart, as a share of the median; 0 for an even frame."""
        if not self.median_adu:
            return 0.0
        return (max(self.grid_adu) - min(self.grid_adu)) / abs(self.median_adu)


NOTHING = Levels(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, ())
"""Of a frame without a single value."""
