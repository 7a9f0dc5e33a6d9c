"""The keeper of a running ingest: moves, placements, removals, what is forgotten, and walks that find what moved."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest
from nats.aio.client import Client

from services.descriptions import SERVICES
from services.ingest.announce import tell_removed_again
from services.ingest.settings import FolderSettings
from shared.bus.names import EVENTS
from shared.bus.outbox import OutboxRelay
from shared.bus.provision import provision
from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.commands import (
    FileMove,
    ForgetFiles,
    KeeperAccepted,
    KeeperCommand,
    MoveFiles,
    PlaceFile,
    RemoveFiles,
    StoredFile,
    WalkLibrary,
)
from shared.events.file import FileMoved, FileRemoved, Location
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    Row,
    configured,
    events,
    ingest,
    library_files,
    sha256,
    until,
    write,
)

FILES = {f"night/{number:02}.fit": b"%d" % number for number in range(40)}


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with forty captures."""
    write(tmp_path / "captures", FILES)
    return tmp_path / "captures"


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path, card: Path) -> AsyncIterator[Ingest]:
    """A running ingest that has taken the card."""
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        assert (await running.take(card))["arrived"] == len(FILES)
        yield running


def in_library(name: str) -> Location:
    """A capture of the card, in the library."""
    return Location(root="library", path=f"captures/{name}")


def move(content: bytes, name: str, to_path: str) -> FileMove:
    """A move of a capture of the card."""
    to_location = Location(root="library", path=to_path)
    return FileMove(file_id=sha256(content), from_location=in_library(name), to_location=to_location)


async def keep(service: Ingest, command: KeeperCommand) -> Row:
    """Ask the keeper for something; its job once that has ended."""
    accepted = await ask(service.client, command, KeeperAccepted)
    assert accepted.job_id == command.command_id

    async def ended() -> bool:
        query = "SELECT finished_at IS NOT NULL FROM keeper_job WHERE job_id = $1"
        return bool(await service.pool.fetchval(query, command.command_id))

    await until(ended)
    return await job(service, command.command_id)


async def job(service: Ingest, job_id: UUID) -> Row:
    """What the contract says of a job."""
    (row,) = await service.rows("SELECT * FROM keeper_job_progress WHERE job_id = $1", job_id)
    return row


async def told(service: Ingest, model: type[FileMoved] | type[FileRemoved]) -> list[FileMoved | FileRemoved]:
    """The events of a kind in the stream, once the outbox is empty."""
    await service.arrivals()
    found = await events(service.client.jetstream(), model.subject)
    return [model.model_validate_json(data) for data, _message_id in found]


async def place_of(service: Ingest, content: bytes) -> list[str]:
    """Where a content lies by the rows."""
    query = "SELECT path FROM location WHERE file_id = $1 AND missing_since IS NULL"
    return [row["path"] for row in await service.rows(query, sha256(content))]


