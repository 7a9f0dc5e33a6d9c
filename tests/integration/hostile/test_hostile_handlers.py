"""A value of any field of any event or command is refused as it is read, or handled to the end by everyone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.api.handlers import drop, register, replay
from services.backup.commands import Commands as BackupCommands
from services.backup.handlers import ask_archives
from services.backup.handlers import forget_files as forget_archived
from services.calibration.cleaning.commands import CleaningCommands
from services.calibration.commands import Commands as CalibrationCommands
from services.calibration.distribution.commands import DistributionCommands
from services.calibration.distribution.distributor import Distributor
from services.calibration.handlers import forget_files as forget_calibrated
from services.calibration.handlers import note_files
from services.calibration.integration.asked import Builds
from services.calibration.matcher import Matcher
from services.calibration.questions import Questions
from services.calibration.ruling import Ruling
from services.calibration.settings import CalibrationKeys
from services.descriptions import CONSUMERS
from services.ingest.handlers import cancel_import, import_paths, reread_files
from services.ingest.keeper.keeper import Keeper
from services.scanner.reader import scanned_event
from services.settings import AllSettings
from services.stats.commands import Commands as UpkeepCommands
from services.stats.commands import dismiss_files
from services.stats.finish import finish_sessions, publish_targets
from services.stats.frames import frame_of
from services.stats.handlers import count_frames, forget_files, record_arrivals, record_moves, record_quarantine
from services.stats.settings import StatsSettings
from shared.db.pool import pool_of
from shared.errors import NightbusError
from shared.events.base import Event
from shared.events.calibration_builds import CALIBRATION_BUILDS, BuildMasters, CancelBuild
from shared.events.calibration_commands import (
    CALIBRATION,
    AssignMaster,
    CheckCalibration,
    DescribeFrame,
    ExplainRequirements,
    PlanDarks,
    RecordTrainChange,
    RefuseMaster,
    UnassignMaster,
)
from shared.events.calibration_files import CALIBRATION_FILES, CleanCalibration, DistributeMasters
from shared.events.commands import (
    COMMANDS,
    BackupDatabase,
    CancelImport,
    CheckStats,
    Command,
    DismissFiles,
    DropDeadLetters,
    ForgetFiles,
    ImportPaths,
    MoveFiles,
    PlaceFile,
    ReadBackFiles,
    RebuildStats,
    RemoveFiles,
    ReplayDeadLetters,
    RereadFiles,
    RetryBackup,
    RunBackup,
    RunRetention,
    VerifyBackup,
    WalkLibrary,
)
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, FileScanned, ScannedFile
from shared.events.frame import FrameType
from shared.events.registry import BY_SUBJECT
from shared.events.session import SessionFinished
from shared.library.roots import Root
from shared.settings import PostgresSettings
from tests.contract.examples import all_examples
from tests.contract.hostile import NUMBERS, TEXTS, damaged, exchanged, places
from tests.integration.stats.world import light, scanned

EXAMPLES = all_examples()
MANY = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OF_FILES = (FileArrived, FileScanned, FileQuarantined, FileMoved, FileRemoved)
EVENT_HANDLERS = {("stats", model.subject) for model in OF_FILES} | {
    ("scanner", FileArrived.subject), ("api", "dead.>"), ("backup", SessionFinished.subject),
    ("backup", FileRemoved.subject), ("calibration", FileScanned.subject), ("calibration", FileRemoved.subject),
}  # fmt: skip
"""What the tests below call, by service and subject."""
OF_STATS: tuple[type[Event], ...] = (FileArrived, ScannedFile, FileQuarantined, FileMoved, FileRemoved)
COMMAND_HANDLERS: tuple[type[Command], ...] = (
    ImportPaths,
    CancelImport,
    RereadFiles,
    MoveFiles,
    PlaceFile,
    RemoveFiles,
    ForgetFiles,
    WalkLibrary,
    ReplayDeadLetters,
    DropDeadLetters,
    DismissFiles,
    CheckStats,
    RebuildStats,
    RunBackup,
    RetryBackup,
    *CALIBRATION,
    *CALIBRATION_FILES,
    *CALIBRATION_BUILDS,
)
TRIED_ELSEWHERE: frozenset[type[Command]] = frozenset((VerifyBackup, BackupDatabase, ReadBackFiles, RunRetention))
"""Their handlers reach destinations or start pg_dump, and have tests of their own."""


def test_no_handler_is_left_out() -> None:
    """Every consumer and every command of the house is tried below."""
    assert {(row.service, row.subject) for row in CONSUMERS} == EVENT_HANDLERS
    assert set(COMMANDS) == set(COMMAND_HANDLERS) | TRIED_ELSEWHERE


@contextlib.asynccontextmanager
async def _undone(pool: Any) -> AsyncIterator[Any]:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


@pytest.fixture
async def stats(database: PostgresSettings) -> AsyncIterator[Any]:
    """A pool of the role ``stats``."""
    async with pool_of(database, "stats") as pool:
        yield pool


@pytest.fixture
async def api(database: PostgresSettings) -> AsyncIterator[Any]:
    """A pool of the role ``api``."""
    async with pool_of(database, "api") as pool:
        yield pool


@pytest.fixture
async def backup(database: PostgresSettings) -> AsyncIterator[Any]:
    """A pool of the role ``backup``."""
    async with pool_of(database, "backup") as pool:
        yield pool


@pytest.fixture
async def calibration(database: PostgresSettings) -> AsyncIterator[Any]:
    """A pool of the role ``calibration``."""
    async with pool_of(database, "calibration") as pool:
        yield pool


async def _count(connection: Any, event: Event) -> None:
    match event:
        case FileArrived():
            await record_arrivals(connection, [event])
        case ScannedFile():
            payload = event.model_dump_json(exclude_none=True).encode()
            await count_frames(connection, [frame_of(event, payload, ZoneInfo("UTC"))])
        case FileQuarantined():
            await record_quarantine(connection, [event])
        case FileMoved():
            await record_moves(connection, [event])
        case FileRemoved():
            await forget_files(connection, [event])


async def _restart(connection: Any) -> None:
    """What the background tasks do first after a start, and what they write can be read."""
    for hours in range(3):
        await finish_sessions(connection, StatsSettings(), datetime(8999, 6, 1, hours, tzinfo=UTC))
        await publish_targets(connection, datetime.now(UTC) + timedelta(hours=hours))
    for row in await connection.fetch("DELETE FROM outbox RETURNING subject, payload"):
        BY_SUBJECT[row["subject"]].model_validate_json(row["payload"])
    assert await connection.fetchval("SELECT count(*) FROM session WHERE untold IS NOT NULL") == 0


async def _handled_by_stats(pool: Any, model: type[Event], text: str) -> None:
    try:
        event = model.model_validate_json(text)
    except ValidationError:
        return
    async with _undone(pool) as connection:
        await _count(connection, event)
        await _restart(connection)
        for other in (light("beside"), scanned("flat", frame_type="FLAT", rig=None, camera="ZWO ASI2600MM Pro")):
            await _count(connection, other)
        await _restart(connection)


@pytest.mark.parametrize("model", OF_STATS)
async def test_stats_handles_each_edge_of_each_field(stats: Any, model: type[Event]) -> None:
    """Each edge value in each field is refused as it is read, or counted and told, and spoils nothing beside it."""
    document = EXAMPLES[model.subject].model_dump(mode="json")
    for path in places(document):
        if path[0] in {"header_cards", "candidates"}:
            continue
        for value in (*NUMBERS[::3], *TEXTS[::3], "1000-01-01T00:00:00+23:59", "8999-12-31T23:59:59Z", "8999-12-31"):
            await _handled_by_stats(stats, model, exchanged(document, path, value))


@MANY
@given(data=st.data())
async def test_stats_handles_whatever_it_reads(stats: Any, data: st.DataObject) -> None:
    """The same with several values at random."""
    model: type[Event] = data.draw(st.sampled_from(OF_STATS))
    await _handled_by_stats(stats, model, data.draw(damaged(EXAMPLES[model.subject])))


@pytest.mark.parametrize("model", [SessionFinished, FileRemoved])
async def test_backup_handles_each_edge_of_each_field(backup: Any, model: type[Event]) -> None:
    """Each edge value in each field is refused as it is read, or asks for an archive that can be listed."""
    document = EXAMPLES[model.subject].model_dump(mode="json")
    for path in places(document):
        for value in (*NUMBERS[::3], *TEXTS[::3], "1000-01-01", "8999-12-31"):
            try:
                event: Any = model.model_validate_json(exchanged(document, path, value))
            except ValidationError:
                continue
            async with _undone(backup) as connection:
                if isinstance(event, SessionFinished):
                    await ask_archives(connection, [event], destinations=("disk",))
                    assert await connection.fetchval("SELECT collection_id FROM archives") == event.session_id
                else:
                    await forget_archived(connection, [event])


@pytest.mark.parametrize("model", [ScannedFile, FileRemoved])
async def test_calibration_handles_each_edge_of_each_field(calibration: Any, model: type[Event]) -> None:
    """Each edge value in each field is refused as it is read, or noted beside others and forgotten again."""
    for kind in (FrameType.LIGHT, FrameType.MASTER_DARK):
        example: Any = EXAMPLES[model.subject]
        if isinstance(example, ScannedFile):
            example = example.model_copy(update={"frame": example.frame.model_copy(update={"frame_type": kind})})
        document = example.model_dump(mode="json")
        for path in places(document):
            if path[0] in {"header_cards", "candidates"}:
                continue
            for value in (*NUMBERS[::3], *TEXTS[::3], "1000-01-01T00:00:00+23:59", "8999-12-31T23:59:59Z"):
                try:
                    event: Any = model.model_validate_json(exchanged(document, path, value))
                except ValidationError:
                    continue
                async with _undone(calibration) as connection:
                    if isinstance(event, ScannedFile):
                        await note_files(connection, [event, light("beside")])
                        assert await connection.fetchval("SELECT count(*) FROM light") >= 1
                    else:
                        await note_files(connection, [light("beside")])
                        await forget_calibrated(connection, [event])


@MANY
@given(data=st.data())
def test_the_scanner_handles_whatever_it_reads(tmp_path: Path, data: st.DataObject) -> None:
    """An arrival of any content is scanned into an event that others read, or refused in the house's words."""
    file = tmp_path / "night" / "a.fits"
    file.parent.mkdir(exist_ok=True)
    cards = ("SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    0",
             "DATE-OBS= '2024-03-01T20:00:00'", "END")  # fmt: skip
    file.write_bytes("".join(card.ljust(80) for card in cards).encode().ljust(2880))
    example = EXAMPLES["file.arrived"].model_copy(update={"path": "night/a.fits", "size_bytes": 2880})
    try:
        arrived = FileArrived.model_validate_json(data.draw(damaged(example)))
    except ValidationError:
        return
    with contextlib.suppress(NightbusError):
        event = scanned_event(arrived, tmp_path, measure_stars=False)
        ScannedFile.model_validate_json(event.model_dump_json(exclude_none=True))


