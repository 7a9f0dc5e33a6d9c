"""Stretches: how linear values become the brightness of a picture.

The automatic stretch is the one that PixInsight (AutoSTF) and Siril (autostretch) show: the shadows are clipped 2.8
normalised median absolute deviations below the median, and a midtones transfer function lifts the median to a quarter
of the brightness. Both programs take the median's distance from the shadows for its place between shadows and
highlights, which is so only where the shadows lie near zero; here the place itself is taken, so that the median of a
flat ends at the same brightness as that of a light. Images brighter than half of their range are treated mirrored, as
both programs do.

Points are given in ADU of the file, not as shares of a range: so one frame's stretch can be applied to every frame of
its group, whatever range each was kept in.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shared.events.base import Model

SHADOWS_CLIP = -2.8
"""Where shadows are clipped, in normalised MAD from the median (PixInsight AutoSTF and Siril, their defaults)."""
TARGET_BACKGROUND = 0.25
"""Brightness that the median gets, 0 to 1 (likewise)."""
MAD_TO_SIGMA = 1.4826
"""The standard deviation of a normal distribution in units of its median absolute deviation."""
LEVELS = 65_536


class ChannelLevels(Model):
    """Median and median absolute deviation of one channel, ADU; pixels without data are left out."""

    median_adu: float
    mad_adu: float = Field(ge=0)


class ChannelStretch(Model):
    """One channel's transfer function: black at the shadows, white at the highlights.

    Half brightness is where ``(value - shadows) / (highlights - shadows)`` is ``midtones``.
    """

    shadows_adu: float
    midtones: float = Field(ge=0, le=1)
    highlights_adu: float


Stretch = tuple[ChannelStretch, ...]
"""One transfer function per channel; a single one serves all channels."""


def midtones_transfer(value: float, midtones: float) -> float:
    """The midtones transfer function ``(m - 1) x / ((2 m - 1) x - m)`` (PixInsight reference, HistogramTransformation).

    It maps 0 to 0, ``midtones`` to 1/2 and 1 to 1; ``value`` outside 0 to 1 is clipped.
    """
    if value <= 0:
        return 0.0
    if value >= 1:
        return 1.0
    return (midtones - 1) * value / ((2 * midtones - 1) * value - midtones)


def auto_stretch(
    levels: Sequence[ChannelLevels], *, black_adu: float, white_adu: float, least_sigma_adu: float, linked: bool
) -> Stretch:
    """The automatic stretch of an image.

    Args:
        levels: of its channels.
        black_adu: lower end of the range that shadows are clipped in.
        white_adu: upper end; must lie above.
        least_sigma_adu: deviation taken for images that have none, such as one step of their range.
        linked: one stretch for all channels, from the mean of their levels: colours stay as recorded. Otherwise each
            channel has its own, which makes the background grey.
    """
    chosen = list(levels)
    if linked and len(chosen) > 1:
        mean = [float(np.mean([getattr(level, name) for level in chosen])) for name in ("median_adu", "mad_adu")]
        chosen = [ChannelLevels(median_adu=mean[0], mad_adu=mean[1])]
    return tuple(_stretch_of(level, black_adu, white_adu, least_sigma_adu) for level in chosen)


def linear_stretch(black_adu: float, white_adu: float) -> Stretch:
    """No stretch: brightness grows evenly from black to white."""
    return (ChannelStretch(shadows_adu=black_adu, midtones=0.5, highlights_adu=white_adu),)


def common_levels(frames: Sequence[Sequence[ChannelLevels]]) -> tuple[ChannelLevels, ...]:
    """Levels that stand for a group, the medians over its frames: from them follows one stretch for all.

    Frames with another number of channels than most are left out. Raises ValueError for an empty group.
    """
    if not frames:
        raise ValueError("a group without frames has no levels")
    counts = [len(levels) for levels in frames]
    usual = max(set(counts), key=lambda count: (counts.count(count), count))
    members = [levels for levels in frames if len(levels) == usual]
    return tuple(
        ChannelLevels(
            median_adu=float(np.median([levels[channel].median_adu for levels in members])),
            mad_adu=float(np.median([levels[channel].mad_adu for levels in members])),
        )
        for channel in range(usual)
    )


def stretch_table(stretch: ChannelStretch, *, black_adu: float, white_adu: float) -> NDArray[np.uint8]:
    """Brightness of each of the 65,536 levels of an image kept from ``black_adu`` to ``white_adu``, (65536,) uint8."""
    values = np.linspace(black_adu, white_adu, LEVELS)
    span = stretch.highlights_adu - stretch.shadows_adu
    share = (values - stretch.shadows_adu) / span if span > 0 else (values > stretch.shadows_adu).astype(np.float64)
    share = np.clip(share, 0.0, 1.0)
    # The formula is 0/0 at the ends of midtones 0 and 1; their limits are all white and all black.
    midtones = min(max(stretch.midtones, 1e-9), 1 - 1e-9)
    bright = (midtones - 1) * share / ((2 * midtones - 1) * share - midtones)
    table: NDArray[np.uint8] = np.rint(bright * 255).astype(np.uint8)
    return table


def histogram_levels(counts: NDArray[np.float32]) -> tuple[int, int]:
    """Median and median absolute deviation, in levels, of an image's histogram; level 0 counts as no data.

    Args:
        counts: pixels per level, (65536,).

    Returns:
        (0, 0) for an image without data.
    """
    held = counts.astype(np.int64)
    held[0] = 0
    total = int(held.sum())
    if total == 0:
        return 0, 0
    half = (total + 1) // 2
    median = int(np.searchsorted(np.cumsum(held), half))
    # The same histogram, folded at the median, is that of the deviations.
    folded = np.zeros(LEVELS, np.int64)
    folded[: LEVELS - median] = held[median:]
    folded[1 : median + 1] += held[:median][::-1]
    return median, int(np.searchsorted(np.cumsum(folded), half))


def _stretch_of(level: ChannelLevels, black_adu: float, white_adu: float, least_sigma_adu: float) -> ChannelStretch:
    span = white_adu - black_adu
    median = min(max((level.median_adu - black_adu) / span, 0.0), 1.0)
    reach = -SHADOWS_CLIP * max(MAD_TO_SIGMA * level.mad_adu, least_sigma_adu) / span
    if median <= 0.5:
        shadows, highlights = max(median - reach, 0.0), 1.0
        middle = midtones_transfer((median - shadows) / (1 - shadows), TARGET_BACKGROUND)
    else:
        shadows, highlights = 0.0, min(median + reach, 1.0)
        middle = midtones_transfer(median / highlights, 1 - TARGET_BACKGROUND)
    return ChannelStretch(
        shadows_adu=black_adu + shadows * span,
        midtones=middle,
        highlights_adu=black_adu + highlights * span,
    )
