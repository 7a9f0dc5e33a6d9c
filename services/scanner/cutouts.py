"""The pixels around stars, as flat lists: what a fit or a growth curve needs, and no more."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import Sky

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a frame as it was read, and how to look at it.

    ``pixels`` is (ny, nx), any real dtype, ADU; ``parity`` is (row + column) modulo 2 of a Bayer mosaic's green sites,
    None for mono; ``missing``, (ny, nx), is true where there is no data, None when it is complete.
    """

    pixels: NDArray[Any]
    parity: int | None
    missing: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Cutouts:
    """Pixels of n stars: offsets from each star's centre pixel in pixels, (pixels,); ADU above the sky, (n, pixels).

    ``known``, (n, pixels), is 1 where a value counts and 0 on other colours, outside of the frame and where data is
    missing; values are 0 there.
    """

    dx: Floats
    dy: Floats
    values: Floats
    known: Floats


def disc(radius_px: float, *, at_most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Offsets (dy, dx) of the pixels of a disc, thinned to about ``at_most``.

    Thinned by an odd stride along a skewed count, so that a mosaic's colours stay mixed.
    """
    reach = int(radius_px)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = dy**2 + dx**2 <= radius_px**2
    dy, dx = dy[inside], dx[inside]
    stride = max(1, len(dx) // at_most) | 1
    if stride == 1:
        return dy, dx
    skew = max(2, round(stride * 0.381966))
    picked = (dx + skew * dy) % stride == 0
    return dy[picked], dx[picked]


def cut(
    plane: Plane,
    sky: Sky,
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
    offsets: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> Cutouts:
    """Cut the pixels at ``offsets`` (dy, dx) around the pixels (``rows``, ``cols``), (n,) each, out of a plane."""
    dy, dx = offsets
    ny, nx = plane.pixels.shape
    y, x = rows[:, None] + dy, cols[:, None] + dx
    known = np.ones(y.shape, np.bool_)
    if rows.size and (rows.min() + dy.min() < 0 or rows.max() + dy.max() >= ny):
        known &= (y >= 0) & (y < ny)
        y = np.clip(y, 0, ny - 1)
    if cols.size and (cols.min() + dx.min() < 0 or cols.max() + dx.max() >= nx):
        known &= (x >= 0) & (x < nx)
        x = np.clip(x, 0, nx - 1)
    if plane.parity is not None:
        known &= ((y + x) & 1) == plane.parity
    index = y * nx + x
    if plane.missing is not None:
        known &= ~plane.missing.reshape(-1)[index]
    weight = known.astype(np.float32)
    level = sky.at(cols.astype(np.float64), rows.astype(np.float64))
    # One sky for the whole cutout: over a few widths it is flat, and a level per pixel would cost more than the fit.
    values = (plane.pixels.reshape(-1)[index].astype(np.float32) - level[:, None]) * weight
    return Cutouts(dx.astype(np.float32), dy.astype(np.float32), values, weight)
