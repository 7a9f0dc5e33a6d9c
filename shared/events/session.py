"""Events about sessions: one night of one rig."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CatalogId, Event, FileId, Model, SessionId


class SessionTarget(Model):
    """What a session holds of one target in one filter. Only LIGHT exposures count."""

    catalog_id: CatalogId | None = None
    name: str | None = None
    filter: str | None = None
    exposures: int = Field(ge=0)
    integration_ms: int = Field(ge=0, description="sum of exposure times, milliseconds")


class SessionFinished(Event):
    """A night of one rig is over, quiet, and scanned to the last file."""

    subject: ClassVar[str] = "session.finished"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision")

    session_id: SessionId
    revision: int = Field(ge=1, description="1 for the first time; grows when files arrived after a finish")
    night: date
    rig: str
    targets: tuple[SessionTarget, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict, description="files by frame type")
    size_bytes: int = Field(ge=0)
    integration_ms: int = Field(ge=0)


class SessionChanged(Event):
    """A session was merged, split, renamed or reopened."""

    subject: ClassVar[str] = "session.changed"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision")

    session_id: SessionId
    revision: int = Field(ge=1)
    change: Literal["merged", "split", "renamed", "reopened"]
    into: SessionId | None = Field(default=None, description="the session that took this one's files")


class SessionArchived(Event):
    """A session's archive lies at its destination and was read back and verified."""

    subject: ClassVar[str] = "session.archived"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision", "destination")

    session_id: SessionId
    revision: int = Field(ge=1)
    destination: str
    key: str
    sha256: FileId
    size_bytes: int = Field(ge=0)
    file_count: int = Field(ge=0)
