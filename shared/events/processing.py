"""Events about processing: working folders and finished products."""

from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CatalogId, Event, FileId, SessionId


class ProcessingChanged(Event):
    """A processing session was created, or its state or members changed."""

    subject: ClassVar[str] = "processing.changed"
    identity: ClassVar[tuple[str, ...]] = ("processing_id", "revision")

    processing_id: str
    revision: int = Field(ge=1)
    name: str
    status: Literal["not_started", "in_progress", "complete"]
    folder: str | None = None
    session_ids: tuple[SessionId, ...] = ()


class ProductArrived(Event):
    """A processed image was found in a working folder."""

    subject: ClassVar[str] = "product.arrived"
    identity: ClassVar[tuple[str, ...]] = ("processing_id", "file_id", "revision")

    processing_id: str
    file_id: FileId
    revision: int = Field(ge=1)
    root: str
    path: str
    size_bytes: int = Field(ge=0)
    catalog_ids: tuple[CatalogId, ...] = ()
    input_count: int | None = Field(default=None, ge=0)
