"""The answer to `nightbus calibration clean`."""

from collections.abc import Callable

import asyncpg

from services.calibration.cleaning.fates import ORDER
from services.calibration.store import cleanings
from shared.db.pool import transaction
from shared.events.calibration_files import CleanCalibration, CleaningAccepted
from shared.events.frame import FrameType

_TYPES: dict[str, tuple[FrameType, ...]] = {
    "bias": (FrameType.BIAS,),
    "dark": (FrameType.DARK,),
    "flat": (FrameType.FLAT, FrameType.DARKFLAT),
}


class CleaningCommands:
    """Commits clean-ups; ``wake`` has the work begin at once."""

    def __init__(self, pool: asyncpg.Pool, wake: Callable[[], None]) -> None:
        self._pool = pool
        self._wake = wake

    async def clean(self, command: CleanCalibration) -> CleaningAccepted:
        """Commit a clean-up; the types go in their order, whatever order they were named in."""
        wanted = {one for name in command.types for one in _TYPES[name]}
        types = [one for one in ORDER if one in wanted]
        async with transaction(self._pool) as connection:
            await cleanings.add(
                connection, command.command_id, types, archive_needed=command.archive_needed, dry_run=command.dry_run
            )
        self._wake()
        return CleaningAccepted(job_id=command.command_id)

    async def forget_old(self) -> None:
        """Forget clean-ups of months ago."""
        async with transaction(self._pool) as connection:
            await cleanings.forget_old(connection)
