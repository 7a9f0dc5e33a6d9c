"""Imports: what comes in, what is counted, and that sources stay as they are."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from services.ingest.sources import folder as folder_module
from shared.bus.names import EVENTS
from shared.errors import UserError
from shared.events.commands import ImportPaths
from shared.given import MOST_PATHS
from shared.library.settings import LibrarySettings
from shared.library.walk import DirectoryListing, walk
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    fits,
    ingest,
    library_files,
    sha256,
    unfinished_copies,
    until,
    untouched,
    write,
)


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path) -> AsyncIterator[Ingest]:
    """A running ingest with a library."""
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        yield running


async def test_copy_brings_files_home_and_leaves_the_source(service: Ingest, source: Path) -> None:
    """Copying brings every capture home and leaves the source alone.

    Each capture is in the library byte for byte, announced once with its place, and the source is untouched; a second
    import changes no table and says nothing new.
    """
    write(
        source, {"M31/a.fit": b"one", "M31/b.fits": fits(), "c.xisf": b"three", "notes.txt": b"-", "x.fit.part": b"-"}
    )
    (source / "empty.fit").touch()
    before = untouched(source)
    report = await service.take(source)
    assert (report["arrived"], report["already_here"], report["ignored"], report["failed"]) == (3, 0, 3, 0)
    assert json.loads(report["ignored_by"]) == {".txt": 1, ".part": 1, "empty file": 1}
    assert library_files(service.library) == {
        "captures/M31/a.fit": b"one",
        "captures/M31/b.fits": fits(),
        "captures/c.xisf": b"three",
    }
    assert untouched(source) == before
    arrived = {event.file_id: event for event in await service.arrivals()}
    assert len(arrived) == 3
    event = arrived[sha256(b"one")]
    assert (event.root, event.path, event.source, event.origin) == (
        "library", "captures/M31/a.fit", "captures", "M31/a.fit"
    )  # fmt: skip
    assert (Path(event.root_path) / event.path).read_bytes() == b"one"
    assert event.size_bytes == 3

    tables, info = await service.tables(), await service.client.jetstream().stream_info(EVENTS)
    again = await service.take(source)
    assert (again["arrived"], again["already_here"], again["ignored"], again["failed"]) == (0, 3, 3, 0)
    assert await service.tables() == tables
    assert (await service.client.jetstream().stream_info(EVENTS)).state.last_seq == info.state.last_seq
    assert unfinished_copies(service.library) == []


async def test_files_named_one_by_one_cost_no_more_than_their_folder(
    service: Ingest, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder is walked once by the import and once by the count beside it, by threads that end with the import."""
    walked: list[Path] = []

    def counted(root: Path, **words: Any) -> Iterator[DirectoryListing]:
        walked.append(root)
        return walk(root, **words)

    monkeypatch.setattr(folder_module, "walk", counted)
    folders = [source, tmp_path / "other"]
    write(tmp_path, {f"{folder.name}/{number}.fit": b"%d" % number for folder in folders for number in range(100)})
    write(source, {"unasked.fit": b"unasked", "deep/unasked.fit": b"deep"})
    paths = [folder / f"{number}.fit" for number in range(100) for folder in folders]
    report = await service.take(*paths, paths[0])
    assert (report["arrived"], report["already_here"], report["total_files"]) == (100, 100, 200)
    assert sorted(walked) == sorted([*folders, *folders])

    async def ended() -> bool:
        return not [thread for thread in threading.enumerate() if thread.name.startswith(("look", "take", "large"))]

    await until(ended)


async def test_a_copy_of_what_was_only_indexed_is_told(service: Ingest, source: Path) -> None:
    """Content known by an indexed place alone is already here, and the report says that it came into the library."""
    write(source, {"a.fit": b"one", "b.fit": b"two"})
    await service.take(source, mode="index")
    for brought_home in (2, 0):
        report = await service.take(source)
        assert (report["arrived"], report["already_here"], report["brought_home"]) == (0, 2, brought_home)
        assert sorted(library_files(service.library).values()) == [b"one", b"two"]


async def test_index_leaves_files_where_they_are(service: Ingest, source: Path) -> None:
    """index: a read-only folder is known in place; no byte, time or inode changes and nothing enters the library."""
    write(source, {"a.fit": b"one", "deep/er/b.fit": b"two", "deep/copy of a.fit": b"one"})
    (source / "a.fit").chmod(0o444)
    folders = [source / "deep/er", source / "deep", source]
    for folder in folders:
        folder.chmod(0o555)
    before = untouched(source)
    try:
        report = await service.take(source, mode="index")
        assert (report["arrived"], report["already_here"]) == (2, 1)
        assert untouched(source) == before
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o555] * 3
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert library_files(service.library) == {}
    (root,) = await service.rows("SELECT name, path, kind FROM root WHERE kind = 'indexed'")
    assert (root["name"], root["path"]) == ("captures", str(source))
    places = await service.rows("SELECT path, file_id FROM location WHERE root = 'captures' ORDER BY path")
    assert [(row["path"], row["file_id"]) for row in places] == [
        ("a.fit", sha256(b"one")), ("deep/copy of a.fit", sha256(b"one")), ("deep/er/b.fit", sha256(b"two"))
    ]  # fmt: skip
    assert len(await service.arrivals()) == 2


