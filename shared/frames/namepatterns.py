"""The names that devices and programs give, as patterns: the fixed orders, and those without a separator of their own.

Each pattern is a row; the names of its groups say which fact they carry. The contracts of the devices' names are
quoted in the rows' comments. Patterns are anchored from the right, since object names hold anything. Names whose parts
stand between underscores, in whatever order, are read by ``nametokens.py``.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.events.frame import FrameType
from shared.frames.frametypes import frame_type_of
from shared.frames.stamps import stamp_of
from shared.frames.values import calendar_day

Facts = dict[str, object]
"""Facts by the names of PathFacts."""


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
_STAMP = r"(?P<stamp>\d{8}[-_]\d{5,9})"
_TEMP = r"(?P<temp>-?\d{1,3}(?:\.\d{1,3})?)"
_MODE = r"(?P<filter>[A-Za-z-]+)"
_NUMBERED = r"(?:\d{1,5}[_-])?"
"""What copying programs put in front: ``049_Light_mosaic_…``."""


def _row(program: str, pattern: str, frame_type: FrameType | None = None, *, utc: bool = False) -> NamePattern:
    return NamePattern(program, re.compile(pattern, re.IGNORECASE), frame_type, utc=utc)


PATTERNS: tuple[NamePattern, ...] = (
    # Light_M 94_10.0s_IRCUT_20250326-212057, Light_mosaic_M 31_10.0s_20240101-010203, sub_00001_M42_10.0s_IRCUT_...
    _row(
        "Seestar",
        rf"{_NUMBERED}(?:Light|sub_\d{{1,6}})_(?:mosaic_)?(?P<object>.+)_{_EXPOSURE}(?P<unit>s|ms)(?:_(?P<filter>[A-Za-z]+))?"
        rf"_{_STAMP}[A-Z]?",
        FrameType.LIGHT,
    ),
    # Stacked_614_Sadr_10.0s_LP_20250715-052001, DSO_Stacked_1387_IC 5070_mosaic_20.0s_20250715_133040
    _row(
        "Seestar",
        rf"(?:DSO_)?Stacked_(?P<count>\d{{1,6}})_(?:mosaic_)?(?P<object>.+?)(?:_mosaic)?_{_EXPOSURE}(?P<unit>s|ms)"
        rf"(?:_(?P<filter>[A-Za-z]+))?_{_STAMP}[A-Z]?",
        FrameType.STACK,
    ),
    # 2025-10-02-202949-Lunar, 2026-08-27-202843-Solar-timelapse: pictures and videos of the solar system
    _row(
        "Seestar",
        r"(?P<stamp>\d{4}-\d\d-\d\d-\d{6})-(?P<object>Lunar|Solar|Moon|Sun|Jupiter|Saturn|Mars|Venus)(?:-timelapse)?",
    ),
    # stacked-16_IC 434_60s60_Astro_20251018-045127226: 16 are the bits, not the frames
    _row(
        "DWARF",
        rf"(?:DWARF\w*-)?stacked(?:-\d+)?_(?P<object>.+)_{_EXPOSURE}s(?P<gain>\d{{1,4}})_{_MODE}_{_STAMP}",
        FrameType.STACK,
    ),
    # failed_IC 434_60s60_Astro_20251018-051725998_15C
    _row(
        "DWARF",
        rf"(?P<failed>failed_)?(?P<object>.+)_{_EXPOSURE}s(?P<gain>\d{{1,4}})_{_MODE}_{_STAMP}(?:_{_TEMP}C)?",
        FrameType.LIGHT,
    ),
    # 001-DWARF3_NGC_1647_2026-03-18_20-15-22-115; without the number it is the session's stack
    _row(
        "DWARF",
        r"(?P<nr>\d{1,5})-DWARF\w*?_(?P<object>.+)_(?P<stamp>\d{4}-\d\d-\d\d[-_]\d\d-\d\d-\d\d(?:-\d{1,3})?)",
        FrameType.LIGHT,
    ),
    _row(
        "DWARF",
        r"DWARF\w*?_(?P<object>.+)_(?P<stamp>\d{4}-\d\d-\d\d[-_]\d\d-\d\d-\d\d(?:-\d{1,3})?)",
        FrameType.STACK,
    ),
    # raw_60s_60_0002_20251020-032310186_20C, in DWARF_DARK
    _row("DWARF", rf"raw_{_EXPOSURE}s_(?P<gain>\d{{1,4}})_(?P<nr>\d+)_{_STAMP}_{_TEMP}C", FrameType.DARK),
    # dark_exp_60.000000_gain_60_bin_1_20C_stack_8, dark_exp_30.000000_gain_60_bin_1_34C_stack_1
    _row(
        "DWARF",
        rf"dark_exp_{_EXPOSURE}_gain_(?P<gain>\d{{1,4}})_bin_(?P<bin>\d)(?:_{_TEMP}C)?(?:_stack_(?P<count>\d{{1,4}}))?",
        FrameType.DARK,
    ),
    # flat_gain_2_bin_1_ir_0, bias_gain_2_bin_1: the 2 is the gain's place in a table of the device, no gain
    _row("DWARF", r"flat_gain_\d{1,4}_bin_(?P<bin>\d)(?:_ir_\d)?(?:_stack_(?P<count>\d{1,4}))?", FrameType.FLAT),
    _row("DWARF", r"bias_gain_\d{1,4}_bin_(?P<bin>\d)(?:_stack_(?P<count>\d{1,4}))?", FrameType.BIAS),
    # raw-T31-user-M 83-20150420-231234-Red-BIN1-W-300-001; calibrated-... (-Color-, raCalibrated) is the processed twin
    _row(
        "iTelescope",
        rf"(?P<kind>[a-z]{{0,3}}(?:raw|calibrated|calib))(?:-colou?r)?-(?P<telescope>[A-Z]{{1,5}}\d{{0,3}})-(?:[^-]+-)?"
        rf"(?P<object>[^-].*)-(?P<stamp>\d{{8}}-\d{{6}})-(?P<filter>[^-]+)-BIN(?P<bin>\d)-[EW]-{_EXPOSURE}-(?P<nr>\d+)",
        FrameType.LIGHT,
    ),
    # T24-user-Dark-300-LD20250203-LT155037-BIN1: local date and time
    _row(
        "iTelescope",
        rf"(?P<telescope>T\d{{1,3}})-[^-]+-(?P<type>Bias|Dark|Flat)-{_EXPOSURE}-LD(?P<day>\d{{8}})-LT(?P<clock>\d{{6}})"
        r"-BIN(?P<bin>\d)",
    ),
    # FLI6303 -0001dark900secBin2, FLI6303 -0001biasBin1
    _row(
        "iTelescope",
        rf"(?P<camera>[A-Z]+\d+) -?\d+(?P<type>bias|dark|flat)(?:{_EXPOSURE}sec)?Bin(?P<bin>\d)",
    ),
    # Calibrated-iTelescope-Whale_Galaxy_NGC_55-900s-Red-5, a premium image
    _row("iTelescope", rf"(?P<kind>calibrated)-iTelescope-(?P<words>.+)-{_EXPOSURE}s-(?P<filter>[^-]+)-(?P<nr>\d+)"),
    # NGC7293_T2_HO_owner-20250607@085204-1200S-H-alpha, of remote observatories
    _row(
        "ACP",
        rf"(?P<object>[^_]+)_.*-(?P<stamp>\d{{8}}@\d{{6}})-{_EXPOSURE}S-(?P<filter>.+)",
        FrameType.LIGHT,
    ),
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
    # M 27-SeeStarS30-Seestar_S30-LP-20250825022942-10.0s-1x1-t20.875, AstroFiler's
    _row(
        "AstroFiler",
        rf"(?P<object>.+)-(?P<telescope>[^-]+)-(?P<camera>[^-]+)-(?P<filter>[^-]+)-(?P<stamp>\d{{14}})-{_EXPOSURE}s"
        rf"-(?P<bin>\d)x\d-t{_TEMP}",
        FrameType.LIGHT,
    ),
    # Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W: the number before the exposure is the focuser
    _row(
        "Voyager",
        rf"(?P<object>.+)_{_TYPE}_(?:\d+_)?(?:(?P<filter>[A-Za-z][^_]*)_)?{_EXPOSURE}s_BIN(?P<bin>\d)"
        r"(?:_(?P<settemp>-?\d{1,3})C)?(?:_GA(?P<gain>\d{1,5}))?(?:_(?P<nr>\d+))?_(?P<stamp>\d{8}_\d{6})(?:_\d+)?"
        r"(?:_PA\d+)?(?:_[EW]\d?)?",
    ),
    # L_m42_0164_ISO800_10s__NA, L_0020_ISO800_240s__18C: the letter is the type, and the object need not be there
    _row(
        "APT",
        rf"(?P<letter>L|D|F|B|DF)_(?:(?P<object>.+)_)?(?P<nr>\d{{4}})_ISO(?P<gain>\d{{2,7}})_{_EXPOSURE}(?P<unit>s|ms)"
        rf"_+(?:{_TEMP}C|NA)",
    ),
    # M 27_ZWO ASI183MM Pro_1x1_0003  LIGHT_Ha_111_10_600.00s_(2023-09-13@21-58-56): the date is the night's
    _row(
        "N.I.N.A.",
        rf"(?P<object>.+)_(?P<camera>[^_]+)_(?P<bin>\d)x\d_(?P<nr>\d+)[\s_]+{_TYPE}_(?P<filter>[^_]*)"
        rf"_(?P<gain>-?\d{{1,5}})_(?P<offset>-?\d{{1,5}})_{_EXPOSURE}s_\(?(?P<night>\d{{4}}-\d\d-\d\d)@\d\d-\d\d-\d\d\)?",
    ),
    # 2025-09-09_20-32-01_Dark_-9.80_0.00s_0008, the program's default, also with type and object in front
    _row(
        "N.I.N.A.",
        rf"(?:{_TYPE}_)?(?:(?P<object>.+)_)?(?P<stamp>\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d)_(?:(?P<filter>[^_]*)_)?{_TEMP}"
        rf"_{_EXPOSURE}s_(?P<nr>\d+)",
    ),
)

_LETTERS = {
    "L": FrameType.LIGHT,
    "D": FrameType.DARK,
    "F": FrameType.FLAT,
    "B": FrameType.BIAS,
    "DF": FrameType.DARKFLAT,
}
_UNITS = {"ms": 1000.0, "us": 1_000_000.0}


def facts_by_pattern(stem: str) -> Facts | None:
    """The facts of a name that one of the patterns covers whole; None where none does."""
    for row in PATTERNS:
        match = row.pattern.fullmatch(stem)
        if match is not None and (facts := facts_of_match(row, match.groupdict())) is not None:
            return facts
    return None


def facts_of_match(row: NamePattern, groups: dict[str, str | None]) -> Facts | None:
    """The facts of a row's groups; None where a UTC stamp is no time, so that the name is another's."""
    exposure = number(groups.get("exposure"))
    unit = (groups.get("unit") or "s").lower()
    if exposure is not None:
        exposure /= _UNITS.get(unit, 1.0)
    gain, offset, hfr = number(groups.get("gain")), number(groups.get("offset")), number(groups.get("hfr"))
    night = calendar_day(groups.get("night") or "")
    stamp = stamp_of(groups.get("stamp") or "", lost_zero=row.program == "DWARF") or _clock_of_night(groups, night)
    if row.utc and stamp is None and (short := groups.get("short")):
        stamp = stamp_of(f"20{short[:6]}-{short[6:]}")
        if stamp is None:
            return None
    words = groups.get("object") or (groups.get("words") or "").replace("_", " ")
    kind = (groups.get("kind") or "").lower()
    return known(
        frame_type=row.frame_type
        or frame_type_of(groups.get("type"))
        or _LETTERS.get((groups.get("letter") or "").upper()),
        program=row.program,
        object_name=words.strip() or None,
        exposure_s=exposure,
        stack_count=int(groups.get("count") or 0) or None,
        filter=groups.get("filter") or None,
        gain=gain if gain is None or gain >= 0 else None,
        offset=offset if offset is None or offset >= 0 else None,
        sensor_temp_c=number(groups.get("temp")),
        set_temp_c=number(groups.get("settemp")),
        x_binning=int(groups.get("bin") or 0) or None,
        camera=groups.get("camera") or None,
        telescope=groups.get("telescope") or None,
        readout_mode=groups.get("readout") or None,
        local_time=None if row.utc else stamp,
        utc_time=stamp.replace(tzinfo=UTC) if row.utc and stamp is not None else None,
        night=night,
        hfr_px=hfr or None,
        star_count=int(stars) if (stars := groups.get("stars")) else None,
        rms_arcsec=rms if (rms := number(groups.get("rms"))) else None,
        rejected=True if groups.get("failed") else None,
        processed=True if "calib" in kind or groups.get("filter") == "lrgb" else None,
    )


def _clock_of_night(groups: dict[str, str | None], night: date | None) -> datetime | None:
    """The local time of a name that gives day and clock apart, or the night and the clock."""
    clock = re.sub(r"\D", "", groups.get("clock") or "")
    if len(clock) < 6:
        return None
    day = calendar_day(groups.get("day") or "")
    if day is not None:
        return stamp_of(f"{day:%Y%m%d}-{clock}")
    if night is None:
        return None
    found = stamp_of(f"{night:%Y%m%d}-{clock}")
    return found + timedelta(days=1) if found is not None and found.time() < time(12) else found


def known(**facts: object) -> Facts:
    """Only what is known."""
    return {name: fact for name, fact in facts.items() if fact is not None}


def number(words: str | None) -> float | None:
    """A decimal number with a point or a comma."""
    return float(words.replace(",", ".")) if words else None
