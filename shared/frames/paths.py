"""Facts from file names and folders. Patterns are anchored from the right, since object names hold anything.

Each pattern is a row; the names of its groups say which fact they carry. The contracts of the devices' names are
quoted in the rows' comments.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import PurePosixPath

from shared.events.frame import FrameType
from shared.frames.dialects import frame_type_of
from shared.frames.nights import night_of_local_time
from shared.frames.pathkeys import key_values
from shared.frames.values import calendar_day, file_stamp


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a path says about a frame; None where it says nothing. ``local_time`` is naive, the telescope's clock."""

    frame_type: FrameType | None = None
    program: str | None = None
    object_name: str | None = None
    exposure_s: float | None = None
    stack_count: int | None = None
    filter: str | None = None
    gain: float | None = None
    offset: float | None = None
    sensor_temp_c: float | None = None
    set_temp_c: float | None = None
    x_binning: int | None = None
    camera: str | None = None
    telescope: str | None = None
    focal_ratio: float | None = None
    readout_mode: str | None = None
    panel: str | None = None
    local_time: datetime | None = None
    night: date | None = None
    hfr_px: float | None = None
    star_count: int | None = None
    rms_arcsec: float | None = None
    rejected: bool | None = None
    processed: bool | None = None


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A row: whose name it is, the pattern of the name without extension, and the type that follows from it."""

    program: str
    pattern: re.Pattern[str]
    frame_type: FrameType | None = None


_EXPOSURE = r"(?P<exposure>\d{1,6}(?:\.\d{1,9})?)"
_TYPE = r"(?P<type>LIGHT|DARK|FLAT|BIAS|DARKFLAT|SNAPSHOT)"
_STAMP = r"(?P<stamp>\d{8}[-_]\d{6,9})"
_TEMP = r"(?P<temp>-?\d{1,3}(?:\.\d{1,3})?)"


def _row(program: str, pattern: str, frame_type: FrameType | None = None) -> NamePattern:
    return NamePattern(program, re.compile(pattern, re.IGNORECASE), frame_type)


PATTERNS: tuple[NamePattern, ...] = (
    # Light_M 94_10.0s_IRCUT_20250326-212057, Light_mosaic_M 31_10.0s_20240101-010203
    _row(
        "Seestar",
        rf"Light_(?:mosaic_)?(?P<object>.+)_{_EXPOSURE}s(?:_(?P<filter>[A-Za-z]+))?_{_STAMP}",
        FrameType.LIGHT,
    ),
    # Stacked_614_Sadr_10.0s_LP_20250715-052001, DSO_Stacked_425_M 100_10.0s_20250704_070948
    _row(
        "Seestar",
        rf"(?:DSO_)?Stacked_(?P<count>\d{{1,6}})_(?:mosaic_)?(?P<object>.+)_{_EXPOSURE}s(?:_(?P<filter>[A-Za-z]+))?_{_STAMP}",
        FrameType.STACK,
    ),
    # Light_M 13_30.0s_Bin1_2600MC_None_gain100_20250824-213032_-10.0C_0013
    _row(
        "ASIAIR",
        rf"(?P<type>Light|Dark|Flat|Bias|DarkFlat)(?:_(?P<object>.+))?_{_EXPOSURE}(?P<unit>s|ms|us)_Bin(?P<bin>\d)"
        rf"(?:_(?P<camera>\d{{2,4}}M[MC][^_]*))?(?:_(?P<filter>[^_]+))?_gain(?P<gain>\d{{1,5}})_{_STAMP}"
        rf"(?:_{_TEMP}C)?(?:_(?P<nr>\d+))?",
    ),
    # stacked-16_IC 434_60s60_Astro_20251018-045127226: 16 are the bits, not the frames
    _row(
        "DWARF",
        rf"stacked(?:-\d+)?_(?P<object>.+)_{_EXPOSURE}s(?P<gain>\d{{1,4}})_(?P<filter>[A-Za-z-]+)_{_STAMP}",
        FrameType.STACK,
    ),
    # failed_IC 434_60s60_Astro_20251018-051725998_15C
    _row(
        "DWARF",
        rf"(?P<failed>failed_)?(?P<object>.+)_{_EXPOSURE}s(?P<gain>\d{{1,4}})_(?P<filter>[A-Za-z-]+)_{_STAMP}(?:_{_TEMP}C)?",
        FrameType.LIGHT,
    ),
    # raw_60s_60_0002_20251020-032310186_20C, in DWARF_DARK
    _row("DWARF", rf"raw_{_EXPOSURE}s_(?P<gain>\d{{1,4}})_(?P<nr>\d+)_{_STAMP}_{_TEMP}C", FrameType.DARK),
    # dark_exp_60.000000_gain_60_bin_1_20C_stack_8, dark_exp_30.000000_gain_60_bin_1_34C_stack_1
    _row(
        "DWARF",
        rf"dark_exp_{_EXPOSURE}_gain_(?P<gain>\d{{1,4}})_bin_(?P<bin>\d)(?:_{_TEMP}C)?(?:_stack_(?P<count>\d{{1,4}}))?",
        FrameType.DARK,
    ),
    # flat_gain_2_bin_1_ir_0, bias_gain_2_bin_1
    _row(
        "DWARF", r"flat_gain_(?P<gain>\d{1,4})_bin_(?P<bin>\d)(?:_ir_\d)?(?:_stack_(?P<count>\d{1,4}))?", FrameType.FLAT
    ),
    _row("DWARF", r"bias_gain_(?P<gain>\d{1,4})_bin_(?P<bin>\d)(?:_stack_(?P<count>\d{1,4}))?", FrameType.BIAS),
    # raw-T31-user-M 83-20150420-231234-Red-BIN1-W-300-001; calibrated-... is the processed twin
    _row(
        "iTelescope",
        rf"(?P<kind>raw|calibrated)-(?P<telescope>T\d{{1,3}})-[^-]+-(?P<object>.+)-(?P<stamp>\d{{8}}-\d{{6}})"
        rf"-(?P<filter>[^-]+)-BIN(?P<bin>\d)-[EW]-{_EXPOSURE}-(?P<nr>\d+)",
        FrameType.LIGHT,
    ),
    # Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W: the number before the exposure is the focuser
    _row(
        "Voyager",
        rf"(?P<object>.+)_{_TYPE}_(?:\d+_)?(?:(?P<filter>[A-Za-z][^_]*)_)?{_EXPOSURE}s_BIN(?P<bin>\d)"
        r"(?:_(?P<settemp>-?\d{1,3})C)?_(?P<nr>\d+)_(?P<stamp>\d{8}_\d{6})(?:_\d+)?(?:_[EW])?",
    ),
    # M 27_ZWO ASI183MM Pro_1x1_0003  LIGHT_Ha_111_10_600.00s_(2023-09-13@21-58-56): the date is the night's
    _row(
        "N.I.N.A.",
        rf"(?P<object>.+)_(?P<camera>[^_]+)_(?P<bin>\d)x\d_(?P<nr>\d+)[\s_]+{_TYPE}_(?P<filter>[^_]*)"
        rf"_(?P<gain>-?\d{{1,5}})_(?P<offset>-?\d{{1,5}})_{_EXPOSURE}s_\(?(?P<night>\d{{4}}-\d\d-\d\d)@\d\d-\d\d-\d\d\)?",
    ),
    # 2025-09-09_20-32-01_Dark_-9.80_0.00s_0008, the program's default
    _row(
        "N.I.N.A.",
        rf"(?P<stamp>\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d)_(?:(?P<filter>[^_]*)_)?{_TEMP}_{_EXPOSURE}s_(?P<nr>\d+)",
    ),
)

# DWARF_RAW_TELE_M 42_EXP_15_GAIN_80_2023-12-07-20-56-01-123
_DWARF_FOLDER = re.compile(
    rf"DWARF_RAW_(?P<lens>[A-Z]+)_(?P<object>.+)_EXP_{_EXPOSURE}_GAIN_(?P<gain>\d{{1,4}})_(?P<stamp>[\d-]{{17,25}})",
    re.IGNORECASE,
)
_RIG_FOLDER = re.compile(r"(?P<telescope>[^@+]+)@f(?P<ratio>\d{1,2}(?:\.\d{1,2})?)\+(?P<camera>.+)", re.IGNORECASE)
_DATE_FOLDER = re.compile(r"(?:DATE_|NIGHT_)?(\d{4}-\d\d-\d\d)", re.IGNORECASE)
_MASTER_NAME = re.compile(r"master[_ -]?(dark[_ -]?flat|flat[_ -]?dark|dark|flat|bias)(?![a-z])", re.IGNORECASE)
# Siril's r_pp_light_00001, WBPP's light_c_cc_r; case matters, since R_M 31 is a red frame.
_PROCESSED_NAME = re.compile(r"(?:r_)?(?:bkg_)?pp_.*|[Mm]aster[_ -]?[Ll]ight.*|.*_c(?:_cc)?(?:_d)?_r|.*_c_cc(?:_d)?")
_EXTENSIONS = re.compile(r"(?:_thn)?\.[A-Za-z]{2,5}(?:\.(?:gz|fz))?$")
_PANEL = re.compile(r"[\s_-]*(?:\bPanel[\s_-]*|(?<=[\s_-])P)(\d{1,3})$", re.IGNORECASE)


_NOT_TYPES = frozenset({"object", "test", "focus", "offset", "stacked", "sub", "science", "integration", "guide"})
"""Words that name a frame type in a header but mean something else as a folder."""

_MASTERS = {
    FrameType.DARK: FrameType.MASTER_DARK,
    FrameType.FLAT: FrameType.MASTER_FLAT,
    FrameType.BIAS: FrameType.MASTER_BIAS,
    FrameType.DARKFLAT: FrameType.MASTER_DARKFLAT,
}
_Facts = dict[str, object]


def facts_from_path(relative_path: str) -> PathFacts:
    """Everything that a path says about the frame, with slashes of either kind between its folders; never raises."""
    parts = PurePosixPath(relative_path[-4096:].replace("\\", "/")).parts
    if not parts:
        return PathFacts()
    stem = _EXTENSIONS.sub("", parts[-1])[:255]
    folders = parts[:-1]
    found = {**_from_folders(folders), **key_values(stem), **_from_name(stem)}
    facts = PathFacts(**found)  # type: ignore[arg-type]
    if _PROCESSED_NAME.fullmatch(stem):
        facts = replace(facts, processed=True)
    if facts.stack_count is not None and facts.stack_count > 1:
        facts = replace(facts, frame_type=_MASTERS.get(facts.frame_type or FrameType.OTHER, facts.frame_type))
    if facts.local_time is not None and facts.night is None:
        facts = replace(facts, night=night_of_local_time(facts.local_time))
    return facts


def panel_of(object_name: str | None) -> str | None:
    """The mosaic panel at the end of an object's name: ``Sh2 103 Panel 13`` and ``Clamshell P3``."""
    match = _PANEL.search(object_name) if object_name else None
    return match[1] if match and match.start() > 0 else None


