"""The KEY_VALUE parts of a path: ``FILTER_UVIR_EXP_120.00_SETTEMP_-10.00_PANEL_2``, ``GAIN-100``.

Only keys that are known here are taken, since underscores are common in objects' names. An empty value is allowed
(``HFR__RMSAC_0.00``) and says nothing.
"""

import re
from datetime import date
from typing import TypedDict

from shared.events.frame import FrameType
from shared.frames.frametypes import frame_type_of
from shared.frames.values import calendar_day


class KeyValues(TypedDict, total=False):
    """The facts that keys can carry, named as in PathFacts."""

    frame_type: FrameType
    filter: str
    exposure_s: float
    set_temp_c: float
    sensor_temp_c: float
    gain: float
    offset: float
    x_binning: int
    readout_mode: str
    panel: str
    object_name: str
    camera: str
    telescope: str
    rotator_angle_deg: float
    stack_count: int
    night: date
    hfr_px: float
    star_count: int
    rms_arcsec: float


KEYS = {
    "FILTER": "filter",
    "EXP": "exposure_s",
    "EXPTIME": "exposure_s",
    "EXPOSURE": "exposure_s",
    "EXPOSURESECONDS": "exposure_s",
    "SETTEMP": "set_temp_c",
    "SET-TEMP": "set_temp_c",
    "TEMP": "sensor_temp_c",
    "SENSORTEMP": "sensor_temp_c",
    "GAIN": "gain",
    "OFFSET": "offset",
    "BIN": "x_binning",
    "BINNING": "x_binning",
    "READOUTM": "readout_mode",
    "READOUTMODE": "readout_mode",
    "PANEL": "panel",
    "TARGET": "object_name",
    "OBJECT": "object_name",
    "ANGLE": "rotator_angle_deg",
    "ROTATION": "rotator_angle_deg",
    "COUNT": "stack_count",
    "DATE": "night",
    "NIGHT": "night",
    "TYPE": "frame_type",
    "HFR": "hfr_px",
    "STARS": "star_count",
    "STARCOUNT": "star_count",
    "RMSAC": "rms_arcsec",
    "RMSARCSEC": "rms_arcsec",
}
_DASHED = re.compile(
    r"(?:-?\d+\.\d+-)?([A-Z]+)-(-?[A-Z0-9.]+|(?<=FILTER-).+|(?<=NIGHT-).+|(?<=DATE-).+)", re.IGNORECASE
)
_NUMBER = re.compile(r"(-?\d{1,9}(?:\.\d{1,9})?)(?:s|C|px)?", re.IGNORECASE)
_TEXT_FACTS = frozenset({"filter", "readout_mode", "panel", "object_name"})
_POSITIVE_FACTS = frozenset({"exposure_s", "hfr_px", "star_count", "rms_arcsec", "x_binning", "stack_count"})
_WHOLE_FACTS = frozenset({"star_count", "x_binning", "stack_count"})


def key_values(component: str) -> KeyValues:
    """The facts in one path component; the last of a repeated key wins."""
    tokens = component.split("_")
    found: dict[str, object] = {}
    index = 0
    while index < len(tokens):
        token = tokens[index]
        fact = KEYS.get(token.upper())
        if fact is not None and index + 1 < len(tokens):
            _take(found, fact, tokens[index + 1])
            index += 2
            continue
        dashed = _DASHED.fullmatch(token)
        if fact is None and dashed is not None and dashed[1].upper() in KEYS:
            _take(found, KEYS[dashed[1].upper()], dashed[2])
        index += 1
    return found  # type: ignore[return-value]


def _take(found: dict[str, object], fact: str, value: str) -> None:
    if fact == "night":
        answer: object = calendar_day(value)
    elif fact == "frame_type":
        answer = frame_type_of(value)
    elif fact in _TEXT_FACTS:
        answer = value.strip() or None
    else:
        match = _NUMBER.fullmatch(value)
        measured = float(match[1]) if match else None
        if measured is not None and measured < 0 and fact in _POSITIVE_FACTS:
            measured = None
        answer = int(measured) if measured is not None and fact in _WHOLE_FACTS else measured
        if fact in ("x_binning", "star_count", "hfr_px", "stack_count") and answer == 0:
            answer = None
    if answer is not None:
        found[fact] = answer
