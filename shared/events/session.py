"""Events about sessions: one night of one rig."""

from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CatalogId, Event, FileId, Model, SessionId
from shared.events.values import Day, Label, Natural, PathText, Sum, Word


class SessionTarget(Model):
    """What a session holds of one target in one filter. Only LIGHT exposures count."""

    catalog_id: CatalogId | None = None
    name: Word | None = None
    filter: Word | None = None
    exposures: Sum
    integration_ms: Sum = Field(description="sum of exposure times, milliseconds")


class SessionFinished(Event):
    """A night of one rig is over, quiet, and scanned to the last file."""

    subject: ClassVar[str] = "session.finished"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision")

    session_id: SessionId
    revision: Natural = Field(description="1 for the first time; grows when files arrived after a finish")
    night: Day
    rig: Label
    targets: tuple[SessionTarget, ...] = ()
    counts: dict[Word, Sum] = Field(default_factory=dict, description="files by frame type")
    size_bytes: Sum
    integration_ms: Sum


class SessionChanged(Event):
    """A session was merged, split, renamed or reopened."""

    subject: ClassVar[str] = "session.changed"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision")

    session_id: SessionId
    revision: Natural
    change: Literal["merged", "split", "renamed", "reopened"]
    into: SessionId | None = Field(default=None, description="the session that took this one's files")


class SessionArchived(Event):
    """All readable files of a session lie in verified archives at a destination; the last one brought what was new."""

    subject: ClassVar[str] = "session.archived"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "revision", "destination")

    session_id: SessionId
    revision: Natural = Field(description="of the session, as session.finished told it")
    destination: Word
    key: PathText = Field(
        description="of the session's latest archive at the destination; of another's where it has none itself"
    )
    manifest_key: PathText = Field(
        description="of the session's latest manifest there, which lists all of its files and their archives"
    )
    sha256: FileId = Field(description="SHA-256 of the manifest, which holds that of every part and every file")
    size_bytes: Sum = Field(description="size of the session's files in all its archives, bytes")
    file_count: Sum = Field(description="number of these files")
    left_out: Sum = Field(default=0, description="files that no verified archive has, since they could not be read")
