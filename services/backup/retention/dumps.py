"""Which dumps of the database stay: the newest of each of the last days, weeks and months that have one."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.backup.retention.model import Removal


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump that was proven at its destination."""

    dump_id: UUID
    destination: str
    key: str
    size_bytes: int
    dumped_at: datetime


@dataclass(frozen=True, slots=True)
class KeptDumps:
    """How many stay: of the last days, weeks (Monday to Sunday) and months that have a dump, one each."""

    daily: int
    weekly: int
    monthly: int
    zone: ZoneInfo
    """In which days begin."""


def dumps_to_remove(dumps: Iterable[Dump], kept: KeptDumps) -> list[Removal]:
    """The dumps that may go, oldest first. The newest one at each destination always stays."""
    by_destination: dict[str, list[Dump]] = {}
    for dump in sorted(dumps, key=lambda dump: dump.dumped_at):
        by_destination.setdefault(dump.destination, []).append(dump)
    return [_removal(dump, kept) for each in by_destination.values() for dump in _superseded(each, kept)]


def _superseded(dumps: Sequence[Dump], kept: KeptDumps) -> list[Dump]:
    staying = {dumps[-1].dump_id}
    for most, period in ((kept.daily, _day), (kept.weekly, _week), (kept.monthly, _month)):
        staying |= _last_of_each(dumps, most, period, kept.zone)
    return [dump for dump in dumps if dump.dump_id not in staying]


def _last_of_each(dumps: Sequence[Dump], most: int, period: Callable[[date], Hashable], zone: ZoneInfo) -> set[UUID]:
    last: dict[Hashable, UUID] = {}
    for dump in dumps:  # oldest first, so that the newest of a period stays
        name = period(dump.dumped_at.astimezone(zone).date())
        last.pop(name, None)
        last[name] = dump.dump_id
    return set(list(last.values())[-most:]) if most else set()


def _day(day: date) -> Hashable:
    return day


def _week(day: date) -> Hashable:
    return day.isocalendar()[:2]


def _month(day: date) -> Hashable:
    return day.year, day.month


def _removal(dump: Dump, kept: KeptDumps) -> Removal:
    why = f"newer dumps stay: {kept.daily} daily, {kept.weekly} weekly, {kept.monthly} monthly"
    return Removal("dump", dump.dump_id, dump.destination, dump.key, dump.size_bytes, why)
