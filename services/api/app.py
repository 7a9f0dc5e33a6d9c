"""Wiring of the api service."""

from functools import partial

from services.api.description import DESCRIPTION
from services.api.handlers import drop, measure, register, replay
from services.api.payloads import PayloadFolder
from services.api.settings import ApiSettings
from shared.events.commands import DropDeadLetters, ReplayDeadLetters
from shared.logging import get_logger
from shared.metrics import MEASURE_EVERY_S
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
        service.reads_raw(row.subject, partial(register, service.pool, row.durable, folder))
        service.answers(ReplayDeadLetters, partial(replay, service.pool, folder, service.publisher))
        service.answers(DropDeadLetters, partial(drop, service.pool))
        service.every(MEASURE_EVERY_S, partial(measure, service.pool, settings.services.enabled or ()))
        return await service.run()
