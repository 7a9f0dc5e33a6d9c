"""The one port of destinations: places that archives lie at. Keys are paths with forward slashes, of our own making.

A key begins below the prefix of this installation, which the destination adds by itself: ``backups/raw/2026/...``. The
marker of the installation lies there too; it is no object of these calls.

A destination is opened once and used by several tasks at a time. Objects are written once and never changed; an archive
is written as parts of one size, of which any may be sent again with the same bytes, or with others until the upload is
completed. All calls may take long; one that is cancelled leaves its whole object under the key or nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from shared.errors import Away, Transient

Frost = Literal["frozen", "thawing"]
"""Of an object in archive storage: nobody has asked for it yet, or somebody has and it cannot be read yet."""
Tier = Literal["expedited", "standard", "bulk"]
"""How soon an object is thawed; what is sooner is dearer."""


class Refused(Transient):
    """The destination answers and says no; the work waits until somebody mends it.

    Credentials, rights, a clock that is wrong, a bucket that is gone, a disk that is full or read-only: the sentence
    says which, and what to do.
    """


class Unmarked(Away):
    """Something is there, without the marker: what lay there is gone, or another thing has taken its place."""


class UploadGone(Transient):
    """The destination does not know the upload any more: it begins anew."""


class AlreadyThere(Transient):
    """An object lies under a key that is to be new. Who wrote it decides: the same bytes are as good as written."""


@dataclass(frozen=True, slots=True)
class Label:
    """What an object says of itself, beside its bytes."""

    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Names of lower-case ASCII letters, digits and hyphens; values of printable ASCII."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Left away where the destination takes no tags."""
    storage_class: str | None = None
    """None: the destination's default, which is the one that is read at once."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the destination tells of it."""

    key: str
    size_bytes: int
    etag: str | None = None
    """Without quotes; None where there is none, as in a folder."""
    modified_at: datetime | None = None
    storage_class: str | None = None
    frost: Frost | None = None
    """Whether it has to be thawed, as ``look`` tells it; None: it can be read at once."""


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the destination holds."""

    number: int
    """From 1 on, without gaps."""
    size_bytes: int
    md5: bytes
    sha256: bytes
    etag: str
    """What ``put_part`` gave back; needed to complete the upload."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun and not completed."""

    key: str
    upload_id: str
    begun_at: datetime | None = None


class Destination(Protocol):
    """A place for archives.

    Every call raises ``Transient`` where trying again may help, ``Away`` (shared/errors.py) where the destination is
    not there: an unplugged disk, a network without route; ``Refused`` where it is there and says no.
    """

    @property
    def name(self) -> str:
        """As the settings call it."""

    @property
    def place(self) -> str:
        """As a person knows it: a folder, or bucket and server; no secret is in it."""

    @property
    def facts(self) -> Mapping[str, bool]:
        """What was found out of what not every destination takes: ``tags``, ``checksums``, ``preconditions``."""

    async def check(self, installation_id: str, *, first_time: bool = False) -> None:
        """Make sure that it is there and is ours: the marker below our prefix has the id of this installation.

        With ``first_time`` a place that has no marker gets one; otherwise its absence is ``Unmarked``, a kind of
        ``Away``, since an empty mount point looks just like it.

        Raises:
            UserError: the marker is of another installation.
        """

    async def put(self, key: str, data: bytes, label: Label, *, replace: bool = False) -> Stored:
        """Write a small object in one go, durably.

        Raises:
            AlreadyThere: not ``replace``, and something else lies there.
        """

    async def look(self, key: str) -> Stored | None:
        """What lies under a key; None where nothing does."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to and without ``end``, in pieces of at most 1 MiB.

        Raises:
            Gone: nothing lies under the key.
        """

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """All objects whose key begins with ``prefix``, in the order of their keys; unfinished uploads are none."""

    async def delete(self, key: str) -> None:
        """Delete an object; one that is gone is deleted already."""

    async def begin(self, key: str, label: Label, part_bytes: int) -> Upload:
        """Begin an upload of parts of ``part_bytes`` each, the last one excepted, which may be shorter.

        All other uploads of the same key are aborted: at most one is under way.
        """

    async def put_part(self, upload: Upload, number: int, data: bytes, md5: bytes, sha256: bytes) -> str:
        """Write one part, durably, and prove that it arrived as it was sent; returns its ETag.

        Raises:
            UploadGone: the upload is not known any more.
        """

    async def complete(self, upload: Upload, parts: Sequence[SentPart], label: Label) -> Stored:
        """Make one object of the parts. Said again after an answer was lost, it finds the object that it made.

        Raises:
            UploadGone: the upload is not known any more, and no such object lies there.
            AlreadyThere: something else lies under the key.
        """

    async def abort(self, upload: Upload) -> None:
        """Throw away an upload and its parts; one that is gone is aborted already."""

    def uploads(self, prefix: str) -> AsyncIterator[Upload]:
        """Uploads that were begun below a prefix and are neither completed nor aborted."""


@runtime_checkable
class Thaws(Protocol):
    """What a destination can besides that has archive storage: classes whose objects are read hours after a request."""

    async def thaw(self, key: str, days: int, tier: Tier) -> None:
        """Ask that an object can be read, from some hours on and for so many days; one that is asked for stays so.

        Raises:
            Gone: nothing lies under the key.
        """
