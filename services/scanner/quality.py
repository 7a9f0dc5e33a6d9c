"""Frame quality from pixels: star count, widths, sky, noise, saturation.

``measure`` serves frames of the sky, ``levels`` darks, flats and bias. Few or no stars (clouds, a closed dome) are a
result and not an error: ``star_count`` is then small or zero and the widths are None. All numbers are of one plane in
full-resolution pixels: mono data as it is, the green plane of colour images, and for Bayer mosaics a full-resolution
green plane whose missing sites are the mean of their four green neighbours. Measured on simulated fields (500 stars,
1080 x 1920): see the table in ``tests/unit/scanner/test_scanner_quality.py``.

Both functions hold the interpreter lock for most of their time (``sep``): run them in processes, not in threads.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import estimate_sky, subtract_sky
from services.scanner.stars import Detections, Shapes, detect, is_point_like, measure_shapes
from shared.events.frame import FrameQuality

_GREEN_PARITY = {"RGGB": 1, "BGGR": 1, "GRBG": 0, "GBRG": 0}
"""(row + column) modulo 2 of the green sites."""

_SMALLEST_PX = 16
"""Below this edge there is no sky to compare a star with."""

_NEAR_CEILING = 0.95
"""Share of the range above which sensors stop being linear: such stars are counted but not measured."""

_ABSURD_ADU = 1e15
"""No sensor counts so far; beyond it, like NaN, a value is no data (and its square would leave float32)."""

_buffers = threading.local()


def measure(
    image: NDArray[Any],
    *,
    bayer_pattern: str | None,
    pixel_scale_arcsec: float | None,
    saturation_adu: float | None = None,
) -> FrameQuality:
    """Measure one frame of the sky.

    Args:
        image: (ny, nx) or (planes, ny, nx), uint8, uint16, int32, float32 or float64, any byte order, ADU; NaN and
            infinities are pixels without data.
        bayer_pattern: RGGB, BGGR, GRBG or GBRG in the order of the array's rows; anything else means mono. Ignored
            for images of several planes, which keep the keyword from before they were debayered.
        pixel_scale_arcsec: arcseconds per pixel, for ``fwhm_arcsec``.
        saturation_adu: top of the range; by default it follows from the data type.

    Raises:
        ValueError: the image has neither two nor three dimensions.
    """
    plane, missing = _plane_of(image)
    if plane.size == 0 or (missing is not None and bool(missing.all())):
        return FrameQuality()
    parity = _GREEN_PARITY.get((bayer_pattern or "").strip().upper()) if image.ndim == 2 else None
    ceiling = _ceiling_of(plane, saturation_adu)
    samples = plane[::2, parity or 0 :: 2] if min(plane.shape) > 1 else plane
    sky = estimate_sky(samples, step=2)
    quality = FrameQuality(
        background_adu=sky.level_adu, noise_adu=sky.noise_adu, saturated_fraction=_saturated(plane, ceiling)
    )
    if min(plane.shape) < _SMALLEST_PX or sky.noise_adu <= 0:
        return quality.model_copy(update={"star_count": 0})
    work = _buffer(plane.shape)
    subtract_sky(plane, sky, work)
    if missing is not None:
        work[missing] = 0
    binned, share = _bin(work, parity)
    if parity is not None:
        _fill_green(work, parity)
    stars = detect(binned, sky.noise_adu * share)
    stars = stars.select(is_point_like(work, stars, bayer=parity is not None))
    limit = np.inf if ceiling is None else ceiling * _NEAR_CEILING - sky.level_adu
    shapes = measure_shapes(work, stars, ceiling_adu=limit, parity=parity)
    return _with_stars(quality, stars, shapes, pixel_scale_arcsec)


def levels(image: NDArray[Any]) -> FrameQuality:
    """Measure a dark, flat or bias: background, noise and saturated share only. Arguments as for ``measure``."""
    plane, missing = _plane_of(image)
    if plane.size == 0 or (missing is not None and bool(missing.all())):
        return FrameQuality()
    step = 2 if min(plane.shape) > 1 else 1
    sky = estimate_sky(plane[::step, ::step], step=step)
    return FrameQuality(
        background_adu=sky.level_adu,
        noise_adu=sky.noise_adu,
        saturated_fraction=_saturated(plane, _ceiling_of(plane, None)),
    )


def _with_stars(
    quality: FrameQuality, stars: Detections, shapes: Shapes | None, pixel_scale_arcsec: float | None
) -> FrameQuality:
    update: dict[str, float | int | None] = {"star_count": len(stars.x)}
    if shapes is not None:
        update |= {"fwhm_px": shapes.fwhm_px, "hfr_px": shapes.hfr_px, "eccentricity": shapes.eccentricity}
        if pixel_scale_arcsec:
            update["fwhm_arcsec"] = shapes.fwhm_px * pixel_scale_arcsec
    return quality.model_copy(update=update)


def _plane_of(image: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """One plane in native byte order, and where its data is missing (None when it is complete)."""
    if image.ndim not in {2, 3}:
        raise ValueError(f"an image has two or three dimensions, not {image.ndim}")
    if image.size == 0:
        return np.empty((0, 0), image.dtype), None
    plane = image if image.ndim == 2 else image[1 if len(image) >= 3 else 0]
    if not plane.dtype.isnative:
        plane = plane.astype(plane.dtype.newbyteorder("="))
    if not np.issubdtype(plane.dtype, np.floating):
        return plane, None
    missing = ~(np.abs(plane) < _ABSURD_ADU)
    if not missing.any():
        return plane, None
    good = plane[~missing]
    return np.where(missing, np.median(good) if good.size else 0, plane), missing


def _ceiling_of(plane: NDArray[Any], saturation_adu: float | None) -> float | None:
    """The value at which pixels are saturated, ADU; None when the type does not tell.

    Cameras of 12 and 14 bits that fill 16 end at 65520 and 65532, hence a little below the top.
    """
    if saturation_adu is not None:
        return saturation_adu
    if plane.dtype == np.uint8:
        return 255.0
    if plane.dtype == np.uint16:
        return 65504.0
    top = float(plane.max())
    if top <= 1.0:
        return 0.999 if np.issubdtype(plane.dtype, np.floating) else None
    return 65504.0 if top <= 65535.5 else None


def _saturated(plane: NDArray[Any], ceiling: float | None) -> float:
    """Share of the pixels at or above the ceiling, 0 to 1."""
    return 0.0 if ceiling is None else float(np.count_nonzero(plane >= ceiling)) / plane.size


def _buffer(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A float32 work plane kept from frame to frame: for large frames its page faults cost more than the work."""
    kept: NDArray[np.float32] | None = getattr(_buffers, "plane", None)
    if kept is None or kept.shape != shape:
        kept = np.empty(shape, np.float32)
        _buffers.plane = kept
    return kept


