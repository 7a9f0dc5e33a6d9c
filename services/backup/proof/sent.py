"""An archive as it was sent: what its destination should hold."""

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

_MD5 = re.compile(r"[0-9a-f]{32}(-[0-9]+)?")


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
        if etag is None or self.etag is None or _MD5.fullmatch(etag) is None or _MD5.fullmatch(self.etag) is None:
            return True
        return etag in (self.etag, self._etag_of_parts())

    def _etag_of_parts(self) -> str:
        """What servers of S3 give an object of several parts: the MD5 of their MD5s, and how many they are."""
        together = hashlib.md5(b"".join(part.md5 for part in self.parts), usedforsecurity=False)
        return f"{together.hexdigest()}-{len(self.parts)}"
