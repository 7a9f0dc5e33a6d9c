"""The properties by which calibration frames and lights are compared."""

from datetime import date
from typing import NamedTuple

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