async def test_the_same_content_arrives_once(service: Ingest, source: Path) -> None:
    """Two names of one content are one file, two rows of the ledger and one copy in the library."""
    write(source, {"a.fit": b"same", "night/b.fit": b"same"})
    report = await service.take(source)
    assert (report["arrived"], report["already_here"]) == (1, 1)
    assert len(await service.rows("SELECT FROM file")) == 1
    assert sorted((await service.ledger()).items()) == [("a.fit", "arrived"), ("night/b.fit", "already_here")]
    assert library_files(service.library) == {"captures/a.fit": b"same"}
    assert unfinished_copies(service.library) == []
    write(source, {"c.fit": b"same"})
    assert (await service.take(source))["already_here"] == 3
    assert list(library_files(service.library)) == ["captures/a.fit"]


async def test_another_content_under_a_taken_name_gets_a_suffix(service: Ingest, source: Path) -> None:
    """Nothing is overwritten.

    A changed source becomes a second file that says what it replaces, and a name that only collides in the library gets
    a number.
    """
    write(source, {"stack.fit": b"first"})
    await service.take(source)
    (source / "stack.fit").write_bytes(b"second, longer")
    report = await service.take(source)
    assert (report["arrived"], report["already_here"]) == (1, 0)
    write(source, {"a?.fit": b"question", "a:.fit": b"colon"})
    await service.take(source)
    files = library_files(service.library)
    assert files.pop("captures/stack.fit") == b"first"
    assert files.pop("captures/stack-2.fit") == b"second, longer"
    assert set(files) == {"captures/a_.fit", "captures/a_-2.fit"}
    replaces = {event.file_id: event.replaces for event in await service.arrivals()}
    assert replaces[sha256(b"second, longer")] == sha256(b"first")
    assert replaces[sha256(b"first")] is None
    assert replaces[sha256(b"question")] is None


async def test_a_changed_indexed_file_replaces_its_content(service: Ingest, source: Path) -> None:
    """index: when a path gets new content, its location follows with a higher revision and the event says so."""
    write(source, {"stack.fit": b"first"})
    await service.take(source, mode="index")
    (source / "stack.fit").write_bytes(b"second")
    await service.take(source, mode="index")
    (place,) = await service.rows("SELECT file_id, revision FROM location")
    assert place == {"file_id": sha256(b"second"), "revision": 2}
    assert [event.replaces for event in await service.arrivals()] == [None, sha256(b"first")]


async def test_strange_names_arrive(service: Ingest, source: Path) -> None:
    """Blanks, quotes, emoji, newlines, 255 bytes: every name arrives, and the library's is harmless."""
    longest = "λ" * 125 + "x.fit"
    assert len(longest.encode()) == 255
    names = [
        "M 31 'north' \"1\".fit",
        "🌌 nebula.fit",
        "two\nlines\t.fit",
        "100%s {name}.fit",
        longest,
        "-rf.fit",
        " .fit",
    ]
    write(source, {f"öst/{name}": name.encode() for name in names})
    report = await service.take(source)
    assert (report["arrived"], report["failed"]) == (len(names), 0)
    files = library_files(service.library)
    assert sorted(files.values()) == sorted(name.encode() for name in names)
    for name in files:
        assert all(len(part.encode()) <= 255 and part.isprintable() for part in name.split("/"))
    assert {event.origin for event in await service.arrivals()} == {f"öst/{name}" for name in names}
    assert set(await service.ledger()) == {f"öst/{name}" for name in names}