def _bin(plane: NDArray[np.float32], parity: int | None) -> tuple[NDArray[np.float32], float]:
    """Bin 2 x 2 (mosaics: the two green sites of each cell); also the noise left of one pixel's, as a share."""
    ny, nx = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    top, bottom = plane[0:ny:2], plane[1:ny:2]
    if parity is None:
        rows = top + bottom
        return (rows[:, 0:nx:2] + rows[:, 1:nx:2]) * np.float32(0.25), 0.5
    return (top[:, parity:nx:2] + bottom[:, 1 - parity : nx : 2]) * np.float32(0.5), float(np.sqrt(0.5))


def _fill_green(plane: NDArray[np.float32], parity: int) -> None:
    """Replace red and blue sites by the mean of their four green neighbours (mirrored at the edges), in place."""
    ny, nx = plane.shape
    padded = np.pad(plane, 1, mode="reflect")
    for row in (0, 1):
        col = (parity + row + 1) % 2
        up, down = (
            padded[row : row + ny : 2, col + 1 : col + 1 + nx : 2],
            padded[row + 2 : row + 2 + ny : 2, col + 1 :: 2],
        )
        left, right = padded[row + 1 : row + 1 + ny : 2, col : col + nx : 2], padded[row + 1 :: 2, col + 2 :: 2]
        target = plane[row::2, col::2]
        shape = (slice(target.shape[0]), slice(target.shape[1]))
        np.multiply(up[shape] + down[shape] + left[shape] + right[shape], np.float32(0.25), out=target)
