"""Wiring of calibration."""

from functools import partial

from services.calibration import files_work, masters_work
from services.calibration.commands import Commands
from services.calibration.description import DESCRIPTION
from services.calibration.handlers import forget_files, note_files
from services.calibration.matcher import Matcher
from services.calibration.measures import measure
from services.calibration.questions import Questions
from services.calibration.ruling import Ruling
from services.calibration.settings import KEYS
from shared.events.calibration_commands import (
    AssignMaster,
    CheckCalibration,
    DescribeFrame,
    ExplainRequirements,
    PlanDarks,
    RecordTrainChange,
    RefuseMaster,
    UnassignMaster,
)
from shared.events.file import FileRemoved, ScannedFile
from shared.metrics import MEASURE_EVERY_S
from shared.process import Process
from shared.service import Service
from shared.settings import Settings


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run calibration until its process stops; returns its exit code."""
    assert isinstance(settings, KEYS)
    ruling = Ruling(settings)
    async with Service(DESCRIPTION, settings, process) as service:
        pool = service.pool
        matcher = Matcher(pool, ruling, ruling.own.match_interval_s, service.relay.wake)
        commands, questions = Commands(pool, matcher), Questions(pool, ruling)
        service.reads(ScannedFile, note_files)
        service.reads(FileRemoved, forget_files)
        service.answers(AssignMaster, commands.assign)
        service.answers(UnassignMaster, commands.unassign)
        service.answers(DescribeFrame, commands.describe)
        service.answers(RefuseMaster, commands.refuse)
        service.answers(RecordTrainChange, commands.train_changed)
        service.answers(CheckCalibration, commands.check)
        service.answers(ExplainRequirements, questions.explain)
        service.answers(PlanDarks, questions.plan)
        service.background(matcher.run())
        service.every(MEASURE_EVERY_S, partial(measure, pool))
        files_work.register(service, settings)
        masters_work.register(service, settings, ruling.of, matcher.wake)
        return await service.run()
