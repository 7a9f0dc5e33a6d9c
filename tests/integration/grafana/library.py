"""A library with something for every panel: three rigs over six nights, trouble of each sort, and a backup."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.calibration.handlers import note_files
from services.calibration.matcher import Matcher
from services.calibration.ruling import Ruling
from services.calibration.settings import CalibrationKeys
from services.calibration.store import masters as store_masters
from services.settings import AllSettings
from shared.db.pool import pool_of, transaction
from shared.events.base import Event
from shared.events.file import FileScanned
from shared.settings import PostgresSettings
from tests.integration.stats.world import apply, arrived, file_id, light, quarantined, scanned

FIRST_NIGHT = date(2026, 2, 20)
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
"""What the dashboards look at: all of it."""
RIGS = {"Esprit100@f5.5+ASI2600MM": ("L", "Ha"), "Seestar S50 O'Brien": ("LP",), "dobson": (None,)}
TARGETS = ("M31", "M33", None)
NIGHTS, EXPOSURES = 6, 4
"""Nights of each rig, and exposures of a night by target and filter."""


async def fill(settings: PostgresSettings) -> None:
    """Fill an empty, migrated database as the services do, and where that takes files, as they leave it."""
    async with pool_of(settings, "stats") as stats, stats.acquire() as connection:
        await apply(connection, *_captures(), [quarantined("broken")])
    async with pool_of(settings, "calibration") as calibration:
        await _calibration(calibration)
    async with pool_of(settings, "ingest") as ingest, ingest.acquire() as connection:
        await _ingest(connection)
    async with pool_of(settings, "api") as api:
        await api.execute(
            "INSERT INTO dead_letter (service, subject, sequence, attempt, reason, payload, size_bytes)"
            " VALUES ('scanner', 'file.arrived', 7, 3, 'no payload', '', 0)"
        )
    async with pool_of(settings, "backup") as backup, backup.acquire() as connection:
        await _backup(connection)


def _captures() -> list[list[Event]]:
    names, frames = ["broken", "waiting", "dark", "thumb"], list[Event]()
    for rig, filters in RIGS.items():
        for number in range(NIGHTS):
            night = FIRST_NIGHT + timedelta(days=3 * number)
            dusk = datetime(night.year, night.month, night.day, 20, tzinfo=UTC)
            places = [(target, name, n) for target in TARGETS for name in filters for n in range(EXPOSURES)]
            for minute, (target, filter_name, n) in enumerate(places):
                name = f"{rig}-{number}-{minute}"
                measured = rig != "dobson"
                names.append(name)
                frames.append(
                    light(
                        name, rig=rig, camera=f"camera of {rig}", night=night, filter=filter_name, target=target,
                        observed_at=dusk + timedelta(minutes=minute), exposure_s=60.0 * (1 + n),
                        arrived_at=dusk + timedelta(hours=12),
                        fwhm_arcsec=2.0 + number + n / 8 if measured else None,
                        fwhm_px=3.25 if measured else None, star_count=500 - n if measured else None,
                        background_adu=812.5 + n if measured else None, uncertain=target == "M33" and n == 0,
                    )
                )  # fmt: skip
    more: list[Event] = [
        scanned(name, frame_type=kind, night=FIRST_NIGHT) for name, kind in (("dark", "DARK"), ("thumb", "PREVIEW"))
    ]
    return [[arrived(name) for name in names], frames, more]


async def _calibration(pool: Any) -> None:
    """Masters for the lights of one rig but those of 60 s, of which one dark is refused; and a build that failed."""
    rig = next(iter(RIGS))
    about: dict[str, Any] = {"rig": rig, "camera": f"camera of {rig}", "width_px": 6248, "height_px": 4176}
    masters = [
        scanned(f"dark of {seconds}", frame_type="MASTER_DARK", filter=None, exposure_s=float(seconds), **about)
        for seconds in (120, 180, 240)
    ]
    flat = scanned("flat", frame_type="MASTER_FLAT", filter="L", exposure_s=2.0, night=FIRST_NIGHT, **about)
    lights = [event for event in _captures()[1] if isinstance(event, FileScanned)]
    async with transaction(pool) as connection:
        await note_files(connection, [*lights, *masters, flat])
        await store_masters.refuse(connection, masters[0].file_id, "sanity", "half of its pixels would be negative")
        await connection.execute(
            "WITH made AS (INSERT INTO raw_set (set_key, frame_type, camera, frames) VALUES ('a', 'DARK', 'cam', 20)"
            " RETURNING set_no) INSERT INTO build (build_id, set_no, asked_by, master_type, state, reason)"
            " SELECT $1, set_no, 'person', 'MASTER_DARK', 'failed', 'a frame is truncated' FROM made",
            uuid4(),
        )
    settings = AllSettings()
    assert isinstance(settings, CalibrationKeys)
    await Matcher(pool, Ruling(settings), 3600.0, lambda: None).turn()


async def _ingest(connection: Any) -> None:
    now = datetime.now(UTC)
    await connection.execute(
        "INSERT INTO root (name, path, kind, free_bytes, disk_bytes, night_bytes, nights_left, measured_at)"
        " VALUES ('library', '/library', 'library', 400, 1000, 10, 40, $1), ('rig', '/rig', 'source', 1, 2, 1, 1, $1)",
        now,
    )
    for name in ("broken", "waiting"):
        await connection.execute(
            "INSERT INTO file (file_id, size_bytes, source, origin) VALUES ($1, 1000, 'rig', $2)", file_id(name), name
        )
    await connection.execute(
        "INSERT INTO source_file (source, folder, name, size_bytes, mtime_ns, fingerprint, state, reason)"
        " VALUES ('rig', 'night', 'cut.fits', 10, 1, '', 'failed', 'it ends early')"
    )


async def _backup(connection: Any) -> None:
    night = FIRST_NIGHT + timedelta(days=3)
    verified_at = datetime(night.year, night.month, night.day, 15, tzinfo=UTC)
    await connection.execute("INSERT INTO installation (installation_id) VALUES ('here') ON CONFLICT DO NOTHING")
    await connection.execute(
        "INSERT INTO destination (name, kind, place, state, problem) VALUES ('usb', 'folder', '/usb', 'ready', NULL),"
        " ('b2', 's3', 'nights', 'refused', 'the key is wrong')"
    )
    await connection.execute(
        "INSERT INTO coverage VALUES ('', 100, 1000, 80, 800, 15, 150, 5, 50, 2, $1),"
        " ('usb', 100, 1000, 80, 800, 15, 150, 5, 50, 2, $1), ('b2', 100, 1000, 0, 0, 95, 950, 5, 50, 9, $1)",
        verified_at,
    )
    archives = {name: uuid4() for name in ("good", "failed")}
    await connection.execute(
        "INSERT INTO archive (archive_id, destination, collection_id, night, session_revision, number, phase, state,"
        " files, size_bytes, stored_bytes, verified_at, key) VALUES ($1, 'usb', 'a', $2, 1, 1, 'verified', 'done', 80,"
        " 800, 700, $3, 'a.tar')",
        archives["good"], night, verified_at,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO archive (archive_id, destination, collection_id, night, session_revision, phase, state, reason,"
        " files, size_bytes) VALUES ($1, 'b2', 'a', $2, 1, 'planned', 'failed', 'the key is wrong', 80, 800)",
        archives["failed"], night,
    )  # fmt: skip
    check = uuid4()
    await connection.execute(
        "INSERT INTO check_job (check_id, kind, destination, state, finished_at, archives, checked, problems, result)"
        " VALUES ($1, 'verify', 'usb', 'done', $2, 1, 1, 1, '1 finding')",
        check, verified_at,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO finding (check_id, destination, archive_id, key, what, problem) VALUES ($1, 'usb', $2, 'a.tar',"
        " 'archive', 'its bytes are others')",
        check, archives["good"],
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO dump (dump_id, destination, cause, state, key, size_bytes, dumped_at, verified_at, finished_at)"
        " VALUES ($1, 'usb', 'nightly', 'done', 'dumps/1', 5000, $2, $2, $2)",
        uuid4(), verified_at,
    )  # fmt: skip
