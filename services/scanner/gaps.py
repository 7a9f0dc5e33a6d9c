"""Pixels without a number, and when they spoil a measurement: in words, for the problems of a frame.

Areas without data are normal: registration leaves them at the borders of stacks, and the rest is measured as if it were
alone. Numbers that are missing here and there take stars with them: with one pixel in twenty gone 2 % are not found,
with one in ten 6 %, with two in five 40 %.
"""

import numpy as np
from numpy.typing import NDArray

NOTHING = "not measured: no pixel holds a number"
TOO_LITTLE = "not measured: too few pixels hold a number"
_MOST, _SCATTERED = 0.5, 0.05


def gap_fault(gone: NDArray[np.bool_]) -> str | None:
    """What to say of a plane whose pixels hold no number where ``gone``, (ny, nx); None where it does not matter."""
    share = float(gone.mean())
    if share == 1.0:
        return NOTHING
    words = f"{100 * share:.0f} % of the pixels hold no number (NaN, infinite, or more than any sensor counts)"
    if share > _MOST:
        return f"{words}: only the rest was measured"
    if share > _SCATTERED and not _hangs_together(gone, share):
        return f"{words}, all over the frame: stars are missed"
    return None


def _hangs_together(gone: NDArray[np.bool_], share: float) -> bool:
    """Whether the pixels fill areas, and are no lines or dots: the neighbours of one, both ways, are mostly others."""
    if min(gone.shape) < 2:
        return True
    across = float((gone[:, 1:] & gone[:, :-1]).mean()) / share
    down = float((gone[1:] & gone[:-1]).mean()) / share
    return min(across, down) > 0.5 + 0.5 * share
