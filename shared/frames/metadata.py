"""From cards and path to FrameMetadata: the header's word first, the path's where the header is silent."""

from collections.abc import Mapping, Sequence

from shared.equipment.setup import Equipment, Seen
from shared.events.frame import FrameMetadata, FrameType, ReportedQuality
from shared.frames import limits, optics, values
from shared.frames.cards import Card, CardValue
from shared.frames.dialects import PROGRAM_KEYWORDS, find_dialect
from shared.frames.doubts import doubts
from shared.frames.keep import made
from shared.frames.keys import Keys
from shared.frames.kinds import kind_of
from shared.frames.layout import BAYER_PATTERNS
from shared.frames.paths import PathFacts, panel_of
from shared.frames.pointing import centre
from shared.frames.site import site
from shared.frames.timing import timing
from shared.frames.trace import Trace

OBJECT_KEYWORDS = ("OBJECT", "TARGET", "OBSTARGET", "OBJNAME")
"""Where the object's name stands, best first; some programs have a keyword of their own besides."""

_ROTATOR_ANGLES = ("ROTATOR", "ROTATANG", "ROTANG", "ANGLE", "POSANGLE")
_AS_EXPOSED = frozenset({FrameType.LIGHT, *(one for one in FrameType if one.is_calibration)})
"""Types whose single plane is the sensor's own."""
_SHUTTERED = _AS_EXPOSED - {FrameType.LIGHT, FrameType.FLAT, FrameType.MASTER_FLAT}
"""Types that no light reaches, so that a rig's fixed filter says nothing of them."""


def assemble(
    cards: Sequence[Card],
    keys: Mapping[str, CardValue],
    path: PathFacts,
    *,
    width: int | None,
    height: int | None,
    planes: int,
    source_zone: str | None,
    problems: list[str],
    equipment: Equipment | None = None,
    trace: Trace | None = None,
) -> tuple[FrameMetadata, ReportedQuality]:
    """The contract's metadata and reported quality of one frame; oddities are appended to ``problems``.

    ``equipment`` fills what the header leaves out (default: the built-in tables). A ``trace`` notes the origin of each
    fact.
    """
    found = Keys(keys, cards)
    dialect = find_dialect(keys, path.program)
    if trace is not None:
        found, dialect, path = trace.keys(found), trace.rows(dialect), trace.path(path)
    kind = kind_of(found, cards, dialect, path, planes, problems)
    latitude, longitude = site(found, dialect, problems)
    when = timing(
        found,
        dialect,
        path,
        exposure_s=kind.exposure_s,
        is_stack=kind.stack_count is not None,
        longitude_deg=longitude,
        source_zone=source_zone,
        problems=problems,
    )
    ra, dec = centre(found, dialect, when.observed_at, problems, width=width, height=height)
    telescope = found.about("telescope").text("TELESCOP") or path.telescope
    camera = _camera(found.about("camera")) or path.camera
    equipment = equipment or Equipment.built_in()
    focal_length = optics.focal_length(found.about("focal_length_mm"))
    ratio = optics.focal_ratio(found.about("focal_ratio"), dialect, focal_length) or path.focal_ratio
    binning = optics.binning(found.about("x_binning")) or path.x_binning
    sensor = equipment.camera_facts(camera)
    pixel = optics.pixel_size(found.about("pixel_size_um"), binning or 1, sensor, width, focal_length)
    found.about("filter_raw")
    raw_filter = _filter_as_written(found) or path.filter
    bayer = _bayer(found.about("bayer_pattern")) if planes == 1 else None
    found.about("rig")
    setup = equipment.setup(
        Seen(
            camera=camera,
            telescope=telescope,
            focal_length_mm=focal_length,
            focal_ratio=ratio,
            pixel_size_um=pixel,
            x_binning=binning,
            width_px=width,
            height_px=height,
            bayer_pattern=bayer,
            filter_raw=raw_filter,
            smart=dialect.smart_telescope,
            wide=dialect.smart_telescope and (found.text("CAMERA") or "").upper().startswith("WIDE"),
            sensor_plane=planes == 1 and kind.frame_type in _AS_EXPOSED,
        )
    )
    if setup.problem is not None:
        problems.append(setup.problem)
    if trace is not None:
        trace.filled.update(setup.filled)
    object_name = found.about("object_name").text(*OBJECT_KEYWORDS, *dialect.object_keywords) or path.object_name
    found.about("panel")
    panel = panel_of(object_name) or path.panel
    problems.extend(limits.impossible(keys))
    if path.rejected:
        problems.append("the device rejected this exposure (failed_ in its name)")
    metadata = made(
        FrameMetadata,
        problems,
        frame_type=kind.frame_type,
        object_name=object_name,
        exposure_s=kind.exposure_s,
        total_exposure_s=kind.total_exposure_s,
        stack_count=kind.stack_count,
        filter=setup.filter if raw_filter is not None or kind.frame_type not in _SHUTTERED else None,
        filter_raw=raw_filter,
        gain=_first(found.about("gain").setting(*limits.GAINS), path.gain),
        offset=_first(found.about("offset").setting(*limits.OFFSETS), path.offset),
        sensor_temp_c=_first(
            found.about("sensor_temp_c").temperature(*limits.SENSOR_TEMPERATURES),
            path.sensor_temp_c,
        ),
        set_temp_c=_first(found.about("set_temp_c").temperature(*limits.SET_TEMPERATURES), path.set_temp_c),
        x_binning=binning,
        camera=setup.camera,
        telescope=setup.telescope,
        rig=setup.rig,
        focal_length_mm=setup.focal_length_mm,
        focal_ratio=setup.focal_ratio,
        pixel_size_um=setup.pixel_size_um,
        pixel_scale_arcsec=optics.pixel_scale(found.about("pixel_scale_arcsec"), pixel, focal_length)
        or optics.scale_of(setup.pixel_size_um, setup.focal_length_mm),
        width_px=width,
        height_px=height,
        bayer_pattern=setup.bayer_pattern,
        readout_mode=found.about("readout_mode").text("READOUTM", "READMODE") or path.readout_mode,
        panel=panel,
        rotator_angle_deg=_first(found.about("rotator_angle_deg").number(*_ROTATOR_ANGLES), path.rotator_angle_deg),
        observed_at=when.observed_at,
        night=when.night,
        ra_deg=ra,
        dec_deg=dec,
        site_latitude_deg=latitude,
        site_longitude_deg=longitude,
        software=_software(found.about("software")),
    )
    if width is not None:
        problems.extend(doubts(metadata, found.silent(), dialect.name, is_named=kind.is_named))
    return metadata, _reported(found, path, problems)


