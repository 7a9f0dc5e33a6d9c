"""The width of stars by fitting their profile: ``I(r) = A (1 + (2^u - 1) 4 r^2 / w^2)^(-1/u)``.

This is the profile of Moffat (1969, A&A 3, 455) with beta = 1/u, written so that ``w`` is the full width at half
maximum whatever the wings are, and a Gaussian is the limit u -> 0. Every star has its own height ``A`` and width ``w``;
``u`` is a property of seeing and optics and is shared by the frame. A width read off the pixels directly (moments, the
area above half maximum) is 5 to 20 % too large for stars of two or three pixels; the fit is not, because it never
interpolates: on a Bayer mosaic only the green sites enter.

The width is that of the profile as recorded, pixel response included, which is what fitting programs report. The width
of the light before it met the pixels is about ``sqrt(w^2 - 0.46)``.
"""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10
_CONVERGED = 0.005
_PIXELS = 60
_STEP = np.float32(1e-2)

Floats = NDArray[np.float32]
_SHARED_RANGE = (0.02, 0.6)


def fit_widths(
    plane: Floats,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    width_px: float,
    parity: int | None,
) -> Floats:
    """Fit stars by Gauss-Newton.

    Args:
        plane: (ny, nx), ADU above the sky.
        x: centres in pixels, (n,), at least 1.2 ``width_px`` + 2 inside the plane.
        y: likewise.
        width_px: first guess of the full width at half maximum.
        parity: (row + column) modulo 2 of the sites that hold data; None when all do.

    Returns:
        Full widths at half maximum in pixels, (k,) float32 with k <= n: those that converged.
    """
    squared, values, known = _pixels(plane, x, y, width_px, parity)
    width = np.full((len(x), 1), width_px, np.float32)
    shared = np.float32(0.2)
    for _ in range(_ROUNDS):
        model = _profile(squared, width, shared, known)
        by_width = _slope(_profile(squared, width * (1 + _STEP), shared, known), model)
        by_shared = _slope(_profile(squared, width, shared + _STEP, known), model)
        # The height is linear: its best value for this shape, and derivatives freed of what a new height explains.
        height = _dot(model, values) / _dot(model, model)
        rest = _rest(values, height, model)
        by_width = _freed(by_width, model)
        by_shared = _freed(by_shared, model)
        stiff = np.maximum(_dot(by_width, by_width), 1e-6)
        coupling = _dot(by_width, by_shared) / stiff
        free = _freed(by_shared, by_width)
        step = float(np.median(_dot(free, rest) / np.maximum(_dot(free, free), 1e-6)))
        new_shared = np.float32(np.clip(shared + np.clip(step, -0.15, 0.15), *_SHARED_RANGE))
        change = _dot(by_width, rest) / stiff - coupling * (new_shared - shared)
        width = width * np.clip(1 + change, 0.55, 1.8)
        settled = abs(float(new_shared - shared)) < 4 * _CONVERGED and float(np.median(np.abs(change))) < _CONVERGED
        shared = new_shared
        if settled:
            break
    good = (height > 0) & (np.abs(change) < 0.05) & (width > 0.5) & (width < 4 * width_px)
    result: Floats = width[good]
    return result


def _profile(squared: Floats, width: Floats, shared: np.float32, known: Floats) -> Floats:
    """The profile of unit height at squared distances, zero where no data is known."""
    scale = np.float32(4 * (2.0 ** float(shared) - 1)) / (width * width)
    result: Floats = np.exp(np.log1p(squared * scale) * np.float32(-1 / shared)) * known
    return result


def _slope(after: Floats, before: Floats) -> Floats:
    result: Floats = (after - before) / _STEP
    return result


def _rest(values: Floats, height: Floats, model: Floats) -> Floats:
    """What the model leaves of the values brought to unit height; stars of no height have nothing to tell."""
    result: Floats = (values / np.where(height > 0, height, np.inf) - model).astype(np.float32, copy=False)
    return result


def _freed(of: Floats, direction: Floats) -> Floats:
    """``of`` without its part along ``direction``, star by star."""
    share = _dot(direction, of) / np.maximum(_dot(direction, direction), np.float32(1e-6))
    result: Floats = (of - direction * share).astype(np.float32, copy=False)
    return result


def _dot(a: Floats, b: Floats) -> Floats:
    """Sums over the pixels of each star, (n, 1)."""
    result: Floats = np.einsum("ij,ij->i", a, b)[:, None]
    return result


def _pixels(
    plane: Floats, x: NDArray[np.float64], y: NDArray[np.float64], width_px: float, parity: int | None
) -> tuple[Floats, Floats, Floats]:
    """Squared distances from the centre, values and 0/1 for "holds data", each (n, pixels) float32.

    Wide stars have more pixels than the fit needs: every third, fifth, ... is taken, an odd stride along a skewed
    count, so that a mosaic's colours stay mixed.
    """
    radius = max(2.3, 1.2 * width_px)
    reach = int(radius)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = dy**2 + dx**2 <= radius**2
    dy, dx = dy[inside], dx[inside]
    stride = max(1, len(dx) // _PIXELS) | 1
    if stride > 1:
        picked = (dx + 2 * dy) % stride == 0
        dy, dx = dy[picked], dx[picked]
    rows = np.rint(y).astype(np.intp)[:, None] + dy
    cols = np.rint(x).astype(np.intp)[:, None] + dx
    squared = ((rows - y[:, None]) ** 2 + (cols - x[:, None]) ** 2).astype(np.float32)
    known = np.ones_like(squared) if parity is None else ((rows + cols) % 2 == parity).astype(np.float32)
    return squared, plane[rows, cols] * known, known
