"""Events about targets: their totals."""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from shared.events.base import CatalogId, Event


class TargetUpdated(Event):
    """A target's totals changed. At most one per second and target."""

    subject: ClassVar[str] = "target.updated"
    identity: ClassVar[tuple[str, ...]] = ("catalog_id", "revision")

    catalog_id: CatalogId
    revision: int = Field(ge=1)
    name: str | None = None
    exposures: int = Field(ge=0)
    sessions: int = Field(ge=0)
    integration_ms: int = Field(ge=0)
    first_captured_at: AwareDatetime | None = None
    last_captured_at: AwareDatetime | None = None
