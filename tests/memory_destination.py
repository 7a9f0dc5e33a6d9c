"""A destination in memory, for tests: it keeps the promises of the port, and may be away or say no."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.backup.destinations import marker
from services.backup.destinations.keys import require_key
from services.backup.destinations.port import (
    AlreadyThere,
    Frost,
    Label,
    Refused,
    SentPart,
    Stored,
    Tier,
    Unmarked,
    Upload,
    UploadGone,
)
from shared.errors import Away, Gone, Transient

PIECE_BYTES = 1024 * 1024


@dataclass
class Begun:
    """An upload in memory."""

    upload: Upload
    label: Label
    part_bytes: int
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryDestination:
    """Objects in a dictionary. ``before`` is called with the name of each call and its key, and may raise."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.place = f"memory ({name})"
        self.facts: Mapping[str, bool] = {}
        self.marker: bytes | None = None
        self.is_away = False
        self.objects: dict[str, bytes] = {}
        self.labels: dict[str, Label] = {}
        self.written_at: dict[str, datetime] = {}
        self.frost: dict[str, Frost] = {}
        self.asked: list[tuple[str, int, Tier]] = []
        self.begun: dict[str, Begun] = {}
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda _call, _key: None

    async def check(self, installation_id: str, *, first_time: bool = False) -> None:
        """By a marker in memory."""
        self._called("check", "")
        if self.marker is None:
            if not first_time:
                raise Unmarked(f"{self.place} has no marker")
            self.marker = marker.marker_of(installation_id)
        marker.require_owner(self.marker, installation_id, self.place)

    async def put(self, key: str, data: bytes, label: Label, *, replace: bool = False) -> Stored:
        """Write an object."""
        self._called("put", require_key(key))
        if not replace and self.objects.get(key, data) != data:
            raise AlreadyThere(f"{self.place} holds something else as {key}")
        return self._keep(key, data, label)

    async def look(self, key: str) -> Stored | None:
        """What lies there."""
        self._called("look", require_key(key))
        return self._stored(key) if key in self.objects else None

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes."""
        self._called("read", require_key(key))
        if key not in self.objects:
            raise Gone(f"{key} is not at {self.place}")
        if key in self.frost:
            raise Refused(f"{key} has to be thawed first")
        data = memoryview(self.objects[key])[start:end]
        for at in range(0, len(data), PIECE_BYTES):
            yield bytes(data[at : at + PIECE_BYTES])

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Objects in the order of their keys."""
        self._called("list", prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix) and key in self.objects:
                yield self._stored(key)

    async def delete(self, key: str) -> None:
        """Forget an object."""
        self._called("delete", require_key(key))
        self.objects.pop(key, None)

    async def begin(self, key: str, label: Label, part_bytes: int) -> Upload:
        """Begin an upload."""
        self._called("begin", require_key(key))
        self.begun = {one: begun for one, begun in self.begun.items() if begun.upload.key != key}
        upload = Upload(key, secrets.token_hex(16), datetime.now(UTC).replace(microsecond=0))
        self.begun[upload.upload_id] = Begun(upload, label, part_bytes)
        return upload

    async def put_part(self, upload: Upload, number: int, data: bytes, md5: bytes, sha256: bytes) -> str:
        """Keep a part."""
        self._called("put_part", upload.key)
        begun = self._begun(upload)
        if hashlib.sha256(data).digest() != sha256 or hashlib.md5(data, usedforsecurity=False).digest() != md5:
            raise Transient(f"{self.place} got other bytes than were sent")
        begun.parts[number] = data
        return md5.hex()

    async def complete(self, upload: Upload, parts: Sequence[SentPart], _label: Label) -> Stored:
        """Put the parts together."""
        self._called("complete", upload.key)
        made = upload.upload_id not in self.begun and self.objects.get(upload.key)
        data = made or b"".join(self._begun(upload).parts.get(part.number, b"") for part in parts)
        if not _is(data, parts):
            raise UploadGone(f"the upload of {upload.key} lacks parts at {self.place}")
        if self.objects.get(upload.key, data) != data:
            raise AlreadyThere(f"{self.place} holds something else as {upload.key}")
        begun = self.begun.pop(upload.upload_id, None)
        return self._keep(upload.key, data, begun.label) if begun else self._stored(upload.key)

    async def abort(self, upload: Upload) -> None:
        """Forget an upload."""
        self._called("abort", upload.key)
        self.begun.pop(upload.upload_id, None)

    async def uploads(self, prefix: str) -> AsyncIterator[Upload]:
        """Uploads under way."""
        self._called("uploads", prefix)
        for begun in tuple(self.begun.values()):
            if begun.upload.key.startswith(prefix):
                yield begun.upload

    async def thaw(self, key: str, days: int, tier: Tier) -> None:
        """Note what is asked for; a test says when it is thawed."""
        self._called("thaw", require_key(key))
        self.asked.append((key, days, tier))
        self.frost[key] = "thawing"

    def _called(self, call: str, key: str) -> None:
        self.calls.append((call, key))
        if self.is_away:
            raise Away(f"{self.place} is away")
        self.before(call, key)

    def _begun(self, upload: Upload) -> Begun:
        if upload.upload_id not in self.begun:
            raise UploadGone(f"the upload of {upload.key} is not known at {self.place} any more")
        return self.begun[upload.upload_id]

    def _keep(self, key: str, data: bytes, label: Label) -> Stored:
        self.objects[key] = data
        self.labels[key] = label
        self.written_at[key] = datetime.now(UTC)
        return self._stored(key)

    def _stored(self, key: str) -> Stored:
        label = self.labels.get(key, Label())
        etag = hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()
        storage_class, frost = label.storage_class, self.frost.get(key)
        return Stored(key, len(self.objects[key]), etag, self.written_at.get(key), storage_class, frost)


def _is(data: bytes, parts: Sequence[SentPart]) -> bool:
    """Whether bytes are those of the parts, one after the other."""
    at = 0
    for part in parts:
        if hashlib.sha256(data[at : at + part.size_bytes]).digest() != part.sha256:
            return False
        at += part.size_bytes
    return at == len(data)
