"""What every source promises, whatever it is: one suite over all adapters and over a source in memory.

A new adapter adds a ``Place`` to ``PLACES``, and promises all of it.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from services.ingest.sources.folder import Folder
from services.ingest.sources.port import Changes, SourcePort
from shared.errors import Away, Transient, UserError
from shared.events.file import Hints
from shared.library.hashing import Digest
from shared.library.place import copy_verified
from shared.library.reading import buffer
from shared.library.remove import NotStoredError, StoredCopy
from shared.library.roots import LibraryAway, Root, open_library
from shared.library.stage import stage, staged_path
from shared.library.walk import Entry
from tests.memory_source import MemorySource, digest_of

MTIME_NS = 1_700_000_000 * 10**9


class Place(Protocol):
    """A place of one kind, and what happens to it without our doing."""

    @property
    def source(self) -> SourcePort:
        """What ingest sees of it."""

    def put(self, path: str, content: bytes) -> None:
        """Somebody writes a file, with the mtime ``MTIME_NS``."""

    def delete(self, path: str) -> None:
        """Somebody takes a file away."""

    def holds(self, path: str) -> bytes | None:
        """What a file holds; None where there is none."""

    def leave(self) -> None:
        """It is switched off."""

    def come_back(self) -> None:
        """The same place is there again."""

    def be_another(self) -> None:
        """Another place is there, under its name."""


class FolderPlace:
    """A folder on a disk."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "captures"
        self.path.mkdir()
        self.source = Folder(self.path)

    def put(self, path: str, content: bytes) -> None:
        """In place, as devices rewrite their stacks."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, ns=(MTIME_NS, MTIME_NS))

    def delete(self, path: str) -> None:
        """Unlinked."""
        (self.path / path).unlink()

    def holds(self, path: str) -> bytes | None:
        """Read."""
        file = self.path / path
        return file.read_bytes() if file.exists() else None

    def leave(self) -> None:
        """Unmounted."""
        self.path.rename(self.path.with_name("away"))

    def come_back(self) -> None:
        """Mounted again."""
        self.path.with_name("away").rename(self.path)

    def be_another(self) -> None:
        """Another disk is mounted."""
        self.leave()
        self.path.mkdir()


class MemoryPlace:
    """Files in memory, read as a stream that cannot be read at given places."""

    def __init__(self, _tmp_path: Path) -> None:
        self.source = MemorySource(seekable=False)

    def put(self, path: str, content: bytes) -> None:
        """Put."""
        self.source.put(path, content, MTIME_NS)

    def delete(self, path: str) -> None:
        """Deleted."""
        self.source.delete(path)

    def holds(self, path: str) -> bytes | None:
        """Looked up."""
        file = self.source.files.get(path)
        return file.content if file is not None else None

    def leave(self) -> None:
        """Switched off."""
        self.source.there = False

    def come_back(self) -> None:
        """Switched on."""
        self.source.there = True

    def be_another(self) -> None:
        """Another device has its name."""
        self.source.identity = "another"


PLACES = (FolderPlace, MemoryPlace)


@pytest.fixture(params=PLACES, ids=lambda kind: kind.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    found: Place = request.param(tmp_path)
    return found


@pytest.fixture
def library(tmp_path: Path) -> Root:
    """An open library."""
    root = Root("library", tmp_path / "library", writable=True)
    root.path.mkdir()
    open_library(root, first_time=True)
    return root


def entry_of(source: SourcePort, path: str) -> Entry:
    """A file as its folder is listed."""
    (listing,) = source.listings(path.rpartition("/")[0], recursive=False)
    (entry,) = (entry for entry in listing.entries if entry.relative_path == path)
    return entry


def stored(library: Root, content: bytes) -> StoredCopy:
    """A copy of a content in the library."""
    original = library.path.parent / "original"
    original.write_bytes(content)
    placed = copy_verified(original, library, "stored.fit")
    return StoredCopy(library.path / placed.relative_path, Digest(placed.file_id, placed.size_bytes), library)


def test_all_of_it_is_listed(place: Place) -> None:
    """Folder by folder and by name, with path, size and mtime; from a folder on, and that folder alone."""
    for path in ("b/2.fit", "b/1.fit", "a/deep/x.fit", "z.fit"):
        place.put(path, b"12345")
    listings = list(place.source.listings())
    found = [(listing.relative_path, [entry.relative_path for entry in listing.entries]) for listing in listings]
    assert found == [
        ("", ["z.fit"]), ("a", []), ("a/deep", ["a/deep/x.fit"]), ("b", ["b/1.fit", "b/2.fit"])
    ]  # fmt: skip
    assert [listing.relative_path for listing in place.source.listings("a")] == ["a", "a/deep"]
    assert [listing.relative_path for listing in place.source.listings("a", recursive=False)] == ["a"]
    entry = entry_of(place.source, "b/1.fit")
    assert (entry.name, entry.size_bytes, entry.mtime_ns) == ("1.fit", 5, MTIME_NS)
    assert 0 <= place.source.room_for(entry) <= 5


def test_what_is_not_there_is_told(place: Place) -> None:
    """A folder that is not there is gone, and no walk comes to it; a file that is not there is not held."""
    place.put("night/a.fit", b"a")
    (listing,) = place.source.listings("gone", recursive=False)
    assert (listing.gone, listing.entries) == (True, [])
    assert "gone" in (listing.error or "")
    assert place.source.walked(["gone", "night", ""]) == ["night", ""]
    assert place.source.holds_any(["gone.fit", "night/a.fit"])
    assert not place.source.holds_any(["gone.fit", "night/b.fit", "gone/a.fit"])


def test_a_file_comes_whole(place: Place, library: Root) -> None:
    """What is staged from a stream is what the file holds, with its mtime, also where it is empty or large."""
    for number, content in enumerate((b"", b"x", os.urandom(3_000_001))):
        place.put(f"{number}.fit", content)
        with place.source.open(f"{number}.fit") as stream:
            assert (stream.size_bytes, stream.mtime_ns) == (len(content), MTIME_NS)
            assert stream.data_bytes <= len(content)
            staged = stage(stream, library)
        copy = staged_path(staged, library)
        assert copy.read_bytes() == content
        assert copy.stat().st_mtime_ns == MTIME_NS
        assert digest_of(place.source, f"{number}.fit") == Digest(staged.file_id, staged.size_bytes)


def test_a_stream_is_read_at_places_without_moving(place: Place) -> None:
    """Where a stream can be read at given places, that changes nothing of what comes next, and ends with the file."""
    place.put("a.fit", b"0123456789")
    with place.source.open("a.fit") as stream:
        if stream.places is not None:
            assert (stream.places.at(8, 5), stream.places.at(20, 5), stream.places.size_bytes) == (b"89", b"", 10)
        view = buffer()
        assert stream.hole() == 0
        assert bytes(view[: stream.read_into(view)]) == b"0123456789"


def test_another_content_has_another_fingerprint(place: Place) -> None:
    """A file that nobody touched keeps its fingerprint; one that was rewritten has another, at equal size and mtime."""
    place.put("stack.fit", b"10 subs")
    first = entry_of(place.source, "stack.fit")
    assert entry_of(place.source, "stack.fit") == first
    place.put("stack.fit", b"11 subs")
    second = entry_of(place.source, "stack.fit")
    assert (second.size_bytes, second.mtime_ns) == (first.size_bytes, first.mtime_ns)
    assert second.fingerprint != first.fingerprint


@pytest.mark.parametrize("content", [b"10 subs and one more", b"11 subs", b"10", None])
def test_what_changes_while_it_is_read_is_no_content(place: Place, library: Root, content: bytes | None) -> None:
    """A file that grows, is rewritten, shrinks or goes while it is read ends in Transient, and no copy is left."""
    place.put("stack.fit", b"10 subs")

    def change(_count: int) -> None:
        if place.holds("stack.fit") == b"10 subs":
            place.put("stack.fit", content) if content is not None else place.delete("stack.fit")

    with pytest.raises(Transient), place.source.open("stack.fit") as stream:
        stage(stream, library, progress=change)
    assert os.listdir(library.path / ".nightbus" / "tmp") == []  # noqa: PTH208


def test_what_changed_since_the_listing_is_read_as_it_is(place: Place) -> None:
    """Between listing and opening a file may change or go: then its new content is read, or it is Transient."""
    place.put("a.fit", b"old")
    entry = entry_of(place.source, "a.fit")
    place.put("a.fit", b"newer")
    assert digest_of(place.source, entry.relative_path).size_bytes == 5
    place.delete("a.fit")
    with pytest.raises(Transient), place.source.open(entry.relative_path):
        pass


def test_what_is_stored_is_removed(place: Place, library: Root) -> None:
    """A file that holds what the library holds goes, and no other; one that has gone already is no error."""
    place.put("a.fit", b"a")
    place.put("b.fit", b"a")
    copy = stored(library, b"a")
    assert place.source.remove("a.fit", copy, rested_s=1e6)
    assert (place.holds("a.fit"), place.holds("b.fit")) == (None, b"a")
    assert not place.source.remove("a.fit", copy, rested_s=1e6)


@pytest.mark.parametrize("content", [b"b", b"longer", b""])
def test_another_content_is_kept(place: Place, library: Root, content: bytes) -> None:
    """A file that holds anything but what was stored stays, and it is said that it differs."""
    copy = stored(library, b"a")
    place.put("a.fit", content)
    with pytest.raises(UserError, match="differs from what was stored"):
        place.source.remove("a.fit", copy, rested_s=1e6)
    assert place.holds("a.fit") == content


def test_nothing_is_removed_without_a_whole_copy(place: Place, library: Root) -> None:
    """Where the copy is rotten or missing, or the library is away, the file stays."""
    place.put("a.fit", b"a")
    copy = stored(library, b"a")
    copy.path.write_bytes(b"x")
    with pytest.raises(NotStoredError):
        place.source.remove("a.fit", copy, rested_s=1e6)
    copy.path.unlink()
    with pytest.raises(NotStoredError):
        place.source.remove("a.fit", copy, rested_s=1e6)
    library.path.rename(library.path.with_name("unplugged"))
    with pytest.raises(LibraryAway):
        place.source.remove("a.fit", copy, rested_s=1e6)
    assert place.holds("a.fit") == b"a"


def test_a_place_that_is_away_is_away(place: Place) -> None:
    """Away is told with a sentence that names the place; the same place is known again, another is told apart."""
    place.put("a.fit", b"a")
    first = place.source.reach()
    place.leave()
    with pytest.raises(Away) as away:
        place.source.reach()
    assert place.source.named("") in str(away.value)
    place.come_back()
    assert place.source.reach() == first
    place.be_another()
    assert place.source.reach() != first


async def test_changes_are_told(place: Place) -> None:
    """Where changes are told, a file that comes is hinted at by its folder soon, and what lay there before is not."""
    place.put("night/old.fit", b"old")
    with covered(place.source) as changes:
        assert await asyncio.to_thread(changes.read) == set()
        place.put("night/new.fit", b"new")
        async with asyncio.timeout(10):
            await changes.wait()
        assert await asyncio.to_thread(changes.read) == {"night"}
        assert not changes.missed


@contextmanager
def covered(source: SourcePort) -> Iterator[Changes]:
    """Changes from now on; the test ends here where the source tells of none."""
    changes = source.changes()
    if changes is None:
        pytest.skip("this source tells of no changes")
    with changes:
        changes.cover()
        yield changes


def test_a_name_is_how_a_person_finds_it(place: Place) -> None:
    """The name of a file is made of that of the place and of its path."""
    assert place.source.named("night/a.fit") == place.source.named("") + "/night/a.fit"


def test_facts_are_known_of_every_file(place: Place) -> None:
    """A source that knows nothing of a file says so, and asks nobody."""
    place.put("a.fit", b"a")
    assert place.source.facts(entry_of(place.source, "a.fit")) == Hints()
