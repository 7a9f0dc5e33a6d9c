"""Bringing files back: just their bytes, proven, never over another file and never outside of the folder."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from services.backup.restore.folder import UNFINISHED, RestoreFolder
from services.backup.restore.restore import Restore, Restored
from services.backup.restore.wanted import Copy, Wanted, by_preference, runs
from shared.errors import Permanent, Transient, UserError
from tests.archived import Made, archive, contents
from tests.memory_destination import MemoryDestination


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder for what is archived."""
    folder = tmp_path / "sources"
    folder.mkdir()
    return folder


def wanted(made: Made, *copies: Copy) -> list[Wanted]:
    """Members as files to be brought back under their names in the archive."""
    return [
        Wanted(copy.file_id, copy.size_bytes, copy.member, 1_768_000_000, (copy,)) for copy in copies or made.copies
    ]


async def restore(destination: MemoryDestination, folder: Path, files: list[Wanted]) -> Restored:
    """A restore that does not wait long."""
    target = RestoreFolder(folder)
    restored = await Restore({destination.name: destination}, target, pauses_s=(0.0, 0.0)).run(files)
    target.close()
    assert restored.found == restored.restored + restored.already_here + restored.failed
    return restored


def found_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["zstd", "none"])
async def test_a_session_comes_back_byte_for_byte(tmp_path: Path, sources: Path, kind: str) -> None:
    """Every file has its path, its content and its time again, whichever way it was packed; nothing else is there."""
    destination = MemoryDestination()
    made = await archive(destination, contents(60), sources, kind=kind)
    restored = await restore(destination, tmp_path / "restored", wanted(made))
    assert (restored.restored, restored.failures) == (60, [])
    assert found_in(tmp_path / "restored") == made.contents
    assert all(path.stat().st_mtime == 1_768_000_000 for path in (tmp_path / "restored").rglob("*.fits"))


@pytest.mark.parametrize("kind", ["zstd", "none"])
async def test_one_file_takes_its_own_bytes_alone(tmp_path: Path, sources: Path, kind: str) -> None:
    """A single file is read by its range: not one byte of the archive more."""
    destination = MemoryDestination()
    made = await archive(destination, contents(60), sources, kind=kind)
    copy = made.copies[31]
    restored = await restore(destination, tmp_path / "restored", wanted(made, copy))
    assert 0 < restored.read_bytes == copy.stored_bytes < len(made.stored) / 2
    assert [call for call in destination.calls if call[0] == "read"][-1:] == [("read", made.key)]
    assert found_in(tmp_path / "restored") == {copy.member: made.contents[copy.member]}


async def test_a_session_is_read_in_few_requests(tmp_path: Path, sources: Path) -> None:
    """Members that lie one behind the other are read together, so that thousands of small files take few requests."""
    destination = MemoryDestination()
    made = await archive(destination, contents(400, most_bytes=2000), sources)
    destination.calls.clear()
    await restore(destination, tmp_path / "restored", wanted(made))
    assert len([call for call in destination.calls if call[0] == "read"]) == 1


async def test_nothing_is_overwritten(tmp_path: Path, sources: Path) -> None:
    """The same content is already here and not read again; another content keeps its name, and a suffix is given."""
    destination = MemoryDestination()
    made = await archive(destination, contents(12), sources)
    same, other = made.copies[3], made.copies[5]
    folder = tmp_path / "restored"
    for copy, data in ((same, made.contents[same.member]), (other, b"somebody's")):
        (folder / copy.member).parent.mkdir(parents=True, exist_ok=True)
        (folder / copy.member).write_bytes(data)
    first = await restore(destination, folder, wanted(made))
    assert (first.restored, first.already_here, first.failed) == (11, 1, 0)
    assert (folder / other.member).read_bytes() == b"somebody's"
    assert len(first.renamed) == 1
    assert (folder / first.renamed[0][1]).read_bytes() == made.contents[other.member]
    again = await restore(destination, folder, wanted(made))
    assert (again.restored, again.already_here, again.read_bytes) == (0, 12, 0)


