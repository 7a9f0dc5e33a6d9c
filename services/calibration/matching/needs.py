"""Which masters a group of lights needs: one need a type, of the properties that count for it."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from services.calibration.matching.model import Need
from services.calibration.matching.rules import IDENTITY, KINDS, WITHOUT_EXPOSURE, Rules
from services.calibration.properties import Properties
from services.calibration.settings import Property
from shared.events.frame import FrameType

_FIELDS: dict[str, tuple[str, ...]] = {
    "size": ("width_px", "height_px"),
    "telescope": ("telescope", "rig"),  # the rig's name has the focal ratio
}
_WORDS: dict[str, str] = {
    FrameType.MASTER_DARK: "dark",
    FrameType.MASTER_FLAT: "flat",
    FrameType.MASTER_BIAS: "bias",
    FrameType.MASTER_DARKFLAT: "darkflat",
}
_NAMES = frozenset({"camera", "telescope", "filter", "readout_mode"})


def as_group(lights: Properties) -> Properties:
    """Properties by which lights are put into groups: without the small differences that matching does not see.

    Measured temperatures count in whole degrees, set ones and angles in tenths.
    """
    measured = lights.sensor_temp_c
    angle = lights.rotator_angle_deg
    return lights._replace(
        exposure_s=None if lights.exposure_s is None else float(f"{lights.exposure_s:.6g}"),
        set_temp_c=None if lights.set_temp_c is None else round(lights.set_temp_c, 1) + 0.0,
        sensor_temp_c=None if measured is None else round(measured) + 0.0,
        rotator_angle_deg=None if angle is None else round(angle % 360.0, 1) % 360.0,
    )


def needs_of(lights: Properties, rules: Rules) -> tuple[Need, ...]:
    """The masters that a group of lights needs, in the order dark, flat, bias.

    Where darks are scaled, the dark's need holds what its bias must equal too: whether a bias is needed depends on the
    darks that there are, so that ``match`` finds both.
    """
    found: list[Need] = []
    group = as_group(lights)
    for master_type, kind in KINDS.items():
        if kind not in rules.requires:
            continue
        counting = rules.properties_for(master_type)
        if kind == "dark" and rules.scale_darks:
            counting = (*counting, *rules.bias)
        found.append(_need(master_type, group, counting))
    return tuple(found)


def need_of(master_type: FrameType, lights: Properties, counting: Iterable[Property]) -> Need:
    """The need for a master of one type, with the properties that count and no others."""
    return _need(master_type, as_group(lights), tuple(counting))


def _need(master_type: FrameType, group: Properties, counting: tuple[Property, ...]) -> Need:
    kept = _kept(master_type, counting, group.set_temp_c is None)
    return Need(
        master_type, Properties._make([value if keep else None for value, keep in zip(group, kept, strict=True)])
    )


@lru_cache(maxsize=256)
def _kept(master_type: FrameType, counting: tuple[Property, ...], is_measured: bool) -> tuple[bool, ...]:
    """Which properties a need keeps, in their order."""
    kept: set[str] = set()
    for name in (*IDENTITY, *counting):
        kept.update(_FIELDS.get(name, (name,)))
    if "set_temp_c" in kept and is_measured:
        kept.add("sensor_temp_c")  # what was measured stands for what was set
    if master_type not in WITHOUT_EXPOSURE:
        kept.add("exposure_s")
    return tuple(name in kept for name in Properties._fields)


def requirement_id(need: Need) -> str:
    """The need's name within its session: ``dark-1f3a9c02``, the type and the start of a SHA-256. Frozen.

    It follows from what counts alone, with names in plain letters and digits, and from no table that may grow. The rig
    is the session's and has no part in it.
    """
    parts = [need.master_type.value]
    for name, value in need.properties._asdict().items():
        if value is None or name == "rig":
            continue
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        parts.append(f"{name}={_plain(text) if name in _NAMES else text}")
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()
    return f"{_WORDS[need.master_type]}-{digest[:8]}"


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())
