"""Known content arrives again: its copy in the library is looked at, and rot, changes and gaps are mended."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import delete, mend
from services.ingest.settings import FolderSettings, SourceSettings
from shared.errors import Transient
from shared.jobs import runner
from shared.library.stored import Examined
from shared.library.walk import fingerprint_of
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    delete_what_is_due,
    ingest,
    library_files,
    sha256,
    until,
    write,
)

GOOD, ROTTEN, EDITED = b"the good bytes", b"the gOOd bytes", b"the edited bytes"
ORIGINAL = sha256(GOOD)
PATH = "captures/M31/a.fit"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses, the same rules."""
    monkeypatch.setattr(runner, "POLL_S", 0.1)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with one capture of long ago."""
    folder = tmp_path / "captures"
    write(folder, {"M31/a.fit": GOOD})
    os.utime(folder / "M31/a.fit", ns=(1_600_000_000_123_456_789,) * 2)
    return folder


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path, card: Path) -> AsyncIterator[Ingest]:
    """A running ingest that has taken the card."""
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        assert (await running.take(card))["arrived"] == 1
        yield running


def spoil(path: Path, content: bytes, *, same_mtime: bool = True) -> None:
    """Write other bytes into a stored copy: as a disk does that rots, or as a person does who edits."""
    before = path.stat()
    path.write_bytes(content)
    moved = 0 if same_mtime else 7_000_000_000
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + moved))


async def kept_copies(service: Ingest) -> dict[str, bytes]:
    """What lies aside by the path that it had, as the view of the contract tells."""
    rows = await service.rows("SELECT path, kept_as FROM damaged_copy")
    return {row["path"]: Path(row["kept_as"]).read_bytes() for row in rows}


async def revisions(service: Ingest) -> list[tuple[str, int, str]]:
    """Content, revision and path of every event, in order."""
    return [(event.file_id, event.scan_revision, event.path) for event in await service.arrivals()]


def watched(path: Path, mode: str) -> SourceSettings:
    """A watched source."""
    return FolderSettings(name="rig", path=path, mode=mode, settle_s=0.0, walk_interval_s=0.3)


async def no_deletions(service: Ingest) -> bool:
    """Whether no source is left to delete."""
    return not await service.rows("SELECT FROM deletion")


async def test_a_watched_move_mends_a_rotten_copy_before_it_deletes(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """The original that is put into a `move` source replaces the rotten copy; only then it goes, and it is said."""
    source = tmp_path / "source"
    source.mkdir()
    async with ingest(configured(settings, tmp_path, watched(source, "move")), nats_client) as service:
        await service.take(card)
        spoil(service.library / PATH, ROTTEN)
        with capture_logs() as logs:
            write(source, {"again.fit": GOOD})
            await service.until_ledger("again.fit")
            await until(lambda: no_deletions(service))
        assert list(source.iterdir()) == []
        assert library_files(service.library) == {PATH: GOOD}
        assert await kept_copies(service) == {PATH: ROTTEN}
        said = [line for line in logs if "damaged copy in the library was replaced" in line["event"]]
        assert [line["log_level"] for line in said] == ["warning"]
        assert await service.rows("SELECT state FROM source_file WHERE source = 'rig'") == [{"state": "repaired"}]
        (state,) = await service.rows("SELECT missing, damaged, problem FROM library_state")
        assert state == {"missing": 0, "damaged": 1, "problem": None}
        assert await revisions(service) == [(ORIGINAL, 1, PATH), (ORIGINAL, 2, PATH)], "what was mended is read anew"


@pytest.mark.parametrize("mode", ["move", "copy"])
@pytest.mark.parametrize("known", [True, False], ids=["known to the ledger", "from another card"])
async def test_an_import_mends_a_rotten_copy(service: Ingest, card: Path, mode: str, known: bool) -> None:
    """Imports by `move`, and by `copy` with --verify, read the stored copy, whatever the ledger says of the source."""
    spoil(service.library / PATH, ROTTEN)
    place = card
    if not known:
        place = card.parent / "other card"
        write(place, {"x.fit": GOOD})
    if mode == "copy":
        report = await service.take(place)
        assert (report["already_here"], report["repaired"]) == (1, 0), "without --verify size and mtime are enough"
        assert library_files(service.library) == {PATH: ROTTEN}
        report = await service.take(place, verify=True)
    else:
        report = await service.take(place, mode="move")
        await until(lambda: no_deletions(service))
    assert (report["arrived"], report["already_here"], report["repaired"], report["failed"]) == (0, 1, 1, 0)
    assert library_files(service.library) == {PATH: GOOD}
    assert await kept_copies(service) == {PATH: ROTTEN}
    assert bool(list(place.rglob("*.fit"))) == (mode == "copy")
    again = await service.take(place, verify=True)
    assert again["repaired"] == 0


async def test_a_cut_copy_is_rot_without_verify_too(service: Ingest, card: Path) -> None:
    """A copy that a crash cut short at the same mtime has another size, which any import of a person sees."""
    spoil(service.library / PATH, GOOD[:5])
    report = await service.take(card)
    assert (report["already_here"], report["repaired"]) == (1, 1)
    assert library_files(service.library) == {PATH: GOOD}
    assert await kept_copies(service) == {PATH: GOOD[:5]}


@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_what_somebody_changed_stays_and_the_original_lies_beside_it(
    service: Ingest, card: Path, mode: str
) -> None:
    """At another mtime the file is somebody's work: it keeps its name, as new content that replaces the original."""
    spoil(service.library / PATH, EDITED, same_mtime=False)
    report = await service.take(card, mode=mode)
    assert (report["arrived"], report["already_here"], report["set_beside"], report["repaired"]) == (0, 1, 1, 0)
    beside = "captures/M31/a-2.fit"
    assert library_files(service.library) == {PATH: EDITED, beside: GOOD}
    places = {row["path"]: row["file_id"] for row in await service.rows("SELECT path, file_id FROM location")}
    assert places == {PATH: sha256(EDITED), beside: ORIGINAL}
    events = {(event.file_id, event.scan_revision): event for event in await service.arrivals()}
    edited = events[sha256(EDITED), 1]
    assert (edited.path, edited.replaces, edited.source, edited.origin) == (PATH, ORIGINAL, "captures", "M31/a.fit")
    assert events[ORIGINAL, 2].path == beside
    assert len(events) == 3
    assert await kept_copies(service) == {}
    if mode == "move":
        await until(lambda: no_deletions(service))
        assert list(card.rglob("*.fit")) == []
    else:
        assert (await service.take(card, verify=True))["set_beside"] == 0, "it is whole at its place beside"


