"""What was measured on exposures, as sums that a difference leaves exact.

A mean is a sum over a number, and sums of floating numbers depend on their order: what is summed up here are whole
millionths. The database makes the same of what it has stored (``derived``), which is why a value is first rounded to
the four bytes that it is stored in.
"""

from ctypes import c_float
from dataclasses import dataclass, field

MEASURED = ("fwhm_arcsec", "fwhm_px", "star_count", "background_adu")
"""Columns of ``stats.frame`` that are summed up."""
LARGEST = 1e7
"""What is larger, or no number, is no measurement and is left out: the sum of a night has to fit into eight bytes."""
Millionths = tuple[int | None, ...]
"""A value for each of ``MEASURED``; None where it was not measured."""
NOT_MEASURED: Millionths = (None,) * len(MEASURED)


def millionths(value: float | None) -> int | None:
    """A measured value as it is stored, in whole millionths."""
    if value is None:
        return None
    stored = c_float(value).value
    return round(stored * 1e6) if abs(stored) <= LARGEST else None


@dataclass(slots=True)
class Sums:
    """For each of ``MEASURED`` on how many exposures it was measured, and the sum in millionths."""

    values: list[int] = field(default_factory=lambda: [0] * (2 * len(MEASURED)))

    def take(self, measured: Millionths, sign: int) -> None:
        """Add an exposure, or take it away (``sign`` -1)."""
        for place, value in enumerate(measured):
            if value is not None:
                self.values[2 * place] += sign
                self.values[2 * place + 1] += sign * value

    def __bool__(self) -> bool:
        return any(self.values)