_HEADERS = ("nb-service", "nb-subject", "nb-sequence", "nb-attempt", "nb-reason", "nb-error", "nb-event-id", "nb-bytes")
_HEADER_VALUES = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS).map(str), st.text(max_size=30))


@MANY
@given(
    headers=st.dictionaries(st.sampled_from(_HEADERS), _HEADER_VALUES), whole=st.booleans(), subject=st.text(max_size=9)
)
async def test_the_register_enters_whatever_is_buried(
    api: Any, headers: dict[str, str], whole: bool, subject: str
) -> None:
    """A dead letter of any headers is entered, once, and can be read."""
    sound = dict(zip(_HEADERS, ("stats", "file.scanned", "7", "1", "why", "", "id", "3"), strict=True))
    reply = "$JS.ACK.NIGHTBUS_LETTERS.api-dead-all.1.7.1.1700000000000000000.0"
    message = Msg(None, f"dead.{subject}", reply, b"\0?\xff", (sound if whole else {}) | headers)  # type: ignore[arg-type]
    await api.execute("DELETE FROM dead_letter")
    await api.execute("DELETE FROM inbox")
    await register(api, "api-dead-all", None, message)
    await register(api, "api-dead-all", None, message)
    (row,) = await api.fetch("SELECT * FROM dead_letters")
    assert row["payload"] == b"\0?\xff"


