"""One full example of everything in the contract: every field set, values as a night brings them.

The golden files in ``golden/`` are made from here (``make docs``) and are the record of what travels on the wire.
"""

from datetime import UTC, date, datetime
from uuid import UUID

from services.descriptions import NAMES
from shared.events.base import Event, Model
from shared.events.commands import (
    BackupAccepted,
    BackupDatabase,
    CancelImport,
    CheckStats,
    Command,
    DeadLettersChanged,
    DismissFiles,
    DropDeadLetters,
    FileMove,
    FilesDismissed,
    FilesReread,
    ForgetFiles,
    ImportAccepted,
    ImportCancelled,
    ImportPaths,
    KeeperAccepted,
    MoveFiles,
    PlaceFile,
    ReadBackFiles,
    RebuildStats,
    RemoveFiles,
    ReplayDeadLetters,
    Reply,
    RereadFiles,
    RetryBackup,
    RunBackup,
    RunRetention,
    StateTold,
    StoredFile,
    UpkeepAccepted,
    VerifyBackup,
    Wait,
    WalkLibrary,
    state_question,
)
from shared.events.file import (
    FileArrived,
    FileMoved,
    FileQuarantined,
    FileRemoved,
    FileScanned,
    Hints,
    Location,
)
from shared.events.frame import (
    FrameMetadata,
    FrameQuality,
    FrameType,
    ReportedQuality,
    TargetCandidate,
    TargetMatch,
)
from shared.events.judgement import FrameAssigned, FrameJudged, Reason, Verdict
from shared.events.processing import ProcessingChanged, ProductArrived
from shared.events.session import SessionArchived, SessionChanged, SessionFinished, SessionTarget
from shared.events.target import TargetUpdated
from tests.contract import calibration_builds_examples, calibration_examples, calibration_files_examples

LIGHT = "5f2b6c0e8d1a47c39b7e60f4a2d5c81e3f90b6a7d4c2e1850a9b3c7d6e5f4a12"
MASTER = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
OLDER = "0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4"
SESSION = "20260110_4C1F9A3E"
OTHER_SESSION = "20260110_77D0B2E5"
RIG = "RC8@f8+ZWO ASI2600MM Pro"
CAMERA = "ZWO ASI2600MM Pro"
PATH = "rig/M 42/LIGHT/2026-01-10_22-14-03_Ha_-10.00_300.00s_0001.fits"
AT = datetime(2026, 1, 10, 21, 20, 5, 250000, tzinfo=UTC)
COMMAND_ID = UUID("0b5e4f5a-93a1-4a55-8a3f-5d8f0e6c1a77")

