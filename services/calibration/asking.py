"""What calibration asks of ingest, which alone changes files: by commands whose ids follow from what is asked.

A command that was sent twice is one job of ingest; so whoever is killed in between asks again, and looks at the view of
the jobs for what came of it.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid5

from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE
from shared.events.commands import KeeperAccepted, KeeperCommand
from shared.logging import get_logger
from shared.service import Service

log = get_logger(__name__)

LIBRARY = "library"
"""Name of the library's root."""
Ask = Callable[[KeeperCommand], Awaitable[bool]]
"""Give ingest a command; whether it took it, else it is asked again at the next turn."""


def command_id(*what: object) -> UUID:
    """The id of a command, by what it asks for."""
    return uuid5(EVENT_NAMESPACE, "\x1f".join(map(str, ("calibration", *what))))


def asking(service: Service) -> Ask:
    """How a running service asks."""

    async def give(command: KeeperCommand) -> bool:
        try:
            await ask(service.client, command, KeeperAccepted)
        except UserError as error:
            log.info("ingest did not take a command", subject=command.subject, reason=str(error))
            return False
        return True

    return give
