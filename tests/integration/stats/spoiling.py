"""A library with a frame of every kind, and every way to lose or spoil what stats keeps of it.

What is kept once and follows from nothing cannot be found out without the file: a measured width, a gain, a title. Such
columns are not here.
"""

from datetime import date
from typing import Any

from services.stats.sums import MEASURED
from shared.events.file import FileScanned
from tests.integration.stats.world import file_id, light, scanned

SITE: dict[str, Any] = {"site_latitude_deg": 48.0, "site_longitude_deg": 11.0}
OTHER_NIGHT = date(2024, 3, 9)
FRAMES: dict[str, FileScanned] = {
    "l1": light("l1", **SITE, object_name="M 31", fwhm_arcsec=2.3, star_count=90, fwhm_px=3.1, background_adu=812.4),
    "l2": light("l2", start_s=60, filter="Ha", **SITE, fwhm_arcsec=2.1, uncertain=True),
    "twin": light("twin", start_s=60, filter="Ha"),
    "other": light("other", start_s=7200, target="M33", night=OTHER_NIGHT),
    "nothing": light("nothing", start_s=300, target=None),
    "dark": scanned("dark", frame_type="DARK", rig=None, exposure_s=60.0),
    "flat": scanned("flat", frame_type="FLAT"),
    "thumb": scanned("thumb", path="night/l1_thn.jpg", frame_type="PREVIEW", rig=None, camera=None, night=None),
}
KNOWN = (*FRAMES, "broken", "waiting")
MASKED = {
    "file": ("scan_revision", "announced_at"),
    "frame": ("scan_revision", "event_no"),
    "unkept": (),
    "pending": ("scan_revision", "waiting_since"),
    "quarantine": ("attempt", "occurred_at"),
    "session": ("told_at",),
    "session_camera": (),
    "session_type": (),
    "session_target": (),
    "target": ("revision", "published_revision", "published_at", "updated_at"),
    "target_session": (),
    "target_filter": (),
    "night_count": (),
    "object_count": (),
    "(SELECT sum(files) AS files, sum(size_bytes) AS size_bytes FROM file_total)": (),
    "(SELECT sum(files) AS files, sum(size_bytes) AS size_bytes FROM frame_total)": (),
    "told": ("revision", "digest", "told_at"),
    "source": ("handled_up_to", "handled_at"),
}
"""Tables that must be as before, without what reading a file anew changes, and what the clock says."""


def of_file(name: str) -> str:
    """The condition of a file's row."""
    return f"file_id = '{file_id(name)}'"


