"""What one capture file says about itself: its metadata, its measured quality and the target it shows."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field

from shared.events.base import CatalogId, Model


class FrameType(StrEnum):
    """What kind of exposure a file is. Only LIGHT counts as integration."""

    LIGHT = "LIGHT"
    DARK = "DARK"
    FLAT = "FLAT"
    BIAS = "BIAS"
    DARKFLAT = "DARKFLAT"
    MASTER_DARK = "MASTER_DARK"
    MASTER_FLAT = "MASTER_FLAT"
    MASTER_BIAS = "MASTER_BIAS"
    MASTER_DARKFLAT = "MASTER_DARKFLAT"
    STACK = "STACK"
    PROCESSED = "PROCESSED"
    PREVIEW = "PREVIEW"
    OTHER = "OTHER"

    @property
    def is_calibration(self) -> bool:
        """Whether frames of this type show no sky object, so that a target makes no sense for them."""
        return self in _CALIBRATION


_CALIBRATION = frozenset(
    {
        FrameType.DARK,
        FrameType.FLAT,
        FrameType.BIAS,
        FrameType.DARKFLAT,
        FrameType.MASTER_DARK,
        FrameType.MASTER_FLAT,
        FrameType.MASTER_BIAS,
        FrameType.MASTER_DARKFLAT,
    }
)


class FrameMetadata(Model):
    """The facts of one exposure, in the field's words. Absent is None; zero coordinates and 'N/A' are absent."""

    frame_type: FrameType
    object_name: str | None = Field(default=None, description="OBJECT as written, stripped")
    exposure_s: float | None = Field(default=None, ge=0, description="length of one exposure, seconds")
    total_exposure_s: float | None = Field(
        default=None, ge=0, description="sum over the stacked exposures, seconds; equals exposure_s for a single frame"
    )
    stack_count: int | None = Field(
        default=None, ge=1, description="number of exposures in a stack; None for a single frame"
    )
    filter: str | None = Field(
        default=None, description="canonical filter name: L, R, G, B, Ha, OIII, SII, LP, IRCUT, UVIR, ..."
    )
    filter_raw: str | None = Field(default=None, description="FILTER as written")
    gain: float | None = Field(default=None, description="camera gain setting, unitless")
    offset: float | None = Field(default=None, description="camera offset setting, unitless")
    sensor_temp_c: float | None = Field(default=None, description="measured sensor temperature, degrees Celsius")
    set_temp_c: float | None = Field(default=None, description="cooler set point, degrees Celsius")
    x_binning: int | None = Field(default=None, ge=1)
    camera: str | None = Field(default=None, description="INSTRUME")
    telescope: str | None = Field(default=None, description="TELESCOP")
    rig: str | None = Field(
        default=None, description="<optic>@f<ratio>+<camera>, or the smart telescope with its serial"
    )
    focal_length_mm: float | None = Field(default=None, gt=0)
    focal_ratio: float | None = Field(default=None, gt=0)
    pixel_size_um: float | None = Field(default=None, gt=0, description="of one binned pixel, micrometres")
    pixel_scale_arcsec: float | None = Field(default=None, gt=0, description="arcseconds per (binned) pixel")
    width_px: int | None = Field(default=None, ge=0)
    height_px: int | None = Field(default=None, ge=0)
    bayer_pattern: str | None = Field(default=None, description="RGGB, GRBG, ...; None for mono or debayered data")
    readout_mode: str | None = None
    panel: str | None = Field(default=None, description="mosaic panel, as named in OBJECT or the path")
    rotator_angle_deg: float | None = None
    observed_at: AwareDatetime | None = Field(default=None, description="start of the exposure, UTC")
    night: date | None = Field(default=None, description="local date of the noon before the exposure")
    ra_deg: float | None = Field(default=None, ge=0, lt=360, description="right ascension, ICRS degrees")
    dec_deg: float | None = Field(default=None, ge=-90, le=90, description="declination, ICRS degrees")
    site_latitude_deg: float | None = Field(default=None, ge=-90, le=90)
    site_longitude_deg: float | None = Field(default=None, ge=-180, le=180, description="east positive")
    software: str | None = Field(default=None, description="the program that wrote the file")


class FrameQuality(Model):
    """What was measured from the pixels. Medians are over unsaturated stars; pixels are full-resolution pixels."""

    star_count: int | None = Field(default=None, ge=0)
    fwhm_px: float | None = Field(default=None, gt=0, description="median full width at half maximum, pixels")
    fwhm_arcsec: float | None = Field(default=None, gt=0)
    hfr_px: float | None = Field(default=None, gt=0, description="median half-flux radius, pixels")
    eccentricity: float | None = Field(default=None, ge=0, le=1)
    background_adu: float | None = Field(default=None, description="median sky level, ADU")
    noise_adu: float | None = Field(default=None, ge=0, description="robust standard deviation of the background, ADU")
    saturated_fraction: float | None = Field(
        default=None, ge=0, le=1, description="share of pixels at the top of the range"
    )


class ReportedQuality(Model):
    """Quality that the capture program wrote into header, file name or side file. Kept beside ours, never mixed."""

    hfr_px: float | None = Field(default=None, description="half-flux radius, pixels")
    star_count: int | None = None
    rms_arcsec: float | None = Field(default=None, description="guiding error, arcseconds RMS")


class TargetCandidate(Model):
    """One object that a frame may show."""

    catalog_id: CatalogId
    name: str
    confidence: float = Field(ge=0, le=1)
    separation_deg: float | None = Field(default=None, ge=0, description="from the frame's centre")


class TargetMatch(Model):
    """Which object a frame shows, and how that was found out."""

    catalog_id: CatalogId | None = None
    name: str | None = Field(default=None, description="display name")
    confidence: float = Field(ge=0, le=1)
    method: str = Field(description="given, designation, name, fuzzy, position, folder, conflict or none")
    separation_deg: float | None = Field(default=None, ge=0, description="between the object and the frame's centre")
    candidates: tuple[TargetCandidate, ...] = ()
    uncertain: bool = Field(
        default=False, description="confidence below scanner.targets_uncertain_below: a person should decide"
    )
