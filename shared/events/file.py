"""Events about files: arrived, scanned, quarantined, moved, removed."""

from typing import ClassVar

from pydantic import AliasChoices, Field

from shared.events.base import CatalogId, Event, FileId, Model
from shared.events.frame import FrameMetadata, FrameQuality, ReportedQuality, TargetMatch
from shared.events.values import Count, FileSize, Label, Moment, Natural, PathText, Sentence, Text, Word

HEADER_CARDS_LIMIT_BYTES = 256 * 1024
"""Header cards beyond this many bytes are cut from the event, with a note in ``problems``."""


class Hints(Model):
    """What the sender of a file already knew about it; every part is optional."""

    catalog_id: CatalogId | None = None
    target: Word | None = Field(default=None, description="target name as a person or a planner wrote it")
    rig: Label | None = None
    execution_id: Word | None = Field(default=None, description="id of the plan execution that took the frame")
    execution_target_id: Word | None = None


class Location(Model):
    """Where a file is: a named root and a path below it."""

    root: Word = Field(description="name of the root, such as library")
    path: PathText = Field(description="path below the root, with forward slashes")


class FileArrived(Event):
    """A file is safely in the library (or known in an indexed tree) and may be read."""

    subject: ClassVar[str] = "file.arrived"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "root", "path", "scan_revision")

    file_id: FileId
    root: Word = Field(description="name of the root, such as library")
    path: PathText = Field(description="path below the root, with forward slashes")
    root_path: PathText = Field(
        description="folder of the root on the host of ingest; readers elsewhere map the root's name by settings"
    )
    scan_revision: Natural = Field(default=1, description="grows each time the file is to be read anew")
    size_bytes: FileSize
    source: Word = Field(description="name of the source that the file came from")
    source_zone: Word | None = Field(default=None, description="IANA time zone of the source, for local times")
    origin: PathText = Field(description="the file's path at its source, below the source's folder")
    arrived_at: Moment = Field(description="when the file's first copy was recorded, UTC")
    replaces: FileId | None = Field(default=None, description="content that this path held before")
    hints: Hints = Hints()
    location_revision: Count = Field(default=0, description="moves up to this revision are known to it")


class ScannedFile(Event):
    """``FileScanned`` without its header cards, for readers that have no use for them: a third less to parse."""

    subject: ClassVar[str] = "file.scanned"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "scan_revision")

    file_id: FileId
    scan_revision: Natural
    root: Word
    path: PathText
    size_bytes: FileSize
    source: Word
    source_zone: Word | None = Field(default=None, description="IANA time zone of the source, for local times")
    arrived_at: Moment
    format: Word = Field(description="FITS, FITS_GZ, FITS_FZ, XISF, JPEG, PNG, TIFF, AVI or SER, by first bytes")
    frame: FrameMetadata
    quality: FrameQuality | None = Field(default=None, description="None when not measured")
    reported: ReportedQuality = ReportedQuality()
    target: TargetMatch | None = Field(default=None, description="None for calibration frames")
    problems: tuple[Sentence, ...] = Field(default=(), description="what is wrong with the file, one sentence each")
    location_revision: Count = Field(default=0, description="moves up to this revision are known to it")


class FileScanned(ScannedFile):
    """A file's header was read, its stars measured and its target looked up."""

    header_cards: tuple[Text, ...] = Field(
        default=(), description="all header cards in order, 80 columns, right-stripped"
    )


GONE = "gone"
"""``error`` of a FileQuarantined whose file was not there; ingest looks for it and announces it when it is back."""


class FileQuarantined(Event):
    """A file cannot be handled; it stays where it is, and the reason is recorded."""

    subject: ClassVar[str] = "file.quarantined"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "path", "service", "attempt")

    schema_version: Natural = Field(
        default=2, description="2; in version 1 `service` had another name, under which it is read as well"
    )
    file_id: FileId | None = None
    root: Word | None = None
    path: PathText | None = None
    service: Word = Field(
        validation_alias=AliasChoices("service", "stage"), description="name of the service that gave up"
    )
    attempt: Natural = Field(default=1, description="the scan revision, or the number of the attempt")
    reason: Sentence = Field(description="one sentence for a person")
    error: Sentence | None = Field(default=None, description="technical detail")


class FileMoved(Event):
    """Ingest moved a file inside or between roots."""

    subject: ClassVar[str] = "file.moved"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "location_revision")

    file_id: FileId
    location_revision: Natural = Field(description="only a higher one tells where the file is")
    from_location: Location
    to_location: Location


class FileRemoved(Event):
    """A person asked to forget a file. Never published because a file merely went missing."""

    subject: ClassVar[str] = "file.removed"
    identity: ClassVar[tuple[str, ...]] = ("file_id", "location_revision")

    file_id: FileId
    location_revision: Natural
    root: Word
    path: PathText
    reason: Sentence
    scan_revision: Natural = Field(
        default=1, description="highest that was announced: whatever comes of it, or of a lower one, is too late"
    )
