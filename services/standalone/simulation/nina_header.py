"""The header that N.I.N.A. 3.1 writes: its keywords, order, comments and number formats, as in real files."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.standalone.simulation.fits_writer import Card, Value
from services.standalone.simulation.sky import Site, airmass, alt_az_deg, modified_julian_date, sexagesimal


@dataclass(frozen=True, slots=True)
class NinaRig:
    """The equipment of an imaging rig; focal length in mm, pixels in um, electrons per ADU."""

    telescope: str = "Esprit100ED"
    focal_length_mm: float = 550.0
    focal_ratio: float = 5.5
    camera: str = "ZWO ASI2600MM Pro"
    pixel_um: float = 3.76
    gain: int = 100
    offset: int = 50
    e_per_adu: float = 0.25
    set_temp_c: float = -10.0
    filter_wheel: str = "ZWO FilterWheel"

    @property
    def name(self) -> str:
        """``<optic>@f<ratio>+<camera>``."""
        return f"{self.telescope}@f{self.focal_ratio:g}+{self.camera}"

    @property
    def arcsec_per_px(self) -> float:
        """Pixel scale in arcseconds."""
        return 206.265 * self.pixel_um / self.focal_length_mm


@dataclass(frozen=True, slots=True)
class NinaShot:
    """One exposure as the program knows it. ``fraction`` is the seventh digit of its seconds."""

    image_type: str
    exposure_s: float
    started_at: datetime
    local_at: datetime
    fraction: int
    sensor_temp_c: float
    filter_name: str
    ra_deg: float
    dec_deg: float
    focuser_steps: int
    ambient_c: float
    object_name: str | None = None
    object_ra_deg: float | None = None
    object_dec_deg: float | None = None


def stamp(instant: datetime, fraction: int) -> str:
    """A time with seven decimals, as C# formats it."""
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}{fraction}"


def nina_cards(rig: NinaRig, shot: NinaShot, site: Site, *, width_px: int, height_px: int) -> list[Card]:
    """All cards of one monochrome frame, in the program's order."""
    return [
        *_structure(width_px, height_px),
        *_exposure(shot),
        *_camera(rig, shot),
        *_telescope(rig, shot, site),
        *_object(shot),
        *_surroundings(shot),
        _card("ROWORDER", "TOP-DOWN", "FITS Image Orientation"),
        _card("EQUINOX", 2000.0, "Equinox of celestial coordinate system"),
        _card("SWCREATE", "N.I.N.A. 3.1.2.9001 (x64)", "Software that created this file"),
    ]


def _card(keyword: str, value: Value, comment: str = "") -> Card:
    # Unlike cfitsio, N.I.N.A. does not pad short strings to eight characters.
    return Card(keyword, value, comment, pad=0)


def _structure(width_px: int, height_px: int) -> list[Card]:
    return [
        _card("SIMPLE", True, "C# FITS"),
        _card("BITPIX", 16),
        _card("NAXIS", 2, "Dimensionality"),
        _card("NAXIS1", width_px),
        _card("NAXIS2", height_px),
        _card("BZERO", 32768),
        _card("EXTEND", True, "Extensions are permitted"),
    ]


def _exposure(shot: NinaShot) -> list[Card]:
    middle = shot.started_at + timedelta(seconds=shot.exposure_s / 2.0)
    return [
        _card("IMAGETYP", shot.image_type, "Type of exposure"),
        _card("EXPOSURE", shot.exposure_s, "[s] Exposure duration"),
        _card("EXPTIME", shot.exposure_s, "[s] Exposure duration"),
        _card("DATE-LOC", stamp(shot.local_at, shot.fraction), "Time of observation (local)"),
        _card("DATE-OBS", stamp(shot.started_at, shot.fraction), "Time of observation (UTC)"),
        _card("MJD-OBS", round(modified_julian_date(shot.started_at), 10), "Modified Julian Date of observation"),
        _card("DATE-AVG", stamp(middle, shot.fraction), "Averaged midpoint time (UTC)"),
        _card("MJD-AVG", round(modified_julian_date(middle), 10), "Modified Julian Date of averaged midpoint"),
    ]


