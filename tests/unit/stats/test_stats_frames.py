"""The row of a frame."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from services.stats.frames import COLUMNS, frame_of, row_of
from shared.events.file import FileScanned
from shared.events.frame import FrameMetadata, FrameQuality, FrameType, ReportedQuality, TargetMatch

FRAME = {
    "object_name": "Andromeda", "exposure_s": 10.0, "total_exposure_s": 20.0, "stack_count": 3, "filter": "Ha",
    "gain": 4.0, "offset": 5.0, "sensor_temp_c": 6.0, "set_temp_c": 7.0, "x_binning": 8, "camera": "camera",
    "telescope": "telescope", "rig": "rig", "focal_length_mm": 9.0, "pixel_scale_arcsec": 11.0, "width_px": 12,
    "height_px": 13, "panel": "panel", "observed_at": datetime(2024, 3, 1, 22, tzinfo=UTC), "night": date(2024, 3, 1),
    "ra_deg": 14.0, "dec_deg": 15.0, "site_latitude_deg": 16.0, "site_longitude_deg": 17.0, "software": "software",
}  # fmt: skip
QUALITY = {
    "star_count": 18, "fwhm_px": 19.0, "fwhm_arcsec": 21.0, "hfr_px": 22.0, "eccentricity": 0.23,
    "background_adu": 24.0, "noise_adu": 25.0, "saturated_fraction": 0.26,
}  # fmt: skip
EVENT = {
    "file_id": "ab" * 32, "scan_revision": 27, "size_bytes": 28, "source": "source", "format": "FITS",
    "arrived_at": datetime(2024, 3, 2, 8, tzinfo=UTC), "problems": ("a problem",), "location_revision": 36,
}  # fmt: skip
PAYLOAD = b"{the event as it came}"


def test_every_fact_stands_in_the_column_of_its_name() -> None:
    """A row and the columns belong together: no two values of this frame are alike."""
    event = FileScanned(
        **EVENT,
        root="library",
        path="night/light.fits",
        frame=FrameMetadata(frame_type=FrameType.LIGHT, **FRAME),
        quality=FrameQuality(**QUALITY),
        reported=ReportedQuality(hfr_px=31.0, star_count=32, rms_arcsec=33.0),
        target=TargetMatch(
            catalog_id="M31", name="Andromeda Galaxy", confidence=0.34, method="designation", uncertain=True
        ),
    )
    frame = frame_of(event, PAYLOAD, ZoneInfo("UTC"))
    row = row_of(frame, 35)
    assert len(row) == len(COLUMNS) == len(set(COLUMNS))
    stored = dict(zip(COLUMNS, row, strict=True))
    facts = {name: value for name, value in FRAME.items() if name not in {"exposure_s", "total_exposure_s"}}
    expected = EVENT | facts | QUALITY | {
        "exposure_ms": 10_000, "total_exposure_ms": 20_000, "frame_type": "LIGHT", "catalog_id": "M31",
        "reported_hfr_px": 31.0, "reported_star_count": 32, "reported_rms_arcsec": 33.0, "target_confidence": 0.34,
        "target_method": "designation", "target_uncertain": True, "target_name": "Andromeda Galaxy",
        "session_night": date(2024, 3, 1), "session_id": frame.entry.own.session_id,
        "own_session_id": frame.entry.own.session_id, "night_ends_at": frame.entry.night_ends_at,
        "exposure_key": "2024-03-01T22:00:00.000+00:00|camera|10000|Ha", "stem": "library:night/light",
        "stem_key": frame.entry.stem_key, "counted": False, "event_no": 35,
    }  # fmt: skip
    assert stored == expected
    assert frame.payload == PAYLOAD


def test_the_zone_of_the_source_ends_the_night() -> None:
    """Without a site the night ends at nine by the source's own clock, and not in the middle of its night."""
    frame = FrameMetadata(frame_type=FrameType.LIGHT, night=date(2024, 3, 1))
    facts: dict[str, object] = {**EVENT, "root": "library", "path": "a.fits", "frame": frame}
    ends = [
        frame_of(
            FileScanned.model_validate({**facts, "source_zone": zone}), PAYLOAD, ZoneInfo("UTC")
        ).entry.night_ends_at
        for zone in (None, "America/Los_Angeles", "nowhere")
    ]
    nine, at_home = datetime(2024, 3, 2, 9, tzinfo=UTC), datetime(2024, 3, 2, 17, tzinfo=UTC)
    assert ends == [nine, at_home, nine]
