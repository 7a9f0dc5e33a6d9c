"""An example of each command about builds of masters, and of each answer."""

from uuid import UUID

from shared.events.calibration_builds import (
    BuildCancelled,
    BuildMasters,
    BuildsAccepted,
    CancelBuild,
    RefusedSet,
)
from shared.events.command import Command, Reply

_COMMAND_ID = UUID("7f000001-8f2b-4b6d-9b1e-0c2d4e6f8a10")
_BUILD_ID = UUID("7f000001-8f2b-5b6d-9b1e-0c2d4e6f8a11")

COMMANDS: tuple[Command, ...] = (
    BuildMasters(command_id=_COMMAND_ID, set_nos=(3, 14)),
    CancelBuild(command_id=_COMMAND_ID, build_id=_BUILD_ID),
)
REPLIES: tuple[Reply, ...] = (
    BuildsAccepted(
        ok=True,
        error="one of the sets is not ready",
        build_ids=(_BUILD_ID,),
        refused=(RefusedSet(set_no=14, reason="set 14 has 6 frames that are fit for a master, 10 are needed"),),
    ),
    BuildCancelled(ok=True, error="it had ended before", state="done"),
)
