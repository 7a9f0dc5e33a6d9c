"""Archives in archive storage: what a restore needs of them, what is asked for, and the waiting."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.backup.destinations.port import Label, Refused, Thaws
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.restore import Restore
from services.backup.restore.thaw import Needed, Waiting, ask, needed, until_thawed
from services.backup.restore.wanted import Wanted
from shared.errors import Away
from tests.archived import Made, archive, contents
from tests.memory_destination import MemoryDestination


@pytest.fixture
async def cold(tmp_path: Path) -> tuple[MemoryDestination, Made]:
    """A destination whose one archive is frozen."""
    destination = MemoryDestination("cold")
    (tmp_path / "sources").mkdir()
    made = await archive(destination, contents(6), tmp_path / "sources")
    destination.labels[made.key] = Label(storage_class="DEEP_ARCHIVE")
    destination.frost[made.key] = "frozen"
    return destination, made


def wanted(made: Made) -> list[Wanted]:
    """All that is in an archive."""
    return [Wanted(one.file_id, one.size_bytes, one.member, copies=(one,)) for one in made.copies]


async def look(folder: Path, files: list[Wanted], *destinations: MemoryDestination) -> Needed:
    """What has to be thawed for a restore into a folder."""
    return await needed({one.name: one for one in destinations}, RestoreFolder(folder), files)


async def test_a_frozen_archive_is_asked_for_and_waited_for(
    tmp_path: Path, cold: tuple[MemoryDestination, Made]
) -> None:
    """It is found once, with all that is read of it; asked for; waited for until it is thawed; and then restored."""
    destination, made = cold
    found = await look(tmp_path / "restored", wanted(made), destination)
    (one,) = found.frozen
    assert (one.key, one.size_bytes, one.storage_class) == (made.key, len(made.stored), "DEEP_ARCHIVE")
    assert one.read_bytes == sum(copy.stored_bytes for copy in made.copies)
    await ask({"cold": destination}, found.frozen, 5, "bulk")
    assert destination.asked == [(made.key, 5, "bulk")]
    again = await look(tmp_path / "restored", wanted(made), destination)
    assert ([one.frost for one in again.cold], again.frozen) == (["thawing"], ())
    said: list[Waiting] = []

    def tell(waiting: Waiting) -> None:
        said.append(waiting)
        destination.is_away = len(said) == 2
        if len(said) == 4:
            destination.frost.clear()

    await until_thawed({"cold": destination}, again.cold, tell, first_pause_s=0.0)
    assert [one.thawed for one in said] == [0, 0, 0, 0]
    assert [one.problem for one in said] == [None, None, "memory (cold) is away", None]
    restored = await Restore({"cold": destination}, RestoreFolder(tmp_path / "restored")).run(again.wanted)
    assert (restored.restored, restored.failed) == (6, 0)
    destination.frost[made.key] = "frozen"
    assert (await look(tmp_path / "restored", wanted(made), destination)).cold == (), "all of it is here"


async def test_what_can_be_read_elsewhere_is_not_thawed(tmp_path: Path, cold: tuple[MemoryDestination, Made]) -> None:
    """A sound copy that can be read at once goes before a frozen one, a frozen one before a damaged one."""
    destination, made = cold
    near = MemoryDestination("near")
    near.objects |= destination.objects
    files = [replace(one, copies=(one.copies[0], replace(one.copies[0], destination="near"))) for one in wanted(made)]
    found = await look(tmp_path / "restored", files, destination, near)
    assert found.cold == ()
    assert {one.copies[0].destination for one in found.wanted} == {"near"}
    spoilt = [replace(one, copies=(one.copies[0], replace(one.copies[1], damaged=True))) for one in files[:1]]
    found = await look(tmp_path / "restored", spoilt, destination, near)
    assert [one.destination for one in found.cold] == ["cold"]
    assert [copy.destination for copy in found.wanted[0].copies] == ["cold", "near"]


async def test_days_that_are_over_end_the_waiting(cold: tuple[MemoryDestination, Made], tmp_path: Path) -> None:
    """An archive that is frozen again while others are waited for is told; nobody waits for ever."""
    destination, made = cold
    found = await look(tmp_path / "restored", wanted(made), destination)
    with pytest.raises(Refused, match="is frozen again: the days for which it was asked for are over"):
        await until_thawed({"cold": destination}, found.cold, lambda _waiting: None, first_pause_s=0.0)


async def test_a_destination_that_is_away_is_left_to_the_restore(
    tmp_path: Path, cold: tuple[MemoryDestination, Made]
) -> None:
    """Nothing is asked for where nobody can look; the request itself is refused in a sentence."""
    destination, made = cold
    found = await look(tmp_path / "restored", wanted(made), destination)
    destination.is_away = True
    assert (await look(tmp_path / "restored", wanted(made), destination)).cold == ()
    with pytest.raises(Away):
        await ask({"cold": destination}, found.frozen, 7, "standard")
    assert isinstance(destination, Thaws)
