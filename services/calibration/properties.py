"""The properties by which calibration frames and lights are compared."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from shared.events.frame import FrameMetadata


class Properties(NamedTuple):
    """What is known of a frame or of a group of lights; None where it is not known."""

    camera: str | None = None
    telescope: str | None = None
    rig: str | None = None
    exposure_s: float | None = None
    gain: float | None = None
    offset: float | None = None
    set_temp_c: float | None = None
    sensor_temp_c: float | None = None
    filter: str | None = None
    x_binning: int | None = None
    readout_mode: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    night: date | None = None
    rotator_angle_deg: float | None = None


def properties_of(frame: FrameMetadata) -> Properties:
    """The properties that a scanned file states."""
    return Properties(*(getattr(frame, name) for name in Properties._fields))


def to_json(properties: Properties) -> str:
    """What is known, by name, as JSON; the same properties give the same text."""
    known = {name: value for name, value in properties._asdict().items() if value is not None}
    return json.dumps(known, default=date.isoformat, sort_keys=True)


def from_json(*layers: str) -> Properties:
    """Properties out of JSON; of several layers the last that knows a property counts.

    Raises:
        TypeError: a layer names something that is no property.
    """
    known: dict[str, Any] = {}
    for layer in layers:
        named: Mapping[str, Any] = json.loads(layer)
        known |= named
    if isinstance(known.get("night"), str):
        known["night"] = date.fromisoformat(known["night"])
    return Properties(**known)
