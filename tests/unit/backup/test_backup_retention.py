"""What may go from a destination, decided without a database."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from services.backup.retention.archives import Candidate, archives_to_remove
from services.backup.retention.dumps import Dump, KeptDumps, dumps_to_remove

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEPT = KeptDumps(daily=7, weekly=4, monthly=12, zone=ZoneInfo("UTC"))


def dumps_of(*ages_days: float, destination: str = "usb-disk") -> list[Dump]:
    """Dumps that are so many days old."""
    return [
        Dump(uuid4(), destination, f"{destination}/{days}.dump", 10, NOW - timedelta(days=days)) for days in ages_days
    ]


def left(dumps: list[Dump], kept: KeptDumps = KEPT) -> list[Dump]:
    """The dumps that stay."""
    going = {one.row_id for one in dumps_to_remove(dumps, kept)}
    return [dump for dump in dumps if dump.dump_id not in going]


def test_the_newest_dump_of_each_of_the_last_days_weeks_and_months_stays() -> None:
    """Of two years of nightly dumps seven days stay, the ends of four weeks and of twelve months, and nothing else."""
    dumps = dumps_of(*range(730))
    stay = left(dumps)
    days = {dump.dumped_at.date() for dump in stay}
    assert {(NOW - timedelta(days=age)).date() for age in range(7)} <= days
    weeks = [dump for dump in stay if dump.dumped_at.isoweekday() == 7]
    assert {(NOW - timedelta(days=1 + 7 * week)).date() for week in range(3)} <= {
        dump.dumped_at.date() for dump in weeks
    }
    ends = {(year, month) for year, month in ((d.year, d.month) for d in days)}
    assert len(ends) == 12
    assert len(stay) == 7 + 2 + 11, "the first week's Sunday is one of the days, as is this month's end"


def test_an_hour_with_several_dumps_keeps_its_newest() -> None:
    """Dumps that a person asked for, and those of before a migration, count as the dumps of their day."""
    dumps = dumps_of(0.0, 0.1, 0.2, 1.0, 1.1)
    assert left(dumps) == [dumps[0], dumps[3]]


def test_days_begin_in_the_zone_of_the_settings() -> None:
    """Two dumps around midnight of the zone are of two days, although both are of one in UTC."""
    at = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)
    dumps = [Dump(uuid4(), "nas", str(hour), 1, at + timedelta(hours=hour)) for hour in range(2)]
    only_days = KeptDumps(daily=2, weekly=0, monthly=0, zone=ZoneInfo("Europe/Berlin"))
    assert left(dumps, only_days) == dumps
    assert left(dumps, KeptDumps(2, 0, 0, ZoneInfo("UTC"))) == dumps[1:]


def test_the_newest_dump_of_each_destination_always_stays() -> None:
    """However few are kept and however old it is; a destination that got none for a year loses none for that."""
    dumps = dumps_of(400.0, 500.0) + dumps_of(0.0, 1.0, destination="s3")
    assert left(dumps, KeptDumps(daily=1, weekly=0, monthly=0, zone=ZoneInfo("UTC"))) == [dumps[0], dumps[2]]


def test_why_a_dump_goes_is_said() -> None:
    """The sentence names how many stay."""
    (gone,) = dumps_to_remove(dumps_of(0.0, 0.1), KEPT)
    assert (gone.what, gone.size_bytes) == ("dump", 10)
    assert gone.why == "newer dumps stay: 7 daily, 4 weekly, 12 monthly"


def candidate(archive_id: UUID, elsewhere: dict[str, set[UUID]], *, forgotten: int = 1) -> Candidate:
    """An archive whose files lie in these other ones as well."""
    holders = {name: frozenset(found) for name, found in elsewhere.items()}
    return Candidate(archive_id, "usb-disk", f"{archive_id}.tar.zst", 100, forgotten, holders)


def test_an_archive_goes_where_all_its_files_are_forgotten_or_lie_elsewhere() -> None:
    """The sentence says which of the two it is."""
    one, two, other = uuid4(), uuid4(), uuid4()
    gone = archives_to_remove(
        [candidate(one, {}, forgotten=3), candidate(two, {"a": {other}, "b": {other}}, forgotten=2)]
    )
    assert [removal.row_id for removal in gone] == [one, two]
    assert [removal.why for removal in gone] == [
        "all of its files are forgotten",
        "2 of its files are forgotten, and 2 lie in other verified archives there",
    ]


def test_two_archives_that_rely_on_each_other_do_not_both_go() -> None:
    """Each holds the other's file: the one that goes first leaves the last copy to the other."""
    one, two = uuid4(), uuid4()
    gone = archives_to_remove([candidate(one, {"a": {two}}), candidate(two, {"a": {one}})])
    assert [removal.row_id for removal in gone] == [one]


def test_whatever_goes_every_file_has_a_copy_left() -> None:
    """Of any archives that share files in any way, none of the files loses its last copy."""
    chosen = random.Random(20261130)
    for _round in range(300):
        archives = [uuid4() for _number in range(chosen.randint(1, 8))]
        files = {
            f"f{number}": set(chosen.sample(archives, chosen.randint(1, len(archives))))
            for number in range(chosen.randint(1, 12))
        }
        candidates = [
            candidate(archive, {name: holders - {archive} for name, holders in files.items() if archive in holders})
            for archive in archives
            if all(holders - {archive} for holders in files.values() if archive in holders)
        ]
        gone = {removal.row_id for removal in archives_to_remove(candidates)}
        assert all(holders - gone for holders in files.values())
