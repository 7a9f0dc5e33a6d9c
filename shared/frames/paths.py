"""Facts from file names and folders. Patterns are anchored from the right, since object names hold anything.

Each pattern is a row; the names of its groups say which fact they carry. The contracts of the devices' names are
quoted in the rows' comments.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from shared.events.frame import FrameType
from shared.frames.frametypes import frame_type_of
from shared.frames.nights import night_of_local_time
from shared.frames.pathkeys import key_values
from shared.frames.values import calendar_day, file_stamp


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a path says about a frame; None where it says nothing.

    ``local_time`` is naive, the telescope's clock; ``utc_time`` is aware, from the few names that give UTC.
    """

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
    utc_time: datetime | None = None
    night: date | None = None
    hfr_px: float | None = None
    star_count: int | None = None
    rms_arcsec: float | None = None
    rejected: bool | None = None
    processed: bool | None = None


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A row: whose name it is, the pattern of the name without extension, and the type that follows from it.

    ``folders`` is how many folders above the file the pattern covers too; ``utc`` says that its stamp is UTC.
    """

    program: str
    pattern: re.Pattern[str]
    frame_type: FrameType | None = None
    folders: int = 0
    utc: bool = False


_EXPOSURE = r"(?P<exposure>\d{1,6}(?:\.\d{1,9})?)"
_TYPE = r"(?P<type>LIGHT|DARK|FLAT|BIAS|DARKFLAT|SNAPSHOT)"
_STAMP = r"(?P<stamp>\d{8}[-_]\d{6,9})"
_TEMP = r"(?P<temp>-?\d{1,3}(?:\.\d{1,3})?)"


def _row(program: str, pattern: str, frame_type: FrameType | None = None, *, utc: bool = False) -> NamePattern:
    return NamePattern(program, re.compile(pattern, re.IGNORECASE), frame_type, utc=utc)


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
    # Calibrated-iTelescope-Whale_Galaxy_NGC_55-900s-Red-5, a premium image
    _row("iTelescope", rf"(?P<kind>calibrated)-iTelescope-(?P<words>.+)-{_EXPOSURE}s-(?P<filter>[^-]+)-(?P<nr>\d+)"),
    # teide5-2026-01-09T100627UTC-HQSxaD
    _row("Slooh", r"(?P<telescope>[A-Za-z]+\d?)-(?P<stamp>\d{4}-\d\d-\d\dT\d{6})UTC-\w{4,8}", utc=True),
    # ngc3372_20260207_063727_0_re5tkp_lrgb
    _row(
        "Slooh",
        r"(?P<object>.+)_(?P<stamp>\d{8}_\d{6})_(?P<nr>\d)_[a-z0-9]{6}_(?P<filter>lrgb|[lrgbm])",
        FrameType.LIGHT,
        utc=True,
    ),
    # HATP32171220013343, MicroObservatory's name and YYMMDDhhmmss
    _row(
        "MicroObservatory",
        r"(?!.*[_ -]\d{14}$)(?P<words>[A-Za-z].*?)_?(?P<short>[012]\d[01]\d[0-3]\d[0-2]\d(?:[0-5]\d){2})",
        utc=True,
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
_COMET = re.compile(r"(?:^|[^A-Z])[CPDXI] ?/? ?\d{4} ?[A-Z]\d{1,3}$", re.IGNORECASE)
"""``C/2023 P1`` is a comet of the first half of August, not panel 1."""
_PANEL = re.compile(r"[\s_-]*(?:\bPanel[\s_-]*|(?<=[\s_-])P)(\d{1,3})$", re.IGNORECASE)


_NOT_TYPES = frozenset({"object", "test", "focus", "offset", "stacked", "sub", "science", "integration", "guide"})
"""Words that name a frame type in a header but mean something else as a folder."""

_MASTERS: dict[object, FrameType] = {
    FrameType.DARK: FrameType.MASTER_DARK,
    FrameType.FLAT: FrameType.MASTER_FLAT,
    FrameType.BIAS: FrameType.MASTER_BIAS,
    FrameType.DARKFLAT: FrameType.MASTER_DARKFLAT,
}
_Facts = dict[str, object]


def facts_from_path(relative_path: str, patterns: tuple[NamePattern, ...] = ()) -> PathFacts:
    """Everything that a path says about the frame, with slashes of either kind between its folders; never raises.

    ``patterns`` are a person's own (``ninapatterns.py``) and come before the known ones.
    """
    folders, name = path_parts(relative_path, patterns)
    found = folders | name
    stack_count, local_time = found.get("stack_count"), found.get("local_time")
    if isinstance(stack_count, int) and stack_count > 1 and (master := _MASTERS.get(found.get("frame_type"))):
        found["frame_type"] = master
    if isinstance(local_time, datetime) and "night" not in found:
        found["night"] = night_of_local_time(local_time)
    return PathFacts(**found)  # type: ignore[arg-type]


def path_parts(
    relative_path: str, patterns: tuple[NamePattern, ...] = ()
) -> tuple[dict[str, object], dict[str, object]]:
    """The facts of the folders, and those of the file name, which win."""
    parts = tuple([part for part in relative_path[-4096:].replace("\\", "/").split("/") if part not in ("", ".")])
    if not parts:
        return {}, {}
    stem = _EXTENSIONS.sub("", parts[-1])[:255]
    folders = parts[:-1]
    own = _from_own(folders, stem, patterns) if patterns else None
    name: _Facts = {**key_values(stem), **_from_name(stem)} if own is None else own
    if _PROCESSED_NAME.fullmatch(stem):
        name["processed"] = True
    return _from_folders(folders), name


def panel_of(object_name: str | None) -> str | None:
    """The mosaic panel at the end of an object's name: ``Sh2 103 Panel 13`` and ``Clamshell P3``."""
    match = _PANEL.search(object_name) if object_name else None
    if match is None or match.start() == 0 or _COMET.search(match.string.strip()):
        return None
    return match[1]


