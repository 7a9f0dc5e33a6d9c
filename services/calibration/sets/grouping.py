"""Which raw calibration frames belong together: those that are equal in all that matters for their type."""

from services.calibration.properties import Properties
from shared.events.frame import FrameType

RAW_TYPES = (FrameType.BIAS, FrameType.DARK, FrameType.DARKFLAT, FrameType.FLAT)
MASTER_OF = {
    FrameType.BIAS: FrameType.MASTER_BIAS,
    FrameType.DARK: FrameType.MASTER_DARK,
    FrameType.DARKFLAT: FrameType.MASTER_DARKFLAT,
    FrameType.FLAT: FrameType.MASTER_FLAT,
}
"""The master that a set of raw frames becomes."""

_SENSOR = ("camera", "gain", "offset", "set_temp_c", "x_binning", "readout_mode", "width_px", "height_px")
_FLAT = ("telescope", "rig", "filter", "night", "rotator_angle_deg")
_SIGNIFICANT = 4


def set_properties(frame_type: FrameType, frame: Properties) -> Properties | None:
    """What the frames of a set have in common; None where neither camera nor size is known, so that none can be told.

    Exposures count by four significant digits, temperatures by half degrees, rotator angles by whole ones. Without a
    set temperature the sensor follows the weather: such darks and biases belong together by night only.
    """
    if frame.camera is None and (frame.width_px is None or frame.height_px is None):
        return None
    names = set(_SENSOR)
    if frame_type is not FrameType.BIAS:
        names.add("exposure_s")
    if frame_type is FrameType.FLAT:
        names.update(_FLAT)
        names.discard("exposure_s")  # flats of a changing sky have many
    elif frame.set_temp_c is None:
        names.add("night")
    kept = {name: getattr(frame, name) for name in names}
    if (exposure := kept.get("exposure_s")) is not None:
        kept["exposure_s"] = float(f"{exposure:.{_SIGNIFICANT}g}")
    if (temperature := kept.get("set_temp_c")) is not None:
        kept["set_temp_c"] = round(temperature * 2) / 2 + 0.0
    if (angle := kept.get("rotator_angle_deg")) is not None:
        kept["rotator_angle_deg"] = float(round(angle) % 360)
    return Properties(**kept)


def set_key(frame_type: FrameType, common: Properties) -> str:
    """The same text for the same set, whatever the order in which its frames came."""
    known = (f"{name}={value!s}" for name, value in zip(Properties._fields, common, strict=True) if value is not None)
    return "|".join((frame_type.value, *known))
