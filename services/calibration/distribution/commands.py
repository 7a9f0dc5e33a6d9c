"""The answer to `nightbus calibration distribute`."""

from collections.abc import Callable

from services.calibration.distribution.distributor import Distributor
from shared.errors import UserError
from shared.events.calibration_files import DistributeMasters, MastersDistributed


class DistributionCommands:
    """Has sessions distributed; ``wake`` has the work begin at once."""

    def __init__(self, distributor: Distributor, wake: Callable[[], None]) -> None:
        self._distributor = distributor
        self._wake = wake

    async def distribute(self, command: DistributeMasters) -> MastersDistributed:
        """Have sessions planned anew.

        Raises:
            UserError: none of them has lights that need masters.
        """
        found = await self._distributor.asked(command.session_ids or None, command.how)
        if not found:
            raise UserError(
                "no lights of these sessions need masters" if command.session_ids else "no lights need masters"
            )
        self._wake()
        return MastersDistributed(sessions=len(found))
