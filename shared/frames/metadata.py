"""From cards and path to FrameMetadata: the header's word first, the path's where the header is silent."""

from collections.abc import Iterable, Mapping

from shared.events.frame import FrameMetadata, FrameType, ReportedQuality
from shared.frames import values
from shared.frames.cards import Card, CardValue
from shared.frames.dialects import PROGRAM_KEYWORDS, Dialect, find_dialect
from shared.frames.filters import canonical_filter
from shared.frames.keys import Keys
from shared.frames.kinds import kind_of
from shared.frames.paths import PathFacts, panel_of
from shared.frames.pointing import centre, site
from shared.frames.timing import timing

ARCSEC_PER_RADIAN_UM_MM = 206.265
"""Arcseconds per pixel = this x pixel size in micrometres / focal length in millimetres."""

_BAYER_PATTERNS = frozenset({"RGGB", "BGGR", "GRBG", "GBRG"})
_TIME_KEYWORDS = frozenset({"DATE-OBS"})
_LARGEST_RATIO, _LARGEST_SCALE_ARCSEC = 1000.0, 1e6


def assemble(
    cards: Iterable[Card],
    keys: Mapping[str, CardValue],
    path: PathFacts,
    *,
    width: int | None,
    height: int | None,
    planes: int,
    source_zone: str | None,
    problems: list[str],
) -> tuple[FrameMetadata, ReportedQuality]:
    """The contract's metadata and reported quality of one frame; oddities are appended to ``problems``."""
    found = Keys(keys)
    dialect = find_dialect(keys)
    comments = {card[0]: card[2] for card in cards if card[0] in _TIME_KEYWORDS}
    kind = kind_of(found, dialect, path, planes, problems)
    latitude, longitude = site(found, dialect, problems)
    when = timing(
        found,
        comments,
        dialect,
        path,
        exposure_s=kind.exposure_s,
        is_stack=kind.stack_count is not None,
        longitude_deg=longitude,
        source_zone=source_zone,
        problems=problems,
    )
    ra, dec = centre(found, dialect, when.observed_at, problems)
    telescope = found.text("TELESCOP") or path.telescope
    camera = _camera(found) or path.camera
    focal_length = found.positive("FOCALLEN", "FOCAL")
    ratio = _focal_ratio(found, dialect, focal_length) or path.focal_ratio
    binning = next((b for name in _BINNING_KEYWORDS if (b := values.binning(found.get(name)))), None) or path.x_binning
    pixel = _pixel_size(found, binning)
    raw_filter = _as_text(keys.get("FILTER")) or _as_text(keys.get("FILT")) or path.filter
    object_name = found.text("OBJECT", "TARGET", "OBSTARGET") or path.object_name
    if path.rejected:
        problems.append("the device rejected this exposure (failed_ in its name)")
    metadata = FrameMetadata(
        frame_type=kind.frame_type,
        object_name=object_name,
        exposure_s=kind.exposure_s,
        total_exposure_s=kind.total_exposure_s,
        stack_count=kind.stack_count,
        filter=canonical_filter(raw_filter),
        filter_raw=raw_filter,
        gain=_first(found.number("GAIN", "ISOSPEED", "ISO"), path.gain),
        offset=_first(found.number("OFFSET", "BLKLEVEL"), path.offset),
        sensor_temp_c=_first(
            found.temperature("CCD-TEMP", "DET-TEMP", "CCDTEMP", "CAMTEMP", "TEMPERAT"), path.sensor_temp_c
        ),
        set_temp_c=_first(found.temperature("SET-TEMP", "SETTEMP", "CCD-TSET"), path.set_temp_c),
        x_binning=binning,
        camera=camera,
        telescope=telescope,
        rig=_rig(found, dialect, telescope=telescope, ratio=ratio, camera=camera),
        focal_length_mm=focal_length,
        focal_ratio=ratio,
        pixel_size_um=pixel,
        pixel_scale_arcsec=_pixel_scale(found, pixel, focal_length),
        width_px=width,
        height_px=height,
        bayer_pattern=_bayer(found) if planes == 1 else None,
        readout_mode=found.text("READOUTM", "READMODE") or path.readout_mode,
        panel=panel_of(object_name) or path.panel,
        rotator_angle_deg=found.number("ROTATOR", "ROTATANG", "ROTANG", "ANGLE", "POSANGLE"),
        observed_at=when.observed_at,
        night=when.night,
        ra_deg=ra,
        dec_deg=dec,
        site_latitude_deg=latitude,
        site_longitude_deg=longitude,
        software=found.text(*PROGRAM_KEYWORDS) if dialect.name != "Seestar" else found.text("CREATOR"),
    )
    return metadata, _reported(found, path)