@pytest.fixture
async def commands(
    database: PostgresSettings, api: Any, stats: Any, backup: Any, calibration: Any, tmp_path: Path
) -> AsyncIterator[dict[type[Command], Callable[[Any], Awaitable[Any]]]]:
    """The handler of each command, on real tables."""
    async with pool_of(database, "ingest") as ingest:
        quiet: Any = _Quiet()
        of_stats = UpkeepCommands(stats, quiet)
        of_backup = BackupCommands(backup, ("disk",), (quiet,))
        keeper = Keeper(ingest, quiet.wake, library=Root("library", tmp_path, writable=True))
        yield {
            ImportPaths: partial(import_paths, ingest, quiet),
            CancelImport: partial(cancel_import, quiet),
            RereadFiles: partial(reread_files, ingest, quiet),
            MoveFiles: keeper.move,
            PlaceFile: keeper.place,
            RemoveFiles: keeper.remove,
            ForgetFiles: keeper.forget,
            WalkLibrary: keeper.walk,
            ReplayDeadLetters: partial(replay, api, None, quiet),
            DropDeadLetters: partial(drop, api),
            DismissFiles: partial(dismiss_files, stats),
            CheckStats: of_stats.check,
            RebuildStats: of_stats.rebuild,
            RunBackup: of_backup.run,
            RetryBackup: of_backup.retry,
            **_of_calibration(calibration, quiet),
        }


