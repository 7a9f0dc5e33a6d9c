"""Stars: where they are, and which detections are none.

Detection runs on the image of ``binning.py``. Hot pixels, pairs and columns of them are told by their neighbours
at full resolution, trails by their length.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import sep
from numpy.typing import NDArray

from services.scanner.background import Sky
from services.scanner.binning import KERNEL_NOISE, SearchImage, count_peaks, search_image
from services.scanner.cutouts import Plane, cut

DETECTION_SIGMA = 1.6
"""Threshold in units of the search image's noise: 4.3 sigma after the 3 x 3 kernel, which lowers noise to 0.375."""

MIN_AREA = {1: 4, 2: 2}
"""Pixels of the search image, by its binning, that must lie above the threshold."""

_PLAIN_SIGMA = 1.5 * DETECTION_SIGMA
_CROWDED_PX = 800
"""Pixels of half resolution per star below which the search goes on at full resolution."""

_PIXSTACK = 300_000
_SHARPNESS_MIN = 0.10
_LINE_MIN = 0.03
_CORNER_MIN, _CORNER_SIGMA = 0.04, 2.0
_NARROW_PX = 2.5
_ELONGATION_MAX = 5.0
_RING_POINTS, _RING_WIDTHS, _RING_LEAST, _RING_MOST = 24, 1.7, 4.0, 40.0
_RING_SIGMA, _CALM = 3.0, 1.6
_KERNEL_VARIANCE = 0.5
_BOX = np.mgrid[-3:4, -3:4].reshape(2, 49)
_INNER = np.flatnonzero(np.abs(_BOX).max(axis=0) <= 1)
_CROSS, _DIAGONAL = (-7, -1, 1, 7), (-8, -6, 6, 8)
_KNIGHT = (-15, -13, -9, -5, 5, 9, 13, 15)