_BINNING_KEYWORDS = ("XBINNING", "CCDXBIN", "BINNING", "BIN1")


def side_metadata(
    path: PathFacts,
    frame_type: FrameType,
    *,
    width: int,
    height: int,
    camera: str | None = None,
    telescope: str | None = None,
) -> FrameMetadata:
    """Metadata of a file without a header: what the name says, and the picture's size."""
    single = path.stack_count is None or path.stack_count <= 1
    total = path.exposure_s if path.exposure_s is None or single else path.exposure_s * (path.stack_count or 1)
    return FrameMetadata(
        frame_type=frame_type,
        object_name=path.object_name,
        exposure_s=path.exposure_s,
        total_exposure_s=total,
        stack_count=None if single else path.stack_count,
        filter=canonical_filter(path.filter),
        filter_raw=path.filter,
        gain=path.gain,
        offset=path.offset,
        sensor_temp_c=path.sensor_temp_c,
        set_temp_c=path.set_temp_c,
        x_binning=path.x_binning,
        camera=camera or path.camera,
        telescope=telescope or path.telescope,
        focal_ratio=path.focal_ratio,
        panel=panel_of(path.object_name) or path.panel,
        width_px=width,
        height_px=height,
        night=path.night,
    )


def _reported(keys: Keys, path: PathFacts) -> ReportedQuality:
    """Quality by the capture program; an HFR of zero is how programs say that it failed."""
    stars = keys.number("STARS", "STARCOUN", "STARCNT", "NSTARS")
    return ReportedQuality(
        hfr_px=keys.positive("HFR", "MEANHFR", "AVGHFR") or path.hfr_px,
        star_count=int(stars) if stars is not None and 0 <= stars < 2**31 else path.star_count,
        rms_arcsec=_first(keys.positive("RMSAC", "GUIDERMS"), path.rms_arcsec),
    )


def _as_text(value: CardValue) -> str | None:
    """FILTER as written: unlike elsewhere, 'None' is kept, because the raw name is shown beside the canonical one."""
    return " ".join(value.split())[:80] or None if isinstance(value, str) else values.text(value)


def _camera(keys: Keys) -> str | None:
    return keys.text("INSTRUME", "CAMERA")


def _focal_ratio(keys: Keys, dialect: Dialect, focal_length: float | None) -> float | None:
    written = keys.positive("FOCRATIO")
    if written is not None:
        return written
    aperture = keys.positive("APTDIA")
    if focal_length is not None and aperture is not None:
        measured = round(focal_length / aperture, 2)
        return measured if 0 < measured < _LARGEST_RATIO else None
    if dialect.aperture_is_ratio and (ratio := keys.positive("APERTURE")) is not None:
        return ratio
    return dialect.focal_ratio


def _pixel_size(keys: Keys, binning: int | None) -> float | None:
    """Of a binned pixel, micrometres: XPIXSZ is binned already, PIXSIZE1 is the sensor's own."""
    binned, own = keys.positive("XPIXSZ"), keys.positive("PIXSIZE1")
    factor = binning or 1
    if binned is not None and not (own == binned and factor > 1):
        size: float | None = binned
    else:
        size = own * factor if own is not None else None
    # Seestar and ASIAIR write single precision: 2.90000009536743 is 2.9.
    return float(f"{size:.7g}") if size is not None and size < 1e6 else None


def _pixel_scale(keys: Keys, pixel_um: float | None, focal_mm: float | None) -> float | None:
    if pixel_um is not None and focal_mm is not None:
        scale = round(ARCSEC_PER_RADIAN_UM_MM * pixel_um / focal_mm, 4)
        return scale if 0 < scale < _LARGEST_SCALE_ARCSEC else None
    return keys.positive("PIXSCALE", "SCALE", "SECPIX")


def _bayer(keys: Keys) -> str | None:
    for keyword in ("BAYERPAT", "BAYRPAT", "COLORTYP", "FILTER"):
        words = keys.text(keyword)
        if words is not None and words.upper() in _BAYER_PATTERNS:
            return words.upper()
    return None


def _rig(keys: Keys, dialect: Dialect, *, telescope: str | None, ratio: float | None, camera: str | None) -> str | None:
    """``<optic>@f<ratio>+<camera>``; a smart telescope is one piece, named by its serial where it tells it."""
    if dialect.smart_telescope:
        wide = (keys.text("CAMERA") or "").upper().startswith("WIDE")
        name = telescope or camera
        return f"{name} WIDE" if name and wide else name
    if camera is None or telescope is None:
        return camera
    optic = telescope if ratio is None else f"{telescope}@f{f'{ratio:.1f}'.removesuffix('.0')}"
    return f"{optic}+{camera}"


def _first(header: float | None, path: float | None) -> float | None:
    return path if header is None else header
