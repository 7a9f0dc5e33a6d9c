"""Events about calibration: requirements met or missing, masters built."""

from typing import ClassVar

from pydantic import Field

from shared.events.base import Event, FileId, Model, SessionId
from shared.events.frame import FrameType
from shared.events.values import Factor, Label, Natural, Real, Seconds, Sentence, Word


class Requirement(Model):
    """The calibration that a group of lights needs."""

    requirement_id: Label
    master_type: FrameType = Field(description="MASTER_DARK, MASTER_FLAT, MASTER_BIAS or MASTER_DARKFLAT")
    camera: Word
    exposure_s: Seconds | None = None
    filter: Word | None = None
    gain: Real | None = None
    offset: Real | None = None
    set_temp_c: Real | None = None
    x_binning: Factor | None = None
    readout_mode: Word | None = None
    telescope: Word | None = None


class CalibrationMatched(Event):
    """A master was found for a session's requirement."""

    subject: ClassVar[str] = "calibration.matched"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: Label
    revision: Natural
    requirement: Requirement
    master_file_id: FileId
    explanation: Sentence = Field(description="why this master, one sentence")


class CalibrationMissing(Event):
    """No master fits a session's requirement."""

    subject: ClassVar[str] = "calibration.missing"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: Label
    revision: Natural
    requirement: Requirement
    reason: Sentence = Field(description="why no master fits, and what to capture, one sentence")


class MasterBuilt(Event):
    """A master calibration frame was integrated from raw frames."""

    subject: ClassVar[str] = "master.built"
    identity: ClassVar[tuple[str, ...]] = ("file_id",)

    file_id: FileId
    master_type: FrameType
    camera: Word
    input_count: Natural
    input_file_ids: tuple[FileId, ...] = ()
    exposure_s: Seconds | None = None
    filter: Word | None = None
    gain: Real | None = None
    offset: Real | None = None
    set_temp_c: Real | None = None
    x_binning: Factor | None = None
