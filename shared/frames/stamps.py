"""The times of file names, with and without seconds, fractions and leading zeros."""

import re
from datetime import datetime

from shared.frames.values import file_stamp

_CLOCK_OF_DAY = re.compile(r"(\d{4}[-.]?\d\d[-.]?\d\d)\D*(.*)")
_NO_DIGITS = re.compile(r"\D+")


def stamp_of(text: str, *, lost_zero: bool = False) -> datetime | None:
    """The naive time of a name's date and clock; None where there is none.

    Clocks have seconds or not (``2022-02-12T1816``) and fractions or not. One of five or eight digits has lost its
    leading zero (DWARF: ``20251031-53206503`` is 05:32:06.503); of eight it may also be a whole one with hundredths,
    which ``lost_zero`` excludes where both make sense.
    """
    parts = _CLOCK_OF_DAY.fullmatch(text.strip())
    if parts is None:
        return None
    day, clock = _NO_DIGITS.sub("", parts[1]), _NO_DIGITS.sub("", parts[2])
    for whole in _whole_clocks(clock, lost_zero=lost_zero):
        found = file_stamp(day + whole)
        if found is not None:
            return found
    return None


def _whole_clocks(clock: str, *, lost_zero: bool) -> tuple[str, ...]:
    """Hours, minutes, seconds and fraction that a clock's digits may mean, the likeliest first."""
    if len(clock) == 4:
        return (f"{clock}00",)
    if len(clock) == 5:
        return (f"0{clock}",)
    if len(clock) == 8:
        return (f"0{clock}", clock) if lost_zero else (clock, f"0{clock}")
    return (clock,) if 6 <= len(clock) <= 12 else ()
