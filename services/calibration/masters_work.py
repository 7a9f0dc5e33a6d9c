"""Wiring of what calibration does about pixels: measured, judged, tested, and made into masters."""

from collections.abc import Callable

from services.calibration.asking import LIBRARY, asking
from services.calibration.integration.asked import Builds
from services.calibration.integration.builder import JOBS, Builder, RulesOf
from services.calibration.pixels.measuring import Measuring
from services.calibration.sanity.work import Sanity
from services.calibration.sets.work import Sets
from services.calibration.settings import CalibrationSettings
from shared.errors import Away, Transient
from shared.events.calibration_builds import BuildMasters, CancelBuild
from shared.jobs.runner import Runner
from shared.library.access import AS_UMASK
from shared.library.roots import Root
from shared.library.settings import LibrarySettings
from shared.logging import get_logger
from shared.service import Service
from shared.settings import Settings

log = get_logger(__name__)


class MastersWork:
    """A turn: sets and levels first, tests of masters next, and what the settings have built last."""

    def __init__(self, sets: Sets, measuring: Measuring, sanity: Sanity, builds: Builds, builder: Builder) -> None:
        self._sets = sets
        self._measuring = measuring
        self._sanity = sanity
        self._builds = builds
        self._builder = builder

    async def turn(self) -> None:
        """Do all that is due. Raises Unavailable while Postgres is away."""
        await self._sets.turn()
        if await self._measuring.turn():
            await self._sets.turn()
        await self._sanity.turn()
        await self._builds.ask_by_settings()
        try:
            await self._builder.clear()
        except Away as error:
            log.debug("the library is away", reason=str(error))
        except Transient as error:
            log.warning("unfinished masters cannot be removed now", reason=str(error))


def register(service: Service, settings: Settings, rules_of: RulesOf, refusals_changed: Callable[[], None]) -> None:
    """Have a service measure, judge, test and build.

    Args:
        service: the service, not running yet.
        settings: all settings.
        rules_of: the rules of a rig and a camera.
        refusals_changed: called when sanity refused a master, or does so no more; the matching loop looks then.
    """
    own = settings.section(CalibrationSettings)
    kept = settings.section(LibrarySettings)
    library = None if kept.path is None else Root(LIBRARY, kept.path, writable=True, access=AS_UMASK)
    pool = service.pool
    builder = Builder(pool, library, own, rules_of, asking(service), service.relay.wake)
    runner = Runner(pool, JOBS, builder.work, at_once=1)
    builds = Builds(pool, rules_of, runner.wake)
    work = MastersWork(Sets(pool, own.min_frames), Measuring(pool), Sanity(pool, refusals_changed), builds, builder)
    service.answers(BuildMasters, builds.ask)
    service.answers(CancelBuild, builds.cancel)
    service.background(runner.run())
    service.every(own.match_interval_s, work.turn)