def _from_name(stem: str) -> _Facts:
    for row in PATTERNS:
        match = row.pattern.fullmatch(stem)
        if match is not None:
            return _from_match(row, match.groupdict())
    master = _MASTER_NAME.match(stem)
    return _known(frame_type=frame_type_of(f"master{master[1]}")) if master else {}


def _from_match(row: NamePattern, groups: dict[str, str | None]) -> _Facts:
    exposure = _float(groups.get("exposure"))
    unit = (groups.get("unit") or "s").lower()
    if exposure is not None and unit != "s":
        exposure /= 1000.0 if unit == "ms" else 1_000_000.0
    gain = _float(groups.get("gain"))
    return _known(
        frame_type=row.frame_type or frame_type_of(groups.get("type")),
        program=row.program,
        object_name=(groups.get("object") or "").strip() or None,
        exposure_s=exposure,
        stack_count=int(groups.get("count") or 0) or None,
        filter=groups.get("filter"),
        gain=gain if gain is None or gain >= 0 else None,
        offset=_float(groups.get("offset")),
        sensor_temp_c=_float(groups.get("temp")),
        set_temp_c=_float(groups.get("settemp")),
        x_binning=int(groups.get("bin") or 0) or None,
        camera=groups.get("camera"),
        telescope=groups.get("telescope"),
        local_time=file_stamp(groups.get("stamp") or ""),
        night=calendar_day(groups.get("night") or ""),
        rejected=True if groups.get("failed") else None,
        processed=True if (groups.get("kind") or "").lower() == "calibrated" else None,
    )