async def test_an_import_waits_until_a_changed_copy_has_come_to_rest(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """Somebody may still be writing to a file of the library: the import says so, fails nothing, and takes it then."""
    async with ingest(configured(settings, tmp_path, settle_s=3.0), nats_client) as service:
        await service.take(card)
        (service.library / PATH).write_bytes(EDITED)
        import_id = await service.start(card, verify=True)

        async def says_so() -> bool:
            (row,) = await service.rows("SELECT * FROM import_progress WHERE import_id = $1", import_id)
            copy = service.library / PATH
            return bool(row["waiting_for"] == [f"M31/a.fit: its copy {copy} was changed a moment ago"])

        await until(says_so)
        report = await service.report(import_id)
        assert (report["already_here"], report["set_beside"], report["failed"]) == (1, 1, 0)
        assert library_files(service.library) == {PATH: EDITED, "captures/M31/a-2.fit": GOOD}
        assert await service.rows("SELECT FROM not_taken") == []


async def test_a_changed_file_of_the_same_size_is_seen_by_its_mtime(service: Ingest, card: Path) -> None:
    """Header editors keep the size; the mtime gives them away, and any import of a person sees it."""
    spoil(service.library / PATH, ROTTEN, same_mtime=False)
    assert (await service.take(card))["set_beside"] == 1
    assert sorted(library_files(service.library).values()) == sorted([ROTTEN, GOOD])


async def test_an_unknown_mtime_counts_as_changed(service: Ingest, card: Path) -> None:
    """Of rows from before mtimes were noted nobody can say rot: both files stay, and what is whole gets its mtime."""
    await service.pool.execute("UPDATE location SET mtime_ns = NULL")
    assert (await service.take(card, verify=True))["already_here"] == 1
    (row,) = await service.rows("SELECT mtime_ns FROM location")
    assert row["mtime_ns"] == (service.library / PATH).stat().st_mtime_ns
    await service.pool.execute("UPDATE location SET mtime_ns = NULL")
    spoil(service.library / PATH, ROTTEN)
    assert (await service.take(card, verify=True))["set_beside"] == 1
    assert library_files(service.library) == {PATH: ROTTEN, "captures/M31/a-2.fit": GOOD}


async def test_a_touched_copy_is_whole(service: Ingest, card: Path) -> None:
    """The same bytes at another mtime need nothing; from then on rot is told by that mtime."""
    spoil(service.library / PATH, GOOD, same_mtime=False)
    report = await service.take(card)
    assert (report["already_here"], report["set_beside"], report["repaired"]) == (1, 0, 0)
    spoil(service.library / PATH, ROTTEN)
    assert (await service.take(card, verify=True))["repaired"] == 1


@pytest.mark.parametrize("known", [True, False], ids=["known to the ledger", "from another card"])
@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_what_has_gone_from_the_library_is_brought_back_by_an_import(
    service: Ingest, card: Path, known: bool, mode: str
) -> None:
    """The stored place is looked at before "already here" is said: what is not there is taken again, and counted."""
    (service.library / PATH).unlink()
    place = card
    if not known:
        place = card.parent / "other card"
        write(place, {"x.fit": GOOD})
    report = await service.take(place, mode=mode)
    assert (report["arrived"], report["already_here"], report["brought_back"], report["failed"]) == (0, 1, 1, 0)
    now_at = PATH if known else "other-card/x.fit"
    assert library_files(service.library) == {now_at: GOOD}
    rows = await service.rows("SELECT path, missing_since FROM location")
    assert rows == [{"path": now_at, "missing_since": None}]
    assert await revisions(service) == [(ORIGINAL, 1, PATH), (ORIGINAL, 2, now_at)], "readers are told where it is"
    if mode == "move":
        await until(lambda: no_deletions(service))
    else:
        assert (await service.take(place))["brought_back"] == 0


async def test_a_link_in_place_of_a_copy_is_no_copy(service: Ingest, card: Path, tmp_path: Path) -> None:
    """A link, even to the same bytes, is not what was stored: the content is brought back beside it."""
    stored = service.library / PATH
    stored.rename(tmp_path / "elsewhere.fit")
    stored.symlink_to(tmp_path / "elsewhere.fit")
    report = await service.take(card, mode="move")
    assert report["failed"] == 1
    assert "leaves the root" in report["failures"][0]
    assert (card / "M31/a.fit").read_bytes() == GOOD
    stored.unlink()
    (service.library / "inside.fit").write_bytes(GOOD)
    stored.symlink_to(service.library / "inside.fit")
    assert (await service.take(card, mode="move"))["brought_back"] == 1
    await until(lambda: no_deletions(service))
    assert stored.is_symlink()
    assert (service.library / "captures/M31/a-2.fit").read_bytes() == GOOD


async def test_a_watched_source_brings_nothing_back(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """What a person culled stays away however often its source is walked or the file comes again by another name.

    A `move` source keeps its file then, and says so; the import that a person asks for brings it back, and the source
    goes after it.
    """
    source, moving = tmp_path / "source", tmp_path / "moving"
    write(source, {"a.fit": GOOD})
    moving.mkdir()
    mover = watched(moving, "move").model_copy(update={"name": "mover"})
    async with ingest(configured(settings, tmp_path, watched(source, "copy"), mover), nats_client) as service:
        await service.until_ledger("a.fit")
        (service.library / "rig/a.fit").unlink()
        write(source, {"again.fit": GOOD})
        write(moving, {"moved.fit": GOOD})
        await service.until_ledger("again.fit", "moved.fit")

        async def kept() -> bool:
            return bool(await service.rows("SELECT FROM kept_source"))

        await until(kept)
        assert library_files(service.library) == {}
        assert (moving / "moved.fit").read_bytes() == GOOD
        (state,) = await service.rows("SELECT missing, damaged FROM library_state")
        assert state == {"missing": 1, "damaged": 0}
        assert [row["path"] for row in await service.rows("SELECT path FROM missing_file")] == ["rig/a.fit"]
        assert (await service.take(source / "a.fit"))["brought_back"] == 1
        assert library_files(service.library) == {"rig/a.fit": GOOD}
        assert await service.rows("SELECT FROM missing_file") == []
        await service.pool.execute("UPDATE deletion SET next_try_at = clock_timestamp()")
        await until(lambda: no_deletions(service))
        assert list(moving.iterdir()) == []


async def test_rot_that_a_deletion_finds_is_mended_from_the_source(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that rots between the move and the deletion is made good from the source, which goes only then."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    write(card, {"b.fit": b"b", "c.fit": b"c"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(card, mode="move")
        spoil(service.library / PATH, ROTTEN)
        spoil(service.library / "captures/b.fit", EDITED, same_mtime=False)
        (service.library / "captures/c.fit").unlink()
        await delete_what_is_due(service)
        assert [path.name for path in card.rglob("*.fit")] == ["c.fit"], "what has gone is brought back by nobody"
        assert library_files(service.library) == {PATH: GOOD, "captures/b.fit": EDITED, "captures/b-2.fit": b"b"}
        assert await kept_copies(service) == {PATH: ROTTEN}
        assert sha256(EDITED) in {event.file_id for event in await service.arrivals()}


async def test_a_copy_that_cannot_be_read_keeps_the_source(
    service: Ingest, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing library disk is a sentence and exit code 1, no rot: nothing is replaced, nothing is deleted."""

    def failing(*args: Any, **options: Any) -> Examined:
        raise Transient(f"a.fit cannot be read: {os.strerror(errno.EIO)}")

    with monkeypatch.context() as patch:
        patch.setattr(mend, "examine", failing)
        for mode in ("copy", "move"):
            report = await service.take(card, mode=mode, verify=True)
            assert (report["failed"], report["already_here"]) == (1, 0)
            assert "Input/output error" in report["failures"][0]
    assert library_files(service.library) == {PATH: GOOD}
    assert (card / "M31/a.fit").read_bytes() == GOOD
    assert await service.rows("SELECT FROM deletion") == []
    assert (await service.take(card))["already_here"] == 1


async def test_a_library_that_is_away_has_lost_nothing(service: Ingest, card: Path, tmp_path: Path) -> None:
    """While the library is not mounted, no file of it is taken for gone: the import waits and changes nothing."""
    volume = service.library.rename(tmp_path / "volume")
    service.library.mkdir()
    import_id = await service.start(card)

    async def waiting() -> bool:
        return any("no marker: is the volume mounted?" in wait.reason for wait in await service.waits())

    await until(waiting)
    assert list(service.library.iterdir()) == []
    service.library.rmdir()
    volume.rename(service.library)
    report = await service.report(import_id)
    assert (report["already_here"], report["failed"], report["brought_back"]) == (1, 0, 0)
    assert (await service.ledger())["M31/a.fit"] == "arrived"


async def test_an_indexed_file_that_rotted_is_told_by_verify(service: Ingest, tmp_path: Path) -> None:
    """index: other bytes under the same size and times are a failure with a sentence, and no new content."""
    tree = tmp_path / "tree"
    write(tree, {"x.fit": b"indexed", "y.fit": b"other"})
    await service.take(tree, mode="index")
    (row,) = await service.rows("SELECT folder, name, mtime_ns FROM source_file WHERE name = 'x.fit'")
    spoil(tree / "x.fit", b"iNDexed")
    status = (tree / "x.fit").stat()
    fingerprint = fingerprint_of(status.st_ino, status.st_ctime_ns)
    await service.pool.execute("UPDATE source_file SET fingerprint = $1 WHERE name = 'x.fit'", fingerprint)
    assert (await service.take(tree, mode="index"))["already_here"] == 2
    report = await service.take(tree, mode="index", verify=True)
    assert (report["already_here"], report["failed"]) == (1, 1)
    assert "x.fit: its bytes are others than when it was indexed" in report["failures"][0]
    assert status.st_mtime_ns == row["mtime_ns"]
    assert len(await service.rows("SELECT FROM file")) == 3


async def test_counts_of_a_resumed_import_say_what_was_mended(
    service: Ingest, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first try of an import mended is counted as mended by the second, too."""
    (service.library / PATH).unlink()
    import_id = await service.start(card)
    report = await service.report(import_id)
    assert report["brought_back"] == 1
    await service.pool.execute(
        "UPDATE import SET state = 'waiting', leased_until = NULL, finished_at = NULL WHERE import_id = $1", import_id
    )
    report = await service.report(import_id)
    assert (report["arrived"], report["already_here"], report["brought_back"]) == (0, 1, 1)


async def test_two_that_mend_at_once_mend_once(service: Ingest, card: Path) -> None:
    """Two cards with the same original, imported at once, replace the rotten copy once."""
    spoil(service.library / PATH, ROTTEN)
    write(card.parent / "second", {"b.fit": GOOD})
    ids = [await service.start(folder, mode="move") for folder in (card, card.parent / "second")]
    reports = await asyncio.gather(*map(service.report, ids))
    assert sum(report["repaired"] for report in reports) == 1
    assert library_files(service.library) == {PATH: GOOD}
    await until(lambda: no_deletions(service))
    assert await kept_copies(service) == {PATH: ROTTEN}
