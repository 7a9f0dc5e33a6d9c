"""Wiring of what calibration does about files: filing, distribution, clean-up."""

import asyncio

from services.calibration.asking import asking
from services.calibration.cleaning.cleaner import JOBS, Cleaner
from services.calibration.cleaning.commands import CleaningCommands
from services.calibration.distribution.commands import DistributionCommands
from services.calibration.distribution.distributor import Distributor
from services.calibration.filing.filer import Filer
from services.calibration.settings import KEYS, CalibrationSettings
from shared.events.calibration_files import CleanCalibration, DistributeMasters
from shared.jobs.runner import Runner
from shared.retry import patiently
from shared.service import DAY_S, Service
from shared.settings import Settings

OPEN_POLL_S = 0.25
"""How often is looked at what ingest has in hand."""


class Rounds:
    """Turns of the distributor: as often as the settings say, at once when asked for, and fast while work is open."""

    def __init__(self, distributor: Distributor, interval_s: float) -> None:
        self._distributor = distributor
        self._interval_s = interval_s
        self._asked = asyncio.Event()

    def wake(self) -> None:
        """Have the next turn begin at once."""
        self._asked.set()

    async def run(self) -> None:
        """Turn for ever; outages are waited out."""
        while True:
            self._asked.clear()
            is_open = await patiently(self._distributor.turn)
            try:
                async with asyncio.timeout(OPEN_POLL_S if is_open else self._interval_s):
                    await self._asked.wait()
            except TimeoutError:
                continue


def register(service: Service, settings: Settings) -> None:
    """Have a service file masters, place them beside lights, and answer the commands about files."""
    assert isinstance(settings, KEYS)
    own, ask = settings.section(CalibrationSettings), asking(service)
    if own.file_masters:
        service.every(own.match_interval_s, Filer(service.pool, ask, own).turn)
    how = None if own.distribute == "no" else own.distribute
    distributor = Distributor(service.pool, ask, how, after_filing=own.file_masters)
    rounds = Rounds(distributor, own.match_interval_s)
    service.answers(DistributeMasters, DistributionCommands(distributor, rounds.wake).distribute)
    service.background(rounds.run())
    runner = Runner(service.pool, JOBS, Cleaner(service.pool, ask, own, settings.calibration_rigs).work, at_once=1)
    cleaning = CleaningCommands(service.pool, runner.wake)
    service.answers(CleanCalibration, cleaning.clean)
    service.background(runner.run())
    service.every(DAY_S, cleaning.forget_old)
