"""What stats asks others: NATS what is unread, ingest to have files read anew, the scanner what it waits for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.stats.backlog import read_until
from shared.bus.provision import events_began_at
from shared.bus.rpc import ask
from shared.events.base import utc_now
from shared.events.commands import FilesReread, RereadFiles, StateTold, state_question
from shared.service import Service
from shared.waits import roots_in

REREAD_TIMEOUT_S = 300.0


class Others:
    """Asks in the name of the service. Raises UserError where a service does not answer, Unavailable for NATS."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def read_until(self) -> datetime:
        """Until when this service has read all events."""
        return await read_until(self._service.js, self._service.consumers, utc_now())

    async def events_began_at(self) -> datetime:
        """When the event stream of today was made."""
        return await events_began_at(self._service.js)

    async def reread(self, request: UUID, file_ids: Sequence[str]) -> int:
        """Have files read anew, once per id of a request; how many ingest took."""
        command = RereadFiles(command_id=request, file_ids=tuple(file_ids))
        return (await ask(self._service.client, command, FilesReread, timeout_s=REREAD_TIMEOUT_S)).files

    async def roots_away(self) -> list[str]:
        """The roots that the scanner waits for."""
        return roots_in((await ask(self._service.client, state_question("scanner")(), StateTold)).waits)