async def test_a_set_is_moved_and_told(service: Ingest) -> None:
    """Files get new names in other folders; each is told once, and a second request of one id does nothing more."""
    command = MoveFiles(moves=(move(b"1", "night/01.fit", "M31/L/01.fit"), move(b"2", "night/02.fit", "M31/02.fit")))
    row = await keep(service, command)
    assert (row["state"], row["files"], row["files_done"], row["kept"]) == ("done", 2, 2, 0)
    files = library_files(service.library)
    assert (files["M31/L/01.fit"], files["M31/02.fit"], len(files)) == (b"1", b"2", 40)
    assert await place_of(service, b"1") == ["M31/L/01.fit"]
    moved = await told(service, FileMoved)
    assert [(one.file_id, one.location_revision) for one in moved] == [(sha256(b"1"), 1), (sha256(b"2"), 1)]
    assert isinstance(moved[0], FileMoved)
    assert (moved[0].from_location, moved[0].to_location.path) == (in_library("night/01.fit"), "M31/L/01.fit")
    await keep(service, command)
    assert len(await told(service, FileMoved)) == 2
    again = MoveFiles(
        moves=(
            FileMove(
                file_id=sha256(b"1"),
                from_location=Location(root="library", path="M31/L/01.fit"),
                to_location=in_library("night/01.fit"),
            ),
        )
    )
    assert (await keep(service, again))["state"] == "done"
    assert [one.location_revision for one in (await told(service, FileMoved))] == [1, 1, 2]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (move(b"2", "night/02.fit", "captures/night/03.fit"), "nothing is overwritten"),
        (move(b"2", "night/02.fit", "new/01.fit"), "two files are to be new/01.fit"),
        (move(b"9", "night/02.fit", "new/02.fit"), "is not known as the place of"),
        (move(b"2", "night/02.fit", "../02.fit"), "does not stay inside the root"),
        (move(b"2", "night/02.fit", ".nightbus/02.fit"), "in the folder that Nightbus keeps for itself"),
        (move(b"2", "night/02.fit", f"new/{'x' * 260}.fit"), "is no name that every system can hold"),
        (move(b"2", "night/02.fit", "new/con.fit"), "is no name that every system can hold"),
        (move(b"2", "night/02.fit", "new/02.txt"), "would be no capture any more"),
        (move(b"39", "night/39.fit", "new/39.fit"), "night/39.fit is gone"),
        (move(b"38", "night/38.fit", "new/38.fit"), "night/38.fit is changed"),
    ],
)
async def test_a_set_that_cannot_be_moved_changes_nothing(service: Ingest, second: FileMove, why: str) -> None:
    """One file of a set that cannot get its name, or is not what it was, keeps all of them where they are."""
    (service.library / "captures/night/39.fit").unlink()
    (service.library / "captures/night/38.fit").write_bytes(b"somebody's work")
    before = library_files(service.library)
    row = await keep(service, MoveFiles(moves=(move(b"1", "night/01.fit", "new/01.fit"), second)))
    assert (row["state"], why in row["reason"]) == ("failed", True), row["reason"]
    assert library_files(service.library) == before
    assert await place_of(service, b"1") == ["captures/night/01.fit"]
    assert await told(service, FileMoved) == []


async def test_only_the_library_is_kept(service: Ingest) -> None:
    """Files of indexed folders and of sources are not moved: a sentence says so."""
    elsewhere = FileMove(
        file_id=sha256(b"1"), from_location=Location(root="captures", path="a"), to_location=in_library("a.fit")
    )
    with pytest.raises(UserError, match="files of the root captures stay where they are"):
        await ask(service.client, MoveFiles(moves=(elsewhere,)), KeeperAccepted)


async def test_what_is_removed_stays_known(service: Ingest) -> None:
    """A removed file is missing, with the reason, and an import brings it back; other bytes than named stay."""
    wrong = StoredFile(file_id=sha256(b"2"), location=in_library("night/01.fit"))
    row = await keep(service, RemoveFiles(files=(wrong,), reason="clouds"))
    assert (row["state"], "it is not what was to be removed" in row["reason"]) == ("failed", True)
    right = StoredFile(file_id=sha256(b"1"), location=in_library("night/01.fit"))
    row = await keep(service, RemoveFiles(files=(right,), reason="clouds"))
    assert (row["state"], row["files_done"]) == ("done", 1)
    assert "captures/night/01.fit" not in library_files(service.library)
    rows = await service.rows("SELECT path, removed_reason FROM missing_file")
    assert rows == [{"path": "captures/night/01.fit", "removed_reason": "clouds"}]
    assert await told(service, FileRemoved) == []
    assert await service.rows("SELECT state, reason FROM absent_file") == [{"state": "missing", "reason": "clouds"}]
    assert (await service.take(service.library.parent / "captures"))["brought_back"] == 1
    assert await service.rows("SELECT removed_reason FROM location WHERE missing_since IS NOT NULL") == []


