"""Events about an invented library, and what the stats schema makes of them."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from services.stats.frames import COLUMNS, frame_of
from services.stats.handlers import count_frames, forget_files, record_arrivals, record_moves, record_quarantine
from services.stats.store.derived import TABLES
from services.stats.store.differences import differences, misplaced
from shared.bus.transaction import Connection
from shared.events.base import Event
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, FileScanned, Location
from shared.events.frame import FrameMetadata, FrameQuality, FrameType, TargetMatch

NIGHT = date(2024, 3, 1)
DUSK = datetime(2024, 3, 1, 20, tzinfo=UTC)
ARRIVED = datetime(2024, 3, 2, 8, tzinfo=UTC)
NAMES = {"M31": "Andromeda Galaxy", "M33": "Triangulum Galaxy"}
RIG, CAMERA = "Esprit100@f5.5+ASI2600MM", "ASI2600MM"

_ZONE = ZoneInfo("UTC")
_TABLES = {
    "file": "*",
    "pending": "*",
    "quarantine": "*",
    "frame": ", ".join(f'"{column}"' for column in COLUMNS if column != "event_no"),
    "session": "session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at,"
    " last_arrived_at, open",
    "session_camera": "*",
    "session_type": "*",
    "session_target": "*",
    "target": "catalog_id, name, exposures, integration_ms, sessions",
    "target_session": "*",
    "target_filter": "*",
    "night_count": "*",
    "object_count": "*",
    "(SELECT sum(files), sum(size_bytes) FROM file_total)": "*",
    "(SELECT sum(files), sum(size_bytes) FROM frame_total)": "*",
    "scanned_event": "file_id, scan_revision, packed",
    "unkept": "*",
    "moved": "*",
    "removed": "*",
}


def file_id(name: str) -> str:
    """The id of a file of that name."""
    return hashlib.sha256(name.encode()).hexdigest()


def light(name: str, *, start_s: float = 0.0, target: str | None = "M31", **facts: Any) -> FileScanned:
    """A 60 s light frame; see ``scanned``."""
    observed_at = facts.pop("observed_at", DUSK + timedelta(seconds=start_s))
    return scanned(name, frame_type="LIGHT", target=target, observed_at=observed_at, **{"exposure_s": 60.0, **facts})


def scanned(
    name: str,
    *,
    path: str | None = None,
    revision: int = 1,
    target: str | None = None,
    size_bytes: int = 1000,
    arrived_at: datetime = ARRIVED,
    at: datetime | None = None,
    source: str = "rig",
    source_zone: str | None = None,
    decisions_revision: int = 0,
    problems: tuple[str, ...] = (),
    location_revision: int = 0,
    fwhm_arcsec: float | None = None,
    star_count: int | None = None,
    fwhm_px: float | None = None,
    background_adu: float | None = None,
    uncertain: bool = False,
    **facts: Any,
) -> FileScanned:
    """A file.scanned of the file ``name``; ``facts`` are fields of FrameMetadata. Its stars may be measured."""
    frame = {"frame_type": "LIGHT", "rig": RIG, "camera": CAMERA, "night": NIGHT, "filter": "L", **facts}
    matched = FrameType(frame["frame_type"]).is_calibration is False
    return FileScanned(
        file_id=file_id(name),
        scan_revision=revision,
        decisions_revision=decisions_revision,
        root="library",
        path=path or f"night/{name}.fits",
        size_bytes=size_bytes,
        source=source,
        source_zone=source_zone,
        arrived_at=arrived_at,
        occurred_at=at or arrived_at,
        format="fits",
        frame=FrameMetadata(**frame),
        quality=None
        if fwhm_arcsec is None and star_count is None
        else FrameQuality(
            fwhm_arcsec=fwhm_arcsec, fwhm_px=fwhm_px, star_count=star_count, background_adu=background_adu
        ),
        target=TargetMatch(
            catalog_id=target,
            name=NAMES.get(target or ""),
            confidence=1.0,
            method="designation",
            uncertain=uncertain,
        )
        if matched
        else None,
        problems=problems,
        location_revision=location_revision,
    )


def arrived(
    name: str,
    *,
    path: str | None = None,
    revision: int = 1,
    at: datetime = ARRIVED,
    source: str = "rig",
    arrived_at: datetime | None = None,
    location_revision: int = 0,
) -> FileArrived:
    """A file.arrived of the file ``name``, announced ``at`` that time."""
    return FileArrived(
        file_id=file_id(name),
        root="library",
        path=path or f"night/{name}.fits",
        root_path="/library",
        scan_revision=revision,
        size_bytes=1000,
        source=source,
        origin=f"{name}.fits",
        arrived_at=arrived_at or ARRIVED,
        occurred_at=at,
        location_revision=location_revision,
    )


def quarantined(name: str, *, attempt: int = 1, service: str = "scanner", at: datetime = ARRIVED) -> FileQuarantined:
    """A file.quarantined of the file ``name``."""
    return FileQuarantined(
        file_id=file_id(name), root="library", path=f"night/{name}.fits", service=service, attempt=attempt,
        reason=f"the header of {name} ends early", occurred_at=at,
    )  # fmt: skip


def moved(name: str, to_path: str, *, revision: int = 1) -> FileMoved:
    """A file.moved of the file ``name``; where it lay before is of no interest."""
    before = Location(root="library", path=f"night/{name}.fits")
    return FileMoved(
        file_id=file_id(name), location_revision=revision, from_location=before,
        to_location=Location(root="library", path=to_path), occurred_at=ARRIVED,
    )  # fmt: skip


def removed(name: str, *, revision: int = 1, location_revision: int = 9) -> FileRemoved:
    """A file.removed of the file ``name``, up to a scan revision."""
    return FileRemoved(
        file_id=file_id(name), location_revision=location_revision, root="library", path=f"night/{name}.fits",
        reason="the cap was on", scan_revision=revision, occurred_at=ARRIVED,
    )  # fmt: skip


def payload_of(event: FileScanned) -> bytes:
    """The bytes in which the scanner publishes an event."""
    return event.model_dump_json(exclude_none=True).encode()


async def apply(connection: Any, *batches: Event | Sequence[Event], bisected: bool = False) -> None:
    """Handle batches of events of one subject each, every batch in a transaction of its own.

    ``bisected``: scanned files first in a transaction that is rolled back, then in halves, as after a refusal.
    """
    for batch in batches:
        events: Any = [batch] if isinstance(batch, Event) else list(batch)
        async with connection.transaction():
            match events[0]:
                case FileArrived():
                    await record_arrivals(connection, events)
                case FileScanned():
                    frames = [frame_of(event, payload_of(event), _ZONE) for event in events]
                    middle = 0
                    if bisected:
                        refused = connection.transaction()
                        await refused.start()
                        await count_frames(connection, frames)
                        await refused.rollback()
                        middle = len(frames) // 2
                    for part in (frames[:middle], frames[middle:]):
                        if part:
                            await count_frames(connection, part)
                case FileMoved():
                    await record_moves(connection, events)
                case FileRemoved():
                    await forget_files(connection, events)
                case _:
                    await record_quarantine(connection, events)


async def snapshot(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, without what the clock or the size of the batches decides."""
    return {
        table: sorted((tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table} t")), key=repr)
        for table, columns in _TABLES.items()
    }


async def row(connection: Any, query: str, *values: Any) -> dict[str, Any]:
    """The one row of a query."""
    rows: list[asyncpg.Record] = await connection.fetch(query, *values)
    assert len(rows) == 1, rows
    return dict(rows[0])


async def check(connection: Connection) -> list[str]:
    """One line for each total that differs and for the first frames that are misplaced; none when all is well.

    Runs in the caller's transaction, which must see one state of the tables.
    """
    _, lines = await misplaced(connection)
    for derived in TABLES:
        lines += [one.sentence for one in await differences(connection, derived)]
    return lines
