"""What one capture file says about itself: its metadata, its measured quality and the target it shows."""

from enum import StrEnum

from pydantic import Field

from shared.events.base import CatalogId, Model
from shared.events.values import (
    Count,
    Day,
    Factor,
    Label,
    Moment,
    Natural,
    NotNegative,
    Number,
    Positive,
    Real,
    Seconds,
    Share,
    Word,
)


class FrameType(StrEnum):
    """The type of a frame. Only LIGHT counts as integration."""

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
    object_name: Word | None = Field(default=None, description="OBJECT as written, stripped")
    exposure_s: Seconds | None = Field(default=None, description="length of one exposure, seconds")
    total_exposure_s: Seconds | None = Field(
        default=None, description="sum over the stacked exposures, seconds; equals exposure_s for a single frame"
    )
    stack_count: Natural | None = Field(
        default=None, description="number of exposures in a stack; None for a single frame"
    )
    filter: Word | None = Field(
        default=None, description="canonical filter name: L, R, G, B, Ha, OIII, SII, LP, IRCUT, UVIR, ..."
    )
    filter_raw: Word | None = Field(default=None, description="FILTER as written")
    gain: Real | None = Field(default=None, description="camera gain setting, unitless")
    offset: Real | None = Field(default=None, description="camera offset setting, unitless")
    sensor_temp_c: Real | None = Field(default=None, description="measured sensor temperature, degrees Celsius")
    set_temp_c: Real | None = Field(default=None, description="cooler set point, degrees Celsius")
    x_binning: Factor | None = None
    camera: Word | None = Field(default=None, description="INSTRUME")
    telescope: Word | None = Field(default=None, description="TELESCOP")
    rig: Label | None = Field(
        default=None, description="<optic>@f<ratio>+<camera>, or the smart telescope with its serial"
    )
    focal_length_mm: Positive | None = None
    focal_ratio: Positive | None = None
    pixel_size_um: Positive | None = Field(default=None, description="of one binned pixel, micrometres")
    pixel_scale_arcsec: Positive | None = Field(default=None, description="arcseconds per (binned) pixel")
    width_px: Count | None = None
    height_px: Count | None = None
    bayer_pattern: Word | None = Field(default=None, description="RGGB, GRBG, ...; None for mono or debayered data")
    readout_mode: Word | None = None
    panel: Word | None = Field(default=None, description="mosaic panel, as named in OBJECT or the path")
    rotator_angle_deg: Real | None = None
    observed_at: Moment | None = Field(default=None, description="start of the exposure, UTC")
    night: Day | None = Field(default=None, description="local date of the noon before the exposure")
    ra_deg: float | None = Field(default=None, ge=0, lt=360, description="right ascension, ICRS degrees")
    dec_deg: float | None = Field(default=None, ge=-90, le=90, description="declination, ICRS degrees")
    site_latitude_deg: float | None = Field(default=None, ge=-90, le=90)
    site_longitude_deg: float | None = Field(default=None, ge=-180, le=180, description="east positive")
    software: Word | None = Field(default=None, description="the program that wrote the file")


class FrameQuality(Model):
    """What was measured from the pixels. Medians are over unsaturated stars; pixels are full-resolution pixels."""

    star_count: Count | None = None
    fwhm_px: Positive | None = Field(default=None, description="median full width at half maximum, pixels")
    fwhm_arcsec: Positive | None = None
    hfr_px: Positive | None = Field(default=None, description="median half-flux radius, pixels")
    eccentricity: Share | None = None
    background_adu: Real | None = Field(default=None, description="median sky level, ADU")
    noise_adu: NotNegative | None = Field(default=None, description="robust standard deviation of the background, ADU")
    saturated_fraction: Share | None = Field(default=None, description="share of pixels at the top of the range")


class ReportedQuality(Model):
    """Quality that the capture program wrote into header, file name or side file. Kept beside ours, never mixed."""

    hfr_px: Real | None = Field(default=None, description="half-flux radius, pixels")
    star_count: Number | None = None
    rms_arcsec: Real | None = Field(default=None, description="guiding error, arcseconds RMS")


class TargetCandidate(Model):
    """One object that a frame may show."""

    catalog_id: CatalogId
    name: Word
    confidence: Share
    separation_deg: NotNegative | None = Field(default=None, description="from the frame's centre")


class TargetMatch(Model):
    """Which object a frame shows, and how that was found out."""

    catalog_id: CatalogId | None = None
    name: Word | None = Field(default=None, description="display name")
    confidence: Share
    method: Word = Field(
        description="given, person (somebody decided), designation, name, fuzzy, position, folder, file_name, hint, "
        "conflict or none"
    )
    separation_deg: NotNegative | None = Field(default=None, description="between the object and the frame's centre")
    candidates: tuple[TargetCandidate, ...] = ()
    uncertain: bool = Field(
        default=False,
        description="a person should decide: conflict, or confidence below scanner.targets_uncertain_below",
    )
