"""A source whose files are in memory: what a device on the network is to ingest, without the device."""

import asyncio
import itertools
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from services.ingest.sources.port import Changes, SourcePort
from shared.errors import Away, Transient, UserError
from shared.events.file import Hints
from shared.library.hashing import Digest
from shared.library.length import LengthReader
from shared.library.remove import StoredCopy
from shared.library.stream import Stream, sha256_stream
from shared.library.walk import DirectoryListing, Entry, Skipped

_versions = itertools.count(1)


@dataclass(frozen=True)
class MemoryFile:
    """A version of a file."""

    content: bytes
    mtime_ns: int
    version: int = field(default_factory=lambda: next(_versions))


@dataclass
class MemorySource(SourcePort):
    """Files by path. ``seekable``: whether they can be read at given places; ``known``: facts by path."""

    files: dict[str, MemoryFile] = field(default_factory=dict)
    seekable: bool = True
    known: dict[str, Hints] = field(default_factory=dict)
    identity: str = "memory"
    there: bool = True
    leaves_after: int | None = None
    """So many files more are opened before it goes away."""
    _told: "list[MemoryChanges]" = field(default_factory=list)

    folder = None

    def put(self, path: str, content: bytes, mtime_ns: int = 10**18) -> None:
        """Write a file."""
        self.files[path] = MemoryFile(content, mtime_ns)
        self._tell(path)

    def delete(self, path: str) -> None:
        """Take a file away."""
        del self.files[path]
        self._tell(path)

    def named(self, path: str) -> str:
        """As an address."""
        return f"memory://{self.identity}/{path}".rstrip("/")

    def reach(self) -> Hashable:
        """Whether it is there."""
        self._require_there()
        return self.identity

    def listings(self, folder: str = "", *, recursive: bool = True) -> Iterator[DirectoryListing]:
        """Folders are the beginnings of paths."""
        self._require_there()
        folders = {"", *(above for path in self.files for above in _folders_of(path))}
        if folder not in folders:
            yield DirectoryListing(folder, [], [], f"{self.named(folder)} cannot be read: no such folder", gone=True)
            return
        for one in sorted(folders):
            if one == folder or (recursive and (not folder or one.startswith(folder + "/"))):
                yield DirectoryListing(one, self._entries(one), list[Skipped]())

    @contextmanager
    def open(self, path: str) -> Iterator[Stream]:
        """The version that is there now."""
        if self.leaves_after is not None:
            self.there = self.leaves_after > 0
            self.leaves_after -= 1
        self._require_there()
        if (file := self.files.get(path)) is None:
            raise Transient(f"{self.named(path)} cannot be read: no such file")
        yield MemoryStream(self, path, file)

    def facts(self, entry: Entry) -> Hints:
        """What a planner would know."""
        return self.known.get(entry.relative_path, Hints())

    def remove(self, path: str, copy: StoredCopy, *, rested_s: float = 0.0) -> bool:
        """The file is compared, then the copy, then the file's version."""
        del rested_s
        self._require_there()
        if (file := self.files.get(path)) is None:
            return False
        if sha256_stream(MemoryStream(self, path, file)) != copy.content:
            raise UserError(f"{self.named(path)} is kept: it differs from what was stored")
        copy.require_whole(self.named(path))
        if self.files.get(path) is not file:
            raise Transient(f"{self.named(path)} changed while it was compared")
        self.delete(path)
        return True

    def changes(self) -> Changes:
        """Told from now on."""
        self._told.append(MemoryChanges())
        return self._told[-1]

    def _entries(self, folder: str) -> list[Entry]:
        return [
            Entry(
                path.rpartition("/")[2], path, len(file.content), file.mtime_ns, file.mtime_ns,
                file.version.to_bytes(8, "big"),
            )
            for path, file in sorted(self.files.items())
            if path.rpartition("/")[0] == folder
        ]  # fmt: skip

    def _require_there(self) -> None:
        if not self.there:
            raise Away(f"{self.named('')} is switched off")

    def _tell(self, path: str) -> None:
        for changes in self._told:
            changes.hinted.add(path.rpartition("/")[0])


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


class MemoryStream:
    """A version of a file, read from its beginning to its end."""

    def __init__(self, source: MemorySource, path: str, file: MemoryFile) -> None:
        self._source, self._path, self._file = source, path, file
        self._position = 0
        self.name = source.named(path)
        self.size_bytes = self.data_bytes = len(file.content)
        self.mtime_ns: int | None = file.mtime_ns

    @property
    def places(self) -> LengthReader | None:
        """Where the source allows it."""
        return self if self._source.seekable else None

    def at(self, offset: int, count: int) -> bytes:
        """By slices."""
        return self._file.content[offset : offset + count]

    def hole(self) -> int:
        """Memory has none."""
        return 0

    def read_into(self, view: memoryview) -> int:
        """At most a thousand bytes at a time, as a network gives them."""
        part = self._file.content[self._position : self._position + min(len(view), 1000)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def require_unchanged(self, read_bytes: int) -> None:
        """It still is that version."""
        if read_bytes != self.size_bytes or self._source.files.get(self._path) is not self._file:
            raise Transient(f"{self.name} changed while it was read")


class MemoryChanges:
    """Told by ``put`` and ``delete``, from whichever thread."""

    def __init__(self) -> None:
        self.hinted: set[str] = set()
        self.unwatched = 0
        self.missed = self.over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over = True

    def __len__(self) -> int:
        return 1

    def cover(self) -> None:
        """What was told before is not of interest."""
        self.hinted.clear()

    async def wait(self) -> None:
        """Look every hundredth of a second."""
        while not self.hinted:
            await asyncio.sleep(0.01)

    def read(self) -> set[str]:
        """What was told since."""
        hinted, self.hinted = self.hinted, set()
        return hinted


def digest_of(source: SourcePort, path: str) -> Digest:
    """What a file of a source holds now."""
    with source.open(path) as stream:
        return sha256_stream(stream)
