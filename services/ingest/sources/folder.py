"""A folder as a source, on a disk of this machine or on a share that is mounted here."""

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.ingest.sources.port import SourcePort
from shared.errors import Away
from shared.library.holes import may_be_sparse, room_for
from shared.library.mounts import is_network_filesystem
from shared.library.reading import shown
from shared.library.remove import StoredCopy, remove_verified
from shared.library.stream import Stream, open_stream
from shared.library.walk import DirectoryListing, Entry, Skipped, is_walked, walk

if TYPE_CHECKING:
    from services.ingest.sources.inotify import Watches


@dataclass(frozen=True, slots=True)
class Folder(SourcePort):
    """A folder. ``exclude`` are folders in it that are no part of it, as the library is."""

    path: Path
    exclude: Sequence[Path] = ()

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self.path

    def own_clock(self) -> bool:
        """On a share both times come from the server's clock and from a cache."""
        return not is_network_filesystem(self.path)

    def named(self, path: str) -> str:
        """Its whole path."""
        return f"{self.path}/{path}" if path else str(self.path)

    def reach(self) -> Hashable:
        """Read its first entry; device and inode tell the folder from another one in its place."""
        try:
            with os.scandir(self.path) as entries:
                next(entries, None)
            status = self.path.stat()
        except OSError as error:
            raise Away(f"{shown(self.path)} cannot be read: {error.strerror}") from error
        return status.st_dev, status.st_ino

    def listings(self, folder: str = "", *, recursive: bool = True) -> Iterator[DirectoryListing]:
        """By ``shared.library.walk``: no link is followed, hidden and system folders are passed over."""
        found = walk(self.path / folder, recursive=recursive, exclude=self.exclude)
        return _below(folder, found) if folder else found

    def walked(self, folders: Iterable[str]) -> list[str]:
        """Those to which neither a link nor a hidden folder leads."""
        return [folder for folder in folders if is_walked(self.path, folder)]

    def holds_any(self, paths: Sequence[str]) -> bool:
        """By name, since listing folders of thousands of files takes long on a share."""
        # Path.exists raises what a share that went away answers (EIO, EHOSTDOWN); here such a file is not there.
        return any(os.path.exists(self.path / path) for path in paths)  # noqa: PTH110

    def room_for(self, entry: Entry) -> int:
        """Of a sparse file a copy takes less than its size."""
        path = self.path / entry.relative_path
        return room_for(path) if may_be_sparse(path) else entry.size_bytes

    def open(self, path: str) -> AbstractContextManager[Stream]:
        """Opened for reading alone, and through no link in the place of the file."""
        return open_stream(self.path / path)

    def remove(self, path: str, copy: StoredCopy, *, rested_s: float = 0.0) -> bool:
        """In the order of ``shared.library.remove``."""
        return remove_verified(
            self.path / path,
            copy.content,
            stored_at=copy.path,
            library=copy.library,
            root=self.path,
            rested_s=rested_s,
        )

    def changes(self) -> "Watches | None":
        """As inotify tells them; of a share it tells nothing that others do there."""
        if not self.own_clock():
            return None
        from services.ingest.sources.inotify import Watches  # inotify is there on Linux alone

        return Watches(self.path, self.exclude)


def _below(folder: str, listings: Iterator[DirectoryListing]) -> Iterator[DirectoryListing]:
    """The same listings with paths counted from the source instead of the folder."""
    for listing in listings:
        yield DirectoryListing(
            f"{folder}/{listing.relative_path}".rstrip("/"),
            [
                Entry(
                    entry.name, f"{folder}/{entry.relative_path}", entry.size_bytes, entry.mtime_ns, entry.changed_ns,
                    entry.fingerprint,
                )
                for entry in listing.entries
            ],
            [Skipped(f"{folder}/{skipped.relative_path}".rstrip("/"), skipped.rule) for skipped in listing.skipped],
            listing.error,
            listing.gone,
        )  # fmt: skip
