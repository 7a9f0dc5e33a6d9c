"""The header that a Seestar S50 writes: the cards of firmware 4.70, in its order and number format.

RA and DEC are of date, as a real one's.
"""

from dataclasses import dataclass
from datetime import datetime

from services.standalone.simulation.fits_writer import Card, cfitsio_real
from services.standalone.simulation.sky import Site
from shared.frames.precession import julian_epoch, of_date

FOCAL_LENGTH_MM = 250
PIXEL_UM = 2.90000009536743
ARCSEC_PER_PX = 206.265 * PIXEL_UM / FOCAL_LENGTH_MM


@dataclass(frozen=True, slots=True)
class SeestarShot:
    """One sub, or one stack: then ``stack_count`` is set and ``exposure_s`` is still that of each sub.

    ``ra_deg`` and ``dec_deg`` are ICRS.
    """

    object_name: str
    ra_deg: float
    dec_deg: float
    filter_name: str
    exposure_s: float
    started_at: datetime
    telescope: str
    sensor_temp_c: float
    focuser_steps: int
    stack_count: int | None = None


def seestar_cards(shot: SeestarShot, site: Site, shape: tuple[int, ...]) -> list[Card]:
    """All cards of a frame of ``shape`` (ny, nx) or (3, ny, nx); STACKCNT is there in stacks only."""
    total_s = shot.exposure_s * (shot.stack_count or 1)
    ra_deg, dec_deg = of_date(shot.ra_deg, shot.dec_deg, julian_epoch(shot.started_at))
    axes = [Card(f"NAXIS{n}", size, f"length of data axis {n}") for n, size in enumerate(reversed(shape), 1)]
    stack = [] if shot.stack_count is None else [Card("STACKCNT", shot.stack_count, "Stack frames")]
    return [
        Card("SIMPLE", True, "file does conform to FITS standard"),
        Card("BITPIX", 16, "number of bits per data pixel"),
        Card("NAXIS", len(shape), "number of data axes"),
        *axes,
        Card("EXTEND", True, "FITS dataset may contain extensions"),
        Card("COMMENT", "  FITS (Flexible Image Transport System) format is defined in 'Astronomy"),
        Card("COMMENT", "  and Astrophysics', volume 376, page 359; bibcode: 2001A&A...376..359H"),
        Card("BZERO", 32768, "offset data range to that of unsigned short"),
        Card("BSCALE", 1, "default scaling factor"),
        Card("CREATOR", "ZWO Seestar S50", "Capture software"),
        Card("PRODUCER", "ZWO", "Powered by ZWO"),
        Card("XORGSUBF", 0, "Subframe X position in binned pixels"),
        Card("YORGSUBF", 0, "Subframe Y position in binned pixels"),
        Card("FOCALLEN", FOCAL_LENGTH_MM, "Focal length of telescope in mm"),
        Card("APERTURE", cfitsio_real(5.0), "Name of field of view aperture"),
        Card("EQMODE", 0, "Equatorial mode"),
        Card("PROGRAM", "4.70", "The name of the software task that created the file"),
        Card("XBINNING", 1, "Camera X Bin"),
        Card("YBINNING", 1, "Camera Y Bin"),
        Card("CCDXBIN", 1, "Camera X Bin"),
        Card("CCDYBIN", 1, "Camera Y Bin"),
        Card("XPIXSZ", cfitsio_real(PIXEL_UM), "pixel size in microns (with binning)"),
        Card("YPIXSZ", cfitsio_real(PIXEL_UM), "pixel size in microns (with binning)"),
        Card("IMAGETYP", "Light", "Type of image"),
        *stack,
        Card("EXPOSURE", cfitsio_real(shot.exposure_s), "Exposure time in seconds"),
        Card("EXPTIME", cfitsio_real(shot.exposure_s), "Exposure time in seconds"),
        Card("CCD-TEMP", cfitsio_real(shot.sensor_temp_c), "sensor temperature in C"),
        Card("RA", cfitsio_real(round(ra_deg, 6)), "Object Right Ascension in degrees"),
        Card("DEC", cfitsio_real(round(dec_deg, 6)), "Object Declination in degrees"),
        Card("SITELONG", cfitsio_real(site.longitude_deg), "longitude of the imaging site in degrees"),
        Card("SITELAT", cfitsio_real(site.latitude_deg), "latitude of the imaging site in degrees"),
        Card("DATE-OBS", f"{shot.started_at:%Y-%m-%dT%H:%M:%S.%f}", "Image created time"),
        Card("FILTER", shot.filter_name, "Filter used when taking image"),
        Card("INSTRUME", "Seestar S50", "Camera model"),
        Card("BAYERPAT", "GRBG", "Bayer pattern"),
        Card("GAIN", 80, "Gain Value"),
        Card("FOCUSPOS", shot.focuser_steps, "Focuser position in steps"),
        Card("TELESCOP", shot.telescope, "Telescope name"),
        Card("OBJECT", shot.object_name, "name or catalog number of object being imaged"),
        Card("TOTALEXP", cfitsio_real(total_s), "Total Exposure Time in seconds"),
    ]
