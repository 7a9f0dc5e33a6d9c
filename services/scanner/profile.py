"""The shape of stars by fitting their profile: ``I = A (1 + 4 (2^u - 1) Q)^(-1/u)``.

This is the profile of Moffat (1969, A&A 3, 455) with beta = 1/u, written so that ``Q = 1/4`` is half of the height
whatever the wings are; a Gaussian is the limit u -> 0. ``Q = p r^2 + d (x^2 - y^2) + 2 o x y`` makes it elliptical:
the full widths at half maximum along its axes are ``(p -+ e)^(-1/2)`` with ``e = hypot(d, o)``. Every star has its own
height, place and ``p, d, o``; ``u`` is a property of seeing and optics and is shared by the frame.

A width read off the pixels directly (moments, the area above half maximum) is 5 to 20 % too large for stars of two or
three pixels; the fit is not, because it never interpolates: on a Bayer mosaic only the green sites enter.

The width is that of the profile as recorded, pixel response included, which is what fitting programs report. The width
of the light before it met the pixels is about ``sqrt(w^2 - 0.46)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scanner.cutouts import Cutouts

Floats = NDArray[np.float32]

_ROUNDS = 12
_CONVERGED = 0.003
_FIRST_SHARED = 0.25
_SHARED_RANGE = (0.004, 0.75)
_LEAST_DAMPING = 1e-3
_MOVE_PX = 0.5
_STRETCH = (0.45, 2.2)
_DEEPEST = np.float32(100.0)
"""Pixels below the sky by more than this many heights are damage, and must not overflow a fit."""
_HEIGHT, _P, _D, _O, _X, _Y = range(6)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Fitted stars, each array (n,) float64.

    ``x`` and ``y`` are offsets from the cutouts' centres in pixels; ``height`` is in ADU above the sky; ``width_px``
    the geometric mean of the two full widths at half maximum. ``flattening`` is ``e / p`` (0 is round) and
    ``flattening_error`` the standard deviation of one of its two components. ``good`` tells which fits converged.
    ``shared`` is the frame's u.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    height: NDArray[np.float64]
    width_px: NDArray[np.float64]
    flattening: NDArray[np.float64]
    flattening_error: NDArray[np.float64]
    good: NDArray[np.bool_]
    shared: float

    def of(self, keep: NDArray[np.bool_], cols: NDArray[np.intp], rows: NDArray[np.intp]) -> "Profiles":
        """The stars where ``keep`` is true, with ``x`` and ``y`` as places in the frame: centre pixels are added."""
        return Profiles(
            x=(self.x + cols)[keep],
            y=(self.y + rows)[keep],
            height=self.height[keep],
            width_px=self.width_px[keep],
            flattening=self.flattening[keep],
            flattening_error=self.flattening_error[keep],
            good=self.good[keep],
            shared=self.shared,
        )

    def wing(self, widths: float) -> float:
        """The fitted profile at a distance in full widths, as a share of its height."""
        return float((1 + 4 * (2.0**self.shared - 1) * widths**2) ** (-1 / self.shared))


def fit_profiles(stars: Cutouts, x: Floats, y: Floats, width_px: float) -> Profiles:
    """Fit stars by damped Gauss-Newton, all at once.

    Args:
        stars: their pixels, ADU above the sky, within about 1.2 widths.
        x: first guess of the centres, offsets from the cutouts' centres in pixels, (n,).
        y: likewise.
        width_px: first guess of the full width at half maximum.
    """
    count = len(x)
    # Heights near one make all parameters of the normal equations alike in size.
    scale = np.maximum((stars.values * stars.known).max(axis=1), 1e-6).astype(np.float32)
    values = np.maximum(stars.values / scale[:, None], -_DEEPEST)
    state = np.zeros((count, 6), np.float32)
    state[:, _HEIGHT], state[:, _P] = 1.0, 1.0 / width_px**2
    state[:, _X], state[:, _Y] = x, y
    shared = _FIRST_SHARED
    damping = np.full(count, _LEAST_DAMPING)
    model, slopes, by_shared = _model(stars, state, shared)
    rest = (values - model) * stars.known
    misfit = _dot(rest, rest)
    settled = np.zeros(count, np.bool_)
    for _ in range(_ROUNDS):
        step, shared_step, normal = _step(slopes, by_shared, rest, damping)
        tried_shared = float(np.clip(shared + np.clip(shared_step, -0.15, 0.15), *_SHARED_RANGE))
        tried = _moved(state, step[:, :, 0] - step[:, :, 1] * (tried_shared - shared))
        model, tried_slopes, tried_by_shared = _model(stars, tried, tried_shared)
        tried_rest = (values - model) * stars.known
        tried_misfit = _dot(tried_rest, tried_rest)
        change = np.abs(tried[:, _P] / state[:, _P] - 1)
        settled = change < 10 * _CONVERGED
        done = float(np.median(change)) < _CONVERGED and abs(tried_shared - shared) < 4 * _CONVERGED
        # The shared step is a median and may cost single stars a little; what costs much is damped and tried again.
        better = tried_misfit < 1.5 * misfit + 1e-12
        damping = np.where(better, np.maximum(damping * 0.2, _LEAST_DAMPING), np.minimum(damping * 10, 10.0))
        state = np.where(better[:, None], tried, state)
        rest = np.where(better[:, None], tried_rest, rest)
        slopes = np.where(better[:, None, None], tried_slopes, slopes)
        by_shared = np.where(better[:, None], tried_by_shared, by_shared)
        misfit = np.where(better, tried_misfit, misfit)
        shared = tried_shared
        if done:
            break
    freedom = np.maximum(stars.known.sum(axis=1) - 6, 1.0)
    return _profiles(
        state,
        scale,
        np.linalg.pinv(normal, hermitian=True).astype(np.float64),
        misfit / freedom,
        settled,
        width_px,
        shared,
    )


def _model(stars: Cutouts, state: Floats, shared: float) -> tuple[Floats, Floats, Floats]:
    """The profiles, (n, pixels), their derivatives by the six parameters, (n, 6, pixels), and by the shared one."""
    height, p, d, o, x0, y0 = (state[:, index, None] for index in range(6))
    x, y = stars.dx - x0, stars.dy - y0
    xx, yy, xy = x * x, y * y, 2 * x * y
    factor = np.float32(4 * (2.0**shared - 1))
    quadratic = np.maximum(p * (xx + yy) + d * (xx - yy) + o * xy, 0)
    logarithm = np.log1p(factor * quadratic)
    argument = 1 + factor * quadratic
    unit = np.exp(logarithm * np.float32(-1 / shared)) * stars.known
    model = height * unit
    slope = model * np.float32(-factor / shared) / argument
    slopes = np.empty((len(state), 6, x.shape[1]), np.float32)
    slopes[:, _HEIGHT] = unit
    slopes[:, _P] = slope * (xx + yy)
    slopes[:, _D] = slope * (xx - yy)
    slopes[:, _O] = slope * xy
    slopes[:, _X] = slope * -2 * ((p + d) * x + o * y)
    slopes[:, _Y] = slope * -2 * (o * x + (p - d) * y)
    growth = np.float32(4 * np.log(2.0) * 2.0**shared / shared)
    by_shared = model * (logarithm * np.float32(1 / shared**2) - growth * quadratic / argument)
    return model, slopes, by_shared


def _step(
    slopes: Floats, by_shared: Floats, rest: Floats, damping: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """One Gauss-Newton step.

    Returns:
        (n, 6, 2): each star's own step, and how it gives way per unit of the shared step; the shared step, a median
        over the stars; the undamped normal matrices, (n, 6, 6).
    """
    normal = (slopes @ slopes.transpose(0, 2, 1)).astype(np.float64)
    diagonal = np.einsum("ijj->ij", normal) + 1e-9
    damped = normal + np.eye(6) * (diagonal * damping[:, None])[:, None, :]
    right = np.stack([rest, by_shared], axis=2)
    both = (slopes @ right).astype(np.float64)
    step: NDArray[np.float64] = np.linalg.solve(damped, both)
    free = _dot(by_shared, by_shared) - np.einsum("ij,ij->i", both[:, :, 1], step[:, :, 1])
    pull = _dot(by_shared, rest) - np.einsum("ij,ij->i", both[:, :, 1], step[:, :, 0])
    return step, float(np.median(pull / np.maximum(free, 1e-6))), normal


def _moved(state: Floats, step: NDArray[np.float64]) -> Floats:
    """The parameters after a step, none of them further than a fit can be trusted."""
    moved: Floats = (state + step).astype(np.float32)
    moved[:, _P] = np.clip(moved[:, _P], state[:, _P] * _STRETCH[0], state[:, _P] * _STRETCH[1])
    for place in (_X, _Y):
        moved[:, place] = state[:, place] + np.clip(step[:, place], -_MOVE_PX, _MOVE_PX)
    long = np.hypot(moved[:, _D], moved[:, _O]) / (0.95 * moved[:, _P])
    moved[:, (_D, _O)] /= np.maximum(long, 1)[:, None]
    return moved


def _profiles(
    state: Floats,
    scale: Floats,
    covariance: NDArray[np.float64],
    variance: NDArray[np.float64],
    settled: NDArray[np.bool_],
    width_px: float,
    shared: float,
) -> Profiles:
    fitted = state.astype(np.float64)
    p, e = fitted[:, _P], np.hypot(fitted[:, _D], fitted[:, _O])
    width = (p**2 - e**2) ** -0.25
    error = np.sqrt(np.maximum((covariance[:, _D, _D] + covariance[:, _O, _O]) / 2 * variance, 0)) / p
    x, y = fitted[:, _X], fitted[:, _Y]
    near = np.hypot(x, y) < 1.5 + 0.5 * width_px
    good = settled & near & (fitted[:, _HEIGHT] > 0) & (width > 0.5) & (width < 4 * width_px)
    return Profiles(x, y, fitted[:, _HEIGHT] * scale, width, e / p, error, good, shared)


def _dot(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Sums over the pixels of each star, (n,)."""
    result: NDArray[np.float64] = np.einsum("ij,ij->i", a, b).astype(np.float64)
    return result
