"""What no camera or telescope can be: numbers beyond these bounds are absent, and a problem says so.

Zero, -1 and texts such as N/A are how programs write that they do not know; nobody needs to be told.
"""

from collections.abc import Mapping

from shared.frames import values
from shared.frames.cards import CardValue

EXPOSURES: dict[str, float] = {
    "EXPTIME": 1.0, "EXPOSURE": 1.0, "EXP": 1.0, "EXP_TIME": 1.0, "EXP-TIME": 1.0, "XPOSURE": 1.0, "ITIME": 1.0,
    "INTTIME": 1.0, "INTEGTIM": 1.0, "EXPOINUS": 1e-6, "EXPTIMUS": 1e-6, "EXP_US": 1e-6, "EXPOINMS": 1e-3,
    "EXPTIMMS": 1e-3, "EXPTIMEMS": 1e-3, "EXPTIME_MS": 1e-3, "EXPOSURE_MS": 1e-3, "EXP_MS": 1e-3,
}  # fmt: skip
"""Where the length of an exposure stands, best first, and the seconds in the unit that the keyword stands for."""
TOTALS = ("TOTALEXP", "LIVETIME", "TOTEXP", "TOTEXPT", "EXPTOTAL")
EXPOSURES_OF_ONE = ("SUBEXP", "EACHSNAP", "COADDTIM")
"""The length of one exposure where EXPTIME is that of all of them."""
COUNTS = ("STACKCNT", "NSTACK", "NCOMBINE", "NCOADDS", "NCOADD", "COADDS", "CO_ADDS", "SNAPSHOT", "LIGH_CNT", "LUM_CNT")
COUNTS_IN_WORDS = ("NUMFRAME", "NIMAGES", "NFRAMES", "NUMEXP", "NEXP")
"""Numbers of frames that were put together only if their comments say so: others count a sequence by them."""
SENSOR_TEMPERATURES = ("CCD-TEMP", "DET-TEMP", "CCDTEMP", "CCD_TEMP", "CCDATEMP", "DETTEMP", "CAMTEMP", "TEMPERAT")
SET_TEMPERATURES = ("SET-TEMP", "SETTEMP", "SET_TEMP", "CCD-TSET", "CCDSTEMP")
GAINS = ("GAIN", "ISOSPEED", "ISO")
OFFSETS = ("OFFSET", "BLKLEVEL")
FOCAL_LENGTHS = ("FOCALLEN", "FOCAL", "FOCLEN", "FOCALL")
APERTURES = ("APTDIA", "APERTURE")
PIXEL_SIZES = ("XPIXSZ", "PIXSIZE1", "XPIXELSZ", "XPIXSIZE")
SCALES = ("PIXSCALE", "SCALE", "SECPIX", "SECPIX1", "SECPPIX", "PIXSCAL1")
BINNINGS = ("XBINNING", "CCDXBIN", "BINNING", "BIN1", "CCDSUM", "XBIN", "BINX", "HBIN")
LATITUDES = (
    "SITELAT", "SITE-LAT", "SITE_LAT", "OBSGEO-B", "LAT-OBS", "LAT_OBS", "LATOBS", "OBS-LAT", "OBS_LAT",
    "OBSLAT", "LATITUDE", "LATITUD", "TELLAT", "TEL-LAT", "TEL_LAT", "GEOLAT", "GEO-LAT", "GEO_LAT", "GPSLAT",
    "GPS-LAT", "GPS_LAT", "ESO TEL GEOLAT",
)  # fmt: skip
LONGITUDES = (
    "SITELONG", "SITELON", "SITELNG", "SITE-LON", "SITE_LON", "OBSGEO-L", "LONG-OBS", "LON-OBS", "LONG_OBS", "LON_OBS",
    "LONGOBS", "LONOBS", "OBS-LONG", "OBS-LON", "OBS_LONG", "OBS_LON", "OBSLONG", "OBSLON", "LONGITUDE",
    "TELLONG", "TELLON", "TEL-LONG", "TEL_LONG", "TEL_LON", "GEOLONG", "GEOLON", "GEO-LON", "GEO_LON", "GPSLONG",
    "GPSLON", "GPS-LON", "GPS_LON", "ESO TEL GEOLON", "LONGITUD",
)  # fmt: skip
"""LONGITUD is the last, since some programs write it without its western sign."""
CLOCKS = (
    "TIME-OBS", "TIME_OBS", "TIMEOBS", "UT", "UTC", "UTSTART", "UT-START", "UTC-OBS", "UT-TIME", "UT_TIME", "TIME-BEG",
    "UTC-BEG", "UTCSTART", "TIME", "TM-START", "TM_START", "UTSHUT", "UTOPEN",
)  # fmt: skip
"""Where the time of day stands that a date lacks."""

LONGEST_EXPOSURE_S = 1e8
COLDEST_C, HOTTEST_C = -120.0, 100.0
KELVIN_OF_0_C = 273.15
LARGEST_PIXEL_UM = 1e6
LARGEST = 1e15

_NUMBERS = (int, float)
_BOUNDS: tuple[tuple[str, float, float], ...] = tuple(
    (keyword, least, most)
    for keywords, least, most in (
        (("EXPTIME", "EXPOSURE", "EXP", "EXP_TIME"), 0.0, LONGEST_EXPOSURE_S),
        (("CCD-TEMP", "DET-TEMP", "CCDTEMP", "SET-TEMP", "SETTEMP"), COLDEST_C, HOTTEST_C + KELVIN_OF_0_C),
        (GAINS + OFFSETS, -1.0, LARGEST),
        (FOCAL_LENGTHS[:2], -1.0, LARGEST),
        (PIXEL_SIZES[:2], -1.0, LARGEST_PIXEL_UM),
        (BINNINGS, -1.0, 64.0),
    )
    for keyword in keywords
)


def impossible(keys: Mapping[str, CardValue]) -> list[str]:
    """A sentence for each card whose number cannot be."""
    found = []
    for keyword, least, most in _BOUNDS:
        # A dozen look-ups a file: numbers within their bounds must cost nothing more.
        value = keys.get(keyword)
        if value is None or (isinstance(value, _NUMBERS) and least <= value <= most):
            continue
        number = values.number(value)
        if number is not None and not least <= number <= most:
            found.append(f"{keyword} = {value} is impossible and was not used")
    return found
