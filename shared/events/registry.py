"""Which models travel as events, and each subject's model. Who publishes and reads them: services/descriptions.py."""

from shared.events.base import Event
from shared.events.calibration import CalibrationMatched, CalibrationMissing, MasterBuilt
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, FileScanned
from shared.events.judgement import FrameAssigned, FrameJudged
from shared.events.processing import ProcessingChanged, ProductArrived
from shared.events.session import SessionArchived, SessionChanged, SessionFinished
from shared.events.target import TargetUpdated

MODELS: tuple[type[Event], ...] = (
    FileArrived,
    FileScanned,
    FileQuarantined,
    FileMoved,
    FileRemoved,
    FrameJudged,
    FrameAssigned,
    CalibrationMatched,
    CalibrationMissing,
    MasterBuilt,
    SessionFinished,
    SessionChanged,
    SessionArchived,
    TargetUpdated,
    ProcessingChanged,
    ProductArrived,
)
BY_SUBJECT: dict[str, type[Event]] = {model.subject: model for model in MODELS}