BESTS = {
    "uncertain_frames": "uncertain_frames + 1",
    "first_captured_at": "first_captured_at - interval '1 s'",
    "last_captured_at": "NULL",
    "best_fwhm_arcsec": "0.1",
    "best_star_count": "100000",
}
TOTALS: dict[str, dict[str, str]] = {
    "session": {
        "night": "night + 1",
        "rig": "'spoilt'",
        "sky_files": "sky_files + 7",
        "files": "0",
        "size_bytes": "-1",
        "exposures": "99",
        "integration_ms": "integration_ms - 1",
        "ends_at": "'infinity'",
        "last_arrived_at": "'-infinity'",
        "revision": "0",
        "finished_at": "NULL",
        "untold": "'some reason'",
        "open": "true",
    },
    "session_camera": {
        "night": "night + 1",
        "camera": "camera || '?'",
        "session_id": "'x' || session_id",
        "rig": "'spoilt'",
        "files": "9",
        "sky_files": "9",
    },
    "session_type": {"session_id": "'x' || session_id", "frame_type": "'O' || frame_type", "files": "files + 1"},
    "session_target": {
        "session_id": "'x' || session_id",
        "catalog_id": "'X' || catalog_id",
        "filter": "'?' || filter",
        "exposures": "0",
        "integration_ms": "9223372036854775807",
        **BESTS,
        **{f"{name}_exposures": f"{name}_exposures + 1" for name in MEASURED},
        **{f"{name}_millionths": "-1" for name in MEASURED},
    },
    "target": {
        "name": "'Spoilt'",
        "exposures": "0",
        "integration_ms": "-5",
        "sessions": "9",
        "published_revision": "0",
        "published_at": "NULL",
    },
    "target_session": {"catalog_id": "'X' || catalog_id", "session_id": "'x' || session_id", "exposures": "77"},
    "target_filter": {
        "catalog_id": "'X' || catalog_id",
        "filter": "filter || '?'",
        "exposures": "77",
        "integration_ms": "0",
        **BESTS,
    },
    "night_count": {
        "night": "night + 1",
        "rig": "rig || '?'",
        "camera": "camera || '?'",
        "filter": "filter || '?'",
        "frame_type": "'O' || frame_type",
        "files": "files + 1",
    },
    "object_count": {"catalog_id": "'X' || catalog_id", "object_name": "object_name || '?'", "files": "0"},
}
"""Each column of each table of totals, and what it is spoilt with."""
SPOILT = [
    *(
        f"UPDATE {table} SET {column} = {value}"
        for table, columns in TOTALS.items()
        for column, value in columns.items()
    ),
    *(f"DELETE FROM {table}" for table in TOTALS),
    *(
        statement
        for total in ("file_total", "frame_total")
        for statement in (
            f"DELETE FROM {total}",
            f"UPDATE {total} SET files = files + 1",
            f"UPDATE {total} SET size_bytes = 0",
            f"INSERT INTO {total} (files, size_bytes) VALUES (-7, 3)",
        )
    ),
    "INSERT INTO session_type VALUES ('20240301_00000000', 'LIGHT', 3)",
    "INSERT INTO night_count VALUES ('2024-03-05', '', '', '', 'LIGHT', 3)",
    "INSERT INTO object_count VALUES ('M99', '', 3)",
    "INSERT INTO target_filter VALUES ('M99', 'L', 1, 1)",
    "INSERT INTO target (catalog_id, exposures) VALUES ('M99', 5)",
    "INSERT INTO session VALUES ('20200101_00000000', '2020-01-01', 'nobody', 4, 4, 1, 0, 0, now(), now())",
    # The base rows: what is lost, and what is spoilt.
    *(
        f"DELETE FROM {table} WHERE {of_file(name)}"
        for table in ("file", "frame")
        for name in ("l1", "dark", "thumb", "other")
    ),
    *(f"DELETE FROM file WHERE {of_file(name)}" for name in ("broken", "waiting")),
    "DELETE FROM frame",
    "DELETE FROM file",
    "DELETE FROM quarantine",
    "DELETE FROM pending",
    "DELETE FROM source",
    "DELETE FROM frame; DELETE FROM file; DELETE FROM session; DELETE FROM target",
    *(
        f"UPDATE frame SET {change} WHERE {of_file('l1')}"
        for change in (
            "scan_revision = scan_revision + 50",
            "scan_revision = 0",
            "frame_type = 'DARK'",
            "frame_type = 'STACK'",
            "session_id = '20240301_00000000'",
            "catalog_id = 'M33'",
            "catalog_id = NULL",
            "filter = 'B'",
            "counted = NOT counted",
            "exposure_key = NULL",
            "exposure_key = 'x'",
            "exposure_ms = 1",
            "size_bytes = 1",
            "night = night + 1",
            "session_night = session_night + 1",
            "own_session_id = '20240301_00000000'",
            "night_ends_at = '-infinity'",
            "night_ends_at = night_ends_at + interval '1 hour'",
            "observed_at = '-infinity'",
            "observed_at = NULL",
            "observed_at = observed_at + interval '1 s'",
            "arrived_at = 'infinity'",
            "arrived_at = arrived_at + interval '1 s'",
            "source = 'spoilt'",
            "stem = 'library:night/l2'",
            "stem_key = 0",
            "rig = 'spoilt'",
            "rig = NULL",
            "camera = 'spoilt'",
            "site_latitude_deg = 12",
        )
    ),
    f"UPDATE frame SET frame_type = 'FLAT' WHERE {of_file('dark')}",
    *(
        f"UPDATE file SET {change} WHERE {of_file('l1')}"
        for change in (
            "scan_revision = scan_revision + 50",
            "scan_revision = 0",
            "root = 'x'",
            "path = 'x'",
            "size_bytes = 0",
            "source = 'x'",
            "origin = 'x'",
            "arrived_at = 'infinity'",
        )
    ),
    *(
        f"UPDATE pending SET {change}"
        for change in (
            "scan_revision = 99",
            "scan_revision = 0",
            "source = 'x'",
            "waiting_since = 'infinity'",
            f"file_id = '{file_id('l1')}'",
            "file_id = repeat('0', 64)",
        )
    ),
    *(
        f"UPDATE quarantine SET {change}"
        for change in (
            "attempt = 99",
            "attempt = 0",
            f"quarantine_key = '{file_id('l1')}', file_id = '{file_id('l1')}'",
            "quarantine_key = 'x'",
        )
    ),
    "UPDATE source SET last_arrived_at = 'infinity'",
    "UPDATE source SET last_arrived_at = NULL",
    # Last, since with these goes the knowledge of what was told: the next change is told, whatever it is.
    "DELETE FROM told",
    "UPDATE told SET revision = 0",
]