@pytest.mark.parametrize("spoil", ["flip", "cut", "swap", "gone"])
async def test_damage_costs_what_it_touches(tmp_path: Path, sources: Path, spoil: str) -> None:
    """Of a damaged archive comes back what is sound; each other file has one sentence, and leaves nothing behind."""
    destination = MemoryDestination()
    made = await archive(destination, contents(30), sources)
    at = made.copies[20].stored_offset + made.copies[20].stored_bytes // 2
    data = bytearray(made.stored)
    match spoil:
        case "flip":
            data[at] ^= 1
            destination.objects[made.key] = bytes(data)
        case "cut":
            destination.objects[made.key] = bytes(data[:at])
        case "swap":
            other = await archive(MemoryDestination(), contents(30, seed=2), sources)
            destination.objects[made.key] = other.stored
        case "gone":
            del destination.objects[made.key]
    lost = {"flip": {20}, "cut": set(range(20, 30)), "swap": set(range(30)), "gone": set(range(30))}[spoil]
    restored = await restore(destination, tmp_path / "restored", wanted(made))
    assert {one.name for one in restored.failures} >= {
        made.copies[number].member for number in lost if made.copies[number].size_bytes
    }
    assert all(one.reason and "\n" not in one.reason for one in restored.failures)
    assert all(made.contents[name] == data for name, data in found_in(tmp_path / "restored").items())
    assert len(found_in(tmp_path / "restored")) == 30 - restored.failed


async def test_a_second_copy_takes_the_place_of_a_damaged_one(tmp_path: Path, sources: Path) -> None:
    """What is damaged, missing or unreachable at one destination comes from another, in the order that is asked for."""
    near, far = MemoryDestination("near"), MemoryDestination("far")
    files = contents(20)
    one, two = await archive(near, files, sources), await archive(far, files, sources)
    data = bytearray(one.stored)
    data[one.copies[7].stored_offset + 3] ^= 0xFF
    near.objects[one.key] = bytes(data)
    both = [
        replace(entry, copies=by_preference((two.copies[n], entry.copies[0]), ("near", "far")))
        for n, entry in enumerate(wanted(one))
    ]
    target = RestoreFolder(tmp_path / "restored")
    restored = await Restore({"near": near, "far": far}, target, pauses_s=()).run(both)
    assert (restored.restored, restored.failed) == (20, 0)
    assert [call for call in far.calls if call[0] == "read"] == [("read", two.key)]
    near.is_away = True
    restored = await Restore({"near": near, "far": far}, RestoreFolder(tmp_path / "again"), pauses_s=()).run(both)
    assert (restored.restored, restored.failed) == (20, 0)


async def test_a_failure_on_the_way_is_tried_again(tmp_path: Path, sources: Path) -> None:
    """A destination that fails in the middle is asked again, for what is left alone."""
    destination = MemoryDestination()
    made = await archive(destination, contents(20), sources)
    failures = iter([Transient("the connection was reset")])

    def fail(call: str, _key: str) -> None:
        if call == "read" and (error := next(failures, None)) is not None:
            raise error

    destination.before = fail
    restored = await restore(destination, tmp_path / "restored", wanted(made))
    assert (restored.restored, restored.failed) == (20, 0)


@pytest.mark.parametrize(
    "name",
    ["../out.fits", "/etc/passwd", "a/../../out.fits", "a//b.fits", "", ".", "a/./b", "nul\0.fits", "a/\udcff.fits",
     ".nightbus/root.json", ".Nightbus-restore/x.tmp"],
)  # fmt: skip
async def test_no_name_leads_out_of_the_folder(tmp_path: Path, sources: Path, name: str) -> None:
    """Whatever a manifest calls a file, nothing is written outside of the folder; it fails with a sentence."""
    destination = MemoryDestination()
    made = await archive(destination, contents(2), sources)
    before = sorted(tmp_path.rglob("*"))
    (one, two) = wanted(made)
    restored = await restore(destination, tmp_path / "in" / "restored", [replace(one, name=name), two])
    assert (restored.restored, restored.failed) == (1, 1)
    assert sorted(set(tmp_path.rglob("*")) - set((tmp_path / "in").rglob("*")) - {tmp_path / "in"}) == before
    assert set(found_in(tmp_path / "in" / "restored")) == {two.name}


async def test_no_link_is_followed(tmp_path: Path, sources: Path) -> None:
    """A link in the folder, or under the name of a file, leads nowhere: what it points to stays as it is."""
    destination = MemoryDestination()
    made = await archive(destination, contents(4), sources)
    outside, folder = tmp_path / "outside", tmp_path / "restored"
    outside.mkdir()
    (outside / "kept").write_bytes(b"kept")
    session, root, *_ = made.copies[0].member.split("/")
    (folder / session).mkdir(parents=True)
    (folder / session / root).symlink_to(outside)
    restored = await restore(destination, folder, wanted(made))
    assert restored.failed == 4
    assert all("links are not followed" in one.reason for one in restored.failures)
    assert found_in(outside) == {"kept": b"kept"}
    (folder / session / root).unlink()
    (folder / made.copies[0].member).parent.mkdir(parents=True)
    (folder / made.copies[0].member).symlink_to(outside / "kept")
    restored = await restore(destination, folder, wanted(made))
    assert (restored.restored, restored.failed) == (4, 0)
    assert found_in(outside) == {"kept": b"kept"}


