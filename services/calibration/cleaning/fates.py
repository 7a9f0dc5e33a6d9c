"""Which raw calibration frames may go: sets of frames that are alike, each judged by the master that stands for it.

A master stands for a set where nothing that counts differs, and where both sides state what tells one set from the
next: losing raw frames is not undone, so that what only one side knows forbids it here, other than in matching.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.calibration.matching import words
from services.calibration.matching.compare import compare, counting
from services.calibration.matching.model import Master, Need
from services.calibration.matching.rules import Rules
from services.calibration.properties import Properties
from services.calibration.sets.grouping import MASTER_OF
from services.calibration.settings import Property
from shared.events.frame import FrameType
from shared.quantities import counted

ORDER = (FrameType.BIAS, FrameType.DARK, FrameType.FLAT, FrameType.DARKFLAT)
"""The order in which frames go: what is made of others comes after these."""
_STATED: dict[FrameType, tuple[Property, ...]] = {
    FrameType.BIAS: ("camera", "gain", "set_temp_c"),
    FrameType.DARK: ("camera", "exposure_s", "gain", "set_temp_c"),
    FrameType.FLAT: ("camera", "gain", "night", "filter", "telescope"),
    FrameType.DARKFLAT: ("camera", "exposure_s", "gain", "set_temp_c"),
}
"""What both sides must state, or neither."""
MOST_APART = timedelta(days=30)
"""So long the frames of one master may have been captured after the first of them, whose time its header has."""
_KEPT_IN_SETS = ("sensor_temp_c", "rotator_angle_deg")
"""Measured for each frame: they make no set of their own."""


class RawFrame(NamedTuple):
    """A raw calibration frame. ``paths``: its places in the library; none where it lies in indexed folders alone."""

    file_id: str
    frame_type: FrameType
    known: Properties
    paths: tuple[str, ...]
    size_bytes: int
    arrived_at: datetime
    is_archived: bool
    observed_at: datetime | None = None


class StoredMaster(NamedTuple):
    """A master, and where it lies: in the library, or None where it lies in indexed folders alone."""

    master: Master
    path: str | None
    size_bytes: int
    arrived_at: datetime
    made_of: frozenset[str] | None = None
    """Of a master that Nightbus built: the frames that it was made of, and those that were left out for a reason."""

    def came_before(self, frame: RawFrame) -> bool:
        """Whether it cannot hold a frame: by what it was made of, where that is known, else by when both came.

        A master may come into the library long after it was made, and after frames that were captured since.
        """
        if self.made_of is not None:
            return frame.file_id not in self.made_of
        if frame.arrived_at > self.arrived_at:
            return True
        return frame.observed_at is not None and frame.observed_at - self.master.made_at > MOST_APART


class RawSet(NamedTuple):
    """Frames that are alike."""

    frame_type: FrameType
    known: Properties
    frames: tuple[RawFrame, ...]

    @property
    def description(self) -> str:
        """Its properties in words."""
        is_flat = self.frame_type is FrameType.FLAT
        names = [name for name in words.ORDER if is_flat or name not in ("telescope", "filter")]
        return ", ".join([" ".join(words.whose(self.known, names)), *words.described(self.known, names)])


class Fate(NamedTuple):
    """Whether a set may go. ``master``: what stands for it, whose stored bytes are still to be verified."""

    may_go: bool
    reason: str
    master: StoredMaster | None = None


def sets_of(frames: Iterable[RawFrame]) -> list[RawSet]:
    """Frames as sets, in the order in which they go."""
    found: dict[tuple[FrameType, Properties], list[RawFrame]] = {}
    for frame in frames:
        key = frame.frame_type, frame.known._replace(**dict.fromkeys(_KEPT_IN_SETS))
        found.setdefault(key, []).append(frame)
    made = [RawSet(kind, known, tuple(members)) for (kind, known), members in found.items()]
    return sorted(made, key=lambda one: (ORDER.index(one.frame_type), one.description, one.frames[0].file_id))


def judge(raw: RawSet, masters: Sequence[StoredMaster], rules: Rules, *, archive_needed: bool) -> Fate:
    """Whether a set may go, with the reason as a sentence."""
    if not all(frame.paths for frame in raw.frames):
        return Fate(False, "its frames lie in folders that are only indexed, where nothing is removed")
    fitting, why = _standing_for(raw, masters, rules)
    if not fitting:
        return Fate(False, why)
    usable = [one for one in fitting if one.master.refused is None]
    if not usable:
        return Fate(False, f"its master {fitting[0].master.name} may not be used: {fitting[0].master.refused}")
    stored = [one for one in usable if one.path is not None]
    if not stored:
        return Fate(False, f"its master {usable[0].master.name} is not in the library: it lies in an indexed folder")
    later = [one for one in stored if not any(map(one.came_before, raw.frames))]
    if not later:
        after = sum(map(stored[0].came_before, raw.frames))
        how = "came after" if stored[0].made_of is None else "are not in"
        name = stored[0].master.name
        return Fate(
            False,
            f"{counted(after, 'frame')} of {len(raw.frames)} {how} its master {name}, which cannot stand for them",
        )
    if archive_needed and (open_ones := sum(not frame.is_archived for frame in raw.frames)):
        return Fate(
            False,
            f"{counted(open_ones, 'frame')} of {len(raw.frames)} {'is' if open_ones == 1 else 'are'} in no verified "
            "archive: archive them first, or say --no-archive-needed",
        )
    newest = max(later, key=lambda one: (one.arrived_at, one.master.file_id))
    return Fate(True, f"its master {newest.master.name} is in the library", newest)


def _standing_for(raw: RawSet, masters: Sequence[StoredMaster], rules: Rules) -> tuple[list[StoredMaster], str]:
    """The masters that can only be of this set, and why there are none."""
    master_type, same_night = MASTER_OF[raw.frame_type], rules._replace(flat_nights=0)
    need = Need(master_type, raw.known)
    fitting, vague = [], ""
    for one in masters:
        if one.master.master_type is not master_type or compare(need, one.master, same_night).differences:
            continue
        if (silent := _silent(raw, one.master, rules)) is None:
            fitting.append(one)
        else:
            vague = vague or silent
    those = "of this very night and these properties" if raw.frame_type is FrameType.FLAT else "of these properties"
    return fitting, vague or f"no master {words.TYPES[master_type]} {those} is known"


def _silent(raw: RawSet, master: Master, rules: Rules) -> str | None:
    """What only one of the two states, as a sentence; None where both state all that tells sets apart."""
    that_count = counting(master.master_type, rules)
    for name in (name for name in _STATED[raw.frame_type] if name in that_count):
        ours, theirs = _value(raw.known, name), _value(master.properties, name)
        if (ours is None) == (theirs is None):
            continue
        label = words.NAMES[name]
        if theirs is None:
            return (
                f"its master {master.name} does not state its {label}, so that it may be another set's: "
                f"`nightbus calibration describe` supplies it"
            )
        return f"its frames do not state their {label}, so that its master {master.name} may be another set's"
    return None


def _value(known: Properties, name: Property) -> object:
    if name == "set_temp_c":
        return known.sensor_temp_c if known.set_temp_c is None else known.set_temp_c
    return getattr(known, name)
