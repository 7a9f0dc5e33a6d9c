"""The image that stars are searched in: sky subtracted, smoothed by a kernel of 3 x 3, as a rule at half resolution.

Half resolution costs a quarter of the pixels, and a wide star gains: the kernel then spans six pixels. Mono frames are
binned 2 x 2; of a Bayer mosaic each cell gives the mean of its two green sites. A crowd of stars is searched at full
resolution, because close ones would merge; there the kernel itself fills a mosaic's gaps, as half of its weight falls
on green sites wherever it stands. The work runs in bands of rows that stay in the processor's cache, from the pixels
as they were read: no full-size copy is made but the result.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import TILE_PX, Sky, tiles
from services.scanner.cutouts import Plane

_BAND_ROWS = 64
KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 16
"""SExtractor's default filter."""

KERNEL_NOISE = 0.375
"""What the kernel leaves of white noise."""

_NOISE_SAMPLES = 40_000
_QUIET_SHARE = 0.33
_QUIET_LOSS = 0.44 * 1.9
_kept = threading.local()


@dataclass(frozen=True, slots=True)
class SearchImage:
    """``pixels``, (ny / factor, nx / factor) float32, ADU above the sky, smoothed; valid until the thread's next one.

    ``noise_adu`` is the standard deviation of one pixel before smoothing, inferred from the smoothed image: where noise
    is correlated, as in registered or debayered frames, it is larger than that of the plane would let expect.
    """

    factor: int
    pixels: NDArray[np.float32]
    noise_adu: float