@dataclass(frozen=True)
class Detections:
    """Detected stars in full-resolution pixels: positions, moments, flux in ADU, and sep's blending flag."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    major: NDArray[np.float64]
    minor: NDArray[np.float64]
    flux: NDArray[np.float64]
    blended: NDArray[np.bool_]

    @property
    def width_px(self) -> NDArray[np.float64]:
        """Rough full width at half maximum, from the second moments of what lies above the threshold."""
        return 2.3548 * np.sqrt(self.major * self.minor)

    def select(self, keep: NDArray[np.bool_]) -> "Detections":
        """Those where ``keep``, (n,), is true."""
        return Detections(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


def detect(plane: Plane, sky: Sky) -> Detections:
    """Find everything star-like."""
    return extract(searched(plane, sky))


def searched(plane: Plane, sky: Sky) -> SearchImage:
    """The image to search: at half resolution or, in a crowd, at full resolution."""
    image = search_image(plane, sky, factor=2)
    if count_peaks(image, _PLAIN_SIGMA * image.noise_adu) * _CROWDED_PX > image.pixels.size:
        image = search_image(plane, sky, factor=1)
    return image


def extract(image: SearchImage) -> Detections:
    """Find everything star-like in an image made for it."""
    found = _extract(image.pixels, DETECTION_SIGMA * image.noise_adu, MIN_AREA[image.factor])
    # A satellite trail is one long detection; the faintest objects may look elongated by noise alone.
    found = found[found["a"] <= _ELONGATION_MAX * np.maximum(found["b"], 0.5)]
    found = found[_stands_out(image, found)]
    return Detections(
        x=image.factor * found["x"] + (image.factor - 1) / 2,
        y=image.factor * found["y"] + (image.factor - 1) / 2,
        major=image.factor * _unsmoothed(found["a"]),
        minor=image.factor * _unsmoothed(found["b"]),
        flux=found["cflux"] * image.factor**2,
        blended=found["flag"] != 0,
    )


def _stands_out(image: SearchImage, found: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which objects lie in a calm sky or rise well above the scatter of a ring around them, (n,).

    The texture and the photon noise of nebulae do neither.
    """
    ny, nx = image.pixels.shape
    width = 2.3548 * np.sqrt(_unsmoothed(found["a"]) * _unsmoothed(found["b"]))
    radius = np.clip(_RING_WIDTHS * width, _RING_LEAST, _RING_MOST)[:, None]
    angle = np.arange(_RING_POINTS) * (2 * np.pi / _RING_POINTS)
    cols = np.clip(np.rint(found["x"][:, None] + radius * np.cos(angle)).astype(np.intp), 0, nx - 1)
    rows = np.clip(np.rint(found["y"][:, None] + radius * np.sin(angle)).astype(np.intp), 0, ny - 1)
    ring = np.sort(image.pixels[rows, cols], axis=1)
    middle = ring[:, _RING_POINTS // 2]
    scatter = middle - ring[:, _RING_POINTS // 6]
    calm = scatter < _CALM * image.noise_adu * KERNEL_NOISE
    result: NDArray[np.bool_] = calm | (found["cpeak"] - middle > _RING_SIGMA * scatter)
    return result


def _unsmoothed(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """A second moment's root in binned pixels, freed of the smoothing kernel's share."""
    result: NDArray[np.float64] = np.sqrt(np.maximum(deviation**2 - _KERNEL_VARIANCE, 0.1))
    return result


def _extract(image: NDArray[np.float32], threshold: float, min_area: int) -> NDArray[np.void]:
    """``sep.extract``, again with more room when a nebula or a crowd overflows its buffers.

    A second overflow while deblending gives deblending up, further ones raise the threshold, so that this ends.
    """
    pixstack, steps, contrast = _PIXSTACK, 8, 0.001
    try:
        while True:
            try:
                found: NDArray[np.void] = sep.extract(
                    image,
                    threshold,
                    minarea=min_area,
                    filter_kernel=None,
                    deblend_nthresh=steps,
                    deblend_cont=contrast,
                    clean=False,  # on a smoothed image it drops real stars, and it costs the square of their number
                )
            except Exception as error:
                # sep knows only bare Exception; its message tells which of two buffers was too small.
                if "pixel buffer full" in str(error) and pixstack < image.size:
                    pixstack = min(pixstack * 4, image.size)
                    sep.set_extract_pixstack(pixstack)
                elif "deblending overflow" in str(error):
                    threshold *= 1 if contrast < 1 else 2
                    steps, contrast = 1, 1.0
                else:
                    raise
            else:
                return found
    finally:
        if pixstack != _PIXSTACK:
            sep.set_extract_pixstack(_PIXSTACK)


def is_point_like(plane: Plane, sky: Sky, found: Detections) -> NDArray[np.bool_]:
    """Tell stars from hot pixels: (n,) True where the light reaches the neighbours of the brightest pixel.

    The mean of four neighbours tells a single hot pixel, the mean of the two faintest also a pair and a column. On a
    mosaic the neighbours of the brightest green pixel are the four diagonal ones, which are green as well; a star too
    sharp for them still shows in the red and blue pixels beside it, compared with those a little further out.

    Where stars are hardly wider than a pixel, one that falls on a corner of pixels leaves two neighbours dark, as a
    pair does, but unlike a pair it reaches out along both axes. In frames of wider stars that is a cosmic ray.
    """
    ny, nx = plane.pixels.shape
    rows = np.clip(np.rint(found.y).astype(np.intp), 3, ny - 4)
    cols = np.clip(np.rint(found.x).astype(np.intp), 3, nx - 4)
    around = cut(replace(plane, parity=None), sky, rows, cols, (_BOX[0], _BOX[1])).values
    inner = around[:, _INNER]
    if plane.parity is not None:
        green = ((rows + cols)[:, None] + _BOX[:, _INNER].sum(axis=0)) % 2 == plane.parity
        inner = np.where(green, inner, -np.inf)
    centre = _INNER[inner.argmax(axis=1)]
    star = np.arange(len(centre))
    peak = around[star, centre]

    def light(offsets: tuple[int, ...]) -> NDArray[np.float32]:
        return np.stack([around[star, centre + offset] for offset in offsets], axis=1)

    beside = light(_CROSS if plane.parity is None else _DIAGONAL)
    nearest = np.sort(beside, axis=1)
    wide = nearest.mean(axis=1) > _SHARPNESS_MIN * peak
    wide &= nearest[:, :2].mean(axis=1) > _LINE_MIN * peak - 0.5 * sky.noise_adu
    coloured = None
    if plane.parity is not None:
        coloured = light(_CROSS) - light(_KNIGHT).mean(axis=1, keepdims=True)
        wide |= (coloured.mean(axis=1) > _SHARPNESS_MIN * peak) & (coloured.min(axis=1) > _LINE_MIN * peak)
    doubtful = np.flatnonzero(~wide)
    if doubtful.size and _are_narrow(found, wide):
        reach = _reach(beside[doubtful])
        if coloured is not None:
            reach = np.maximum(reach, _reach(coloured[doubtful]))
        wide[doubtful] = reach > _CORNER_MIN * peak[doubtful] + _CORNER_SIGMA * sky.noise_adu
    result: NDArray[np.bool_] = wide
    return result


def _reach(beside: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much light lies along both axes, (n,) ADU: an axis counts with the brighter of its ends.

    ``beside``, (n, 4): the neighbours in reading order, so that the first and the last are one axis.
    """
    one, other = np.maximum(beside[:, 0], beside[:, 3]), np.maximum(beside[:, 1], beside[:, 2])
    result: NDArray[np.float32] = np.minimum(one, other)
    return result


def _are_narrow(found: Detections, wide: NDArray[np.bool_]) -> bool:
    """Whether the brighter half of the detections that are stars without doubt is hardly wider than a pixel."""
    if not wide.any():
        return True
    flux = found.flux[wide]
    return float(np.median(found.width_px[wide][flux >= np.median(flux)])) < _NARROW_PX