def says_object(keys: Mapping[str, CardValue], path: PathFacts) -> bool:
    """Whether the header itself names the object."""
    dialect = find_dialect(keys, path.program)
    return Keys(keys).text(*OBJECT_KEYWORDS, *dialect.object_keywords) is not None


def side_metadata(
    path: PathFacts,
    frame_type: FrameType,
    *,
    width: int,
    height: int,
    camera: str | None = None,
    telescope: str | None = None,
    focal_length_mm: float | None = None,
    equipment: Equipment | None = None,
) -> FrameMetadata:
    """Metadata of a file without a header, as ``assemble`` gives it: what the name says, and the picture's size."""
    single = path.stack_count is None or path.stack_count <= 1
    total = path.exposure_s if path.exposure_s is None or single else path.exposure_s * (path.stack_count or 1)
    return FrameMetadata.model_construct(
        frame_type=frame_type,
        object_name=path.object_name,
        exposure_s=path.exposure_s,
        total_exposure_s=total,
        stack_count=None if single else path.stack_count,
        filter=(equipment or Equipment.built_in()).filters.canonical(path.filter),
        filter_raw=path.filter,
        gain=path.gain,
        offset=path.offset,
        sensor_temp_c=path.sensor_temp_c,
        set_temp_c=path.set_temp_c,
        x_binning=path.x_binning,
        camera=camera or path.camera,
        telescope=telescope or path.telescope,
        focal_length_mm=focal_length_mm,
        focal_ratio=path.focal_ratio,
        panel=panel_of(path.object_name) or path.panel,
        rotator_angle_deg=path.rotator_angle_deg,
        width_px=width,
        height_px=height,
        night=path.night,
    )


def _reported(keys: Keys, path: PathFacts, problems: list[str]) -> ReportedQuality:
    """Quality by the capture program; an HFR of zero is how programs say that it failed."""
    stars = keys.about("reported.star_count").number("STARS", "STARCOUN", "STARCNT", "NSTARS")
    counted = int(stars) if stars is not None and 0 <= stars < 2**31 else path.star_count
    return made(
        ReportedQuality,
        problems,
        hfr_px=keys.about("reported.hfr_px").positive("HFR", "MEANHFR", "AVGHFR") or path.hfr_px,
        star_count=counted,
        rms_arcsec=_first(keys.about("reported.rms_arcsec").positive("RMSAC", "GUIDERMS"), path.rms_arcsec),
    )


def _software(keys: Keys) -> str | None:
    """The program's name; a number alone, such as Seestar's PROGRAM, is a version."""
    for keyword in PROGRAM_KEYWORDS:
        value = keys.raw.get(keyword)
        if isinstance(value, str) and any(char.isalpha() for char in value):
            return keys.text(keyword)
    return None


def _filter_as_written(keys: Keys) -> str | None:
    """Unlike elsewhere, 'None' is kept, because the raw name is shown beside the canonical one."""
    for keyword in ("FILTER", "FILT"):
        value = keys.get(keyword)
        if found := " ".join(value.split())[:80] if isinstance(value, str) else values.text(value):
            keys.used(keyword)
            return found
    return None


def _camera(keys: Keys) -> str | None:
    return keys.text("INSTRUME", "CAMERA")


def _bayer(keys: Keys) -> str | None:
    for keyword in ("BAYERPAT", "BAYRPAT", "COLORTYP", "FILTER"):
        words = values.text(keys.raw.get(keyword))
        if words is not None and words.upper() in BAYER_PATTERNS:
            keys.used(keyword)
            return words.upper()
    return None


def _first(header: float | None, path: float | None) -> float | None:
    return path if header is None else header