def _from_own(folders: tuple[str, ...], stem: str, patterns: tuple[NamePattern, ...]) -> _Facts | None:
    for row in patterns:
        match = row.pattern.fullmatch("/".join((*folders[max(0, len(folders) - row.folders) :], stem)))
        if match is not None:
            return _from_match(row, match.groupdict())
    return None


def _from_name(stem: str) -> _Facts:
    for row in PATTERNS:
        match = row.pattern.fullmatch(stem)
        if match is not None:
            return _from_match(row, match.groupdict())
    master = _MASTER_NAME.match(stem)
    if master is None:
        return {}
    return _known(frame_type=frame_type_of(f"master{master[1]}"), program="WBPP" if "_BIN-" in stem else None)


def _from_match(row: NamePattern, groups: dict[str, str | None]) -> _Facts:
    exposure = _float(groups.get("exposure"))
    unit = (groups.get("unit") or "s").lower()
    if exposure is not None and unit != "s":
        exposure /= 1000.0 if unit == "ms" else 1_000_000.0
    gain, offset, hfr = _float(groups.get("gain")), _float(groups.get("offset")), _float(groups.get("hfr"))
    night = calendar_day(groups.get("night") or "")
    stamp = file_stamp(groups.get("stamp") or "") or _clock_of_night(groups, night)
    if row.utc and stamp is None and (short := groups.get("short")):
        stamp = file_stamp(f"20{short}")
        if stamp is None:
            return {}
    words = groups.get("object") or (groups.get("words") or "").replace("_", " ")
    kind = (groups.get("kind") or "").lower()
    return _known(
        frame_type=row.frame_type or frame_type_of(groups.get("type")),
        program=row.program,
        object_name=words.strip() or None,
        exposure_s=exposure,
        stack_count=int(groups.get("count") or 0) or None,
        filter=groups.get("filter") or None,
        gain=gain if gain is None or gain >= 0 else None,
        offset=offset if offset is None or offset >= 0 else None,
        sensor_temp_c=_float(groups.get("temp")),
        set_temp_c=_float(groups.get("settemp")),
        x_binning=int(groups.get("bin") or 0) or None,
        camera=groups.get("camera") or None,
        telescope=groups.get("telescope") or None,
        readout_mode=groups.get("readout") or None,
        local_time=None if row.utc else stamp,
        utc_time=stamp.replace(tzinfo=UTC) if row.utc and stamp is not None else None,
        night=night,
        hfr_px=hfr or None,
        star_count=int(stars) if (stars := groups.get("stars")) else None,
        rms_arcsec=rms if (rms := _float(groups.get("rms"))) else None,
        rejected=True if groups.get("failed") else None,
        processed=True if kind == "calibrated" or groups.get("filter") == "lrgb" else None,
    )


def _clock_of_night(groups: dict[str, str | None], night: date | None) -> datetime | None:
    """The local time of a name that gives day and clock apart, or the night and the clock."""
    clock = re.sub(r"\D", "", groups.get("clock") or "")
    if len(clock) < 6:
        return None
    day = calendar_day(groups.get("day") or "")
    if day is not None:
        return file_stamp(f"{day:%Y%m%d}{clock}")
    if night is None:
        return None
    noon = time(12)
    found = file_stamp(f"{night:%Y%m%d}{clock}")
    return found + timedelta(days=1) if found is not None and found.time() < noon else found


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
    return float(words.replace(",", ".")) if words else None
