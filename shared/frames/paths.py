"""Facts from file names and folders.

::

    namepatterns.py  names of devices and programs whose parts stand in a fixed order
    nametokens.py    all other names, part by part
    ninapatterns.py  a person's own N.I.N.A. file patterns
    pathkeys.py      KEY_VALUE parts, in names and folders
    folders.py       the folders above a file
    stamps.py        the times of names
"""

import re
from dataclasses import dataclass
from datetime import date, datetime

from shared.events.frame import FrameType
from shared.frames.folders import facts_of_folders
from shared.frames.frametypes import MASTERS, frame_type_of
from shared.frames.namepatterns import Facts, NamePattern, facts_by_pattern, facts_of_match
from shared.frames.nametokens import facts_by_tokens
from shared.frames.nights import night_of_local_time
from shared.frames.pathkeys import key_values


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What a path says about a frame; None where it says nothing.

    ``local_time`` is naive, the telescope's clock; ``utc_time`` is aware, from the few names that give UTC.
    ``object_guess`` are the words of a name of no known program that may name the object; ``object_is_guess`` says that
    ``object_name`` is nothing more.
    """

    frame_type: FrameType | None = None
    program: str | None = None
    object_name: str | None = None
    object_is_guess: bool | None = None
    object_guess: str | None = None
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
    rotator_angle_deg: float | None = None
    local_time: datetime | None = None
    utc_time: datetime | None = None
    night: date | None = None
    hfr_px: float | None = None
    star_count: int | None = None
    rms_arcsec: float | None = None
    rejected: bool | None = None
    processed: bool | None = None


_MASTER_NAME = re.compile(r"s?master[_ -]?(dark[_ -]?flat|flat[_ -]?dark|dark|flat|bias)(?![a-z])", re.IGNORECASE)
# Siril's r_pp_light_00001, WBPP's light_c_cc_r; case matters, since R_M 31 is a red frame.
_PROCESSED_NAME = re.compile(
    r"(?:r_)?(?:bkg_)?pp_.*|[Mm]aster[_ -]?[Ll]ight.*|.*_c(?:_cc)?(?:_d)?_r|.*_c_cc(?:_d)?|.*_c_d(?:_r)?|.*_\d{3,5}_c"
)
_PRODUCT = re.compile(r"(?:r_)?(?:bkg_)?pp_|master", re.IGNORECASE)
"""Siril's and WBPP's products, which have their own words where a capture has its object."""
_EXTENSIONS = re.compile(r"(?:_thn)?\.(?:[A-Za-z]{2,5}|[A-Za-z]{2}\d)(?:\.(?:gz|fz))?$")
_COPIED = re.compile(r" copy(?: \d+)?$| ?\(\d{1,2}\)$|^\._")
"""What file managers add to the name of a second copy, and macOS in front of its side files."""
_COMET = re.compile(r"(?:^|[^A-Z])[CPDXI] ?/? ?\d{4} ?[A-Z]\d{1,3}$", re.IGNORECASE)
"""``C/2023 P1`` is a comet of the first half of August, not panel 1."""
_PANEL = re.compile(r"[\s_-]*(?:\bPanel[\s_-]*|(?<=[\s_-])P)(\d{1,3})$", re.IGNORECASE)

_STACKED = re.compile(r"(?:pp[_-])?(?P<type>[a-z]+)[_ -](?:stacked|master)", re.IGNORECASE)
_STACKED_WORDS = frozenset({"stacked", "master"})
"""Siril's scripts name their masters ``dark_stacked`` and ``pp_flat_stacked``, people theirs ``Dark_Master_300s``."""
_TABLE_GAINS = frozenset({FrameType.FLAT, FrameType.BIAS})
"""The types in whose names DWARF writes the gain's place in its table, ``bias_gain_2_bin_1``, and not the gain."""
_FRAMES = re.compile(r"_(\d{1,4}) ?f(?:rames?)?(?=_|$)", re.IGNORECASE)
"""How many frames a master was made of: ``masterBias_GA2750_-10C_257f_20251117``."""


def facts_from_path(relative_path: str, patterns: tuple[NamePattern, ...] = ()) -> PathFacts:
    """Everything that a path says about the frame, with slashes of either kind between its folders; never raises.

    ``patterns`` are a person's own (``ninapatterns.py``) and come before the known ones.
    """
    folders, name = path_parts(relative_path, patterns)
    found = folders | name
    stack_count, local_time = found.get("stack_count"), found.get("local_time")
    if isinstance(stack_count, int) and stack_count > 1 and (master := MASTERS.get(found.get("frame_type"))):
        found["frame_type"] = master
    if "panel" not in found and (panel := panel_of(str(found.get("object_name") or ""))) is not None:
        found["panel"] = panel
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
    stem = _COPIED.sub("", _EXTENSIONS.sub("", parts[-1])[:255])
    folders = parts[:-1]
    own = _from_own(folders, stem, patterns) if patterns else None
    name: Facts = {**key_values(stem), **_from_name(stem)} if own is None else own
    if _PROCESSED_NAME.fullmatch(stem):
        name["processed"] = True
    if name.get("program") == "DWARF" and name.get("frame_type") in _TABLE_GAINS:
        name.pop("gain", None)
    above = facts_of_folders(folders)
    if above.get("device_masters") and name.get("frame_type") in MASTERS:
        name["frame_type"] = MASTERS[name["frame_type"]]
    return {fact: value for fact, value in above.items() if fact != "device_masters"}, name


def panel_of(object_name: str | None) -> str | None:
    """The mosaic panel at the end of an object's name: ``Sh2 103 Panel 13`` and ``Clamshell P3``."""
    match = _PANEL.search(object_name) if object_name else None
    if match is None or match.start() == 0 or _COMET.search(match.string.strip()):
        return None
    return match[1]


def _from_own(folders: tuple[str, ...], stem: str, patterns: tuple[NamePattern, ...]) -> Facts | None:
    for row in patterns:
        match = row.pattern.fullmatch("/".join((*folders[max(0, len(folders) - row.folders) :], stem)))
        if match is not None:
            return facts_of_match(row, match.groupdict())
    return None


def _from_name(stem: str) -> Facts:
    by_pattern = facts_by_pattern(stem)
    if by_pattern is not None:
        return by_pattern
    master = _MASTER_NAME.match(stem)
    counted = _FRAMES.search(stem) if master is not None else None
    found = facts_by_tokens(stem if counted is None else stem.replace(counted[0], ""))
    if counted is not None:
        found["stack_count"] = int(counted[1]) or None
    stacked = _stacked_type(stem, found)
    if master is not None:
        found["frame_type"] = frame_type_of(f"master{master[1]}")
        if "_BIN-" in stem:
            found["program"] = "WBPP"
    elif stacked is not None:
        found["frame_type"] = stacked
    if master is not None or stacked is not None or _PRODUCT.match(stem):
        for name in ("object_name", "object_guess", "object_is_guess"):
            found.pop(name, None)
    return found


def _stacked_type(stem: str, found: Facts) -> FrameType | None:
    """The master that a name with ``stacked`` or ``master`` behind its type gives; never that of a dark nebula."""
    whole = _STACKED.fullmatch(stem)
    if whole is not None:
        return MASTERS.get(frame_type_of(whole["type"]))
    words = str(found.get("object_guess") or "").lower()
    return MASTERS.get(found.get("frame_type")) if words in _STACKED_WORDS else None
