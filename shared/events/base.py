"""What all events have in common: identity, time, version."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha1
from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.events.values import Moment, Natural

EVENT_NAMESPACE = UUID("6f1d7f0e-6d0b-5b57-9f6a-3f0c8f7f9a11")
"""Namespace of the deterministic event ids (RFC 9562, version 5)."""

_NAMESPACE = EVENT_NAMESPACE.bytes
_VERSION_AND_VARIANT = 5 << 76 | 0b10 << 62
_DIGEST_BITS = ~(0xF << 76 | 0b11 << 62)

NIL = UUID(int=0)

FileId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a file's content, 64 lower-case hexadecimal digits."""

CatalogId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+-]+$", max_length=64)]
"""Canonical target id, such as ``M31``, ``NGC7000``, ``Sh2-101``."""

SessionId = Annotated[str, StringConstraints(pattern=r"^\d{8}_[0-9A-F]{8}$")]
"""``YYYYMMDD_`` and eight upper-case hexadecimal digits: one night of one rig."""


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class Model(BaseModel):
    """A frozen value inside an event. Unknown fields are ignored, so that newer producers can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Event(Model):
    """A fact that has happened.

    ``event_id`` follows from the subject and the fields named in ``identity``: the same fact published twice is the
    same event, which is what lets the stream and every inbox drop the second copy. What ``identity`` names is frozen
    with each ``schema_version``, since every reader derives the id anew and refuses an event that bears another. What
    it was in earlier versions is in ``earlier_identities``: their events are kept, and read for ever.
    """

    subject: ClassVar[str]
    identity: ClassVar[tuple[str, ...]]
    earlier_identities: ClassVar[Mapping[int, tuple[str, ...]]] = MappingProxyType({})

    event_id: UUID = Field(default=NIL, description="uuid5 of the subject and the identifying fields")
    occurred_at: Moment = Field(default_factory=utc_now, description="when the fact became true, UTC")
    schema_version: Natural = Field(
        default=1, description="version of this event's contract; changes are additive within it"
    )

    def model_post_init(self, _context: Any, /) -> None:
        """Give an event that was not read from the wire its deterministic id."""
        if self.event_id == NIL:
            object.__setattr__(self, "event_id", self.derive_id())

    def derive_id(self) -> UUID:
        """The event id that follows from ``subject`` and ``identity``."""
        return UUID(int=self._own_number())

    def has_its_own_id(self) -> bool:
        """Whether the event bears the id that follows from what it says, and not that of another fact."""
        return self.event_id.int == self._own_number()

    def _own_number(self) -> int:
        names = self.earlier_identities.get(self.schema_version, self.identity)
        return number_of(self.subject, [getattr(self, name) for name in names])


def number_of(subject: str, identity: Iterable[object]) -> int:
    """The id of a fact as a number: uuid5 of the standard library, but no UUID is made for every event that is read."""
    key = "\x1f".join([subject, *map(str, identity)])
    digest = sha1(_NAMESPACE + key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:16]) & _DIGEST_BITS | _VERSION_AND_VARIANT