async def test_what_cannot_be_taken_fails_with_a_sentence_and_the_rest_goes_on(
    service: Ingest, source: Path, tmp_path: Path
) -> None:
    """A name that is not UTF-8 fails by name, links out of the root are counted and not followed, special files too."""
    write(source, {"good.fit": b"good", "sub/good too.fit": b"good too"})
    write(tmp_path / "outside", {"secret.fit": b"secret"})
    (source / "sub" / os.fsdecode(b"bad\xff.fit")).write_bytes(b"bad")
    (source / "link.fit").symlink_to(tmp_path / "outside" / "secret.fit")
    (source / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(source / "pipe.fit")
    report = await service.take(source)
    assert (report["arrived"], report["ignored"], report["failed"]) == (2, 3, 1)
    assert report["failures"] == [f"{source}/sub/bad\\xff.fit: the name is not UTF-8; rename it"]
    assert b"secret" not in library_files(service.library).values()
    below = await service.take(source / "sub")
    assert below["failures"] == report["failures"], "a path in a sentence is whole wherever the import began"


async def test_an_unreadable_folder_is_reported(service: Ingest, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be listed fails with a sentence that names it; the others arrive."""
    write(source, {"good/a.fit": b"a", "locked/b.fit": b"b"})
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("shared.library.walk.os.scandir", refuse)  # root may read everything, so mode 0 tells nothing
    report = await service.take(source)
    assert (report["arrived"], report["failed"]) == (1, 1)
    (sentence,) = report["failures"]
    assert f"{source}/locked" in sentence
    assert "Permission denied" in sentence


async def test_text_called_fit_arrives(service: Ingest, source: Path) -> None:
    """Ingest judges no content: a text under a capture's name arrives, and the scanner will say what it is."""
    write(source, {"notes.fit": b"dear diary"})
    assert (await service.take(source))["arrived"] == 1


async def test_a_file_as_path_is_taken_alone(service: Ingest, source: Path) -> None:
    """A PATH that is a file takes that file and nothing beside it; through a link it takes what the link names.

    A file that is named beside its folder is one file.
    """
    write(source, {"a.fit": b"a", "b.fit": b"b", "c.txt": b"c"})
    report = await service.take(source / "a.fit")
    assert (report["found"], report["arrived"]) == (1, 1)
    assert await service.ledger() == {"a.fit": "arrived"}
    assert (await service.take(source / "c.txt"))["ignored"] == 1
    (source.parent / "link.fit").symlink_to(source / "b.fit")
    assert (await service.take(source.parent / "link.fit"))["arrived"] == 1
    report = await service.take(source / "a.fit", source / "b.fit", source)
    assert (report["already_here"], report["ignored"], report["arrived"]) == (2, 1, 0)


async def test_wrong_requests_end_with_one_sentence(service: Ingest, source: Path) -> None:
    """A PATH that does not exist fails the import with a sentence; what is no path of a host is refused at once."""
    report = await service.take(source / "nowhere")
    assert (report["state"], report["found"]) == ("failed", 0)
    assert report["error"] == f"{source / 'nowhere'} cannot be read: No such file or directory"
    for path, answer in (
        ("night", "night is not an absolute path"),
        ("/a\0b", "a NUL character"),
        ("", "an empty path names nothing"),
        ("/" + "n" * 100_000, "at most 4096 characters"),
    ):
        reply = await service.client.request(ImportPaths.subject, json.dumps({"paths": [path]}).encode())
        said = json.loads(reply.data)
        assert (said["ok"], answer in said["error"], said["error"].isprintable()) == (False, True, True), said
    many = {"paths": [f"/{number}" for number in range(MOST_PATHS + 1)]}
    reply = await service.client.request(ImportPaths.subject, json.dumps(many).encode())
    assert json.loads(reply.data)["error"].endswith("name the folders that hold them")
    assert len(await service.rows("SELECT FROM import")) == 1
    with pytest.raises(UserError, match="name the files to read anew, or ask for everything"):
        await service.reread()


async def test_the_same_command_is_one_import(service: Ingest, source: Path) -> None:
    """A command that is sent twice is one import, also after it was done."""
    write(source, {"a.fit": b"a"})
    command_id = uuid4()
    assert await service.start(source, command_id=command_id) == command_id
    first = await service.report(command_id)
    await service.start(source, command_id=command_id)
    assert await service.report(command_id) == first
    assert len(await service.rows("SELECT FROM import")) == 1


async def test_two_imports_at_once(service: Ingest, source: Path) -> None:
    """Two imports of one folder share the work: together they count every file twice and arrive it once."""
    write(source, {f"{number}.fit": b"%d" % number for number in range(60)})
    ids = [await service.start(source), await service.start(source)]
    reports = await asyncio.gather(*map(service.report, ids))
    assert sorted(report["arrived"] for report in reports) == [0, 60]
    assert sum(report["already_here"] for report in reports) == 60
    assert len(await service.arrivals()) == 60


async def test_indexing_needs_no_library_and_leaves_its_name_free(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Without a library, index works and copy is refused with a sentence.

    A folder called library keeps its own root when a library is set later.
    """
    folder = tmp_path / "old" / "library"
    write(folder, {"a.fit": b"a"})
    none = configured(settings, tmp_path).model_copy(update={"library": LibrarySettings()})
    async with ingest(none, nats_client) as service:
        report = await service.take(folder)
        assert report["error"] == "cannot copy without a library: set library.path, or use --mode index"
        assert (await service.take(folder, mode="index"))["arrived"] == 1
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(folder)
        roots = {row["kind"]: row for row in await service.rows("SELECT * FROM root WHERE kind <> 'source'")}
        assert roots["indexed"]["path"] == str(folder)
        assert roots["library"]["path"] == str(tmp_path / "library")
