"""Where every value of a frame came from, in words: the second look behind ``nightbus inspect --explain``.

The file is read once more with a `Trace`, so that the usual path pays nothing and the explanation is made by the very
code that made the value.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

from shared.equipment.setup import Equipment
from shared.frames.dialects import RULES
from shared.frames.namepatterns import NamePattern
from shared.frames.ninafiles import FILE_NAMES
from shared.frames.read import FrameFacts, read_frame
from shared.frames.trace import Origins, Trace

Origin = Literal[
    "header", "file name", "folder", "side file", "dialect rule", "equipment table", "computed", "file", "time zone"
]


class Explanation(NamedTuple):
    """The origin of one value; ``detail`` names the keyword, the pattern, the rule, the row or the other values."""

    origin: Origin
    detail: str


_INPUTS: dict[str, tuple[str, ...]] = {
    "filter": ("filter_raw",),
    "rig": ("telescope", "focal_ratio", "camera"),
    "pixel_scale_arcsec": ("pixel_size_um", "focal_length_mm"),
    "night": ("observed_at", "site_longitude_deg"),
    "total_exposure_s": ("exposure_s", "stack_count"),
    "stack_count": ("total_exposure_s", "exposure_s"),
    "panel": ("object_name",),
}
"""Facts that follow from other facts where nothing states them."""

_PATH_FACT_OF: dict[str, tuple[str, ...]] = {
    "observed_at": ("local_time", "utc_time"),
    "night": ("night", "local_time"),
    "filter_raw": ("filter",),
}


def explain_frame(
    path: Path,
    *,
    relative_path: str | None = None,
    source_zone: str | None = None,
    name_patterns: tuple[NamePattern, ...] = (),
    equipment: Equipment | None = None,
) -> dict[str, Explanation]:
    """The origin of every known value of a frame, by its name in FrameMetadata; ``reported.<name>`` for reported ones.

    Arguments and errors are those of `read_frame`.
    """
    trace = Trace()
    facts = read_frame(
        path,
        relative_path=relative_path,
        source_zone=source_zone,
        name_patterns=name_patterns,
        equipment=equipment,
        trace=trace,
    )
    return explain(facts, trace, source_zone)


def explain(facts: FrameFacts, trace: Trace, source_zone: str | None) -> dict[str, Explanation]:
    """Put a trace into words: one explanation for each value that is known."""
    known: dict[str, Any] = {name: value for name, value in facts.metadata if value is not None}
    known |= {f"reported.{name}": value for name, value in facts.reported if value is not None}
    return {name: _of(name, known, facts, trace, source_zone) for name in known}


def _of(name: str, known: dict[str, Any], facts: FrameFacts, trace: Trace, source_zone: str | None) -> Explanation:
    origins = trace.facts.get(name, Origins())
    if name in ("width_px", "height_px"):
        return Explanation("file", "the size of the image")
    if name in trace.filled:
        return Explanation("equipment table", trace.filled[name])
    if name == "rig":
        return _rig(known, origins, trace)
    if origins.keywords:
        return _by_header(origins, trace)
    if origins.path_facts or (trace.dialect is None and _path_part(name, known, trace) is not None):
        return _by_path(name, origins, trace)
    if trace.dialect is None and name not in _INPUTS:
        kind = f"the kind of file, {facts.format.value}"
        return Explanation("file", kind if name == "frame_type" else f"the {facts.format.value} header")
    inputs = [given for given in _INPUTS.get(name, ()) if given in known and given != name]
    if inputs:
        zone = name == "night" and "site_longitude_deg" not in known and source_zone
        return Explanation("computed", "from " + " and ".join(inputs) + (f" in {source_zone}" if zone else ""))
    if trace.dialect is not None:
        rules = "; ".join(_rule(rule, trace) for rule in origins.rules) or "a frame that looks like one"
        return Explanation("dialect rule", f"{trace.dialect.name}: {rules}")
    return Explanation("file", f"the {facts.format.value} header")


def _rig(known: dict[str, Any], origins: Origins, trace: Trace) -> Explanation:
    if "smart_telescope" in origins.rules:
        inputs = "telescope" if "telescope" in known else "camera"
        return Explanation("computed", f"from {inputs} ({_rule('smart_telescope', trace)})")
    return Explanation("computed", "from " + " and ".join(given for given in _INPUTS["rig"] if given in known))


def _by_header(origins: Origins, trace: Trace) -> Explanation:
    words = ", ".join(origins.keywords)
    rules = [
        _rule(rule, trace)
        for rule in origins.rules
        if rule not in ("untyped", "cube_is_stack", "processes", "smart_telescope")
    ]
    if rules and trace.dialect is not None:
        words += f" ({trace.dialect.name}: {'; '.join(rules)})"
    several = len(origins.keywords) > 1
    return Explanation("computed" if several else "header", f"from {words}" if several else words)


def _by_path(name: str, origins: Origins, trace: Trace) -> Explanation:
    own = name.removeprefix("reported.")
    asked = (own, *origins.path_facts, *_PATH_FACT_OF.get(name, ()))
    pattern = trace.name_facts.get("program")
    for fact in asked:
        if fact in trace.name_facts and fact != "program":
            return Explanation("file name", f"the pattern of {pattern}" if pattern else f"{fact} in the name")
        if fact in trace.folder_facts and fact != "program":
            return Explanation("folder", f"{fact} in the folders' names")
    if trace.side_row:
        return Explanation("side file", FILE_NAMES[0].removesuffix(".csv"))
    return Explanation("file name", f"the pattern of {pattern}" if pattern else "the name")


def _path_part(name: str, known: dict[str, Any], trace: Trace) -> str | None:
    """The first path fact behind a field of a file without a header; a preview's type is not its name's."""
    if name == "frame_type" and known[name] is not (trace.folder_facts | trace.name_facts).get(name):
        return None
    for fact in (name.removeprefix("reported."), *_PATH_FACT_OF.get(name, ())):
        if fact in trace.name_facts or fact in trace.folder_facts:
            return fact
    return None


def _rule(rule: str, trace: Trace) -> str:
    return RULES[rule].format(getattr(trace.dialect, rule))
