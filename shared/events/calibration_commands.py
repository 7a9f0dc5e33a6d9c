"""Commands of calibration: what people decide about masters, and questions that need its rules."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.base import FileId, Model, SessionId
from shared.events.command import Command, PersonsReason, Reply
from shared.events.frame import FrameType
from shared.events.values import Count, Day, Factor, Label, Natural, NotNegative, Real, Seconds, Sentence, Sum, Word

MOST_PLANNED = 1000
"""Darks in one plan, whose answer must stay below NATS' limit of 1 MiB."""
MOST_ALTERNATIVES = 100


class Supplied(Model):
    """Properties of a calibration frame that a person supplies; they count before what its header says."""

    camera: Word | None = None
    telescope: Word | None = None
    exposure_s: Seconds | None = None
    gain: Real | None = None
    offset: Real | None = None
    set_temp_c: Real | None = Field(default=None, description="cooler set point, degrees Celsius")
    sensor_temp_c: Real | None = Field(default=None, description="sensor temperature, degrees Celsius")
    filter: Word | None = Field(default=None, description="canonical filter name")
    x_binning: Factor | None = None
    readout_mode: Word | None = None
    night: Day | None = Field(default=None, description="local date of the noon before")
    rotator_angle_deg: Real | None = None


SuppliedName = Literal[
    "camera", "telescope", "exposure_s", "gain", "offset", "set_temp_c", "sensor_temp_c", "filter", "x_binning",
    "readout_mode", "night", "rotator_angle_deg",
]  # fmt: skip


class RequirementsChanged(Reply):
    """The requirements that the command decided about; each is answered anew within moments."""

    requirement_ids: tuple[Label, ...] = ()


class AssignMaster(Command):
    """Have a requirement of a session be met by a master that a person chose, whatever else fits."""

    subject: ClassVar[str] = "cmd.calibration.assign"
    reply: ClassVar[type[Reply]] = RequirementsChanged

    session_id: SessionId
    master_file_id: FileId
    requirement_id: Label | None = Field(
        default=None, description="None: the one requirement of the session that is of the master's type"
    )
    person: Word | None = Field(default=None, description="who chose it, where that is known")


class UnassignMaster(Command):
    """Have requirements of a session be met again by the master that fits best."""

    subject: ClassVar[str] = "cmd.calibration.unassign"
    reply: ClassVar[type[Reply]] = RequirementsChanged

    session_id: SessionId
    requirement_id: Label | None = Field(default=None, description="None: all for which a person chose a master")


class FrameDescribed(Reply):
    """What a person has supplied to the frame now."""

    supplied: Supplied = Supplied()


class DescribeFrame(Command):
    """Supply properties that a calibration frame has lost, or take them back."""

    subject: ClassVar[str] = "cmd.calibration.describe"
    reply: ClassVar[type[Reply]] = FrameDescribed

    file_id: FileId
    supplied: Supplied = Field(default=Supplied(), description="what is None stays as it is")
    withdrawn: tuple[SuppliedName, ...] = Field(
        default=(), max_length=20, description="what was supplied before and is to be as the header says again"
    )


class MasterJudged(Reply):
    """Whether that changed anything."""

    changed: bool = False


class RefuseMaster(Command):
    """Have a master be used no more, or be used again."""

    subject: ClassVar[str] = "cmd.calibration.refuse"
    reply: ClassVar[type[Reply]] = MasterJudged

    file_id: FileId
    reason: PersonsReason | None = Field(default=None, description="why; kept with the master")
    undo: bool = Field(default=False, description="use it again, unless its pixels speak against it")


class TrainChangeRecorded(Reply):
    """Whether that changed anything."""

    changed: bool = False


class RecordTrainChange(Command):
    """Record that the optical train of a rig was changed, so that no flat is used across that; or take it back."""

    subject: ClassVar[str] = "cmd.calibration.train-changed"
    reply: ClassVar[type[Reply]] = TrainChangeRecorded

    rig: Label
    changed_on: Day = Field(description="local date; nights from it on are after the change")
    undo: bool = Field(default=False, description="take the record back")
    person: Word | None = Field(default=None, description="who recorded it, where that is known")


