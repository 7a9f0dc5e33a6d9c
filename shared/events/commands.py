"""Commands: requests to the service that owns a thing. They travel as NATS request/reply, outside the stream.

A command carries an idempotency id; the owner commits a job under that id and answers with it, so that a request that
is sent twice does its work once.
"""

from functools import cache
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, create_model

from shared.events.base import FileId, Model, SessionId
from shared.events.calibration_builds import CALIBRATION_BUILDS
from shared.events.calibration_commands import CALIBRATION
from shared.events.calibration_files import CALIBRATION_FILES
from shared.events.command import MOST_IDS as MOST_IDS  # noqa: PLC0414 - here is the door to all of them
from shared.events.command import MOST_PLACES, HostPath, PersonsReason
from shared.events.command import Command as Command  # noqa: PLC0414
from shared.events.command import Reply as Reply  # noqa: PLC0414
from shared.events.file import Hints, Location
from shared.events.values import FileSize, HowPlaced, Label, Moment, Natural, RowNumber, Sentence, Sum, Word


class ImportAccepted(Reply):
    """The import job that was committed."""

    import_id: UUID | None = None


class ImportCancelled(Reply):
    """The import that is cancelled, or will be within seconds."""

    state: Literal["running", "cancelled"] = Field(
        default="cancelled", description="running: it ends after the files in hand"
    )


class FilesReread(Reply):
    """How many files will be read anew."""

    files: Sum = 0


class DeadLettersChanged(Reply):
    """How many dead letters the command changed."""

    changed: Sum = 0


class FilesDismissed(Reply):
    """How many files the command changed."""

    files: Sum = 0


class Wait(Model):
    """Something that a service waits for while it goes on with all that does not need it."""

    what: Label = Field(description="what is waited for, such as `the library`")
    reason: Sentence = Field(description="why it is not there, one sentence")
    since: Moment = Field(description="when the waiting began, UTC")


class StateTold(Reply):
    """How a service is. Whoever gets no answer at all knows that it does not run."""

    failed: tuple[Sentence, ...] = Field(default=(), description="what it needs and does not reach, one sentence each")
    waits: tuple[Wait, ...] = Field(default=(), description="what it waits for, longest first")


class ImportPaths(Command):
    """Import files or folders now, as ``nightbus ingest`` does."""

    subject: ClassVar[str] = "cmd.ingest.import"
    reply: ClassVar[type[Reply]] = ImportAccepted
    where_to_look: ClassVar[str] = "`nightbus imports` shows it then, `nightbus imports cancel {id}` ends it"

    paths: tuple[HostPath, ...] = Field(min_length=1, description="absolute paths on ingest's host")
    mode: Literal["copy", "move", "index"] = "copy"
    verify: bool = Field(default=False, description="read the stored copies of files that are already here, too")


class CancelImport(Command):
    """Have an import end early; what it took stays in the library."""

    subject: ClassVar[str] = "cmd.ingest.cancel-import"
    reply: ClassVar[type[Reply]] = ImportCancelled
    starts_work: ClassVar[bool] = False

    import_id: UUID = Field(description="id that ``cmd.ingest.import`` answered with")


class RereadFiles(Command):
    """Have files read anew: their scan revision grows and file.arrived is published again."""

    subject: ClassVar[str] = "cmd.ingest.reread"
    reply: ClassVar[type[Reply]] = FilesReread

    file_ids: tuple[FileId, ...] = ()
    everything: bool = Field(default=False, description="all files, whatever file_ids says")


class FileMove(Model):
    """A file that is to lie elsewhere."""

    file_id: FileId = Field(description="content that must be there")
    from_location: Location
    to_location: Location = Field(description="where nothing may lie")


class StoredFile(Model):
    """A file at a place."""

    file_id: FileId = Field(description="content that must be there")
    location: Location = Field(description="where it lies")


class KeeperAccepted(Reply):
    """The job of the library's keeper that was committed."""

    job_id: UUID | None = None