def _of_calibration(pool: Any, quiet: Any) -> dict[type[Command], Callable[[Any], Awaitable[Any]]]:
    settings = AllSettings()
    assert isinstance(settings, CalibrationKeys)
    ruling = Ruling(settings)
    matcher = Matcher(pool, ruling, 3600.0, quiet.wake)
    decided, asked, builds = (
        CalibrationCommands(pool, matcher),
        Questions(pool, ruling),
        Builds(pool, ruling.of, quiet.wake),
    )
    distributor = Distributor(pool, quiet.ask, None, after_filing=True)
    return {
        AssignMaster: decided.assign,
        UnassignMaster: decided.unassign,
        DescribeFrame: decided.describe,
        RefuseMaster: decided.refuse,
        RecordTrainChange: decided.train_changed,
        CheckCalibration: decided.check,
        ExplainRequirements: asked.explain,
        PlanDarks: asked.plan,
        BuildMasters: builds.ask,
        CancelBuild: builds.cancel,
        CleanCalibration: CleaningCommands(pool, quiet.wake).clean,
        DistributeMasters: DistributionCommands(distributor, quiet.wake).distribute,
    }


class _Quiet:
    """Stands for the runner, the relay and the publisher, which have nothing to do here."""

    def wake(self) -> None:
        """Nobody sleeps."""

    async def ask(self, _command: object) -> bool:
        """Ingest takes nothing here."""
        return False

    async def cancel(self, _import_id: object) -> None:
        """There is no such import."""


@MANY
@given(data=st.data())
async def test_every_command_is_answered(commands: Any, data: st.DataObject) -> None:
    """A command of any content is refused as it is read, carried out, or answered with a sentence."""
    model = data.draw(st.sampled_from(COMMAND_HANDLERS))
    try:
        command = model.model_validate_json(data.draw(damaged(EXAMPLES[model.subject])))
    except ValidationError:
        return
    with contextlib.suppress(NightbusError):
        async with asyncio.timeout(30):
            reply = await commands[model](command)
        assert model.reply.model_validate_json(reply.model_dump_json()) == reply
