"""Why a master fits, and why none does: the sentences that people read.

``masterDark_300s.xisf: same camera, 300 s, gain 100, offset 50, -10 C; the newest of 3``
``nearest dark: 300 s, gain 100, -5 C: 5.0 C off; capture 20 darks of 300 s, gain 100, offset 50, -10 C (1 h 40 min)``
"""

import math
from collections.abc import Sequence
from datetime import date

from services.calibration.matching import words
from services.calibration.matching.compare import Comparison, counting, temperature
from services.calibration.matching.model import Answer, Master, Matched, Need
from services.calibration.matching.rules import Rules
from services.calibration.matching.shopping import to_capture
from services.calibration.properties import Properties
from services.calibration.settings import Property
from shared.equipment.cameras import same_camera
from shared.events.frame import FrameType

REFUSED = "may not be used"
"""What an answer says of a master that is refused."""


def matched(need: Need, master: Master, comparison: Comparison, rules: Rules, others: Sequence[Master]) -> str:
    """Why a master was taken; ``others`` fit as well."""
    return f"{master.name}: {_facts(need, master, comparison, rules)}{_choice(need, master, others)}"


def scaled(need: Need, master: Master, comparison: Comparison, rules: Rules, bias: Master, others: int) -> str:
    """Why a dark of another exposure was taken, with a bias."""
    more = f"; the newest of {others + 1}" if others else ""
    lengths = f"{_length(master.properties)} scaled to {_length(need.properties)} with {bias.name}"
    return f"{master.name}: {lengths}; {_facts(need, master, comparison, rules, skip='exposure_s')}{more}"


def chosen(need: Need, master: Master, comparison: Comparison, rules: Rules, bias: Master | None) -> str:
    """What a person chose, and how it differs from what would fit."""
    text = f"{master.name}: chosen by a person"
    if comparison.differences:
        text += f", though {words.listed([one.words for one in comparison.differences])}"
    if bias is not None:
        text += f"; scaled with {bias.name}"
    if facts := _facts(need, master, comparison, rules):
        text += f"; {facts}"
    return text


def unusable(need: Need, master: Master | None) -> str:
    """Why a master cannot be used at all, whoever chose it; empty where it can."""
    if master is None:
        return "the master that a person chose is not in the library any more"
    kind = words.TYPES[need.master_type]
    if master.master_type is not need.master_type:
        return f"{master.name}, chosen by a person, is no master {kind}"
    if master.refused is not None:
        return f"{master.name}, chosen by a person, {REFUSED}: {_inside(master.refused)}"
    ours, theirs = need.properties, master.properties
    one, other = (ours.width_px, ours.height_px), (theirs.width_px, theirs.height_px)
    if None not in one and None not in other and one != other:
        size = f"{other[0]}x{other[1]} pixels instead of {one[0]}x{one[1]}"
        return f"{master.name}, chosen by a person, cannot be used: {size}"
    return ""


def chosen_missing(why_not: str, instead: Answer) -> str:
    """Why the master that a person chose is not taken, and what is without it."""
    if isinstance(instead, Matched):
        return f"{why_not}; once it is unassigned, {instead.master.name} is taken"
    return f"{why_not}; without it: {instead.reason}"


def missing(
    need: Need,
    rules: Rules,
    nearest: Master | None,
    comparison: Comparison | None,
    refused: Master | None = None,
    train_changes: Sequence[date] = (),
) -> str:
    """Why no master fits, and what to do."""
    if unknown := _unanswerable(need):
        return f"{unknown}, so that no {words.TYPES[need.master_type]} can be found"
    capture = to_capture(need, rules.min_frames, rules.flat_nights, train_changes).sentence
    if refused is None:
        return f"{_nearest(need, rules, nearest, comparison)}; {capture}"
    fits = f"{refused.name} fits, but {REFUSED}: {_inside(refused.refused or '')}"
    return f"{fits}; {_nearest(need, rules, nearest, comparison, 'other ')}; {capture}"


def unscaled(need: Need, rules: Rules, dark: Master, bias: Need) -> str:
    """That a dark could be scaled, were there a bias, and what to do."""
    lengths = f"{dark.name} of {_length(dark.properties)} could be scaled to {_length(need.properties)}"
    darks = to_capture(need, rules.min_frames).sentence
    biases = to_capture(bias, rules.min_frames).sentence.removeprefix("capture ")
    return f"{lengths}, but no bias fits; {darks}, or {biases}"


def _nearest(need: Need, rules: Rules, nearest: Master | None, comparison: Comparison | None, other: str = "") -> str:
    """What there is instead of a master that fits."""
    kind = words.TYPES[need.master_type]
    if nearest is None or comparison is None:
        return f"no {other}master {kind} is in the library"
    ours, theirs = need.properties, nearest.properties
    if ours.camera and theirs.camera and any(one.name == "camera" for one in comparison.differences):
        return f"no {other}master {kind} of {ours.camera} is in the library"
    return f"nearest {kind}: {differing(need, nearest, comparison, rules)}"