async def test_nothing_goes_unless_what_stands_for_it_is_whole(service: Ingest) -> None:
    """A removal that names what stands for the files looks at that when they go: gone or changed, all of them stay."""
    files = (StoredFile(file_id=sha256(b"1"), location=in_library("night/01.fit")),)
    kept = StoredFile(file_id=sha256(b"2"), location=in_library("night/02.fit"))
    path = service.library / "captures/night/02.fit"
    with pytest.raises(UserError, match="cannot be one of them"):
        await keep(service, RemoveFiles(files=(*files, kept), reason="done", in_place_of=kept))
    for content, word in ((b"x", "changed"), (None, "gone")):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        row = await keep(service, RemoveFiles(files=files, reason="done", in_place_of=kept))
        assert (row["state"], row["reason"].endswith(f"which is to stand for them, is {word}")) == ("failed", True)
    elsewhere = kept.model_copy(update={"location": in_library("night/03.fit")})
    row = await keep(service, RemoveFiles(files=files, reason="done", in_place_of=elsewhere))
    assert (row["state"], "is not known there any more" in row["reason"]) == ("failed", True)
    assert library_files(service.library)["captures/night/01.fit"] == b"1"
    path.write_bytes(b"2")
    assert (await keep(service, RemoveFiles(files=files, reason="done", in_place_of=kept)))["state"] == "done"
    assert "captures/night/01.fit" not in library_files(service.library)


@pytest.mark.parametrize("how", ["copy", "hardlink", "symlink"])
async def test_the_last_whole_copy_of_an_original_stays(
    service: Ingest, how: Literal["copy", "hardlink", "symlink"]
) -> None:
    """A derived copy goes while its original is whole, and else stays with the reason; a link holds nothing to keep."""
    beside = in_library("beside/01.fit")
    command = PlaceFile(
        file_id=sha256(b"1"), size_bytes=1, from_location=in_library("night/01.fit"), to_location=beside,
        kind="derived", made_by="calibration", how=how,
    )  # fmt: skip
    assert (await keep(service, command))["state"] == "done"
    original = service.library / "captures/night/01.fit"
    remove = RemoveFiles(files=(StoredFile(file_id=sha256(b"1"), location=beside),), reason="another fits")
    original.rename(service.library / "away")
    row = await keep(service, remove)
    if how == "symlink":
        assert (row["state"], original.exists()) == ("done", False)
        return
    assert (row["state"], "it is the last whole copy of" in row["reason"]) == ("failed", True)
    assert library_files(service.library)["captures/beside/01.fit"] == b"1"
    (service.library / "away").rename(original)
    assert (await keep(service, remove.model_copy(update={"command_id": UUID(int=1)})))["state"] == "done"
    assert "captures/beside/01.fit" not in library_files(service.library)
    assert original.read_bytes() == b"1"


async def test_what_is_placed_gets_a_suffix_and_is_taken_from_the_folder_for_it(service: Ingest) -> None:
    """A file of another service is announced; under a taken name it gets a suffix; known content is not doubled."""
    given = ".nightbus/handover/calibration/01.fit"
    command = PlaceFile(
        file_id=sha256(b"master"), size_bytes=6, from_location=Location(root="library", path=given),
        to_location=in_library("night/01.fit"), kind="library", made_by="calibration",
    )  # fmt: skip
    write(service.library, {given: b"master"})
    row = await keep(service, command)
    assert (row["state"], row["lines"]) == ("done", ["placed as captures/night/01-2.fit"])
    files = library_files(service.library)
    assert (files["captures/night/01-2.fit"], len(files)) == (b"master", 41)
    assert not (service.library / given).exists()
    (arrival,) = [one for one in await service.arrivals() if one.file_id == sha256(b"master")]
    assert (arrival.source, arrival.path) == ("calibration", "captures/night/01-2.fit")
    write(service.library, {given: b"master"})
    again = command.model_copy(update={"command_id": UUID(int=1), "to_location": in_library("other.fit")})
    assert (await keep(service, again))["lines"] == ["placed as captures/night/01-2.fit"]
    assert len(library_files(service.library)) == 41
    write(service.library, {given: b"others"})
    wrong = command.model_copy(update={"command_id": UUID(int=2), "file_id": sha256(b"masters")})
    row = await keep(service, wrong)
    assert (row["state"], "does not hold what was handed over" in row["reason"]) == ("failed", True)
    assert (service.library / given).read_bytes() == b"others"