class KeeperCommand(Command):
    """A request to the keeper of the library."""

    reply: ClassVar[type[Reply]] = KeeperAccepted
    where_to_look: ClassVar[str] = (
        "`nightbus sql -- -c \"SELECT * FROM ingest.keeper_job_progress WHERE job_id = '{id}'\"` shows it then"
    )


class MoveFiles(KeeperCommand):
    """Move or rename files of the library: all of them, or none."""

    subject: ClassVar[str] = "cmd.ingest.move"

    moves: tuple[FileMove, ...] = Field(min_length=1, max_length=MOST_PLACES, description="the files, a name each")
    reason: PersonsReason | None = Field(default=None, description="why; kept with the job")


class PlaceFile(KeeperCommand):
    """Place a file that a service made; under a name that is taken it gets a suffix."""

    subject: ClassVar[str] = "cmd.ingest.place"

    file_id: FileId = Field(description="what it holds")
    size_bytes: FileSize
    from_location: Location = Field(description="where it lies; taken away below .nightbus/handover of the library")
    to_location: Location
    kind: Literal["library", "derived"] = Field(
        description="library: announced and counted like any other; derived: only placed"
    )
    made_by: Word = Field(description="the service; the source of what is counted")
    hints: Hints = Hints()
    how: HowPlaced = Field(
        default="copy",
        description="reflink: a copy that shares its blocks, where the file system can; symlink and hardlink: of what "
        "is derived, where a person chose it; a hard link is for files of the library, and makes them read-only",
    )


class RemoveFiles(KeeperCommand):
    """Remove files from the library, each where it is; what is an original stays known, as missing."""

    subject: ClassVar[str] = "cmd.ingest.remove"

    files: tuple[StoredFile, ...] = Field(min_length=1, max_length=MOST_PLACES, description="what is to go, and whence")
    reason: Annotated[PersonsReason, Field(min_length=1, description="why; kept with the place")]
    in_place_of: StoredFile | None = Field(
        default=None,
        description="an original of the library that stands for them: nothing goes unless it is whole there then",
    )


class ForgetFiles(KeeperCommand):
    """Forget files for good, as a person wishes: they are counted no more, and come back only by name."""

    subject: ClassVar[str] = "cmd.ingest.forget"

    file_ids: tuple[FileId, ...] = Field(min_length=1, max_length=MOST_IDS, description="others are passed over")
    reason: Annotated[PersonsReason, Field(min_length=1, description="why; kept with the content")]
    delete_files: bool = Field(default=False, description="delete them from the library too")


class WalkLibrary(KeeperCommand):
    """Walk through the library now: what moved by hand, what has gone, what is unknown."""

    subject: ClassVar[str] = "cmd.ingest.walk"


class ReplayDeadLetters(Command):
    """Publish dead letters again under new message ids."""

    subject: ClassVar[str] = "cmd.api.replay-dead-letters"
    reply: ClassVar[type[Reply]] = DeadLettersChanged

    ids: tuple[RowNumber, ...] = ()
    everything: bool = Field(default=False, description="all that wait, whatever ids says")


class DropDeadLetters(Command):
    """Drop dead letters, with a reason that is kept."""

    subject: ClassVar[str] = "cmd.api.drop-dead-letters"
    reply: ClassVar[type[Reply]] = DeadLettersChanged

    ids: tuple[RowNumber, ...] = ()
    everything: bool = Field(default=False, description="all that wait, whatever ids says")
    reason: Annotated[PersonsReason, Field(min_length=1)]


class DismissFiles(Command):
    """Say that quarantined files need nothing more: they are counted as dismissed, until they are read after all."""

    subject: ClassVar[str] = "cmd.stats.dismiss-files"
    reply: ClassVar[type[Reply]] = FilesDismissed

    file_ids: tuple[FileId, ...] = Field(min_length=1, description="quarantined files; others are left as they are")
    reason: Annotated[PersonsReason, Field(min_length=1, description="why; kept with the file")]
    undo: bool = Field(default=False, description="count dismissed files as quarantined again")


