"""How long an exposure was and how many were put together, in all the ways that programs give one, a sum, a number."""

import re
from typing import NamedTuple

from shared.frames import limits, values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts
from shared.frames.units import seconds_of

_SUMS = frozenset({"SNAPSHOT"})
"""Beside these EXPTIME is the sum of all exposures (SBFITSEXT 1.0)."""
_SUMS_IN_WORDS = frozenset({"NCOADDS", "NCOADD", "COADDS", "CO_ADDS", "LIGH_CNT", "LUM_CNT", *limits.COUNTS_IN_WORDS})
"""Beside these it is the sum if its comment says so; beside others such a comment is left from the single frame."""
_COUNTERS = frozenset({*limits.COUNTS, *limits.COUNTS_IN_WORDS})
_COMBINED = re.compile(r"combin|stack|co-?add|sum|integrat|averag|median", re.IGNORECASE)
_TOTAL = re.compile(r"\b(?:total|sum|accumulated)", re.IGNORECASE)
_MILLI = 1000.0
_LARGEST_COUNT = 2**31


class Exposures(NamedTuple):
    """Seconds of one exposure and of all together; their number, None where nothing tells of several."""

    one_s: float | None
    total_s: float | None
    number: int | None


class _Written(NamedTuple):
    keyword: str
    seconds: float


def exposures(keys: Keys, dialect: Dialect, path: PathFacts, integrated: int | None, problems: list[str]) -> Exposures:
    """What the header says, else the name; ``integrated`` is the number of frames by the header's history."""
    written = _written(keys.about("exposure_s"), dialect, path, problems)
    one = written.seconds if written is not None else path.exposure_s
    counter, count = _count(keys.about("stack_count"))
    if count is None and integrated is not None:
        keys.used("HISTORY")
        count = integrated
    total = _positive_seconds(keys.about("total_exposure_s"), limits.TOTALS)
    sub = _positive_seconds(keys.about("exposure_s", "stack_count"), limits.EXPOSURES_OF_ONE)
    if written is not None and count is not None and count > 1 and _is_sum(keys, written.keyword, counter, dialect):
        sub = sub or written.seconds / count
    if written is not None and sub is not None and written.seconds > sub:
        keys.about("total_exposure_s").used(written.keyword)
        total, one = total or written.seconds, sub
        count = count or max(1, round(total / one))
    return Exposures(one, total, count)


def _written(keys: Keys, dialect: Dialect, path: PathFacts, problems: list[str]) -> _Written | None:
    """The first exposure above zero, else one of zero, as a bias has it."""
    zero: str | None = None
    raw = keys.raw
    for keyword, unit_s in limits.EXPOSURES.items():
        if keyword not in raw:
            continue
        found = _seconds(keys, keyword, unit_s, dialect, path, problems)
        if found:
            keys.used(keyword)
            return _Written(keyword, found)
        zero = zero or (keyword if found == 0 else None)
    if zero is None:
        return None
    keys.used(zero)
    return _Written(zero, 0.0)


def _seconds(
    keys: Keys, keyword: str, unit_s: float, dialect: Dialect, path: PathFacts, problems: list[str]
) -> float | None:
    found = values.duration(keys.get(keyword))
    if found is None or not 0 <= found[0] < limits.LARGEST:
        return None
    number, own_unit_s = found
    named_s = own_unit_s or seconds_of(keys.comment(keyword))
    by_name = number / path.exposure_s if path.exposure_s else None
    if named_s not in (None, 1.0) and by_name is not None and _is_near(by_name, 1.0):
        problems.append(f"{keyword} = {number:g} is seconds by the file's name, whatever its comment says")
        named_s = 1.0
    if named_s is not None:
        unit_s = named_s
    elif unit_s == 1.0 and (
        (by_name is not None and _is_near(by_name, _MILLI))
        or (dialect.milliseconds_from is not None and number >= dialect.milliseconds_from)
    ):
        unit_s = 1 / _MILLI
    return _rounded(number * unit_s) if number * unit_s <= limits.LONGEST_EXPOSURE_S else None


def _is_near(ratio: float, wanted: float) -> bool:
    return abs(ratio / wanted - 1) < 1e-3


def _rounded(seconds: float) -> float:
    """Single precision in the capture program: 0.00999999977648258 was 0.01."""
    rounded = float(f"{seconds:.6g}")
    return rounded if seconds != 0 and abs(rounded - seconds) / seconds < 1e-7 else seconds


def _count(keys: Keys) -> tuple[str, int | None]:
    """The keyword and the number of exposures that were put together: the first above one, else one."""
    single, raw = "", keys.raw
    if raw.keys().isdisjoint(_COUNTERS):
        return single, None
    for keyword in limits.COUNTS:
        if keyword not in raw or (found := values.number(raw[keyword])) is None:
            continue
        if 1 < found < _LARGEST_COUNT:
            keys.used(keyword)
            return keyword, int(found)
        single = single or (keyword if found == 1 else "")
    for keyword in limits.COUNTS_IN_WORDS:
        if keyword in raw and _COMBINED.search(keys.comment(keyword)) and (found := keys.count(keyword)) is not None:
            return keyword, found
    if single:
        keys.used(single)
    return single, 1 if single else None


def _is_sum(keys: Keys, keyword: str, counter: str, dialect: Dialect) -> bool:
    """Whether the exposure beside a number of frames is that of all together."""
    if dialect.exposure_is_sum or counter in _SUMS:
        return True
    return counter in _SUMS_IN_WORDS and _TOTAL.search(keys.comment(keyword)) is not None


def _positive_seconds(keys: Keys, keywords: tuple[str, ...]) -> float | None:
    raw = keys.raw
    for keyword in keywords:
        if keyword not in raw or (found := values.duration(raw[keyword])) is None:
            continue
        number, unit_s = found
        unit_s = unit_s or seconds_of(keys.comment(keyword)) or 1.0
        if 0 < number * unit_s < limits.LARGEST:
            keys.used(keyword)
            return number * unit_s
    return None