class CalibrationAsked(Reply):
    """How much is matched anew."""

    requirements: Sum = 0


class CheckCalibration(Command):
    """Match everything anew, as is done once a day."""

    subject: ClassVar[str] = "cmd.calibration.check"
    reply: ClassVar[type[Reply]] = CalibrationAsked


class Alternative(Model):
    """A master as seen from one requirement."""

    file_id: FileId
    name: Word = Field(description="name of its file")
    fits: bool
    sentence: Sentence = Field(description="why it fits, or what differs")


class Explained(Model):
    """A requirement with its answer and the masters that come nearest."""

    requirement_id: Label
    master_type: FrameType
    state: Literal["waiting", "matched", "missing"]
    explanation: Sentence | None = None
    master_file_id: FileId | None = None
    is_pinned: bool = False
    lights: Count = 0
    rules: Sentence = Field(description="where the rules of the rig come from")
    capture: Sentence | None = Field(default=None, description="while missing: what to capture")
    alternatives: tuple[Alternative, ...] = Field(default=(), description="nearest first")


class RequirementsExplained(Reply):
    """What a session needs, each with its answer and the masters that come nearest."""

    requirements: tuple[Explained, ...] = ()


class ExplainRequirements(Command):
    """Tell why a session's requirements are answered as they are; changes nothing."""

    subject: ClassVar[str] = "cmd.calibration.explain"
    reply: ClassVar[type[Reply]] = RequirementsExplained
    starts_work: ClassVar[bool] = False

    session_id: SessionId
    requirement_id: Label | None = Field(default=None, description="None: all of the session")
    alternatives: Annotated[Count, Field(le=MOST_ALTERNATIVES)] = 10


class DarkLibrary(Model):
    """Master darks that a person wants to have of a camera: every exposure with every gain and temperature."""

    camera: Word
    exposures_s: tuple[Seconds, ...] = Field(min_length=1, max_length=100)
    gains: tuple[Real, ...] = Field(default=(), max_length=100, description="empty: whatever gain")
    set_temps_c: tuple[Real, ...] = Field(default=(), max_length=100, description="empty: whatever temperature")
    offset: Real | None = None
    x_binning: Factor | None = None
    readout_mode: Word | None = None


class PlannedDark(Model):
    """One master dark of a plan: that it exists, or what to capture."""

    camera: Word
    exposure_s: Seconds
    gain: Real | None = None
    set_temp_c: Real | None = None
    offset: Real | None = None
    x_binning: Factor | None = None
    readout_mode: Word | None = None
    master_file_id: FileId | None = None
    master_name: Word | None = None
    sentence: Sentence = Field(description="why the master fits, or what to capture")
    frames: Natural | None = Field(default=None, description="how many to capture, where no master fits")
    total_s: NotNegative | None = Field(default=None, description="how long that takes, seconds")


class DarksPlanned(Reply):
    """The plan, in the order in which it was asked for."""

    darks: tuple[PlannedDark, ...] = ()


class PlanDarks(Command):
    """Compare a dark library that a person wants with the masters that there are; changes nothing."""

    subject: ClassVar[str] = "cmd.calibration.plan"
    reply: ClassVar[type[Reply]] = DarksPlanned
    starts_work: ClassVar[bool] = False

    libraries: tuple[DarkLibrary, ...] = Field(
        default=(), max_length=20, description="empty: those of the settings, [[dark_libraries]]"
    )


CALIBRATION: tuple[type[Command], ...] = (
    AssignMaster,
    UnassignMaster,
    DescribeFrame,
    RefuseMaster,
    RecordTrainChange,
    CheckCalibration,
    ExplainRequirements,
    PlanDarks,
)
"""Every command of calibration."""
