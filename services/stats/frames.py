"""From file.scanned to the row of ``stats.frame`` and to the entry that the totals need."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.stats.sessions import exposure_key, label_of, night_end, session_night, session_of, stem_of, zone_of
from services.stats.sums import MEASURED, NOT_MEASURED, millionths
from services.stats.totals import UNDATED, Entry
from shared.events.file import ScannedFile
from shared.kept import check_length

# Columns of ``stats.frame`` by what they are read from. Where a name differs from the column's, both are given.
_EVENT = ("file_id", "scan_revision", "format", "size_bytes", "arrived_at", "source", "problems")
_FRAME = (
    "night", "observed_at", "telescope", "object_name", "panel", "stack_count", "gain", "offset", "sensor_temp_c",
    "set_temp_c", "x_binning", "focal_length_mm", "pixel_scale_arcsec", "width_px", "height_px", "ra_deg", "dec_deg",
    "site_latitude_deg", "site_longitude_deg", "software",
)  # fmt: skip
_QUALITY = (
    "star_count", "fwhm_px", "fwhm_arcsec", "hfr_px", "eccentricity", "background_adu", "noise_adu",
    "saturated_fraction",
)  # fmt: skip
_REPORTED = {"hfr_px": "reported_hfr_px", "star_count": "reported_star_count", "rms_arcsec": "reported_rms_arcsec"}
_TARGET = {
    "confidence": "target_confidence", "method": "target_method", "uncertain": "target_uncertain",
    "name": "target_name",
}  # fmt: skip
_ENTRY = {
    "frame_type": "frame_type",
    "own.night": "session_night",
    "own.session_id": "own_session_id",
    "night_ends_at": "night_ends_at",
    "exposure_key": "exposure_key",
    "reading.decisions_revision": "decisions_revision",
    "reading.read_at": "read_at",
    "reading.digest": "digest",
}
_MADE = ("catalog_id", "filter", "camera", "rig", "exposure_ms", "total_exposure_ms")
_PLACED = ("session_id", "counted", "stem", "stem_key", "location_revision", "event_no")

COLUMNS = (
    *_EVENT, *_FRAME, *_QUALITY, *_REPORTED.values(), *_TARGET.values(), *_ENTRY.values(), *_MADE, *_PLACED,
)  # fmt: skip
"""Columns of ``stats.frame`` in the order of ``row_of``."""

_of_event, _of_frame, _of_quality = attrgetter(*_EVENT), attrgetter(*_FRAME), attrgetter(*_QUALITY)
_of_reported, _of_target, _of_entry = attrgetter(*_REPORTED), attrgetter(*_TARGET), attrgetter(*_ENTRY)
_of_measured = attrgetter(*MEASURED)
_NO_QUALITY = (None,) * len(_QUALITY)
_NO_TARGET = (None, None, False, None)


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


@dataclass(slots=True)
class NewFrame:
    """What is kept of a file.scanned until it is written."""

    event_id: UUID
    file_id: str
    root: str
    path: str
    scan_revision: int
    occurred_at: datetime
    target_name: str | None
    entry: Entry
    """Placed and counted anew at each try to write it, from whatever the try before left."""
    unplaced: tuple[Any, ...]
    """The row of ``stats.frame`` but for its place, which moves and other frames have a say in."""
    payload: bytes
    """The event as it came, with all header cards."""


def frame_of(event: ScannedFile, payload: bytes, zone: ZoneInfo) -> NewFrame:
    """The frame of an event, not placed yet: it stands in its own session, uncounted.

    Args:
        event: the event, without the header cards.
        payload: the same as it came, with all that it holds.
        zone: time zone of the night's end where neither the site nor the source's zone is known.

    Raises:
        Permanent: the payload is too long to be kept.
    """
    check_length(payload)
    entry = _entry_of(event, zone)
    target = event.target
    return NewFrame(
        event.event_id,
        event.file_id,
        event.root,
        event.path,
        event.scan_revision,
        event.occurred_at,
        None if target is None else target.name,
        entry,
        _unplaced_row(event, entry),
        payload,
    )


def row_of(frame: NewFrame, event_no: int) -> tuple[Any, ...]:
    """The row of ``stats.frame``, in the order of ``COLUMNS``; ``event_no``: under which the event is kept."""
    entry = frame.entry
    place = (entry.session.session_id, entry.counted, entry.stem, entry.stem_key, entry.location_revision)
    return (*frame.unplaced, *place, event_no)


def _entry_of(event: ScannedFile, zone: ZoneInfo) -> Entry:
    frame = event.frame
    frame_type = frame.frame_type._value_  # `value` is a property in Python, slow at ten thousand a second
    night = session_night(frame.night, event.arrived_at)
    own = session_of(night, label_of(frame.rig, frame.camera))
    stem, stem_key = stem_of(event.root, event.path)
    exposure_ms = milliseconds(frame.exposure_s)
    quality, target = event.quality, event.target
    return Entry(
        event.file_id,
        event.reading,
        frame_type,
        own,
        night_end(night, frame.site_latitude_deg, frame.site_longitude_deg, zone_of(event.source_zone, zone)),
        event.arrived_at,
        frame.camera or "",
        stem,
        stem_key,
        exposure_key(frame_type, frame.observed_at, frame.camera, exposure_ms, frame.filter),
        exposure_ms or 0,
        event.size_bytes,
        (target.catalog_id or "") if target is not None else "",
        frame.filter or "",
        frame.night or UNDATED,
        frame.rig or "",
        frame.object_name or "",
        frame.observed_at,
        None if quality is None else quality.fwhm_arcsec,
        None if quality is None else quality.star_count,
        target is not None and target.uncertain,
        own,
        False,
        event.location_revision,
        NOT_MEASURED if quality is None else tuple(map(millionths, _of_measured(quality))),
    )


def _unplaced_row(event: ScannedFile, entry: Entry) -> tuple[Any, ...]:
    frame, quality, target = event.frame, event.quality, event.target
    return (
        *_of_event(event),
        *_of_frame(frame),
        *(_NO_QUALITY if quality is None else _of_quality(quality)),
        *_of_reported(event.reported),
        *(_NO_TARGET if target is None else _of_target(target)),
        *_of_entry(entry),
        entry.catalog_id or None,
        entry.filter or None,
        entry.camera or None,
        frame.rig or None,
        None if frame.exposure_s is None else entry.exposure_ms,
        milliseconds(frame.total_exposure_s),
    )
