"""A frame reduced to a proxy: at most 1,024 pixels on the longer side, linear, 65,536 levels.

Pixels are averaged over their area by OpenCV, which is the whole cost; everything after works on the small image. Bayer
mosaics are reduced and debayered in one: each 2 x 2 cell is one pixel of red, green (the mean of two) and blue, so the
proxy of a mosaic is never larger than its cells. Images are never enlarged.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Permanent
from shared.frames.layout import BAYER_PATTERNS
from shared.previews.stretch import LEVELS, ChannelLevels, histogram_levels

PROXY_PX = 1024
"""Longest side of a proxy, pixels."""

Levels = NDArray[np.uint16]

_TOP = LEVELS - 1
_ABSURD_ADU = 1e15
"""No sensor counts so far; beyond it, like NaN, a value is no data."""
_OUTLIER_SPANS = 64
"""Values farther beyond 99.9 % of the others than so many times their span do not widen the range."""


@dataclass(frozen=True)
class Proxy:
    """A small linear image.

    ``levels`` is (planes, ny, nx) uint16 with one plane or three (red, green, blue), top row first;
    ``value = black_adu + level / 65535 * (white_adu - black_adu)``, and level 0 is also what has no data.
    ``full_scale_adu`` is the top of the file's own range where its numbers tell: 65535, 255, 1.0; else ``white_adu``.
    ``channels`` are the statistics of each plane.
    """

    levels: Levels
    black_adu: float
    white_adu: float
    full_scale_adu: float
    channels: tuple[ChannelLevels, ...]

    @property
    def step_adu(self) -> float:
        """The difference of two neighbouring levels, ADU."""
        return (self.white_adu - self.black_adu) / _TOP


def make_proxy(
    image: NDArray[Any],
    *,
    bayer_pattern: str | None = None,
    bayer_offset: tuple[int, int] = (0, 0),
    bottom_up: bool = False,
    size_px: int = PROXY_PX,
) -> Proxy:
    """Reduce a frame.

    Args:
        image: (ny, nx) or (planes, ny, nx) of any real type, ADU; NaN and infinities are pixels without data. Three or
            four planes are red, green, blue (and alpha, left out); of any other number the first is shown in grey.
        bayer_pattern: RGGB, BGGR, GRBG or GBRG, named from the top of the picture; anything else means mono. Ignored
            for images of several planes.
        bayer_offset: x and y of the pattern's first pixel (XBAYROFF, YBAYROFF), pixels.
        bottom_up: whether the array's first row is the bottom of the picture.
        size_px: longest side of the result.

    Raises:
        Permanent: the image holds no pixels.
        ValueError: it has neither two nor three dimensions.
    """
    if image.ndim not in {2, 3}:
        raise ValueError(f"an image has two or three dimensions, not {image.ndim}")
    if image.size == 0:
        raise Permanent("the image holds no pixels")
    pattern = (bayer_pattern or "").strip().upper()
    if image.ndim == 2 and pattern in BAYER_PATTERNS and min(image.shape) >= 2:
        right, down = bayer_offset
        # The pattern is named from the top of the picture, which a frame stored bottom-up has in its last row.
        reduced = _mosaic(image, _shifted(pattern, right, down + (len(image) - 1 if bottom_up else 0)), size_px)
    else:
        planes = image[None] if image.ndim == 2 else image[:3] if len(image) in {3, 4} else image[:1]
        size = _fitting(planes.shape[1], planes.shape[2], size_px)
        reduced = [_area(_resizable(plane), size) for plane in planes]
    if bottom_up:
        reduced = [plane[::-1] for plane in reduced]
    stacked = np.stack(reduced)
    if stacked.dtype == np.uint16:
        top = 255.0 if image.dtype == np.uint8 else float(_TOP)  # 8 bits were spread over all levels
        return _described(stacked, 0.0, top, top)
    return _quantised(stacked)


def _described(levels: Levels, black_adu: float, white_adu: float, full_scale_adu: float) -> Proxy:
    """A proxy with its statistics."""
    import cv2

    step = (white_adu - black_adu) / _TOP
    channels = []
    for plane in levels:
        counts = cv2.calcHist([plane], [0], None, [LEVELS], [0, LEVELS]).ravel()
        median, deviation = histogram_levels(counts)
        channels.append(ChannelLevels(median_adu=black_adu + median * step, mad_adu=deviation * step))
    return Proxy(levels, black_adu, white_adu, full_scale_adu, tuple(channels))


def _quantised(reduced: NDArray[Any]) -> Proxy:
    """A floating-point image brought to levels 1 to 65535 of the range that it fills; no data, and zero, is level 0.

    Registered frames and stacks are filled with zero where no frame reached.
    """
    held = (np.abs(reduced) < _ABSURD_ADU) & (reduced != 0)
    values = reduced[held]
    low, high = _range(values) if values.size else (0.0, 0.0)
    span = high - low if high > low else max(abs(high), 1.0)
    black, white = low - span / _TOP, (high if high > low else low + span)
    # In doubles, and bounded before it is divided: a span may be smaller than single precision can tell.
    inside = np.clip(np.where(held, reduced, black).astype(np.float64), black, white)
    levels = np.rint((inside - black) / (white - black) * _TOP).astype(np.uint16)
    return _described(levels, black, white, _full_scale(low, high, white))


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Least and greatest value, without the few that would leave all others one level."""
    low, high = float(values.min()), float(values.max())
    first, last = (float(value) for value in np.percentile(values[:: max(1, values.size // 50_000)], (0.1, 99.9)))
    reach = (last - first) * _OUTLIER_SPANS
    return (max(low, first - reach), min(high, last + reach)) if reach > 0 else (low, high)


def _full_scale(low: float, high: float, white: float) -> float:
    if low >= 0 and high <= 1:
        return 1.0
    return float(_TOP) if low >= 0 and high <= _TOP else white


def _mosaic(image: NDArray[Any], pattern: str, size_px: int) -> list[NDArray[Any]]:
    """Red, green and blue of a mosaic. Each row is seen as pairs of pixels, two channels, so that nothing is copied."""
    import cv2

    ny, nx = image.shape[0] // 2, image.shape[1] // 2
    mosaic = _resizable(image[: 2 * ny, : 2 * nx])
    size = _fitting(ny, nx, size_px)
    found: dict[str, list[NDArray[Any]]] = {"R": [], "G": [], "B": []}
    for row in (0, 1):
        pairs = _area(mosaic[row::2].reshape(ny, nx, 2), size)
        for colour, plane in zip(pattern[2 * row : 2 * row + 2], cv2.split(pairs), strict=True):
            found[colour].append(plane)
    first, second = found["G"]
    return [found["R"][0], _mean(first, second), found["B"][0]]


def _mean(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    import cv2

    mean: NDArray[Any] = cv2.addWeighted(first, 0.5, second, 0.5, 0.0)
    return mean


def _shifted(pattern: str, right: int, down: int) -> str:
    """The pattern as seen from the array's first pixel."""
    cell = (pattern[:2], pattern[2:])
    rows = (cell[down % 2], cell[(down + 1) % 2])
    return "".join(row[right % 2] + row[(right + 1) % 2] for row in rows)


def _fitting(height: int, width: int, size_px: int) -> tuple[int, int]:
    """Width and height, in OpenCV's order, that keep the proportions within ``size_px``."""
    scale = min(1.0, size_px / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resizable(plane: NDArray[Any]) -> NDArray[Any]:
    """The plane in a type that OpenCV averages without losing digits; 8 bits are spread over 16."""
    if plane.dtype == np.uint8:
        spread: NDArray[np.uint16] = np.multiply(plane, 257, dtype=np.uint16)
        return spread
    if plane.dtype == np.uint16:
        return plane if plane.dtype.isnative else plane.astype(np.uint16)
    if plane.dtype == np.float64:
        return plane if plane.dtype.isnative else plane.astype(np.float64)
    single: NDArray[np.float32] = plane.astype(np.float32, copy=not plane.dtype.isnative)
    return single


def _area(data: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Pixels averaged over their area: (ny, nx) or (ny, nx, 2) to ``size``; what has no data is left out, or NaN."""
    if data.shape[1::-1] == size:
        return data
    reduced = _resized(data, size)
    if reduced.dtype == np.uint16 or bool((np.abs(reduced) < _ABSURD_ADU).all()):
        return reduced
    known = np.abs(data) < _ABSURD_ADU
    weight = _resized(known.astype(data.dtype), size)
    total = _resized(np.where(known, data, data.dtype.type(0)), size)
    mean: NDArray[Any] = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    return mean


def _resized(data: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    import cv2

    try:
        reduced: NDArray[Any] = cv2.resize(data, size, interpolation=cv2.INTER_AREA)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise Permanent(f"the image cannot be reduced: {error.err}") from error
    return reduced
