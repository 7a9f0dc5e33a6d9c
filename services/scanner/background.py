"""The sky under the stars: level and noise per tile, subtracted as a smooth surface.

The tile statistics are percentiles, not sigma-clipped moments: the median for the level and the median minus the
16th percentile for the noise, because the lower half of a tile's histogram holds no star light. One pixel in eight
is enough (about 500 samples in a tile), and sorting so few is several times cheaper than the mode estimate of
``sep.Background``. On a Bayer mosaic the samples are one green site of each second cell, so that neither colour nor
interpolation enters the noise.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

TILE_PX = 64
"""Edge of a tile in full-resolution pixels: wide against a star, narrow against a gradient."""

SAMPLE_STEP = {True: (4, 2), False: (3, 3)}
"""Distance of two samples in rows and columns, full-resolution pixels. On a mosaic (True) even, so that they stay on
one colour; else odd, so that no pattern of the sensor is taken for the whole."""

_LOWER_SIGMA = 0.158655
"""The share of a normal distribution that lies more than one standard deviation below the median."""

_MOST_NOISE = 1e6
"""No tile is called noisier than so many times the typical one."""
_NOISY, _FEW, _VERY_NOISY = 1.25, 0.005, 1.5
"""By which factor tiles are noisier than the typical one where it matters: in more than a few of them, or in any.

Among a thousand tiles of one noise the highest reaches 1.3 by chance.
"""

_FINE_STEPS = 16
_QUANTUM_SAMPLES = 2048

_FEWEST_KNOWN = 0.25
"""Share of a tile's samples that must hold data, else the tile takes the level of the others."""


