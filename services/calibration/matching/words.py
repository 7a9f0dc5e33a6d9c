"""Properties as sentences say them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from services.calibration.properties import Properties
from services.calibration.settings import Property
from shared.equipment.filters import canonical_filter
from shared.events.frame import FrameType
from shared.quantities import counted

ORDER: tuple[Property, ...] = (
    "telescope", "camera", "size", "filter", "exposure_s", "night", "gain", "offset", "set_temp_c", "sensor_temp_c",
    "readout_mode", "x_binning", "rotator_angle_deg",
)  # fmt: skip
"""The order in which sentences name properties."""
NAMES: dict[str, str] = {
    "telescope": "telescope", "camera": "camera", "size": "size", "filter": "filter", "exposure_s": "exposure",
    "night": "night", "gain": "gain", "offset": "offset", "set_temp_c": "temperature",
    "sensor_temp_c": "sensor temperature", "readout_mode": "readout mode", "x_binning": "binning",
    "rotator_angle_deg": "rotator angle",
}  # fmt: skip
TYPES: dict[FrameType, str] = {
    FrameType.MASTER_DARK: "dark",
    FrameType.MASTER_FLAT: "flat",
    FrameType.MASTER_BIAS: "bias",
    FrameType.MASTER_DARKFLAT: "dark-flat",
}
"""Types of masters in sentences."""
_PLURALS = {"bias": "bias frames"}


def number(value: float) -> str:
    """A setting without needless decimals: ``100``, ``27.5``."""
    return f"{round(value, 3) + 0.0:.10g}"


def seconds(value: float) -> str:
    """An exposure: ``300 s``, ``0.001 s``; what programs write too exactly is rounded."""
    return f"{round(value, 2):.10g} s" if value >= 1 else f"{value:.3g} s"


def celsius(value: float) -> str:
    """A temperature: ``-10 C``, ``-9.8 C``."""
    return f"{round(value, 1) + 0.0:g} C"


def degrees(value: float) -> str:
    """An angle: ``88.5 deg``."""
    return f"{round(value, 1) + 0.0:g} deg"


def nights(count: int) -> str:
    """A number of nights: ``1 night``, ``12 nights``."""
    return counted(count, "night")


def frames(count: int, master_type: FrameType) -> str:
    """A number of raw frames: ``20 darks``, ``50 bias frames``."""
    kind = TYPES[master_type]
    return f"{count} {_PLURALS.get(kind, f'{kind}s')}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """``gain``, ``gain and offset``, ``gain, offset and filter``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def described(properties: Properties, names: Iterable[Property]) -> list[str]:
    """What is known of the properties that count, without telescope and camera: ``300 s``, ``gain 100``, ``-10 C``."""
    found = [_FACTS[name](properties) for name in names if name in _FACTS]
    return list(dict.fromkeys([text for text in found if text]))


def whose(properties: Properties, names: Iterable[Property]) -> list[str]:
    """Telescope and camera by their names, else the size: what a person looks for first."""
    wanted = tuple(names)
    telescope = properties.telescope if "telescope" in wanted else None
    found = [name for name in (telescope, properties.camera) if name]
    if properties.camera is None and properties.width_px is not None and properties.height_px is not None:
        found.append(f"{properties.width_px}x{properties.height_px} pixels")
    return found


def apart(master: date, lights: date) -> str:
    """Where the night of a master lies, as seen from the lights: ``3 nights before the lights``."""
    days = (lights - master).days
    return f"{nights(abs(days))} {'before' if days > 0 else 'after'} the lights" if days else "the same night"


def _temperature(properties: Properties) -> str:
    return _sensor(properties) if properties.set_temp_c is None else celsius(properties.set_temp_c)


def _sensor(properties: Properties) -> str:
    return "" if properties.sensor_temp_c is None else f"sensor at {celsius(properties.sensor_temp_c)}"


def _mode(properties: Properties) -> str:
    return "" if properties.readout_mode is None else f"readout mode {properties.readout_mode.strip()}"


def _angle(properties: Properties) -> str:
    return "" if properties.rotator_angle_deg is None else f"rotator at {degrees(properties.rotator_angle_deg)}"


_FACTS: dict[Property, Callable[[Properties], str]] = {
    "exposure_s": lambda known: "" if known.exposure_s is None else seconds(known.exposure_s),
    "gain": lambda known: "" if known.gain is None else f"gain {number(known.gain)}",
    "offset": lambda known: "" if known.offset is None else f"offset {number(known.offset)}",
    "set_temp_c": _temperature,
    "sensor_temp_c": _sensor,
    "filter": lambda known: canonical_filter(known.filter) or "",
    "night": lambda known: "" if known.night is None else f"night {known.night}",
    "readout_mode": _mode,
    "x_binning": lambda known: f"binning {known.x_binning}" if (known.x_binning or 1) > 1 else "",
    "rotator_angle_deg": _angle,
}
