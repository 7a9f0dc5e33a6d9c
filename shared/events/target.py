"""Events about targets: their totals."""

from typing import ClassVar

from shared.events.base import CatalogId, Event
from shared.events.values import Moment, Natural, Sum, Word


class TargetUpdated(Event):
    """A target's totals changed. At most one per second and target."""

    subject: ClassVar[str] = "target.updated"
    identity: ClassVar[tuple[str, ...]] = ("catalog_id", "revision")

    catalog_id: CatalogId
    revision: Natural
    name: Word | None = None
    exposures: Sum
    sessions: Sum
    integration_ms: Sum
    first_captured_at: Moment | None = None
    last_captured_at: Moment | None = None
