"""Events about calibration: requirements met or missing, masters built."""

from typing import ClassVar

from pydantic import Field

from shared.events.base import Event, FileId, Model, SessionId
from shared.events.frame import FrameType


class Requirement(Model):
    """The calibration that a group of lights needs."""

    requirement_id: str
    master_type: FrameType = Field(description="MASTER_DARK, MASTER_FLAT, MASTER_BIAS or MASTER_DARKFLAT")
    camera: str
    exposure_s: float | None = Field(default=None, ge=0)
    filter: str | None = None
    gain: float | None = None
    offset: float | None = None
    set_temp_c: float | None = None
    x_binning: int | None = Field(default=None, ge=1)
    readout_mode: str | None = None
    telescope: str | None = None


class CalibrationMatched(Event):
    """A master was found for a session's requirement."""

    subject: ClassVar[str] = "calibration.matched"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: str
    revision: int = Field(ge=1)
    requirement: Requirement
    master_file_id: FileId
    explanation: str = Field(description="why this master, one sentence")


class CalibrationMissing(Event):
    """No master fits a session's requirement."""

    subject: ClassVar[str] = "calibration.missing"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: str
    revision: int = Field(ge=1)
    requirement: Requirement
    reason: str = Field(description="why no master fits, and what to capture, one sentence")


class MasterBuilt(Event):
    """A master calibration frame was integrated from raw frames."""

    subject: ClassVar[str] = "master.built"
    identity: ClassVar[tuple[str, ...]] = ("file_id",)

    file_id: FileId
    master_type: FrameType
    camera: str
    input_count: int = Field(ge=1)
    input_file_ids: tuple[FileId, ...] = ()
    exposure_s: float | None = Field(default=None, ge=0)
    filter: str | None = None
    gain: float | None = None
    offset: float | None = None
    set_temp_c: float | None = None
    x_binning: int | None = Field(default=None, ge=1)
