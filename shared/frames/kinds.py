"""The type of a frame, and how long it was exposed: types, stacks and totals."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.events.frame import FrameType
from shared.frames.cards import Card
from shared.frames.dialects import Dialect
from shared.frames.edits import Edits, edits
from shared.frames.exposures import exposures
from shared.frames.frametypes import FRAME_TYPE_KEYWORDS, MASTERS, declared_type_of
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts

_DEVICE_PATHS = frozenset({"DWARF"})
_CLOSER = {FrameType.MASTER_DARK: FrameType.MASTER_DARKFLAT}
"""What a name may say more exactly than the header: the darks of flats are darks to most programs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Type, length of one exposure, of all together, and how many there were (None for a single one)."""

    frame_type: FrameType
    exposure_s: float | None
    total_exposure_s: float | None
    stack_count: int | None
    is_named: bool = True
    """Whether header or path name the type, so that it is no guess."""


def kind_of(
    keys: Keys, cards: Iterable[Card], dialect: Dialect, path: PathFacts, planes: int, problems: list[str]
) -> Kind:
    """Decide by header first, path second, the program's habit last."""
    declared = _declared_type(keys.about("frame_type"), problems)
    told = edits(keys, cards)
    exposure, total, count = exposures(keys, dialect, path, told.integrated, problems)
    keys.about("frame_type")
    device_stack = dialect.cube_is_stack and (planes == 3 or "STACKCNT" in keys or path.frame_type is FrameType.STACK)
    if device_stack and dialect.local_time and exposure is not None and path.exposure_s and exposure > path.exposure_s:
        # DWARF's stacks: EXPTIME is the total, the name has the length of one.
        keys.about("exposure_s")
        total, exposure = exposure, path.exposure_s
    if exposure and total is not None and total > exposure * 1.5:
        count = count or max(1, round(total / exposure))
    keys.about("stack_count")
    if path.program in _DEVICE_PATHS and declared is None:
        count = count or path.stack_count
    stacked = device_stack or (count or 1) > 1
    frame_type = _type(
        keys.about("frame_type"), dialect, path, declared=declared, stacked=stacked, exposure=exposure, told=told
    )
    if told.dark_only and frame_type is FrameType.LIGHT:
        problems.append("a dark was subtracted from this light already")
    if not stacked:
        count = None
    if total is None or (total < (exposure or 0.0)):
        total = exposure * count if exposure is not None and count else exposure
    if not stacked and exposure is not None:
        total = exposure
    return Kind(frame_type, exposure, total, count, declared is not None or path.frame_type is not None)


def _declared_type(keys: Keys, problems: list[str]) -> FrameType | None:
    unknown: str | None = None
    for keyword in FRAME_TYPE_KEYWORDS:
        words = keys.text(keyword)
        found = declared_type_of(words)
        if found is not None:
            return found
        if words is not None and keyword != "FRAME" and unknown is None:
            unknown = f"{keyword} {words[:40]!r} is not a known frame type"
    if unknown is not None:
        problems.append(unknown)
    return None


def _type(
    keys: Keys,
    dialect: Dialect,
    path: PathFacts,
    *,
    declared: FrameType | None,
    stacked: bool,
    exposure: float | None,
    told: Edits,
) -> FrameType:
    frame_type = declared or path.frame_type or _habit(keys, dialect, exposure)
    if declared is not None and path.frame_type in (MASTERS.get(declared), _CLOSER.get(declared)):
        # Programs that lost the word master in the header kept it in the name.
        frame_type = path.frame_type or declared
    if "INTEGRAT" in keys and dialect.processes:
        frame_type = FrameType.PROCESSED
    if frame_type is FrameType.LIGHT:
        if told.picture:
            keys.used(told.picture)
        if path.processed or told.picture or dialect.results_only:
            return FrameType.PROCESSED
        if stacked:
            return FrameType.PROCESSED if dialect.processes else FrameType.STACK
    if stacked and f"MASTER_{frame_type}" in FrameType.__members__:
        return FrameType[f"MASTER_{frame_type}"]
    if told.keyword and f"MASTER_{frame_type}" in FrameType.__members__:
        # A calibrated flat is no raw flat any more, and one of its own kind must not be made a master of.
        return FrameType.PROCESSED
    return frame_type


def _habit(keys: Keys, dialect: Dialect, exposure: float | None) -> FrameType:
    """What a frame without any type is: the program's habit, else a light if it looks like one."""
    if dialect.untyped is not None:
        return dialect.untyped
    if dialect.processes:
        return FrameType.PROCESSED
    looks_like_light = exposure and keys.text("DATE-OBS", "DATE_OBS") and keys.text("OBJECT", "TELESCOP", "INSTRUME")
    return FrameType.LIGHT if looks_like_light else FrameType.OTHER
