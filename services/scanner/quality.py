"""Frame quality from pixels: star count, widths, sky, noise, saturation.

``measure`` serves frames of the sky, ``levels`` darks, flats and bias. Few or no stars (clouds, a closed dome) are a
result and not an error: ``star_count`` is then small or zero and the widths are None. All numbers are of one plane in
full-resolution pixels: mono data as it is, the green plane of colour images, and the green sites alone of Bayer
mosaics. The method and what it reaches on simulated fields are in docs/stars.md.

Both functions hold the interpreter lock for most of their time (``sep``): run them in processes, not in threads.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import SAMPLE_STEP, TILE_PX, Sky, estimate_sky
from services.scanner.cutouts import Plane
from services.scanner.gaps import NOTHING, TOO_LITTLE, gap_fault
from services.scanner.shapes import Shapes, measure_shapes
from services.scanner.stars import Detections, detect, is_point_like
from shared.events.frame import FrameQuality

_GREEN_PARITY = {"RGGB": 1, "BGGR": 1, "GRBG": 0, "GBRG": 0}
"""(row + column) modulo 2 of the green sites."""

_SMALLEST_PX = 16
"""Below this edge there is no sky to compare a star with."""

_NEAR_CEILING = 0.95
"""Share of the range above which sensors stop being linear: such stars are counted but not measured."""

_ABSURD_ADU = 1e15
"""No sensor counts so far; beyond it, like NaN, a value is no data (and its square would leave float32)."""

_BLANK_STEP = 4
_BLANK_SHARE = (0.002, 0.95)


def measure(
    image: NDArray[Any],
    *,
    bayer_pattern: str | None,
    pixel_scale_arcsec: float | None,
    saturation_adu: float | None = None,
    bottom_up: bool = False,
    bayer_offset: tuple[int, int] = (0, 0),
    problems: list[str] | None = None,
) -> FrameQuality:
    """Measure one frame of the sky.

    Args:
        image: (ny, nx) or (planes, ny, nx), any real dtype, any byte order, ADU; NaN, infinities and empty borders of
            exact zeros are pixels without data.
        bayer_pattern: RGGB, BGGR, GRBG or GBRG as seen from the upper left corner; anything else means mono. Ignored
            for images of several planes, which keep the keyword from before they were debayered.
        pixel_scale_arcsec: arcseconds per pixel, for ``fwhm_arcsec``.
        saturation_adu: top of the range; by default it follows from the data type.
        bottom_up: whether the array's first row is the lowest of the image (ROWORDER BOTTOM-UP).
        bayer_offset: x and y of the pattern's first pixel (XBAYROFF, YBAYROFF), pixels.
        problems: takes a sentence where pixels without data leave nothing to measure, or spoil it.

    Raises:
        ValueError: the image has neither two nor three dimensions.
    """
    problems = [] if problems is None else problems
    pixels, missing = _plane_of(image, problems)
    parity = _green_parity(image, pixels, bayer_pattern, bottom_up=bottom_up, bayer_offset=bayer_offset)
    plane = Plane(pixels, parity, missing)
    sky = _known_sky(plane, problems)
    if sky is None:
        return FrameQuality()
    ceiling = _ceiling_of(pixels, saturation_adu)
    quality = FrameQuality.model_construct(
        background_adu=sky.level_adu, noise_adu=sky.noise_adu, saturated_fraction=_saturated(pixels, ceiling)
    )
    if min(pixels.shape) < _SMALLEST_PX or sky.noise_adu <= 0:
        return quality.model_copy(update={"star_count": 0})
    stars = _stars_of(plane, sky)
    limit = np.inf if ceiling is None else ceiling * _NEAR_CEILING
    shapes = measure_shapes(plane, sky, stars, ceiling_adu=limit)
    return _with_stars(quality, stars, shapes, pixel_scale_arcsec)


def plane_of(
    image: NDArray[Any],
    *,
    bayer_pattern: str | None,
    bottom_up: bool = False,
    bayer_offset: tuple[int, int] = (0, 0),
) -> Plane:
    """The plane of an image that is measured. Arguments as for ``measure``."""
    pixels, missing = _plane_of(image, [])
    parity = _green_parity(image, pixels, bayer_pattern, bottom_up=bottom_up, bayer_offset=bayer_offset)
    return Plane(pixels, parity, missing)


def find_stars(image: NDArray[Any], *, bayer_pattern: str | None, bottom_up: bool = False) -> Detections | None:
    """The stars that ``measure`` counts; None where it does not look for any. Arguments as there."""
    plane = plane_of(image, bayer_pattern=bayer_pattern, bottom_up=bottom_up)
    if min(plane.pixels.shape) < _SMALLEST_PX or (plane.missing is not None and bool(plane.missing.all())):
        return None
    sky = sky_of(plane)
    return _stars_of(plane, sky) if sky.noise_adu > 0 else None


def levels(image: NDArray[Any], *, problems: list[str] | None = None) -> FrameQuality:
    """Measure a dark, flat or bias: background, noise and saturated share only. Arguments as for ``measure``."""
    problems = [] if problems is None else problems
    pixels, missing = _plane_of(image, problems)
    sky = _known_sky(Plane(pixels, None, missing), problems)
    if sky is None:
        return FrameQuality()
    return FrameQuality.model_construct(
        background_adu=sky.level_adu,
        noise_adu=sky.noise_adu,
        saturated_fraction=_saturated(pixels, _ceiling_of(pixels, None)),
    )


def _known_sky(plane: Plane, problems: list[str]) -> Sky | None:
    """The background; None, and a sentence in ``problems``, where too few pixels hold data for one."""
    if plane.pixels.size == 0:
        return None
    empty = plane.missing is not None and bool(plane.missing.all())
    sky = None if empty else sky_of(plane)
    if sky is not None and np.isfinite(sky.noise_adu):
        return sky
    if NOTHING not in problems:
        problems[:] = [NOTHING if empty else TOO_LITTLE]
    return None


def _stars_of(plane: Plane, sky: Sky) -> Detections:
    stars = detect(plane, sky)
    return stars.select(is_point_like(plane, sky, stars))


def _with_stars(
    quality: FrameQuality, stars: Detections, shapes: Shapes | None, pixel_scale_arcsec: float | None
) -> FrameQuality:
    update: dict[str, float | int | None] = {"star_count": len(stars.x)}
    if shapes is not None:
        update |= {"fwhm_px": shapes.fwhm_px, "hfr_px": shapes.hfr_px, "eccentricity": shapes.eccentricity}
        if pixel_scale_arcsec:
            update["fwhm_arcsec"] = shapes.fwhm_px * pixel_scale_arcsec
    return quality.model_copy(update=update)


def _green_parity(
    image: NDArray[Any],
    pixels: NDArray[Any],
    bayer_pattern: str | None,
    *,
    bottom_up: bool,
    bayer_offset: tuple[int, int],
) -> int | None:
    """(row + column) modulo 2 of the array's green sites; None for mono and for images of several planes."""
    parity = _GREEN_PARITY.get((bayer_pattern or "").strip().upper()) if image.ndim == 2 else None
    if parity is None:
        return None
    return (parity + (len(pixels) - 1 if bottom_up else 0) + sum(bayer_offset)) % 2


