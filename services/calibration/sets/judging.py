"""Which frames of a set stay out of its master, and why: each by itself, and against the others of its set.

What a frame is compared with are medians over its set, which stand while less than half of the frames are off; limits
grow with how far the frames of the set scatter, and never fall below what a master would not show.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.pixels.levels import (
    GRID,
    LEAST_FLAT_LEVEL,
    MAD_TO_SIGMA,
    MOST_NAN_SHARE,
    MOST_TOP_SHARE,
    Levels,
)
from shared.events.frame import FrameType

FEWEST_PEERS = 4
"""Frames that a set needs before they are judged by each other."""
LEAST_OF_PEERS = 0.4
"""A flat with less than this share of the light of its set's others."""
_OUTLIER_SIGMAS = 5.0
_NOISE_SHARE = 0.5
_LEAST_ADU = 1.0
_LEAST_UNEVENNESS = 0.02
_MOST_NOISE = 1.5
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


class _Peers(NamedTuple):
    """What the frames of a set have in common; ``shape`` and ``shape_scatter`` by cell."""

    level: float
    level_scatter: float
    noise: float
    shape: NDArray[np.float64]
    shape_scatter: NDArray[np.float64]


def judge(
    frame_type: FrameType, frames: Mapping[str, Levels | str], size: tuple[int | None, int | None] = (None, None)
) -> dict[str, str | None]:
    """Why each frame stays out of the master, one sentence; None where it is kept.

    Args:
        frame_type: BIAS, DARK, DARKFLAT or FLAT.
        frames: by file_id their levels, or why these could not be measured.
        size: width and height of the set, as headers say; None where they do not.
    """
    reasons = {file_id: _alone(frame_type, found, size) for file_id, found in frames.items()}
    sound = {key: found for key, found in frames.items() if reasons[key] is None and not isinstance(found, str)}
    if len(sound) < FEWEST_PEERS:
        return reasons
    peers = _peers(frame_type, list(sound.values()))
    return reasons | {key: _among(frame_type, found, peers) for key, found in sound.items()}


def _alone(frame_type: FrameType, found: Levels | str, size: tuple[int | None, int | None]) -> str | None:
    """What is wrong with a frame whatever its set is."""
    if isinstance(found, str):
        return found
    if size[0] is not None and size[1] is not None and (found.width_px, found.height_px) != size:
        return f"it has {found.width_px} x {found.height_px} pixels, its set {size[0]} x {size[1]}"
    if found.nan_share > MOST_NAN_SHARE:
        return f"{_percent(found.nan_share)} of its pixels have no value"
    if found.min_adu == found.max_adu:
        return f"all of its pixels are {_adu(found.median_adu)}"
    if found.high_share > MOST_TOP_SHARE:
        return f"{_percent(found.high_share)} of its pixels are saturated, at {_adu(found.max_adu)}"
    if frame_type is FrameType.FLAT and found.median_adu < LEAST_FLAT_LEVEL * found.range_adu:
        share = _percent(found.median_adu / found.range_adu)
        return f"it has hardly any light: its median is {_adu(found.median_adu)}, {share} of the range"
    return None


def _peers(frame_type: FrameType, frames: Sequence[Levels]) -> _Peers:
    levels = np.array([frame.median_adu for frame in frames])
    shapes = np.array([_shape(frame_type, frame) for frame in frames])
    shape = np.median(shapes, axis=0)
    return _Peers(
        float(np.median(levels)), _scatter(levels), float(np.median([frame.noise_adu for frame in frames])),
        shape, MAD_TO_SIGMA * np.median(np.abs(shapes - shape), axis=0),
    )  # fmt: skip


def _among(frame_type: FrameType, found: Levels, peers: _Peers) -> str | None:
    """What sets a frame apart from the others of its set."""
    is_flat = frame_type is FrameType.FLAT
    off = found.median_adu - peers.level
    if is_flat:
        if found.median_adu < LEAST_OF_PEERS * peers.level:
            return (
                f"it has {_percent(found.median_adu / peers.level)} of the light of its set: its median is "
                f"{_adu(found.median_adu)}, that of the set {_adu(peers.level)}"
            )
    else:
        limit = max(_OUTLIER_SIGMAS * peers.level_scatter, _NOISE_SHARE * peers.noise, _LEAST_ADU)
        if abs(off) > limit:
            return (
                f"its median is {_adu(found.median_adu)}, that of its set {_adu(peers.level)}: {_adu(abs(off))} off, "
                f"{_adu(limit)} is allowed"
            )
        if found.noise_adu > _MOST_NOISE * peers.noise + _LEAST_ADU:
            return f"its noise is {_adu(found.noise_adu)}, that of its set {_adu(peers.noise)}"
    return _uneven(is_flat, _shape(frame_type, found) - peers.shape, peers)


def _uneven(is_flat: bool, off: NDArray[np.float64], peers: _Peers) -> str | None:
    least = _LEAST_UNEVENNESS if is_flat else max(_NOISE_SHARE * peers.noise, _LEAST_ADU)
    limits = np.maximum(_OUTLIER_SIGMAS * peers.shape_scatter, least)
    cell = int(np.argmax(np.abs(off) / limits))
    if abs(off[cell]) <= limits[cell]:
        return None
    how = "brighter" if off[cell] > 0 else "darker"
    much = _percent(abs(off[cell])) if is_flat else _adu(abs(off[cell]))
    allowed = _percent(limits[cell]) if is_flat else _adu(limits[cell])
    return f"it is uneven: at the {_place(cell)} {much} {how} than its set, {allowed} is allowed"


def _shape(frame_type: FrameType, frame: Levels) -> NDArray[np.float64]:
    """The cells without the frame's level: shares of it for flats, differences to it for others."""
    cells = np.array(frame.grid_adu)
    return cells / frame.median_adu - 1 if frame_type is FrameType.FLAT else cells - frame.median_adu


def _place(cell: int) -> str:
    row, column = divmod(cell, GRID)
    return f"{_ROWS[row * 3 // GRID]} {_COLUMNS[column * 3 // GRID]}"


def _scatter(values: NDArray[np.float64]) -> float:
    return float(MAD_TO_SIGMA * np.median(np.abs(values - np.median(values))))


def _adu(value: float) -> str:
    return f"{value:,.1f} ADU" if abs(value) < 100 else f"{value:,.0f} ADU"


def _percent(share: float) -> str:
    percent = share * 100
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"