@dataclass(frozen=True)
class Sky:
    """The background of one plane.

    ``mesh`` is (tiles_y, tiles_x) float32, ADU, one level per tile of ``tile_px`` = (height, width) full-resolution
    pixels; ``level_adu`` and ``noise_adu`` are the medians over the tiles: the sky level and the standard deviation of
    one pixel around it. ``noise_mesh`` is by how much to raise a threshold in each tile, at least 1; None where no
    tile is much noisier than the others.
    """

    mesh: NDArray[np.float32]
    tile_px: tuple[int, int]
    level_adu: float
    noise_adu: float
    noise_mesh: NDArray[np.float32] | None = None

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        """The surface at pixels (x, y), (n,) each, in ADU."""
        row, down = self._nodes(y, 0)
        col, across = self._nodes(x, 1)
        below = np.minimum(row + 1, self.mesh.shape[0] - 1)
        right = np.minimum(col + 1, self.mesh.shape[1] - 1)
        upper = self.mesh[row, col] * (1 - across) + self.mesh[row, right] * across
        lower = self.mesh[below, col] * (1 - across) + self.mesh[below, right] * across
        result: NDArray[np.float32] = (upper * (1 - down) + lower * down).astype(np.float32)
        return result

    def lines(self, mesh: NDArray[np.float32], x: NDArray[np.float64]) -> NDArray[np.float32]:
        """A mesh of this sky along the tiles' centre lines at columns ``x``, (tiles_y, n)."""
        col, across = self._nodes(x, 1)
        right = np.minimum(col + 1, mesh.shape[1] - 1)
        result: NDArray[np.float32] = mesh[:, col] * (1 - across) + mesh[:, right] * across
        return result

    def rows(self, y: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """For rows ``y``: the centre line above and the share of the next one, (n,) each."""
        return self._nodes(y, 0)

    def _nodes(self, position: NDArray[np.float64], axis: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Where pixels lie between tile centres; beyond the outer centres the slope goes on to the edge."""
        last = self.mesh.shape[axis] - 1
        reach = (-0.5, last + 1.5) if last else (0.0, 0.0)
        place = np.clip((position + 0.5) / self.tile_px[axis] - 0.5, *reach)
        node = np.clip(place, 0, max(0, last - 1)).astype(np.intp)
        return node, (place - node).astype(np.float32)


def estimate_sky(
    samples: NDArray[np.generic],
    *,
    step: tuple[int, int],
    missing: NDArray[np.bool_] | None = None,
    tile_px: int = TILE_PX,
) -> Sky:
    """Measure level and noise of the sky.

    Args:
        samples: (ny, nx), any real dtype, every ``step``-th pixel of the plane, free of NaN where not ``missing``.
        step: distance of two samples in rows and columns, full-resolution pixels.
        missing: (ny, nx), true where a sample holds no data; None when all do. Where no tile has any, level and noise
            are NaN.
        tile_px: wanted edge of a tile, full-resolution pixels.
    """
    ny, nx = samples.shape
    tile_y, tile_x = _tile_edge(ny, tile_px // step[0]), _tile_edge(nx, tile_px // step[1])
    rows, cols = ny // tile_y, nx // tile_x
    # float32 because numpy's vectorised sort covers it on every processor, and 16 bits on few.
    ordered = tiles(samples, tile_y, tile_x).astype(np.float32, order="C").reshape(rows * cols, -1)
    count = ordered.shape[1]
    quantum = _quantum(ordered)
    if quantum:
        ordered += _dither(count) * np.float32(quantum)
    if missing is None:
        ordered.sort(axis=1)
        level = ordered[:, (count - 1) // 2].copy()
        deviation = level - ordered[:, int(_LOWER_SIGMA * (count - 1))]
        useful = np.ones(len(level), np.bool_)
    else:
        unknown = tiles(missing, tile_y, tile_x).reshape(rows * cols, -1)
        known = count - unknown.sum(axis=1)
        size = (tile_y * step[0], tile_x * step[1])
        if not known.any():
            return Sky(np.full((rows, cols), np.nan, np.float32), size, level_adu=np.nan, noise_adu=np.nan)
        ordered[unknown] = np.inf
        ordered.sort(axis=1)
        last = np.maximum(known - 1, 0)
        tile = np.arange(len(ordered))
        useful = (known > 0) & (last >= min(_FEWEST_KNOWN * count, known.max() - 1))
        level = np.where(useful, ordered[tile, last // 2], 0).astype(np.float32)
        deviation = level - np.where(useful, ordered[tile, (_LOWER_SIGMA * last).astype(np.intp)], 0)
    noise = float(np.median(deviation[useful]))
    if quantum:
        noise = float(np.sqrt(max(noise**2 - quantum**2 / 12, (0.1 * quantum) ** 2)))
    elif noise == 0:
        # Nearly all pixels share one value, which hides the rest from percentiles.
        noise = _clipped_deviation(ordered[useful], level[useful])
    middle = float(np.median(level[useful]))
    level[~useful] = middle
    mesh = _smooth(level.reshape(rows, cols))
    noisy = _noise_mesh(np.where(useful, deviation, 0).reshape(rows, cols), float(np.median(deviation[useful])))
    return Sky(mesh, (tile_y * step[0], tile_x * step[1]), level_adu=middle, noise_adu=noise, noise_mesh=noisy)


def _noise_mesh(deviation: NDArray[np.floating[Any]], typical: float) -> NDArray[np.float32] | None:
    """By how much a threshold is raised in tiles that bright nebulae or thin coverage make noisier; else None."""
    if typical <= 0:
        return None
    bounded = np.minimum(deviation.astype(np.float64), typical * _MOST_NOISE) / typical
    relative = np.maximum(_smooth(bounded.astype(np.float32)), np.float32(1))
    highest = np.sort(relative, axis=None)[::-1]
    is_noisy = highest[0] > _VERY_NOISY or highest[int(_FEW * highest.size)] > _NOISY
    return relative if is_noisy else None


def _tile_edge(count: int, wanted: int) -> int:
    """The edge of a tile, near the wanted one, that leaves the least of ``count`` samples over."""
    if count <= wanted:
        return count
    edges = range(max(1, int(0.8 * wanted)), min(int(1.25 * wanted), count) + 1)
    return min(edges, key=lambda edge: (count % edge, abs(edge - wanted)))


def tiles(samples: NDArray[Any], tile_y: int, tile_x: int) -> NDArray[Any]:
    """(rows, cols, tile_y, tile_x): the samples by tile; what is left over at the far edges stays out."""
    rows, cols = samples.shape[0] // tile_y, samples.shape[1] // tile_x
    whole = samples[: rows * tile_y, : cols * tile_x].reshape(rows, tile_y, cols, tile_x)
    return whole.transpose(0, 2, 1, 3)


def _quantum(samples: NDArray[np.float32]) -> float:
    """The step between the values, ADU, where it is coarse against the noise (8 bits, 12 bits stretched to 16), else 0.

    Percentiles of such data jump by whole steps.
    """
    flat = samples.reshape(-1)
    some = np.sort(flat[:: max(1, flat.size // _QUANTUM_SAMPLES)])
    steps = np.diff(some[int(0.02 * len(some)) : int(0.98 * len(some)) + 1])
    steps = steps[steps > 0]
    if not len(steps) or samples.shape[1] < 2:
        return 0.0
    quantum = float(steps.min())
    scatter = float(np.median(np.abs(samples[:, 1] - samples[:, 0])))
    return quantum if quantum * _FINE_STEPS > scatter else 0.0


@cache
def _dither(count: int) -> NDArray[np.float32]:
    """Evenly spread numbers from -0.5 to 0.5 in random order, the same at each call."""
    spread = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count) - np.float32(0.5)
    return np.random.default_rng(1).permutation(spread)


def _clipped_deviation(ordered: NDArray[np.float32], level: NDArray[np.float32]) -> float:
    """Median over tiles of the root mean square below the level, in ADU; for coarsely quantised data."""
    deviation = np.minimum(ordered - level[:, None], 0.0)
    below = np.maximum((deviation < 0).sum(axis=1), 1)
    half = np.sqrt((deviation**2).sum(axis=1) / np.maximum(below, ordered.shape[1] // 2))
    return float(np.median(half))


def _smooth(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mesh whose outliers are cut: a tile filled by one bright star takes the level of its neighbours.

    A tile may leave the range of its eight neighbours, without their extremes, by as much as that range is wide, so
    that the crests of nebulae stay.
    """
    if min(mesh.shape) < 3:
        return mesh
    # Slopes go on beyond the edges; copies of the edge would bend them there.
    padded = np.pad(mesh, 1, mode="reflect", reflect_type="odd")
    rows, cols = mesh.shape
    around = [padded[y : y + rows, x : x + cols] for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    ordered = np.sort(np.stack(around), axis=0)
    low, high = ordered[1], ordered[6]
    result: NDArray[np.float32] = np.clip(mesh, 2 * low - high, 2 * high - low)
    return result
