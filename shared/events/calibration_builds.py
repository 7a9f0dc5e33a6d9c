"""Commands of calibration about masters that are built of raw frames."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.base import Model
from shared.events.command import Command, Reply
from shared.events.values import RowNumber, Sentence

MOST_SETS = 5000


class RefusedSet(Model):
    """A set of which no master is built."""

    set_no: RowNumber
    reason: Sentence = Field(description="why, one sentence")


class BuildsAccepted(Reply):
    """The builds that were committed."""

    build_ids: tuple[UUID, ...] = ()
    refused: tuple[RefusedSet, ...] = Field(default=(), description="sets that were named, and cannot be built")


class BuildMasters(Command):
    """Build masters of sets of raw calibration frames."""

    subject: ClassVar[str] = "cmd.calibration.build"
    reply: ClassVar[type[Reply]] = BuildsAccepted
    where_to_look: ClassVar[str] = "`nightbus calibration sets` shows it then"

    set_nos: tuple[RowNumber, ...] = Field(
        default=(), max_length=MOST_SETS, description="empty: all that are ready and of which no master was built"
    )


class BuildCancelled(Reply):
    """How the build stands."""

    state: Literal["waiting", "running", "done", "failed", "cancelled", "dead"] = Field(
        default="cancelled", description="running: it ends within seconds"
    )


class CancelBuild(Command):
    """Have the build of a master end; what it was writing is removed."""

    subject: ClassVar[str] = "cmd.calibration.cancel-build"
    reply: ClassVar[type[Reply]] = BuildCancelled
    starts_work: ClassVar[bool] = False

    build_id: UUID = Field(description="id that ``cmd.calibration.build`` answered with")


CALIBRATION_BUILDS: tuple[type[Command], ...] = (BuildMasters, CancelBuild)
