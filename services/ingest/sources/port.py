"""The port: what ingest asks of a place that captures land in, be it a folder, a share or a web server.

Calls may take as long as a disk or a network does, and none is made on the event loop: each source has threads of its
own for them (``services.ingest.source``). An adapter keeps no state of ingest's, and no two of its calls depend on each
other, so that several threads may ask it at once.

Whatever it is asked, an adapter raises

- ``Away`` where the place itself is not there: switched off, unmounted, out of reach. Nothing is wrong with any of its
  files, nothing is written down about them, and all wait until it is back.
- ``Transient`` where one file cannot be read now, changed while it was read, or has gone.
- ``Permanent`` where something will never be a capture: a link, a special file.

Paths are relative to the source, with forward slashes on every system. A source is read, and never written to but by
``remove``, which takes away one file whose content is safe.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

from shared.events.file import Hints
from shared.library.remove import StoredCopy
from shared.library.stream import Stream
from shared.library.walk import DirectoryListing, Entry


class Changes(Protocol):
    """What happens at a source from now on: hints where to look soon. Walks find all that it misses."""

    unwatched: int
    """Folders of which nothing is told."""
    missed: bool
    """Whether something happened of which no folder is known; whoever walks all of the source sets it back."""
    over: bool
    """Whether nothing more will be told: the source has gone, or was replaced."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_exc: object) -> None: ...

    def __len__(self) -> int:
        """How many folders are told of."""

    def cover(self) -> object:
        """Begin: whatever happens after it is told. Raises OSError where the source cannot be watched."""

    async def wait(self) -> None:
        """Wait until something happened."""

    def read(self) -> set[str]:
        """The folders in which something happened since the last time. Does not wait."""


class SourcePort(Protocol):
    """A place that captures land in. An adapter says what differs from the answers here."""

    @property
    def folder(self) -> Path | None:
        """The folder of this system that holds its files, so that they can be read, and indexed, where they are.

        None where they can only be copied.
        """
        return None

    def own_clock(self) -> bool:
        """Whether this system's own clock stamps ``Entry.changed_ns``: then one look tells that a file is at rest."""
        return False

    def named(self, path: str) -> str:
        """How a person finds a file, for messages; the source itself where ``path`` is empty."""

    def reach(self) -> Hashable:
        """Look whether the place is there, now.

        Returns:
            What tells it from another one under its name, as another disk at a mount point is.

        Raises:
            Away: it is not; one sentence.
        """

    def listings(self, folder: str = "", *, recursive: bool = True) -> Iterator[DirectoryListing]:
        """What a folder of it holds, and those below, folder by folder and sorted by name.

        Of what an adapter cannot list the listing says so (``error``); a folder that is not there is ``gone``. An
        entry's fingerprint is another one whenever its content may be another one at the same size and mtime.
        """

    def walked(self, folders: Iterable[str]) -> list[str]:
        """Those of the folders that are there and that a walk through all of the source comes to."""
        return [folder for folder in folders if next(self.listings(folder, recursive=False)).error is None]

    def holds_any(self, paths: Sequence[str]) -> bool:
        """Whether one of these files is there. One that cannot be looked at is not."""
        folders = {path.rpartition("/")[0] for path in paths}
        there = {
            entry.relative_path
            for folder in sorted(folders)
            for entry in next(self.listings(folder, recursive=False)).entries
        }
        return not there.isdisjoint(paths)

    def room_for(self, entry: Entry) -> int:
        """Bytes that a copy takes, by what can be told without reading the file."""
        return entry.size_bytes

    def open(self, path: str) -> AbstractContextManager[Stream]:
        """A file as a stream, which is closed at the end of the block.

        Its ``require_unchanged`` finds whatever changed since it was opened, so that what was read is one content.
        """

    def facts(self, entry: Entry) -> Hints:
        """What the source knows of a file beside its bytes. What a person says of the source in the settings wins."""
        del entry
        return Hints()

    def remove(self, path: str, copy: StoredCopy, *, rested_s: float = 0.0) -> bool:
        """Remove a file that still holds what was stored; whether there was one to remove.

        The file is read and hashed again, then the copy is looked at (``copy.require_whole``), and only then the file
        goes, as the very one that was read.

        Args:
            path: the file.
            copy: what remains.
            rested_s: for how long the file is known to have held that content, seconds.

        Raises:
            TooEarly: somebody is writing to it, or that cannot be told yet.
            UserError: it holds another content, or is the copy itself; it is left alone.
            NotStoredError: the copy is missing or not whole.
            LibraryAway: the library is not there, or another one is.
            Transient: it changed while it was read, or cannot be removed now.
        """

    def changes(self) -> Changes | None:
        """What happens from now on; None where nothing of it is told. Raises OSError where there is no room for it."""
        return None
