"""Full examples of what calibration tells, is asked and answers."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events.base import Event
from shared.events.calibration import CalibrationMatched, CalibrationMissing, Capture, MasterBuilt, Requirement
from shared.events.calibration_commands import (
    Alternative,
    AssignMaster,
    CalibrationAsked,
    CheckCalibration,
    DarkLibrary,
    DarksPlanned,
    DescribeFrame,
    Explained,
    ExplainRequirements,
    FrameDescribed,
    MasterJudged,
    PlanDarks,
    PlannedDark,
    RecordTrainChange,
    RefuseMaster,
    RequirementsChanged,
    RequirementsExplained,
    Supplied,
    TrainChangeRecorded,
    UnassignMaster,
)
from shared.events.command import Command, Reply
from shared.events.frame import FrameType

LIGHT = "5f2b6c0e8d1a47c39b7e60f4a2d5c81e3f90b6a7d4c2e1850a9b3c7d6e5f4a12"
MASTER = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
OTHER = "0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4"
SESSION = "20260110_4C1F9A3E"
RIG = "RC8@f8+ZWO ASI2600MM Pro"
CAMERA = "ZWO ASI2600MM Pro"
AT = datetime(2026, 1, 10, 21, 20, 5, 250000, tzinfo=UTC)
COMMAND_ID = UUID("0b5e4f5a-93a1-4a55-8a3f-5d8f0e6c1a77")

_PROPERTIES: dict[str, Any] = {
    "camera": CAMERA, "telescope": "RC8", "exposure_s": 300.0, "gain": 100.0, "offset": 50.0, "set_temp_c": -10.0,
    "sensor_temp_c": -10.0, "filter": "Ha", "x_binning": 1, "readout_mode": "High Gain", "night": date(2026, 1, 10),
    "rotator_angle_deg": 91.5,
}  # fmt: skip
_SIZE: dict[str, Any] = {"rig": RIG, "width_px": 6248, "height_px": 4176}
NEEDED = Requirement(
    requirement_id="dark-1f3a9c02", master_type=FrameType.MASTER_DARK, **_PROPERTIES, **_SIZE,
)  # fmt: skip
SUPPLIED = Supplied(**_PROPERTIES)
WORDS = "capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)"

EVENTS: tuple[Event, ...] = (
    CalibrationMatched(
        occurred_at=AT,
        session_id=SESSION,
        requirement_id=NEEDED.requirement_id,
        revision=1,
        requirement=NEEDED,
        master_file_id=MASTER,
        bias_file_id=OTHER,
        explanation="dark_600s.xisf, scaled with bias_g100.xisf: same camera, gain 100, offset 50, -10 C",
        is_pinned=True,
        others=2,
        lights=48,
        rig=RIG,
    ),
    CalibrationMissing(
        occurred_at=AT,
        session_id=SESSION,
        requirement_id=NEEDED.requirement_id,
        revision=2,
        requirement=NEEDED,
        reason="nearest dark: 300 s, gain 100, -5 C: 5.0 C off",
        nearest_file_id=MASTER,
        capture=Capture(frame_type=FrameType.DARK, frames=20, total_s=6000.0, words=WORDS),
        lights=48,
        rig=RIG,
    ),
    MasterBuilt(
        occurred_at=AT,
        file_id=MASTER,
        master_type=FrameType.MASTER_DARK,
        input_count=2,
        input_file_ids=(LIGHT, OTHER),
        **_PROPERTIES,
        **_SIZE,
    ),
)

COMMANDS: tuple[Command, ...] = (
    AssignMaster(
        command_id=COMMAND_ID,
        session_id=SESSION,
        master_file_id=MASTER,
        requirement_id=NEEDED.requirement_id,
        person="anna",
    ),
    UnassignMaster(command_id=COMMAND_ID, session_id=SESSION, requirement_id=NEEDED.requirement_id),
    DescribeFrame(command_id=COMMAND_ID, file_id=MASTER, supplied=SUPPLIED, withdrawn=("night",)),
    RefuseMaster(command_id=COMMAND_ID, file_id=MASTER, reason="light leak at the lower edge", undo=True),
    RecordTrainChange(command_id=COMMAND_ID, rig=RIG, changed_on=date(2026, 1, 12), undo=True, person="anna"),
    CheckCalibration(command_id=COMMAND_ID),
    ExplainRequirements(
        command_id=COMMAND_ID, session_id=SESSION, requirement_id=NEEDED.requirement_id, alternatives=5
    ),
    PlanDarks(
        command_id=COMMAND_ID,
        libraries=(
            DarkLibrary(
                camera=CAMERA,
                exposures_s=(60.0, 300.0),
                gains=(100.0,),
                set_temps_c=(-10.0,),
                offset=50.0,
                x_binning=1,
                readout_mode="High Gain",
            ),
        ),
    ),
)

REPLIES: tuple[Reply, ...] = (
    RequirementsChanged(ok=True, error="it was chosen before", requirement_ids=(NEEDED.requirement_id,)),
    FrameDescribed(ok=True, error="its header says the same", supplied=SUPPLIED),
    MasterJudged(ok=True, error="it was refused before", changed=True),
    TrainChangeRecorded(ok=True, error="it was recorded before", changed=True),
    CalibrationAsked(ok=True, error="it is under way", requirements=12),
    RequirementsExplained(
        ok=True,
        error="some masters are left out",
        requirements=(
            Explained(
                requirement_id=NEEDED.requirement_id,
                master_type=FrameType.MASTER_DARK,
                state="missing",
                explanation="nearest dark: 300 s, gain 100, -5 C: 5.0 C off",
                master_file_id=MASTER,
                is_pinned=True,
                lights=48,
                rules="the defaults",
                capture=WORDS,
                alternatives=(
                    Alternative(file_id=MASTER, name="dark_300s.xisf", fits=True, sentence="-5 C: 5.0 C off"),
                ),
            ),
        ),
    ),
    DarksPlanned(
        ok=True,
        error="some are left out",
        darks=(
            PlannedDark(
                camera=CAMERA,
                exposure_s=300.0,
                gain=100.0,
                set_temp_c=-10.0,
                offset=50.0,
                x_binning=1,
                readout_mode="High Gain",
                master_file_id=MASTER,
                master_name="dark_300s.xisf",
                sentence=WORDS,
                frames=20,
                total_s=6000.0,
            ),
        ),
    ),
)