async def test_odd_names_come_back_as_they_are(tmp_path: Path, sources: Path) -> None:
    """Blanks, quotes, line ends, emoji, 255 bytes: a name that a file may have comes back."""
    destination = MemoryDestination()
    names = [
        "a b/'\"`$.fits",
        "line\nend.fits",
        "\u202ertl.fits",
        "n" * 250 + ".fits",
        "🌌/M 31.fits",
        "-rf.fits",
        "a\\b.fits",
    ]
    made = await archive(destination, {name: name.encode() for name in names}, sources)
    restored = await restore(destination, tmp_path / "restored", wanted(made))
    assert (restored.restored, restored.failures) == (len(names), [])
    assert found_in(tmp_path / "restored") == made.contents


async def test_forged_sizes_and_places_cost_the_file_alone(tmp_path: Path, sources: Path) -> None:
    """Sizes of petabytes, places beyond the archive and ranges of others are told, and the other files come back."""
    destination = MemoryDestination()
    made = await archive(destination, contents(6), sources)
    good = made.copies[5]
    forged = [
        replace(made.copies[1], size_bytes=2**50),
        replace(made.copies[1], stored_offset=2**50),
        replace(made.copies[1], stored_bytes=2**50),
        replace(made.copies[1], stored_offset=good.stored_offset, stored_bytes=good.stored_bytes),
        replace(made.copies[1], file_id="0" * 64),
        replace(made.copies[1], key="backups/raw/2026/other.tar.zst"),
        replace(made.copies[1], packed=False),
    ]
    restored = await restore(destination, tmp_path / "restored", [*wanted(made, *forged), *wanted(made, good)])
    assert (restored.restored, restored.failed) == (1, len(forged))
    assert set(found_in(tmp_path / "restored")) == {good.member}


def test_a_library_is_not_restored_into(tmp_path: Path) -> None:
    """A library is written to by ingest alone: neither it nor a folder in it takes a restore."""
    (tmp_path / ".nightbus").mkdir()
    (tmp_path / ".nightbus" / "root.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "M 31"):
        with pytest.raises(UserError, match="nightbus ingest"):
            RestoreFolder(folder)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """What is not the content that was asked for never gets a name, and its temporary file goes."""
    folder = RestoreFolder(tmp_path / "restored")
    one = Wanted(hashlib.sha256(b"right").hexdigest(), 5, "a/b.fits")

    def refuse(_file: object) -> None:
        raise Permanent("no")

    def spoil(file: BinaryIO) -> None:
        file.write(b"wrong")

    with pytest.raises(Permanent, match="no"):
        folder.write(one, refuse)
    with pytest.raises(Transient, match="read back differently"):
        folder.write(one, spoil)
    assert found_in(tmp_path / "restored") == {}
    assert list((tmp_path / "restored" / UNFINISHED).iterdir()) == []


def test_what_a_killed_restore_left_goes_after_a_day(tmp_path: Path) -> None:
    """A temporary file of a restore that was killed goes once it is old; a new one may be another restore's."""
    RestoreFolder(tmp_path)
    left = tmp_path / UNFINISHED / ("0" * 32 + ".tmp")
    left.write_bytes(b"half")
    RestoreFolder(tmp_path)
    assert left.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.backup.restore.folder._OLD_S", -1.0)
        RestoreFolder(tmp_path)
    assert not left.exists()


def test_runs_are_bounded_and_lose_nothing() -> None:
    """Members that touch are read together up to a bound; gaps and other archives begin a new run; none is lost."""
    copies = [Copy("d", "k", True, n, str(n), str(n), 1, n * 10, 10) for n in range(20)]
    assert list(runs(reversed(copies))) == [copies]
    assert list(runs([*copies[:5], *copies[6:9]])) == [copies[:5], copies[6:9]]
    huge = [replace(copy, stored_offset=n << 25, stored_bytes=1 << 25) for n, copy in enumerate(copies)]
    assert [len(run) for run in runs(huge)] == [2] * 10
