"""Which model travels on which subject, who publishes it and who reads it."""

from dataclasses import dataclass

from shared.events.base import Event
from shared.events.calibration import CalibrationMatched, CalibrationMissing, MasterBuilt
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, FileScanned
from shared.events.judgement import FrameAssigned, FrameJudged
from shared.events.processing import ProcessingChanged, ProductArrived
from shared.events.session import SessionArchived, SessionChanged, SessionFinished
from shared.events.target import TargetUpdated


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the contract: a subject, its model, its publishers and its readers (services by name)."""

    model: type[Event]
    publishers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The NATS subject that the model travels on."""
        return self.model.subject


ROUTES: tuple[Route, ...] = (
    Route(FileArrived, ("ingest",), ("scanner", "stats")),
    Route(FileScanned, ("scanner",), ("stats", "review", "calibration", "processing")),
    Route(FileQuarantined, ("ingest", "scanner", "stats"), ("api", "stats")),
    Route(FileMoved, ("ingest",), ("stats", "review", "calibration", "backup", "processing")),
    Route(FileRemoved, ("ingest",), ("stats", "backup", "api")),
    Route(FrameJudged, ("review",), ("stats", "calibration", "processing", "api")),
    Route(FrameAssigned, ("stats",), ("review", "calibration", "processing")),
    Route(CalibrationMatched, ("calibration",), ("review", "stats", "api", "notify")),
    Route(CalibrationMissing, ("calibration",), ("review", "stats", "api", "notify")),
    Route(MasterBuilt, ("calibration",), ("calibration", "api")),
    Route(SessionFinished, ("stats",), ("backup", "review", "notify")),
    Route(SessionChanged, ("stats",), ("backup", "processing")),
    Route(SessionArchived, ("backup",), ("ingest", "stats", "notify")),
    Route(TargetUpdated, ("stats",), ("api",)),
    Route(ProcessingChanged, ("processing",), ("stats", "backup", "api")),
    Route(ProductArrived, ("processing",), ("stats", "backup", "api")),
)

BY_SUBJECT: dict[str, Route] = {route.subject: route for route in ROUTES}
"""The same routes by subject."""