FRAME = FrameMetadata(
    frame_type=FrameType.LIGHT,
    object_name="M 42 Panel 2",
    exposure_s=300.0,
    total_exposure_s=300.0,
    stack_count=1,
    filter="Ha",
    filter_raw="H-alpha 7nm",
    gain=100.0,
    offset=50.0,
    sensor_temp_c=-9.8,
    set_temp_c=-10.0,
    x_binning=1,
    camera=CAMERA,
    telescope="RC8",
    rig=RIG,
    focal_length_mm=1624.0,
    focal_ratio=8.0,
    pixel_size_um=3.76,
    pixel_scale_arcsec=0.4776,
    width_px=6248,
    height_px=4176,
    bayer_pattern="RGGB",
    readout_mode="High Gain",
    panel="2",
    rotator_angle_deg=91.5,
    observed_at=datetime(2026, 1, 10, 21, 14, 3, 770000, tzinfo=UTC),
    night=date(2026, 1, 10),
    ra_deg=83.8221,
    dec_deg=-5.3911,
    site_latitude_deg=48.1,
    site_longitude_deg=11.6,
    software="N.I.N.A. 3.1.2.9001",
)
QUALITY = FrameQuality(
    star_count=812,
    fwhm_px=4.02,
    fwhm_arcsec=1.92,
    hfr_px=2.31,
    eccentricity=0.41,
    background_adu=1204.5,
    noise_adu=21.7,
    saturated_fraction=0.00012,
)
TARGET = TargetMatch(
    catalog_id="M42",
    name="Orion Nebula",
    confidence=0.99,
    method="designation",
    separation_deg=0.012,
    candidates=(
        TargetCandidate(catalog_id="M42", name="Orion Nebula", confidence=0.99, separation_deg=0.012),
        TargetCandidate(catalog_id="M43", name="De Mairan's Nebula", confidence=0.42, separation_deg=0.13),
    ),
)
CARDS = (
    "SIMPLE  =                    T / conforms to FITS",
    "BITPIX  =                   16",
    "NAXIS   =                    2",
    "NAXIS1  =                 6248",
    "NAXIS2  =                 4176",
    "OBJECT  = 'M 42 Panel 2'       / \"as planned\"",
    "EXPTIME =                300.0 / [s] exposure",
)
EVENTS: tuple[Event, ...] = (
    FileArrived(
        occurred_at=AT,
        file_id=LIGHT,
        root="library",
        path=PATH,
        root_path="/data/library",
        scan_revision=2,
        size_bytes=52_194_240,
        source="rig",
        source_zone="Europe/Berlin",
        origin="M 42/LIGHT/2026-01-10_22-14-03_Ha_-10.00_300.00s_0001.fits",
        arrived_at=AT,
        replaces=OLDER,
        hints=Hints(
            catalog_id="M42",
            target="Orion Nebula",
            rig=RIG,
            execution_id="exec-2026-01-10",
            execution_target_id="exec-2026-01-10/3",
        ),
    ),
    FileScanned(
        occurred_at=AT,
        file_id=LIGHT,
        scan_revision=2,
        decisions_revision=7,
        digest="3b7e60f4a2d5c81e",  # as it was when this was published: fields that are added later change no id
        root="library",
        path=PATH,
        size_bytes=52_194_240,
        source="rig",
        source_zone="Europe/Berlin",
        arrived_at=AT,
        format="fits",
        frame=FRAME,
        quality=QUALITY,
        reported=ReportedQuality(hfr_px=2.28, star_count=790, rms_arcsec=0.61),
        target=TARGET,
        header_cards=CARDS,
        problems=("FILTER is written as 'H-alpha 7nm'",),
    ),
    FileQuarantined(
        occurred_at=AT,
        file_id=LIGHT,
        root="library",
        path=PATH,
        service="scanner",
        attempt=2,
        reason="the file ends 2880 bytes before its header says",
        error="UnexpectedEnd(52191360, 52194240)",
    ),
    FileMoved(
        occurred_at=AT,
        file_id=LIGHT,
        location_revision=3,
        from_location=Location(root="library", path=PATH),
        to_location=Location(root="library", path="2026/M42/0001.fits"),
    ),
    FileRemoved(
        occurred_at=AT,
        file_id=LIGHT,
        location_revision=4,
        root="library",
        path=PATH,
        reason="test exposure, cap was on",
        scan_revision=2,
    ),
    FrameJudged(
        occurred_at=AT,
        file_id=LIGHT,
        verdict_number=2,
        verdict=Verdict.REJECTED,
        by="person",
        person="anna",
        reasons=(Reason(code="hfr", sentence="HFR 4.8 px is above the limit of 3.5 px", value=4.8, limit=3.5),),
    ),
    FrameAssigned(
        occurred_at=AT,
        file_id=LIGHT,
        assignment_number=1,
        catalog_id="M43",
        rig=RIG,
        cause="person",
        person="anna",
    ),
    *calibration_examples.EVENTS,
    SessionFinished(
        occurred_at=AT,
        session_id=SESSION,
        revision=1,
        night=date(2026, 1, 10),
        rig=RIG,
        targets=(
            SessionTarget(catalog_id="M42", name="Orion Nebula", filter="Ha", exposures=48, integration_ms=14_400_000),
        ),
        counts={"DARK": 20, "LIGHT": 48},
        size_bytes=3_549_208_320,
        integration_ms=14_400_000,
    ),
    SessionChanged(occurred_at=AT, session_id=SESSION, revision=2, change="merged", into=OTHER_SESSION),
    SessionArchived(
        occurred_at=AT,
        session_id=SESSION,
        revision=1,
        destination="offsite",
        key="nightbus-3f9c21ab/backups/raw/2026/20260110_4C1F9A3E.tar.zst",
        manifest_key="nightbus-3f9c21ab/backups/raw/2026/20260110_4C1F9A3E.manifest.json",
        sha256=MASTER,
        size_bytes=2_105_540_608,
        file_count=68,
        left_out=1,
    ),
    TargetUpdated(
        occurred_at=AT,
        catalog_id="M42",
        revision=17,
        name="Orion Nebula",
        exposures=412,
        sessions=9,
        integration_ms=98_400_000,
        first_captured_at=datetime(2023, 12, 2, 22, 1, 0, tzinfo=UTC),
        last_captured_at=datetime(2026, 1, 10, 21, 14, 3, 770000, tzinfo=UTC),
    ),
    ProcessingChanged(
        occurred_at=AT,
        processing_id="orion-2026",
        revision=3,
        name="Orion in Ha, winter 2026",
        status="in_progress",
        folder="/data/processing/orion-2026",
        session_ids=(SESSION, OTHER_SESSION),
    ),
    ProductArrived(
        occurred_at=AT,
        processing_id="orion-2026",
        file_id=MASTER,
        revision=1,
        root="processing",
        path="orion-2026/result/orion_ha.xisf",
        size_bytes=313_090_048,
        catalog_ids=("M42", "M43"),
        input_count=412,
    ),
)

