"""Wiring of the api service."""

from services.api.description import DESCRIPTION
from services.api.handlers import RegisterDeadLetter, ReplayOrDrop
from services.api.payloads import PayloadFolder
from services.api.settings import ApiSettings
from services.api.store import Register
from shared.events.commands import DropDeadLetters, ReplayDeadLetters
from shared.logging import get_logger
from shared.process import Process
from shared.service import Service
from shared.settings import Settings

log = get_logger(__name__)


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run the api service until its process stops; returns its exit code.

    Raises:
        UserError: ``api.dead_letter_dir`` cannot be used.
    """
    place = settings.section(ApiSettings).dead_letter_dir
    folder = PayloadFolder.open(place) if place else None
    if folder is None:
        log.warning("api.dead_letter_dir is not set: large dead letters are kept whole in the database")
    async with Service(DESCRIPTION, settings, process) as service:
        (row,) = service.consumers
        register = Register(service.pool, row.durable)
        service.reads_raw(row.subject, RegisterDeadLetter(register, folder))
        commands = ReplayOrDrop(register, folder, service.publisher)
        service.answers(ReplayDeadLetters, commands.replay)
        service.answers(DropDeadLetters, commands.drop)
        return await service.run()
