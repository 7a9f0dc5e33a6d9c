"""Wiring of the scanner."""

from services.scanner.handlers import FileScanner
from services.scanner.readers import ReaderPool
from shared.bus.delivery import Desk, one_by_one, subscribe
from shared.bus.publish import Publisher
from shared.bus.streams import consumer
from shared.events.file import FileArrived
from shared.service import Service
from shared.settings import Settings

NAME = "scanner"
LINGER_S = 0.05
"""How long results may wait for others before they are published together."""


async def run(settings: Settings) -> int:
    """Run the scanner until a signal; returns the process's exit code."""
    scanner = settings.scanner
    async with (
        Service(NAME, settings) as service,
        ReaderPool(
            scanner.workers,
            time_limit_s=scanner.time_limit_s,
            memory_limit_mb=scanner.memory_limit_mb,
            measure_stars=scanner.measure_stars,
        ) as readers,
    ):
        publisher = Publisher(service.js, NAME, linger_s=LINGER_S)
        desk = Desk(consumer(NAME, FileArrived.subject), FileArrived, publisher)
        subscribe(service.broker, desk, one_by_one(desk, FileScanner(readers, publisher, scanner).scan))
        return await service.run()
