"""Examples of the commands about files of calibration, every field set."""

from uuid import UUID

from shared.events.calibration_files import CleanCalibration, CleaningAccepted, DistributeMasters, MastersDistributed
from shared.events.command import Command, Reply

_COMMAND_ID = UUID("0b0a9d6e-5d0a-4a0e-8f4e-3f6f0d1c2b3a")

COMMANDS: tuple[Command, ...] = (
    DistributeMasters(command_id=_COMMAND_ID, session_ids=("20260110_4F1A9C02",), how="symlink"),
    CleanCalibration(command_id=_COMMAND_ID, types=("dark", "flat"), archive_needed=False, dry_run=False),
)
REPLIES: tuple[Reply, ...] = (
    MastersDistributed(ok=False, error="no lights of these sessions need masters", sessions=12),
    CleaningAccepted(ok=False, error="the calibration service is stopping", job_id=_COMMAND_ID),
)
