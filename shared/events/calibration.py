"""Events about calibration: requirements met or missing, masters built."""

from typing import ClassVar

from pydantic import Field

from shared.events.base import Event, FileId, Model, SessionId
from shared.events.frame import FrameType
from shared.events.values import Count, Day, Factor, Label, Natural, NotNegative, Real, Seconds, Sentence, Word


class Requirement(Model):
    """The master that lights need. What does not count for its type on this rig, or is not known, is None."""

    requirement_id: Label = Field(
        description="type and a hash of the properties, such as dark-1f3a9c02: the same in every session that needs it"
    )
    master_type: FrameType = Field(description="MASTER_DARK, MASTER_FLAT, MASTER_BIAS or MASTER_DARKFLAT")
    camera: Word | None = None
    telescope: Word | None = None
    rig: Label | None = Field(default=None, description="of flats: its name tells the focal ratio")
    exposure_s: Seconds | None = Field(default=None, description="length of one exposure, seconds")
    gain: Real | None = None
    offset: Real | None = None
    set_temp_c: Real | None = Field(default=None, description="cooler set point, degrees Celsius")
    sensor_temp_c: Real | None = Field(
        default=None, description="measured temperature to a degree Celsius, where nothing else is known"
    )
    filter: Word | None = Field(default=None, description="canonical filter name")
    x_binning: Factor | None = None
    readout_mode: Word | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    night: Day | None = Field(default=None, description="of flats: local date of the noon before the lights")
    rotator_angle_deg: Real | None = None


class Capture(Model):
    """What to capture, so that a master can be made of it."""

    frame_type: FrameType = Field(description="DARK, FLAT, BIAS or DARKFLAT")
    frames: Natural
    total_s: NotNegative | None = Field(
        default=None, description="how long that takes, seconds; None where the exposure follows from the light"
    )
    words: Sentence = Field(description="the same as a sentence")


class CalibrationMatched(Event):
    """A master was found for a session's requirement, or another one than before."""

    subject: ClassVar[str] = "calibration.matched"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: Label
    revision: Natural = Field(description="grows with each other answer to this requirement; the highest counts")
    requirement: Requirement
    master_file_id: FileId
    bias_file_id: FileId | None = Field(
        default=None, description="the master bias with which a dark of another exposure is scaled"
    )
    explanation: Sentence = Field(description="why this master, one sentence")
    is_pinned: bool = Field(default=False, description="whether a person chose the master")
    others: Count = Field(default=0, description="how many further masters fit as well")
    lights: Count = Field(default=0, description="LIGHT files that needed it at that time")
    rig: Label | None = Field(default=None, description="rig of the lights")


class CalibrationMissing(Event):
    """No master fits a session's requirement, or none does any more."""

    subject: ClassVar[str] = "calibration.missing"
    identity: ClassVar[tuple[str, ...]] = ("session_id", "requirement_id", "revision")

    session_id: SessionId
    requirement_id: Label
    revision: Natural = Field(description="grows with each other answer to this requirement; the highest counts")
    requirement: Requirement
    reason: Sentence = Field(description="why no master fits, and what to capture, one sentence")
    nearest_file_id: FileId | None = Field(default=None, description="the master that comes nearest")
    capture: Capture | None = None
    lights: Count = Field(default=0, description="LIGHT files that needed it at that time")
    rig: Label | None = Field(default=None, description="rig of the lights")


class MasterBuilt(Event):
    """A master calibration frame was integrated from raw frames."""

    subject: ClassVar[str] = "master.built"
    identity: ClassVar[tuple[str, ...]] = ("file_id",)

    file_id: FileId
    master_type: FrameType
    camera: Word | None = None
    input_count: Natural
    input_file_ids: tuple[FileId, ...] = Field(default=(), max_length=5000, description="cut where there are more")
    telescope: Word | None = None
    rig: Label | None = None
    exposure_s: Seconds | None = None
    gain: Real | None = None
    offset: Real | None = None
    set_temp_c: Real | None = None
    sensor_temp_c: Real | None = None
    filter: Word | None = None
    x_binning: Factor | None = None
    readout_mode: Word | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    night: Day | None = Field(default=None, description="of flats: local date of the noon before the raw frames")
    rotator_angle_deg: Real | None = None
