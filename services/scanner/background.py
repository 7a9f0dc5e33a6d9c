"""The sky under the stars: level and noise per tile, subtracted as a smooth surface.

The tile statistics are percentiles, not sigma-clipped moments: the median for the level and the median minus the
16th percentile for the noise, because the lower half of a tile's histogram holds no star light. One pixel in four
is enough (1,024 samples in a tile of 64 x 64), and sorting so few is several times cheaper than the mode estimate of
``sep.Background``. On a Bayer mosaic the samples are one green site of each 2 x 2 cell, so that neither colour nor
interpolation enters the noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE_PX = 64
"""Edge of a tile in full-resolution pixels: wide against a star, narrow against a gradient."""

_LOWER_SIGMA = 0.158655
"""The share of a normal distribution that lies more than one standard deviation below the median."""


@dataclass(frozen=True)
class Sky:
    """The background of one plane.

    ``mesh`` is (tiles_y, tiles_x) float32, ADU, one level per tile; ``level_adu`` and ``noise_adu`` are the medians
    over the tiles: the sky level and the standard deviation of one pixel around it.
    """

    mesh: NDArray[np.float32]
    level_adu: float
    noise_adu: float


def estimate_sky(samples: NDArray[np.generic], *, step: int) -> Sky:
    """Measure level and noise of the sky.

    Args:
        samples: (ny, nx), any real dtype, every ``step``-th pixel of the plane in both axes, free of NaN.
        step: distance of two samples in full-resolution pixels.
    """
    edge = max(1, TILE_PX // step)
    ny, nx = samples.shape
    tile_y, tile_x = min(edge, ny), min(edge, nx)
    rows, cols = ny // tile_y, nx // tile_x
    tiles = samples[: rows * tile_y, : cols * tile_x].reshape(rows, tile_y, cols, tile_x)
    # float32 because numpy's vectorised sort covers it on every processor, and 16 bits on few.
    ordered = tiles.transpose(0, 2, 1, 3).astype(np.float32, order="C").reshape(rows * cols, tile_y * tile_x)
    ordered.sort(axis=1)
    count = ordered.shape[1]
    level = ordered[:, (count - 1) // 2].copy()
    lower = ordered[:, int(_LOWER_SIGMA * (count - 1))]
    noise = float(np.median(level - lower))
    if noise < 1.0 and np.issubdtype(samples.dtype, np.integer):
        # Whole numbers hide a noise below one step from percentiles; the clipped deviation still sees it.
        noise = _clipped_deviation(ordered, level)
    return Sky(mesh=_smooth(level.reshape(rows, cols)), level_adu=float(np.median(level)), noise_adu=noise)


def subtract_sky(plane: NDArray[np.generic], sky: Sky, out: NDArray[np.float32]) -> None:
    """Write ``plane`` minus the background surface to ``out``; both (ny, nx), ADU. In bands, which stay in cache."""
    ny, nx = plane.shape
    rows, cols = sky.mesh.shape
    node_x, node_y = _node_position(cols, nx), _node_position(rows, ny)
    across = np.stack([np.interp(node_x, np.arange(cols), line) for line in sky.mesh]).astype(np.float32)
    lower = np.minimum(node_y.astype(np.intp), max(0, rows - 2))
    share = (node_y - lower).astype(np.float32)[:, None]
    # Plain arithmetic, no matrix product: a threaded BLAS under several workers waits longer than it works.
    for node in range(max(1, rows - 1)):
        start, stop = np.searchsorted(lower, [node, node + 1])
        rise = across[min(node + 1, rows - 1)] - across[node]
        for top in range(start, stop, TILE_PX):
            band = slice(top, min(top + TILE_PX, stop))
            out[band] = plane[band]
            out[band] -= across[node] + share[band] * rise


def _clipped_deviation(ordered: NDArray[np.float32], level: NDArray[np.float32]) -> float:
    """Median over tiles of the root mean square below the level, in ADU; for coarsely quantised data."""
    deviation = np.minimum(ordered - level[:, None], 0.0)
    below = np.maximum((deviation < 0).sum(axis=1), 1)
    half = np.sqrt((deviation**2).sum(axis=1) / np.maximum(below, ordered.shape[1] // 2))
    return float(np.median(half))


def _smooth(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 3 x 3 median of a mesh: a tile filled by one bright star takes the level of its neighbours."""
    if min(mesh.shape) < 3:
        return mesh
    padded = np.pad(mesh, 1, mode="edge")
    rows, cols = mesh.shape
    shifted = np.stack([padded[y : y + rows, x : x + cols] for y in range(3) for x in range(3)])
    result: NDArray[np.float32] = np.median(shifted, axis=0).astype(np.float32)
    return result


def _node_position(nodes: int, pixels: int) -> NDArray[np.float64]:
    """Where pixels lie between tile centres, (pixels,), in tiles; beyond the outer centres the surface stays level."""
    position: NDArray[np.float64] = (np.arange(pixels) + 0.5) / min(TILE_PX, pixels) - 0.5
    return np.clip(position, 0, nodes - 1)
