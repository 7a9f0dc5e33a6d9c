"""Commands of calibration about files: masters placed beside lights, raw frames that may go."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.base import SessionId
from shared.events.command import MOST_IDS, Command, Reply
from shared.events.values import HowPlaced, Sum

RawType = Literal["bias", "dark", "flat"]


class MastersDistributed(Reply):
    """The sessions whose masters are placed within moments; the view calibration.placements shows it."""

    sessions: Sum = Field(default=0, description="number of these sessions")


class DistributeMasters(Command):
    """Place the masters of sessions beside their lights, and keep them so when another master fits."""

    subject: ClassVar[str] = "cmd.calibration.distribute"
    reply: ClassVar[type[Reply]] = MastersDistributed
    where_to_look: ClassVar[str] = "`nightbus calibration distribute --dry-run` shows what is placed then"

    session_ids: tuple[SessionId, ...] = Field(
        default=(), max_length=MOST_IDS, description="these sessions; empty: all whose lights need masters"
    )
    how: HowPlaced = Field(
        default="reflink", description="how they are placed; a reflink is a copy where the file system knows none"
    )


class CleaningAccepted(Reply):
    """The clean-up that was committed."""

    job_id: UUID | None = Field(default=None, description="its id in calibration.cleaning_progress")


class CleanCalibration(Command):
    """Remove raw calibration frames whose masters stand for them, or look at what that would be."""

    subject: ClassVar[str] = "cmd.calibration.clean"
    reply: ClassVar[type[Reply]] = CleaningAccepted
    where_to_look: ClassVar[str] = (
        "`nightbus sql -- -c \"SELECT * FROM calibration.cleaning_progress WHERE cleaning_id = '{id}'\"` shows it then"
    )

    types: tuple[RawType, ...] = Field(
        default=("bias", "dark", "flat"), min_length=1, max_length=3, description="of raw frames; flat: dark-flats too"
    )
    archive_needed: bool = Field(default=True, description="only frames that a verified archive has")
    dry_run: bool = Field(default=True, description="only look, and remove nothing")


CALIBRATION_FILES: tuple[type[Command], ...] = (DistributeMasters, CleanCalibration)