def differing(need: Need, master: Master, comparison: Comparison, rules: Rules) -> str:
    """A master that does not fit, and in what: ``300 s, gain 100, -5 C: 5.0 C off``."""
    facts = words.described(master.properties, [name for name in counting(need.master_type, rules) if name != "offset"])
    return f"{', '.join(facts) or master.name}: {words.listed([one.words for one in comparison.differences])}"


def not_fitting(need: Need, master: Master, comparison: Comparison, rules: Rules) -> str:
    """One master that is not taken, and why: its name, what it is, and what differs or why it is refused."""
    if master.refused is not None:
        return f"{master.name}: {REFUSED}: {_inside(master.refused)}"
    facts = words.described(master.properties, counting(need.master_type, rules))
    text = f"{master.name}: {words.listed([one.words for one in comparison.differences])}"
    return f"{text} ({', '.join(facts)})" if facts else text


def _facts(need: Need, master: Master, comparison: Comparison, rules: Rules, skip: str = "") -> str:
    """What is equal, and what nobody can tell."""
    open_names = {skip, *(one.name for one in comparison.unknown), *(one.name for one in comparison.differences)}
    names = [name for name in counting(need.master_type, rules) if name not in open_names]
    facts = [text for name in names for text in [_equal(need, master, name)] if text]
    same = _same(need, master, names)
    text = ", ".join([*([same] if same else []), *facts])
    return "; ".join([part for part in (text, *_open(comparison)) if part])


def _same(need: Need, master: Master, names: Sequence[Property]) -> str:
    """``same telescope and camera``; the size where no camera says it."""
    ours, theirs = need.properties, master.properties
    same = [
        name
        for name in ("telescope", "camera")
        if name in names and getattr(ours, name) is not None and getattr(theirs, name) is not None
    ]
    text = f"same {words.listed(same)}" if same else ""
    if "camera" in same and ours.camera and theirs.camera and same_camera(ours.camera, theirs.camera) == 1:
        text += f" ({theirs.camera})"
    if "camera" not in same and theirs.width_px is not None:
        text += f"{', ' if text else ''}same size of {theirs.width_px}x{theirs.height_px} pixels"
    return text


def _equal(need: Need, master: Master, name: Property) -> str:
    """One property of a master that fits, as it is there."""
    ours, theirs = need.properties, master.properties
    found = words.described(theirs, [name])
    if not found:
        return "no filter" if name == "filter" and need.master_type is FrameType.MASTER_FLAT else ""
    text = found[0]
    if name in ("set_temp_c", "sensor_temp_c"):
        one, other = temperature(ours), temperature(theirs)
        if name == "sensor_temp_c":
            one, other = ours.sensor_temp_c, theirs.sensor_temp_c
        off = abs(one - other) if one is not None and other is not None else 0.0
        return f"{text} ({off:.1f} C off)" if off >= 0.05 else text
    if name == "night" and ours.night is not None and theirs.night is not None:
        apart = words.apart(theirs.night, ours.night)
        return apart if ours.night == theirs.night else f"{text}, {apart}"
    return text


def _open(comparison: Comparison) -> list[str]:
    """Which properties only one side knows."""
    of_master = [words.NAMES[one.name] for one in comparison.unknown if one.of_master]
    of_lights = [words.NAMES[one.name] for one in comparison.unknown if not one.of_master]
    found = []
    if of_master:
        found.append(f"its {words.listed(of_master)} {'is' if len(of_master) == 1 else 'are'} not known")
    if of_lights:
        found.append(f"the lights do not state their {words.listed(of_lights)}")
    return found


def _choice(need: Need, master: Master, others: Sequence[Master]) -> str:
    """Why this one of several."""
    if not others:
        return ""
    total = len(others) + 1
    if need.master_type is FrameType.MASTER_FLAT:
        mine = _nights_apart(need, master)
        theirs = [_nights_apart(need, other) for other in others]
        if nearer := sum(apart < mine for apart in theirs):
            return f"; preferred to {_ones(nearer, 'nearer')}"
        if (alike := theirs.count(mine)) < len(others):
            newest = f", the newest of {alike + 1} of it" if alike else ""
            return f"; the nearest night of {total} flats{newest}"
    if newer := sum(other.made_at > master.made_at for other in others):
        return f"; preferred to {_ones(newer, 'newer')}"
    return f"; the newest of {total}"


def _ones(count: int, which: str) -> str:
    return f"a {which} one that states less" if count == 1 else f"{count} {which} ones that state less"


def _nights_apart(need: Need, master: Master) -> float:
    ours, theirs = need.properties.night, master.properties.night
    return math.inf if ours is None or theirs is None else abs((ours - theirs).days)


def _unanswerable(need: Need) -> str:
    """What is not known of the lights without which nothing can fit."""
    ours = need.properties
    if ours.camera is None and (ours.width_px is None or ours.height_px is None):
        return "neither camera nor size of the lights is known"
    if need.master_type in (FrameType.MASTER_DARK, FrameType.MASTER_DARKFLAT) and ours.exposure_s is None:
        return "the exposure of the lights is not known"
    return ""


def _length(properties: Properties) -> str:
    return "" if properties.exposure_s is None else words.seconds(properties.exposure_s)


def _inside(sentence: str) -> str:
    """A sentence inside another one."""
    return sentence.rstrip(". ")
