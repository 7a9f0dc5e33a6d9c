"""A folder as a destination: a second disk, a USB disk, a share of a second NAS that is mounted here.

Objects are files ``<folder>/<prefix>/<key>``. A file has no tags, no metadata and no storage class: all that is to be
known of an archive is in its manifest. An upload is two files in ``<prefix>/.unfinished``: ``<id>.bytes``, to which
parts are written at their places, and ``<id>.json``, which says what it is to become.
"""

import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.backup.destinations.disk import Disk, sweep
from services.backup.destinations.keys import Piece, require_key, size_of
from services.backup.destinations.port import Label, SentPart, Stored, Upload, UploadGone
from services.backup.destinations.threads import from_thread, in_thread
from shared.errors import Gone
from shared.library.folders import sync_folder, unlink_if_there
from shared.library.reading import NO_FOLLOW, shown

PIECE_BYTES = 1024 * 1024
_MOST_NOTE_BYTES = 64 * 1024
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _Begun:
    key: str
    part_bytes: int
    begun_at: datetime


class FolderOfArchives:
    """A folder of this machine, as ``port.Destination``."""

    def __init__(self, name: str, folder: Path, prefix: str, installation_id: str) -> None:
        self.name = name
        self.place = str(folder)
        self.facts: Mapping[str, bool] = {}
        self._disk = Disk(folder, prefix, name, installation_id)

    async def check(self, installation_id: str, *, first_time: bool = False) -> None:
        """By its marker; at the first use the folder is made, in one that is there."""
        await in_thread(self._disk.check, installation_id, first_time=first_time)

    async def put(self, key: str, data: bytes, _label: Label, *, replace: bool = False) -> Stored:
        """By a temporary file that gets its name when it was read back."""
        return await in_thread(self._disk.put, key, data, replace=replace)

    async def look(self, key: str) -> Stored | None:
        """Size and time of the file."""
        return await in_thread(self._disk.look, key)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """From the one file that had the name when the reading began."""
        fd = await in_thread(self._disk.open, key)
        if fd is None:
            raise Gone(f"{shown(key)} is not at the destination {self.name} ({shown(self.place)})")
        try:
            while (count := PIECE_BYTES if end is None else min(PIECE_BYTES, end - start)) > 0:
                data = await in_thread(self._read_at, fd, key, count, start)
                if not data:
                    break
                start += len(data)
                yield data
        finally:
            os.close(fd)

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Files that have a name, folder by folder."""
        return from_thread(self._disk.walk(prefix))

    async def delete(self, key: str) -> None:
        """By removing the name."""
        await in_thread(self._disk.delete, key)

    async def begin(self, key: str, _label: Label, part_bytes: int) -> Upload:
        """By an empty file, and a note of what it is to become."""
        return await in_thread(self._begin, require_key(key), part_bytes)

    async def put_part(self, upload: Upload, number: int, data: bytes, md5: bytes, sha256: bytes) -> str:
        """To its place in the file; what the disk gives back is compared with ``sha256``. The ETag is the MD5."""
        await in_thread(self._put_part, upload, number, data, sha256)
        return md5.hex()

    async def complete(self, upload: Upload, parts: Sequence[SentPart], _label: Label) -> Stored:
        """By giving the file its name."""
        pieces = [Piece(part.size_bytes, part.sha256) for part in parts]
        return await in_thread(self._complete, upload, pieces)

    async def abort(self, upload: Upload) -> None:
        """By removing its files."""
        await in_thread(self._abort, upload)

    def uploads(self, prefix: str) -> AsyncIterator[Upload]:
        """As their notes say."""
        return from_thread(self._uploads(prefix))

    def _read_at(self, fd: int, key: str, count: int, offset: int) -> bytes:
        with self._disk.words(key):
            return os.pread(fd, count, offset)

    def _begin(self, key: str, part_bytes: int) -> Upload:
        upload = Upload(key, secrets.token_hex(16), datetime.now(UTC).replace(microsecond=0))
        note = {"key": key, "part_bytes": part_bytes, "begun_at": str(upload.begun_at)}
        for earlier in self._uploads(key):
            if earlier.key == key:
                self._abort(earlier)
        with self._disk.words(key), self._disk.unfinished() as unfinished:
            sweep(unfinished)
            self._disk.write_new(unfinished, _bytes(upload), b"")
            temporary = f"{upload.upload_id}.tmp"
            self._disk.write_new(unfinished, temporary, json.dumps(note).encode())
            os.rename(temporary, _note(upload), src_dir_fd=unfinished, dst_dir_fd=unfinished)
            sync_folder(unfinished)
        return upload

    def _put_part(self, upload: Upload, number: int, data: bytes, sha256: bytes) -> None:
        with self._disk.words(upload.key), self._disk.unfinished() as unfinished:
            fd = self._open(unfinished, upload)
            try:
                part_bytes = self._begun(unfinished, upload).part_bytes
                if len(data) > part_bytes:
                    raise ValueError(f"part {number} has {len(data)} bytes, more than the {part_bytes} of each")
                self._disk.write_at(fd, (number - 1) * part_bytes, data, sha256)
            finally:
                os.close(fd)

    def _complete(self, upload: Upload, pieces: Sequence[Piece]) -> Stored:
        with self._disk.words(upload.key), self._disk.unfinished() as unfinished:
            try:
                fd = self._open(unfinished, upload)
            except UploadGone:
                if self._disk.holds(upload.key, pieces) and (found := self._disk.look(upload.key)) is not None:
                    return found
                raise
            try:
                size_bytes = os.fstat(fd).st_size
                if size_bytes < size_of(pieces):
                    raise UploadGone(f"the upload of {shown(upload.key)} lacks parts at {shown(self.place)}")
                if size_bytes > size_of(pieces):  # an earlier last part was longer
                    os.ftruncate(fd, size_of(pieces))
                os.fsync(fd)
            finally:
                os.close(fd)
            stored = self._disk.give_name(unfinished, _bytes(upload), upload.key, pieces)
            unlink_if_there(_note(upload), unfinished)
            sync_folder(unfinished)
            return stored

    def _abort(self, upload: Upload) -> None:
        with self._disk.words(upload.key), self._disk.unfinished() as unfinished:
            if _ID.fullmatch(upload.upload_id):
                unlink_if_there(_bytes(upload), unfinished)
                unlink_if_there(_note(upload), unfinished)
                sync_folder(unfinished)

    def _uploads(self, prefix: str) -> Iterator[Upload]:
        with self._disk.words(), self._disk.unfinished() as unfinished:
            found = []
            for name in sorted(os.listdir(unfinished)):  # noqa: PTH208 - by descriptor
                if name.endswith(".json") and _ID.fullmatch(upload_id := name.removesuffix(".json")):
                    try:
                        begun = self._begun(unfinished, Upload("", upload_id))
                    except UploadGone:
                        continue  # completed or aborted this moment
                    if begun.key.startswith(prefix):
                        found.append(Upload(begun.key, upload_id, begun.begun_at))
        yield from found

    def _open(self, unfinished: int, upload: Upload) -> int:
        if not _ID.fullmatch(upload.upload_id):
            raise self._gone(upload)
        try:
            return os.open(_bytes(upload), os.O_RDWR | NO_FOLLOW, dir_fd=unfinished)
        except FileNotFoundError as error:
            raise self._gone(upload) from error

    def _begun(self, unfinished: int, upload: Upload) -> _Begun:
        try:
            fd = os.open(_note(upload), os.O_RDONLY | NO_FOLLOW, dir_fd=unfinished)
        except FileNotFoundError as error:
            raise self._gone(upload) from error
        try:
            text = os.read(fd, _MOST_NOTE_BYTES)
        finally:
            os.close(fd)
        try:
            note = json.loads(text)
            return _Begun(str(note["key"]), int(note["part_bytes"]), datetime.fromisoformat(note["begun_at"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._gone(upload) from error

    def _gone(self, upload: Upload) -> UploadGone:
        about = f"the upload {shown(upload.upload_id)} of {shown(upload.key)}"
        return UploadGone(f"{about} is not known at {shown(self.place)} any more: it begins anew")


def _bytes(upload: Upload) -> str:
    return f"{upload.upload_id}.bytes"


def _note(upload: Upload) -> str:
    return f"{upload.upload_id}.json"
