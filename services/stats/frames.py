"""From file.scanned to the row of ``stats.frame`` and to the entry that the totals need."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.stats.sessions import exposure_key, label_of, night_end, session_night, session_of, stem_of
from services.stats.totals import Entry
from shared.errors import Permanent
from shared.events.file import FileScanned
from shared.events.frame import FrameQuality

# fmt: off
COLUMNS = (
    "file_id", "scan_revision", "format", "frame_type", "session_id", "catalog_id", "filter", "counted",
    "exposure_key", "exposure_ms", "total_exposure_ms", "size_bytes", "night", "session_night", "own_session_id",
    "night_ends_at", "observed_at", "arrived_at", "source", "stem", "stem_key", "rig", "camera", "telescope",
    "object_name", "panel", "stack_count", "gain", "offset", "sensor_temp_c", "set_temp_c", "x_binning",
    "focal_length_mm", "pixel_scale_arcsec", "width_px", "height_px", "ra_deg", "dec_deg", "site_latitude_deg",
    "site_longitude_deg", "target_confidence", "target_method", "star_count", "fwhm_px", "fwhm_arcsec", "hfr_px",
    "eccentricity", "background_adu", "noise_adu", "saturated_fraction", "reported_hfr_px", "reported_star_count",
    "reported_rms_arcsec", "software", "problems",
)
# fmt: on
"""Columns of ``stats.frame`` in the order of ``row_of``."""

_NOT_MEASURED = FrameQuality()
_LONGEST_MS = 2**53


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds.

    Raises:
        Permanent: no exposure is that long.
    """
    if seconds is None:
        return None
    if not seconds * 1000 < _LONGEST_MS:
        raise Permanent(f"an exposure of {seconds:g} s cannot be counted")
    return round(seconds * 1000)


def entry_of(event: FileScanned, zone: ZoneInfo) -> Entry:
    """What the totals need of a frame, not placed yet: it stands in its own session, uncounted.

    ``zone``: time zone of the night's end where the site is unknown.

    Raises:
        Permanent: a number is beyond anything that can be counted.
    """
    frame = event.frame
    frame_type = frame.frame_type.value
    night = session_night(frame.night, event.arrived_at)
    own = session_of(night, label_of(frame.rig, frame.camera))
    stem, stem_key = stem_of(event.root, event.path)
    exposure_ms = milliseconds(frame.exposure_s)
    return Entry(
        event.file_id,
        event.scan_revision,
        frame_type,
        own,
        night_end(night, frame.site_latitude_deg, frame.site_longitude_deg, zone),
        event.arrived_at,
        frame.camera or "",
        stem,
        stem_key,
        exposure_key(frame_type, frame.observed_at, frame.camera, exposure_ms, frame.filter),
        exposure_ms or 0,
        event.size_bytes,
        (event.target.catalog_id or "") if event.target is not None else "",
        frame.filter or "",
        own,
        False,
    )


def row_of(event: FileScanned, entry: Entry) -> tuple[Any, ...]:
    """The row of ``stats.frame``, in the order of ``COLUMNS``."""
    frame, reported, target = event.frame, event.reported, event.target
    quality = event.quality or _NOT_MEASURED
    observed_at: datetime | None = frame.observed_at
    return (
        event.file_id,
        event.scan_revision,
        event.format,
        entry.frame_type,
        entry.session.session_id,
        entry.catalog_id or None,
        entry.filter or None,
        entry.counted,
        entry.exposure_key,
        milliseconds(frame.exposure_s),
        milliseconds(frame.total_exposure_s),
        event.size_bytes,
        frame.night,
        entry.own.night,
        entry.own.session_id,
        entry.night_ends_at,
        observed_at,
        event.arrived_at,
        event.source,
        entry.stem,
        entry.stem_key,
        frame.rig or None,
        entry.camera or None,
        frame.telescope,
        frame.object_name,
        frame.panel,
        frame.stack_count,
        frame.gain,
        frame.offset,
        frame.sensor_temp_c,
        frame.set_temp_c,
        frame.x_binning,
        frame.focal_length_mm,
        frame.pixel_scale_arcsec,
        frame.width_px,
        frame.height_px,
        frame.ra_deg,
        frame.dec_deg,
        frame.site_latitude_deg,
        frame.site_longitude_deg,
        None if target is None else target.confidence,
        None if target is None else target.method,
        quality.star_count,
        quality.fwhm_px,
        quality.fwhm_arcsec,
        quality.hfr_px,
        quality.eccentricity,
        quality.background_adu,
        quality.noise_adu,
        quality.saturated_fraction,
        reported.hfr_px,
        reported.star_count,
        reported.rms_arcsec,
        frame.software,
        event.problems,
    )