def _camera(rig: NinaRig, shot: NinaShot) -> list[Card]:
    return [
        _card("XBINNING", 1, "X axis binning factor"),
        _card("YBINNING", 1, "Y axis binning factor"),
        _card("GAIN", rig.gain, "Sensor gain"),
        _card("OFFSET", rig.offset, "Sensor gain offset"),
        _card("EGAIN", rig.e_per_adu, "[e-/ADU] Electrons per A/D unit"),
        _card("XPIXSZ", rig.pixel_um, "[um] Pixel X axis size"),
        _card("YPIXSZ", rig.pixel_um, "[um] Pixel Y axis size"),
        _card("INSTRUME", rig.camera, "Imaging instrument name"),
        _card("SET-TEMP", rig.set_temp_c, "[degC] CCD temperature setpoint"),
        _card("CCD-TEMP", shot.sensor_temp_c, "[degC] CCD temperature"),
        _card("READOUTM", "Default", "Sensor readout mode"),
        _card("USBLIMIT", 40, "Camera-specific USB setting"),
    ]


def _telescope(rig: NinaRig, shot: NinaShot, site: Site) -> list[Card]:
    altitude, azimuth = alt_az_deg(shot.ra_deg, shot.dec_deg, shot.started_at, site)
    return [
        _card("TELESCOP", rig.telescope, "Name of telescope"),
        _card("FOCALLEN", rig.focal_length_mm, "[mm] Focal length"),
        _card("FOCRATIO", rig.focal_ratio, "Focal ratio"),
        _card("RA", round(shot.ra_deg, 8), "[deg] RA of telescope"),
        _card("DEC", round(shot.dec_deg, 8), "[deg] Declination of telescope"),
        _card("CENTALT", round(altitude, 8), "[deg] Altitude of telescope"),
        _card("CENTAZ", round(azimuth, 8), "[deg] Azimuth of telescope"),
        _card("AIRMASS", round(airmass(altitude), 8), "Airmass at frame center (Gueymard 1993)"),
        _card("PIERSIDE", "East" if azimuth > 180.0 else "West", "Telescope pointing state"),
        _card("SITEELEV", site.elevation_m, "[m] Observation site elevation"),
        _card("SITELAT", site.latitude_deg, "[deg] Observation site latitude"),
        _card("SITELONG", site.longitude_deg, "[deg] Observation site longitude"),
        _card("FWHEEL", rig.filter_wheel, "Filter Wheel name"),
        _card("FILTER", shot.filter_name, "Active filter name"),
    ]


def _object(shot: NinaShot) -> list[Card]:
    if shot.object_name is None:
        return []
    cards = [_card("OBJECT", shot.object_name, "Name of the object of interest")]
    if shot.object_ra_deg is None or shot.object_dec_deg is None:
        return cards
    ra, dec = sexagesimal(shot.object_ra_deg / 15.0, signed=False), sexagesimal(shot.object_dec_deg, signed=True)
    return [
        *cards,
        _card("OBJCTRA", ra, "[H M S] RA of imaged object"),
        _card("OBJCTDEC", dec, "[D M S] Declination of imaged object"),
        _card("OBJCTROT", 90.0, "[deg] planned rotation of imaged object"),
    ]


def _surroundings(shot: NinaShot) -> list[Card]:
    return [
        _card("FOCNAME", "ZWO Focuser", "Focusing equipment name"),
        _card("FOCPOS", shot.focuser_steps, "[step] Focuser position"),
        _card("FOCUSPOS", shot.focuser_steps, "[step] Focuser position"),
        _card("FOCTEMP", shot.ambient_c, "[degC] Focuser temperature"),
        _card("FOCUSTEM", shot.ambient_c, "[degC] Focuser temperature"),
        _card("ROTATOR", 90.0, "[deg] Mechanical rotator angle"),
        _card("AMBTEMP", shot.ambient_c, "[degC] Ambient air temperature"),
    ]