async def test_what_is_derived_never_counts(service: Ingest, card: Path) -> None:
    """A derived file has a place and nothing else; an import of the same content is an arrival like any other."""
    write(service.library, {".nightbus/handover/processing/d.fit": b"derived"})
    command = PlaceFile(
        file_id=sha256(b"derived"), size_bytes=7,
        from_location=Location(root="library", path=".nightbus/handover/processing/d.fit"),
        to_location=Location(root="library", path="products/d.fit"), kind="derived", made_by="processing",
    )  # fmt: skip
    counts = "SELECT files, size_bytes, failed FROM counts"
    before = await service.rows(counts)
    assert (await keep(service, command))["state"] == "done"
    assert await service.rows(counts) == before
    (row,) = await service.rows("SELECT path, size_bytes, made_by FROM derived_location")
    assert row == {"path": "products/d.fit", "size_bytes": 7, "made_by": "processing"}
    assert [one for one in await service.arrivals() if one.file_id == sha256(b"derived")] == []
    (service.library / "products/d.fit").rename(service.library / "products/renamed.fit")
    assert (await keep(service, WalkLibrary()))["state"] == "done"
    (row,) = await service.rows("SELECT path FROM derived_location")
    assert row == {"path": "products/renamed.fit"}
    assert await told(service, FileMoved) == []
    write(card, {"late/d.fit": b"derived"})
    assert (await service.take(card))["arrived"] == 1
    assert (await service.rows("SELECT count(*) AS derived FROM derived_location"))[0] == {"derived": 1}
    where = StoredFile(file_id=sha256(b"derived"), location=Location(root="library", path="products/renamed.fit"))
    assert (await keep(service, RemoveFiles(files=(where,), reason="made anew")))["state"] == "done"
    assert await service.rows("SELECT * FROM derived_location") == []
    assert await place_of(service, b"derived") == ["captures/late/d.fit"]


async def test_a_derived_file_is_made_of_what_lies_there(service: Ingest) -> None:
    """A link is of a file that stays, and never an original; what was moved since is not known there any more."""
    link = PlaceFile(
        file_id=sha256(b"1"), size_bytes=1, from_location=in_library("night/01.fit"),
        to_location=in_library("links/01.fit"), kind="derived", made_by="calibration", how="symlink",
    )  # fmt: skip
    handed = Location(root="library", path=".nightbus/handover/calibration/01.fit")
    refused = {
        "only a derived file may be a link": link.model_copy(update={"kind": "library"}),
        "a link leads to a file that stays": link.model_copy(update={"from_location": handed}),
        "files of the root nas get no hard links": link.model_copy(
            update={"from_location": Location(root="nas", path="01.fit"), "how": "hardlink"}
        ),
    }
    for reason, command in refused.items():
        with pytest.raises(UserError, match=reason):
            await keep(service, command)
    assert (await keep(service, link))["state"] == "done"
    assert (service.library / "captures/links/01.fit").readlink() == Path("../night/01.fit")
    assert (await keep(service, WalkLibrary()))["state"] == "done"
    query = "SELECT path, links_to, missing_since IS NULL AS is_there FROM derived_location"
    row = {"path": "captures/links/01.fit", "links_to": "../night/01.fit", "is_there": True}
    assert await service.rows(query) == [row], "a walk leaves links alone"
    moved = link.model_copy(update={"command_id": UUID(int=3), "file_id": sha256(b"2"), "how": "copy"})
    found = await keep(service, moved)
    assert (found["state"], "is not known as the place of" in found["reason"]) == ("failed", True)