class UpkeepAccepted(Reply):
    """The check or rebuild that was committed."""

    job_id: UUID | None = None


class CheckStats(Command):
    """Compare the counts with the frames and the frames with ingest's files; mend what differs."""

    subject: ClassVar[str] = "cmd.stats.check"
    reply: ClassVar[type[Reply]] = UpkeepAccepted

    dry_run: bool = Field(default=False, description="only look, and change nothing")


class RebuildStats(Command):
    """Write all counts anew from the frames."""

    subject: ClassVar[str] = "cmd.stats.rebuild"
    reply: ClassVar[type[Reply]] = UpkeepAccepted

    dry_run: bool = Field(default=False, description="only look, and change nothing")


class BackupAccepted(Reply):
    """What was committed, or found to be under way already."""

    jobs: Sum = Field(default=0, description="archives, checks or dumps that will be made")
    job_id: UUID | None = Field(default=None, description="the job, where it is a single one")


class BackupCommand(Command):
    """A request to backup."""

    reply: ClassVar[type[Reply]] = BackupAccepted
    where_to_look: ClassVar[str] = "`nightbus backup status` shows it then"


class RunBackup(BackupCommand):
    """Archive now what no archive has, of some sessions, of a year, or of all files."""

    subject: ClassVar[str] = "cmd.backup.run"

    session_ids: tuple[SessionId, ...] = Field(default=(), max_length=MOST_IDS, description="these sessions")
    year: int | None = Field(default=None, ge=1000, le=9000, description="the nights of this year")
    everything: bool = Field(default=False, description="all files, also those that would still wait for their session")


class RetryBackup(BackupCommand):
    """Try again now what waits or has failed."""

    subject: ClassVar[str] = "cmd.backup.retry"


class VerifyBackup(BackupCommand):
    """Check archives at their destinations against what was sent."""

    subject: ClassVar[str] = "cmd.backup.verify"

    session_ids: tuple[SessionId, ...] = Field(default=(), max_length=MOST_IDS, description="empty: all archives")
    destination: Word | None = Field(default=None, description="None: all")
    sample: Natural = Field(default=1, description="one in so many of all archives; as many runs check all of them")
    deep: bool = Field(default=False, description="read and hash all bytes, not only sizes and ETags")


class BackupDatabase(BackupCommand):
    """Dump the database to the destinations now."""

    subject: ClassVar[str] = "cmd.backup.database"

    reason: Literal["asked", "nightly", "migration"] = "asked"


class RunRetention(BackupCommand):
    """Delete now at the destinations what the settings keep no longer."""

    subject: ClassVar[str] = "cmd.backup.retention"
    where_to_look: ClassVar[str] = "`nightbus backup retention --dry-run` shows what is left then"


class ReadBackFiles(BackupCommand):
    """Read the very members that hold these files back from an archive, since their source waits to be freed."""

    subject: ClassVar[str] = "cmd.backup.read-back"

    file_ids: tuple[FileId, ...] = Field(min_length=1, max_length=MOST_IDS, description="others are passed over")


class TellState(Command):
    """Tell how the service is and what it waits for; changes nothing."""

    reply: ClassVar[type[Reply]] = StateTold
    starts_work: ClassVar[bool] = False


@cache
def state_question(service: str) -> type[TellState]:
    """The question for the state of a service; each answers its own (shared/service.py)."""
    name = f"Tell{service.capitalize()}State"
    purpose = f"Tell how {service} is and what it waits for; changes nothing."
    question = create_model(name, __base__=TellState, __doc__=purpose, __module__=__name__)
    question.subject = f"cmd.{service}.state"
    return question


COMMANDS: tuple[type[Command], ...] = (
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
    VerifyBackup,
    BackupDatabase,
    ReadBackFiles,
    RunRetention,
    *CALIBRATION,
    *CALIBRATION_FILES,
    *CALIBRATION_BUILDS,
)
"""Every command but the questions for states."""
