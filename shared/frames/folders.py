"""What the folders above a file say about it: devices' own names, rigs, dates, types, filters and KEY_VALUE parts."""

import re
from functools import lru_cache

from shared.equipment.filters import filter_token
from shared.events.frame import FrameType
from shared.frames.frametypes import MASTERS, frame_type_of
from shared.frames.namepatterns import Facts, known
from shared.frames.nights import night_of_local_time
from shared.frames.pathkeys import key_values
from shared.frames.stamps import stamp_of
from shared.frames.values import calendar_day

_MOST_FOLDERS = 12

# DWARF_RAW_TELE_M 42_EXP_15_GAIN_80_2023-12-07-20-56-01-123, DWARF_ASTRO_NGC_1647_EXP_15_GAIN_60_2026-03-18_20-13-22
_DWARF = re.compile(
    r"DWARF_(?:RAW|ASTRO)_(?:(?:TELE|WIDE)_)?(?P<object>.+)_EXP_(?P<exposure>\d{1,6}(?:\.\d{1,9})?)_GAIN_(?P<gain>\d{1,4})"
    r"_(?P<stamp>[\d_-]{17,25})",
    re.IGNORECASE,
)
_RIG = re.compile(r"(?P<telescope>[^@+]+)@f(?P<ratio>\d{1,2}(?:\.\d{1,2})?)\+(?P<camera>.+)", re.IGNORECASE)
_DATED = re.compile(r"(DATE_|NIGHT_)?(\d{4}([-.])\d\d\3\d\d)(?:[_ ].*)?", re.IGNORECASE)
"""``DATE_2024-01-31``, ``2021.09.27``, and a night's folder with words behind: ``2026-02-19_FRA400_ASI585MC``."""
_OF_A_TYPE = re.compile(
    r"(?P<first>lights?|darks|flats|bias(?:es)?)[ _-].*|dark[ _-]?-?\d.*|.*[ _-](?P<last>lights|darks|flats|biases)",
    re.IGNORECASE,
)
"""``Lights - Rasa 8``, ``Light old``, ``Dark -10C``, ``raw flats``; never ``Dark Shark Nebula``."""
_LIBRARY = re.compile(
    r"(?:_?(?=.* (?:library|stash)$)|(?=master ))(?:master )?(bias|dark|flat)(?: library| stash)?", re.IGNORECASE
)
_SETTING = re.compile(
    r"(?:gain|iso|offset|bin(?:ning)?|exp(?:osure)?|temp|set-?temp)[ _-]?-?\d.*|-?\d+(?:[.,]\d+)? ?[a-z°]{0,7}|\d+x\d+",
    re.IGNORECASE,
)
"""Folders of an exposure, a temperature, a gain: ``300s``, ``-10C``, ``Gain100``, ``1x1``."""
_TYPES_ELSEWHERE = {"lichter": FrameType.LIGHT, "brutes": FrameType.LIGHT, "offsets": FrameType.BIAS}
"""German, and Siril's French: there the bias frames are called offsets."""
NOT_TYPES = frozenset({"object", "test", "focus", "offset", "stacked", "sub", "science", "integration", "guide"})
"""Words that name a frame type in a header but mean something else as a folder."""


# Thousands of frames share a folder.
@lru_cache(maxsize=1024)
def facts_of_folders(folders: tuple[str, ...]) -> Facts:
    """The facts of folders from the file outwards; the nearer one wins."""
    found: Facts = {}
    for index in range(len(folders) - 1, max(-1, len(folders) - _MOST_FOLDERS), -1):
        folder = folders[index]
        above = folders[index - 1] if index else None
        found = {**key_values(folder), **_of_folder(folder, above), **found}
    if found.get("device_masters") and found.get("frame_type") in MASTERS:
        found["frame_type"] = MASTERS[found["frame_type"]]
    return _of_library(folders) | found


def _of_folder(folder: str, above: str | None) -> Facts:
    dwarf = _DWARF.fullmatch(folder)
    if dwarf is not None:
        stamp = stamp_of(dwarf["stamp"])
        return known(
            frame_type=FrameType.LIGHT,
            program="DWARF",
            object_name=dwarf["object"].strip() or None,
            exposure_s=float(dwarf["exposure"]),
            gain=float(dwarf["gain"]),
            night=night_of_local_time(stamp) if stamp else None,
        )
    rig = _RIG.fullmatch(folder)
    if rig is not None:
        return known(
            telescope=rig["telescope"].strip() or None,
            focal_ratio=float(rig["ratio"]) or None,
            camera=rig["camera"].strip() or None,
        )
    dated = _DATED.fullmatch(folder)
    if dated is not None:
        # <target>/[accept/]DATE_2024-01-31; the plain date is N.I.N.A.'s night folder.
        named = (dated[1] or "").upper() == "DATE_" and above is not None and above.lower() != "accept"
        return known(night=calendar_day(dated[2]), object_name=above if named else None)
    lower = folder.lower()
    if lower == "accept":
        return known(object_name=above)
    if lower == "dwarf_dark":
        return known(frame_type=FrameType.DARK, program="DWARF")
    if lower == "cali_frame":
        return known(program="DWARF", device_masters=True)
    frame_type = _type_of(lower)
    return known(frame_type=frame_type, filter=folder if frame_type is None and filter_token(folder) else None)


def _of_library(folders: tuple[str, ...]) -> Facts:
    """Camera and optic in a library of masters: ``_Dark Library/<camera>``, ``MASTER FLAT/<camera>/<optic>``."""
    for index, folder in enumerate(folders[:-1]):
        kind = _LIBRARY.fullmatch(folder)
        if kind is None or not _is_name(folders[index + 1]):
            continue
        optic = folders[index + 2] if kind[1].lower() == "flat" and index + 2 < len(folders) else ""
        return known(camera=folders[index + 1], telescope=optic if _is_name(optic) else None)
    return {}


def _is_name(folder: str) -> bool:
    """Whether a folder's name can be that of a camera or an optic, and is no setting, date, type or filter."""
    return bool(folder) and not (
        _SETTING.fullmatch(folder)
        or _DATED.fullmatch(folder)
        or key_values(folder)
        or filter_token(folder)
        or _type_of(folder.lower())
    )


def _type_of(lower: str) -> FrameType | None:
    frame_type = _TYPES_ELSEWHERE.get(lower) or (frame_type_of(lower) if lower not in NOT_TYPES else None)
    if frame_type is None and (match := _OF_A_TYPE.fullmatch(lower)) is not None:
        return frame_type_of(match["first"] or match["last"] or "dark")
    return frame_type