async def test_what_was_forgotten_comes_back_by_name_alone(service: Ingest, card: Path) -> None:
    """No import of a folder brings a forgotten content back, changed names included; naming the file itself does.

    It comes back as new, above the revisions that were forgotten.
    """
    file_ids = (sha256(b"1"), sha256(b"2"))
    row = await keep(service, ForgetFiles(file_ids=file_ids, reason="the cap was on", delete_files=True))
    assert (row["state"], row["files"], row["kept"]) == ("done", 2, 0)
    files = library_files(service.library)
    assert len(files) == 38
    removed = await told(service, FileRemoved)
    assert [(one.file_id, one.location_revision) for one in removed] == [(file_id, 1) for file_id in sorted(file_ids)]
    (card / "night/02.fit").rename(card / "night/renamed.fit")
    report = await service.take(card)
    assert (report["found"], report["already_here"], report["ignored"], report["arrived"]) == (40, 38, 2, 0)
    assert [rule.partition(":")[0] for rule in json.loads(report["ignored_by"])] == ["forgotten"]
    assert library_files(service.library) == files
    report = await service.take(card / "night/renamed.fit")
    assert (report["found"], report["arrived"]) == (1, 1)
    assert library_files(service.library)["captures/night/renamed.fit"] == b"2"
    (arrival,) = [one for one in await service.arrivals() if one.path.endswith("renamed.fit")]
    assert (arrival.scan_revision, arrival.location_revision) == (2, 1)
    assert await service.rows("SELECT file_id FROM forgotten_file") == [{"file_id": sha256(b"1")}]
    row = await keep(service, ForgetFiles(file_ids=(sha256(b"2"),), reason="again"))
    assert row["lines"] == ["1 of their files stay where they are"]
    assert library_files(service.library)["captures/night/renamed.fit"] == b"2"
    (last,) = [one for one in await told(service, FileRemoved) if one.location_revision == 2]
    assert isinstance(last, FileRemoved)
    assert last.scan_revision == 2


async def test_what_was_forgotten_is_told_again_to_a_stream_that_was_made_anew(
    service: Ingest, settings: Settings, card: Path
) -> None:
    """A stream that was lost took file.removed with it: the very same event is told again, once; later ones are not."""
    await keep(service, ForgetFiles(file_ids=(sha256(b"1"),), reason="the cap was on"))
    before = await told(service, FileRemoved)
    js = service.client.jetstream()
    relay = OutboxRelay(service.pool, js, "ingest")
    assert await tell_removed_again(service.pool, relay) == 0
    await js.delete_stream(EVENTS)
    await provision(js, settings.nats, SERVICES)
    await keep(service, ForgetFiles(file_ids=(sha256(b"2"),), reason="clouds"))
    assert await tell_removed_again(service.pool, relay) == 1
    assert await tell_removed_again(service.pool, relay) == 0
    after = await told(service, FileRemoved)
    assert {one.file_id for one in after} == {sha256(b"1"), sha256(b"2")}
    assert [one for one in after if one.file_id == sha256(b"1")] == before
    assert (await service.take(card / "night/01.fit"))["arrived"] == 1
    await js.delete_stream(EVENTS)
    await provision(js, settings.nats, SERVICES)
    assert await tell_removed_again(service.pool, relay) == 1, "what came back is forgotten no more"