def search_image(plane: Plane, sky: Sky, *, factor: int) -> SearchImage:
    """Bin by ``factor`` (1 or 2) and smooth a plane of at least 4 x 4 pixels."""
    import cv2  # 0.1 s, once in each process, and only where stars are measured

    cv2.setNumThreads(1)  # there are as many readers as cores
    ny, nx = plane.pixels.shape[0] // factor, plane.pixels.shape[1] // factor
    middle = (factor - 1) / 2
    across = factor * np.arange(nx) + middle
    lines = sky.lines(sky.mesh, across)
    noise_lines = None if sky.noise_mesh is None else sky.lines((1 / sky.noise_mesh).astype(np.float32), across)
    above, share = sky.rows(factor * np.arange(ny) + middle)
    smooth = _buffer((ny, nx))
    band = np.empty((_BAND_ROWS + 2, nx), np.float32)
    for top in range(0, ny, _BAND_ROWS):
        stop = min(top + _BAND_ROWS, ny)
        # One more row on either side, so that bands join without a seam.
        rows = slice(max(top - 1, 0), min(stop + 1, ny))
        flat = band[: rows.stop - rows.start]
        _bin(plane, rows, factor, flat)
        _subtract(flat, lines, above[rows], share[rows, None])
        if noise_lines is not None:
            _temper(flat, noise_lines, above[rows], share[rows, None])
        _mask(flat, plane, rows, factor)
        done = cv2.filter2D(flat, -1, KERNEL, borderType=cv2.BORDER_REFLECT_101)
        smooth[top:stop] = done[top - rows.start : stop - rows.start]
    # Coarsely quantised data can hide its noise from percentiles.
    noise = max(_noise(smooth, TILE_PX // factor) / KERNEL_NOISE, 0.6 * _white_noise(plane, sky, factor))
    return SearchImage(factor, smooth, noise)


def count_peaks(image: SearchImage, threshold_adu: float) -> int:
    """How many pixels above a threshold are not lower than any neighbour: about as many as there are stars."""
    import cv2

    highest = cv2.dilate(image.pixels, np.ones((3, 3), np.uint8))
    return int(np.count_nonzero((highest == image.pixels) & (highest > threshold_adu)))


def _bin(plane: Plane, rows: slice, factor: int, out: NDArray[np.float32]) -> None:
    """Write the rows of the binned plane to ``out``."""
    import cv2

    wide = out.shape[1] * factor
    pixels = plane.pixels[factor * rows.start : factor * rows.stop, :wide]
    if factor == 1:
        np.copyto(out, pixels, casting="unsafe")
        return
    full = pixels.astype(np.float32)
    if plane.parity is None:
        cv2.resize(full, (out.shape[1], out.shape[0]), dst=out, interpolation=cv2.INTER_AREA)
    else:
        np.add(full[0::2, plane.parity :: 2], full[1::2, 1 - plane.parity :: 2], out=out)
        out *= np.float32(0.5)


def _mask(flat: NDArray[np.float32], plane: Plane, rows: slice, factor: int) -> None:
    """Put sky where there is no data; at full resolution also on a mosaic's other colours, and double the green."""
    if plane.missing is not None:
        missing = plane.missing[factor * rows.start : factor * rows.stop, : factor * flat.shape[1]]
        flat[missing.reshape(len(flat), factor, flat.shape[1], factor).any(axis=(1, 3))] = 0
    if factor == 1 and plane.parity is not None:
        first = (plane.parity + rows.start + 1) % 2
        flat[0::2, first::2] = 0
        flat[1::2, 1 - first :: 2] = 0
        flat *= np.float32(2)


def _white_noise(plane: Plane, sky: Sky, factor: int) -> float:
    """Noise of one pixel before smoothing if that of the plane's pixels is independent, ADU."""
    if plane.parity is None:
        return sky.noise_adu / factor
    return sky.noise_adu * float(np.sqrt(0.5 if factor == 2 else 2.0))


def _subtract(
    out: NDArray[np.float32], lines: NDArray[np.float32], above: NDArray[np.intp], share: NDArray[np.float32]
) -> None:
    """Take the sky off a band. Plain arithmetic: a threaded BLAS under several workers waits longer than it works."""
    for node in range(int(above[0]), int(above[-1]) + 1):
        start, stop = np.searchsorted(above, [node, node + 1])
        out[start:stop] -= lines[node]
        if node + 1 < len(lines):
            out[start:stop] -= share[start:stop] * (lines[node + 1] - lines[node])


def _temper(
    flat: NDArray[np.float32], lines: NDArray[np.float32], above: NDArray[np.intp], share: NDArray[np.float32]
) -> None:
    """Shrink a band where its noise is larger than typical, so that one threshold holds everywhere."""
    below = np.minimum(above + 1, len(lines) - 1)
    flat *= lines[above] * (1 - share) + lines[below] * share


def _noise(smooth: NDArray[np.float32], tile: int) -> float:
    """Standard deviation by the lower half of each tile's histogram, ADU.

    Of the tiles' values the lower third's upper end, so that nebulae and clusters in most of a frame are not taken for
    noise; what white noise loses by that is given back.
    """
    step = max(1, int(np.sqrt(smooth.size / _NOISE_SAMPLES)))
    some = tiles(smooth[::step, ::step], *(min(max(8, tile // step), edge // step or 1) for edge in smooth.shape))
    ordered = some.reshape(some.shape[0] * some.shape[1], -1).copy()
    count = ordered.shape[1]
    full = np.count_nonzero(ordered, axis=1) > 0.9 * count  # zeros are places without data
    if not full.any():
        return 0.0
    ordered = ordered[full]
    ordered.sort(axis=1)
    deviation = ordered[:, (count - 1) // 2] - ordered[:, int(0.158655 * (count - 1))]
    loss = _QUIET_LOSS / np.sqrt(count) if len(ordered) > 3 else 0.0
    return float(np.quantile(deviation, _QUIET_SHARE)) / max(1 - float(loss), 0.5)


def _buffer(shape: tuple[int, int]) -> NDArray[np.float32]:
    """A float32 image kept from frame to frame: for large frames its page faults cost more than the work."""
    kept: NDArray[np.float32] | None = getattr(_kept, "image", None)
    size = shape[0] * shape[1]
    if kept is None or kept.size < size or kept.size > 8 * size:
        kept = np.empty(size, np.float32)
        _kept.image = kept
    return kept[:size].reshape(shape)