COMMANDS: tuple[Command, ...] = (
    ImportPaths(command_id=COMMAND_ID, paths=("/mnt/card/2026-01-10", "/mnt/card/M 42.fits"), mode="move"),
    CancelImport(command_id=COMMAND_ID, import_id=UUID("7f0a3c52-5f0e-4a57-9a53-b0a5a4b1c9d2")),
    RereadFiles(command_id=COMMAND_ID, file_ids=(LIGHT, MASTER), everything=True),
    MoveFiles(
        command_id=COMMAND_ID,
        moves=(
            FileMove(
                file_id=LIGHT,
                from_location=Location(root="library", path=PATH),
                to_location=Location(root="library", path="2026/M42/0001.fits"),
            ),
        ),
        reason="another template",
    ),
    PlaceFile(
        command_id=COMMAND_ID,
        file_id=MASTER,
        size_bytes=52_000_000,
        from_location=Location(root="library", path=".nightbus/handover/calibration/dark.fits"),
        to_location=Location(root="library", path="masters/dark.fits"),
        kind="library",
        made_by="calibration",
        hints=Hints(
            catalog_id="M42", target="M 42", rig="Esprit100@f5.5+ASI2600MM", execution_id="7", execution_target_id="3"
        ),
        how="reflink",
    ),
    RemoveFiles(
        command_id=COMMAND_ID,
        files=(StoredFile(file_id=LIGHT, location=Location(root="library", path=PATH)),),
        reason="rejected, and older than a year",
        in_place_of=StoredFile(file_id=MASTER, location=Location(root="library", path="_Dark Library/dark.fits")),
    ),
    ForgetFiles(command_id=COMMAND_ID, file_ids=(LIGHT,), reason="the cap was on", delete_files=True),
    WalkLibrary(command_id=COMMAND_ID),
    ReplayDeadLetters(command_id=COMMAND_ID, ids=(3, 4), everything=True),
    DismissFiles(command_id=COMMAND_ID, file_ids=(LIGHT,), reason="notes of mine", undo=True),
    DropDeadLetters(command_id=COMMAND_ID, ids=(5,), everything=True, reason="written by a broken script"),
    CheckStats(command_id=COMMAND_ID, dry_run=True),
    RebuildStats(command_id=COMMAND_ID, dry_run=True),
    RunBackup(command_id=COMMAND_ID, session_ids=("20260115_5D41402A",), year=2026, everything=True),
    RetryBackup(command_id=COMMAND_ID),
    VerifyBackup(
        command_id=COMMAND_ID, session_ids=("20260115_5D41402A",), destination="usb-disk", sample=30, deep=True
    ),
    BackupDatabase(command_id=COMMAND_ID, reason="migration"),
    ReadBackFiles(command_id=COMMAND_ID, file_ids=("5d41402abc4b2a76b9719d911017c592" * 2,)),
    RunRetention(command_id=COMMAND_ID),
    *calibration_examples.COMMANDS,
    *calibration_builds_examples.COMMANDS,
    *calibration_files_examples.COMMANDS,
    *(state_question(name)(command_id=COMMAND_ID) for name in NAMES),
)

REPLIES: tuple[Reply, ...] = (
    *calibration_builds_examples.REPLIES,
    *calibration_files_examples.REPLIES,
    ImportAccepted(ok=True, error="half of the folder cannot be read", import_id=COMMAND_ID),
    ImportCancelled(ok=True, error="it had ended before", state="running"),
    FilesReread(ok=True, error="one file is not known", files=2),
    FilesDismissed(ok=True, error="one file is not known", files=2),
    DeadLettersChanged(ok=True, error="number 4 was dropped before", changed=1),
    UpkeepAccepted(ok=True, error="another check is under way", job_id=COMMAND_ID),
    BackupAccepted(ok=True, error="two archives wait for a disk", jobs=3, job_id=COMMAND_ID),
    KeeperAccepted(ok=True, error="another walk is under way", job_id=COMMAND_ID),
    *calibration_examples.REPLIES,
    StateTold(
        ok=True,
        error="the checks took too long",
        failed=("postgres: the database does not answer",),
        waits=(Wait(what="the library", reason="/mnt/nas has no marker: is the volume mounted?", since=AT),),
    ),
)


def all_examples() -> dict[str, Model]:
    """Every example by the name of its golden file: the subject, or ``reply.<Model>``."""
    named: dict[str, Model] = {item.subject: item for item in EVENTS}
    named |= {item.subject: item for item in COMMANDS}
    return named | {f"reply.{type(item).__name__}": item for item in REPLIES}