async def test_a_watched_source_brings_nothing_forgotten_back(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """A source that still holds a forgotten file, and gets a copy of it, stays as it is; other files arrive."""
    watched = FolderSettings(name="rig", path=card, walk_interval_s=0.2)
    async with ingest(configured(settings, tmp_path, watched), nats_client) as service:
        await service.until_ledger(*FILES)
        await keep(service, ForgetFiles(file_ids=(sha256(b"1"),), reason="the cap was on", delete_files=True))
        write(card, {"copies/01.fit": b"1", "copies/new.fit": b"new"})
        await service.until_ledger("copies/01.fit", "copies/new.fit")
        ledger = await service.ledger()
        assert (ledger["night/01.fit"], ledger["copies/01.fit"], ledger["copies/new.fit"]) == (
            "forgotten", "forgotten", "arrived",
        )  # fmt: skip
        assert await place_of(service, b"1") == []
        assert len(library_files(service.library)) == 40


async def test_files_that_a_person_moved_are_recognised(service: Ingest) -> None:
    """A renamed folder and a renamed file are known under their new paths; nothing arrives, nothing is missing."""
    night = service.library / "captures/night"
    (night / "05.fit").rename(night / "a better name.fit")
    night.rename(service.library / "captures/2026-03-01")
    before = await service.arrivals()
    row = await keep(service, WalkLibrary())
    assert row["lines"] == ["40 places: 40 moved by hand, 0 gone, 0 there again; 0 unknown captures"]
    assert await place_of(service, b"5") == ["captures/2026-03-01/a better name.fit"]
    assert await place_of(service, b"6") == ["captures/2026-03-01/06.fit"]
    assert len(await told(service, FileMoved)) == 40
    assert await service.arrivals() == before
    assert (await service.rows("SELECT missing, problem FROM library_state"))[0] == {"missing": 0, "problem": None}


async def test_a_file_that_was_away_when_it_went_missing_is_recognised_later(service: Ingest, tmp_path: Path) -> None:
    """What was taken out, was counted as missing, and comes back under another name, is the same file."""
    file = service.library / "captures/night/05.fit"
    shutil.move(file, tmp_path / "05.fit")
    assert "1 gone" in (await keep(service, WalkLibrary()))["lines"][0]
    shutil.move(tmp_path / "05.fit", service.library / "kept.fit")
    assert "1 moved by hand, 0 gone" in (await keep(service, WalkLibrary()))["lines"][0]
    assert await place_of(service, b"5") == ["kept.fit"]


async def test_strangers_are_left_alone_and_counted(service: Ingest) -> None:
    """Captures that nobody brought through an import stay as they are; also one that looks like a missing file."""
    write(service.library, {"own/new.fit": b"unknown", "own/copy.fit": b"7", "own/notes.txt": b"words"})
    (service.library / "captures/night/05.fit").unlink()
    write(service.library, {"own/other.fit": b"x"})  # of the same size as the one that is missing
    row = await keep(service, WalkLibrary())
    assert row["lines"] == ["40 places: 0 moved by hand, 1 gone, 0 there again; 3 unknown captures"]
    assert await service.rows("SELECT strangers FROM root_state WHERE root = 'library'") == [{"strangers": 3}]
    shutil.rmtree(service.library / "own")
    await keep(service, WalkLibrary())
    assert await service.rows("SELECT strangers FROM root_state WHERE root = 'library'") == [{"strangers": 0}]


async def test_a_library_that_a_sync_emptied_has_lost_nothing(service: Ingest) -> None:
    """More than the tenth part gone at once changes nothing and is said; what moved meanwhile is recognised."""
    night = service.library / "captures/night"
    (night / "05.fit").rename(service.library / "05.fit")
    for number in range(10, 40):
        (night / f"{number}.fit").unlink()
    row = await keep(service, WalkLibrary())
    assert "1 moved by hand, 0 gone" in row["lines"][0]
    assert row["lines"][1].startswith("30 of 40 files have gone from the library at once, such as ")
    assert await service.rows("SELECT count(*) AS missing FROM location WHERE missing_since IS NOT NULL") == [
        {"missing": 0}
    ]
    assert await place_of(service, b"5") == ["05.fit"]


async def test_how_much_may_go_at_once_is_a_setting(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path
) -> None:
    """With library.most_gone_percent = 100 even an emptied library is believed."""
    generous = LibrarySettings(path=tmp_path / "library", most_gone_percent=100)
    ready = configured(settings, tmp_path).model_copy(update={"library": generous})
    async with ingest(ready, nats_client) as service:
        await service.take(card)
        shutil.rmtree(service.library / "captures")
        assert "40 gone" in (await keep(service, WalkLibrary()))["lines"][0]
        assert (await service.rows("SELECT missing FROM library_state"))[0] == {"missing": 40}


async def test_a_root_that_is_away_is_offline(
    settings: Settings, nats_client: Client, tmp_path: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An indexed folder that goes away is offline with its files, which stay known, and online when it is back."""
    monkeypatch.setattr("services.ingest.app.ROOTS_INTERVAL_S", 0.1)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(card, mode="index")
        card.rename(tmp_path / "unplugged")
        await until(lambda: is_offline(service, 40))
        (row,) = await service.rows("SELECT state, files FROM root_state WHERE kind = 'indexed'")
        assert row == {"state": "offline", "files": 40}
        (tmp_path / "unplugged").rename(card)
        await until(lambda: is_offline(service, 0))


async def is_offline(service: Ingest, files: int) -> bool:
    """Whether so many files are offline."""
    (row,) = await service.rows("SELECT count(*) AS files FROM absent_file WHERE state = 'offline'")
    return bool(row["files"] == files)
