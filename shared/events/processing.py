"""Events about processing: working folders and finished products."""

from typing import ClassVar, Literal

from shared.events.base import CatalogId, Event, FileId, SessionId
from shared.events.values import Count, FileSize, Label, Natural, PathText, Word


class ProcessingChanged(Event):
    """A processing (work on images, in a folder of its own) was begun, or its status or sessions changed."""

    subject: ClassVar[str] = "processing.changed"
    identity: ClassVar[tuple[str, ...]] = ("processing_id", "revision")

    processing_id: Word
    revision: Natural
    name: Label
    status: Literal["not_started", "in_progress", "complete"]
    folder: PathText | None = None
    session_ids: tuple[SessionId, ...] = ()


class ProductArrived(Event):
    """A processed image was found in a working folder."""

    subject: ClassVar[str] = "product.arrived"
    identity: ClassVar[tuple[str, ...]] = ("processing_id", "file_id", "revision")

    processing_id: Word
    file_id: FileId
    revision: Natural
    root: Word
    path: PathText
    size_bytes: FileSize
    catalog_ids: tuple[CatalogId, ...] = ()
    input_count: Count | None = None