def sky_of(plane: Plane) -> Sky:
    """The background by samples of one colour; of small images every pixel is one."""
    step = SAMPLE_STEP[plane.parity is not None]
    if min(plane.pixels.shape) < 2 * step[0]:
        step = (1, 1)
    sites = (slice(None, None, step[0]), slice((plane.parity or 0) if step[1] > 1 else 0, None, step[1]))
    missing = None if plane.missing is None else plane.missing[sites]
    if missing is not None and bool(missing.all()):
        step, sites, missing = (1, 1), (slice(None), slice(None)), plane.missing
    sky = estimate_sky(plane.pixels[sites], step=step, missing=missing)
    if sky.noise_mesh is None:
        return sky
    # Bright nebulae bend within a tile; a finer mesh follows them.
    fine = estimate_sky(plane.pixels[sites], step=step, missing=missing, tile_px=TILE_PX // 2)
    return replace(fine, level_adu=sky.level_adu, noise_adu=sky.noise_adu)


def _plane_of(image: NDArray[Any], problems: list[str]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """One plane in native byte order, C order, and where its data is missing (None when it is complete).

    What is to say of pixels without a number is appended to ``problems``.
    """
    if image.ndim not in {2, 3}:
        raise ValueError(f"an image has two or three dimensions, not {image.ndim}")
    if image.size == 0:
        return np.empty((0, 0), image.dtype), None
    plane = image if image.ndim == 2 else image[1 if len(image) >= 3 else 0]
    plane = np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))
    blank = plane == 0 if _has_blank_areas(plane) else None
    if not np.issubdtype(plane.dtype, np.floating):
        return plane, blank
    # NaN passes through both extremes, so that two quick passes tell a complete frame.
    low, high = plane.min(), plane.max()
    if low > -_ABSURD_ADU and high < _ABSURD_ADU:
        return plane, blank
    absurd = ~(np.abs(plane) < _ABSURD_ADU)
    if (fault := gap_fault(absurd)) is not None:
        problems.append(fault)
    missing = absurd if blank is None else absurd | blank
    good = plane[~missing]
    return np.where(absurd, np.median(good) if good.size else 0, plane), missing


def _has_blank_areas(plane: NDArray[Any]) -> bool:
    """Whether exact zeros fill areas, as registration leaves them, and are not a clipped sky's lowest values.

    Zeros that are sky lie about at random: a zero's neighbour is zero as often as any pixel. Those of an empty area
    hang together.
    """
    zero = plane[::_BLANK_STEP, ::_BLANK_STEP] == 0
    share = float(zero.mean())
    if not _BLANK_SHARE[0] < share < _BLANK_SHARE[1] or zero.shape[1] < 4:
        return False
    beside = float((zero[:, 1:] & zero[:, :-1]).mean()) / share
    return beside > 0.5 + 0.5 * share


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
    if ceiling is None:
        return 0.0
    # A whole number is compared in the pixels' own type, at a tenth of the time.
    limit = int(np.ceil(ceiling)) if np.issubdtype(plane.dtype, np.integer) else ceiling
    return float(np.count_nonzero(plane >= limit)) / plane.size
