"""Wiring of the scanner."""

from functools import partial
from typing import TYPE_CHECKING

from services.scanner.description import DESCRIPTION
from services.scanner.handlers import scan_arrival
from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from services.scanner.settings import ScannerSettings, require_previews_apart
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS
from shared.bus.publish import Publisher
from shared.decisions.lookup import Decided
from shared.decisions.mirror import Follower
from shared.errors import UserError
from shared.events.file import FileArrived
from shared.logging import get_logger
from shared.process import Process
from shared.service import Service
from shared.settings import Settings

if TYPE_CHECKING:
    from services.scanner.previews import PreviewPlace

log = get_logger(__name__)

LINGER_S = 0.05
"""How long results may wait for others before they are published together."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run the scanner until its process stops; returns its exit code.

    Raises:
        UserError: previews are wanted, and their folder is missing from the settings or among the captures; or a
            N.I.N.A. profile of the settings cannot be read.
    """
    own = settings.section(ScannerSettings)
    knowledge = Knowledge.of(settings)
    log.info("equipment and targets of the settings", revision=knowledge.revision, rigs=len(knowledge.rigs))

    async def know(decided: Decided) -> None:
        known = knowledge.deciding(decided)
        log.info(
            "people's decisions", decisions=len(decided.decisions), number=decided.revision, revision=known.revision
        )
        await readers.know(known)

    for note in knowledge.notes:
        log.warning("part of the settings is not used", reason=note)
    previews = _preview_place(settings, own) if own.previews else None
    async with (
        Service(DESCRIPTION, settings, process) as service,
        ReaderPool(
            own.workers,
            time_limit_s=own.time_limit_s,
            memory_limit_mb=own.memory_limit_mb,
            measure_stars=own.measure_stars,
            previews=previews,
        ) as readers,
    ):
        service.background(Follower(Bucket(service.js, DECISIONS), service.waits, know).run())
        publisher = Publisher(service.js, service.name, linger_s=LINGER_S)
        scan = partial(scan_arrival, readers, own.roots, publisher, service.waits)
        service.handles(FileArrived, scan, publisher)
        return await service.run()


def _preview_place(settings: Settings, own: ScannerSettings) -> "PreviewPlace":
    """Where previews go, once it is sure that no captures are there."""
    from services.scanner.previews import PreviewPlace  # numpy and Pillow are needed only here

    folder = own.previews_dir
    if folder is None:
        raise UserError("scanner.previews is on, so scanner.previews_dir must name a folder to keep them in")
    require_previews_apart(settings)
    return PreviewPlace(folder=str(folder), max_mb=own.previews_max_mb)
