"""Wiring of the api service."""

from services.api.handlers import RegisterDeadLetter, ReplayOrDrop
from services.api.payloads import PayloadFolder
from services.api.room import keep_room
from services.api.store import Register
from shared.bus.delivery import Desk, subscribe_raw
from shared.bus.publish import Publisher
from shared.bus.rpc import answer
from shared.bus.streams import DEAD_SUBJECT, consumer
from shared.db.pool import pool_of
from shared.events.base import Event
from shared.events.commands import DropDeadLetters, ReplayDeadLetters
from shared.logging import get_logger
from shared.service import Service
from shared.settings import Settings

log = get_logger(__name__)

NAME = "api"


async def run(settings: Settings) -> int:
    """Run the api service until a signal; returns the process's exit code.

    Raises:
        UserError: ``api.dead_letter_dir`` cannot be used.
    """
    folder = PayloadFolder.open(settings.api.dead_letter_dir) if settings.api.dead_letter_dir else None
    if folder is None:
        log.warning("api.dead_letter_dir is not set: large dead letters are kept whole in the database")
    async with pool_of(settings.postgres, NAME) as pool, Service(NAME, settings) as service:
        publisher = Publisher(service.js, NAME)
        row = consumer(NAME, f"{DEAD_SUBJECT}.>")
        register = Register(pool, row.durable)
        subscribe_raw(service.broker, Desk(row, Event, publisher), RegisterDeadLetter(register, folder))
        commands = ReplayOrDrop(register, folder, publisher)
        answer(service.broker, ReplayDeadLetters, commands.replay)
        answer(service.broker, DropDeadLetters, commands.drop)
        service.checks["postgres"] = register.check
        service.background(keep_room(service.js, row))
        return await service.run()
