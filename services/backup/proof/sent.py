"""An archive as it was sent: what its destination should hold."""

from dataclasses import dataclass
from uuid import UUID

from services.backup.destinations.s3 import etags


@dataclass(frozen=True, slots=True)
class SentRange:
    """The bytes of one part."""

    start: int
    """In the archive, bytes."""
    size_bytes: int
    md5: bytes
    sha256: bytes

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """One archive."""

    archive_id: UUID
    destination: str
    collection_id: str
    key: str
    stored_bytes: int
    etag: str | None
    parts: tuple[SentRange, ...]

    def may_have_etag(self, etag: str | None) -> bool:
        """Whether an object with this ETag may be it. One that is no MD5, as with keys of the server's own, may."""
        if not (etags.is_md5(etag) and etags.is_md5(self.etag)):
            return True
        return etag in (self.etag, etags.of_parts(part.md5 for part in self.parts))