# Thousands of frames share a folder.
@lru_cache(maxsize=1024)
def _from_folders(folders: tuple[str, ...]) -> _Facts:
    """Folders from the file outwards; the nearer one wins."""
    found: _Facts = {}
    for index in range(len(folders) - 1, max(-1, len(folders) - 12), -1):
        folder = folders[index]
        above = folders[index - 1] if index else None
        found = {**key_values(folder), **_from_folder(folder, above), **found}
    return found


def _from_folder(folder: str, above: str | None) -> _Facts:
    dwarf = _DWARF_FOLDER.fullmatch(folder)
    if dwarf is not None:
        stamp = file_stamp(dwarf["stamp"])
        return _known(
            frame_type=FrameType.LIGHT,
            program="DWARF",
            object_name=dwarf["object"].strip() or None,
            exposure_s=float(dwarf["exposure"]),
            gain=float(dwarf["gain"]),
            night=night_of_local_time(stamp) if stamp else None,
        )
    rig = _RIG_FOLDER.fullmatch(folder)
    if rig is not None:
        return _known(
            telescope=rig["telescope"].strip() or None,
            focal_ratio=float(rig["ratio"]) or None,
            camera=rig["camera"].strip() or None,
        )
    dated = _DATE_FOLDER.fullmatch(folder)
    if dated is not None:
        # <target>/[accept/]DATE_2024-01-31; the plain date is N.I.N.A.'s night folder.
        named = folder[:5].upper() == "DATE_" and above is not None and above.lower() != "accept"
        return _known(night=calendar_day(dated[1]), object_name=above if named else None)
    lower = folder.lower()
    if lower == "accept":
        return _known(object_name=above)
    if lower == "dwarf_dark":
        return _known(frame_type=FrameType.DARK, program="DWARF")
    if lower == "cali_frame":
        return _known(program="DWARF")
    return _known(frame_type=frame_type_of(folder) if lower not in _NOT_TYPES else None)


def _known(**facts: object) -> _Facts:
    """Only what is known."""
    return {name: fact for name, fact in facts.items() if fact is not None}


def _float(words: str | None) -> float | None:
    return None if words is None else float(words)
