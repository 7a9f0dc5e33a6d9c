"""What one rig's lights need, and in what a master must equal them: the settings, else what the device needs."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple, TypeVar

from services.calibration.settings import CalibrationSettings, MasterKind, Property, RigCalibration
from shared.equipment.cameras import CameraTable, without_serial
from shared.equipment.rigs import rig_key
from shared.events.frame import FrameType

KINDS: dict[FrameType, MasterKind] = {
    FrameType.MASTER_DARK: "dark",
    FrameType.MASTER_FLAT: "flat",
    FrameType.MASTER_BIAS: "bias",
}
"""The kinds that lights need; a master dark-flat is needed by flats alone."""
IDENTITY: tuple[Property, ...] = ("camera", "size")
"""They count for every type: pixels of another camera, or of another size, cannot be subtracted."""
WITHOUT_EXPOSURE = frozenset({FrameType.MASTER_FLAT, FrameType.MASTER_BIAS})
"""Types for which the exposure does not count; for all others it always does."""
_CALIBRATE_THEMSELVES = frozenset({"Unistellar", "Vaonis", "Celestron"})
"""Makers whose smart telescopes calibrate before they write, as Seestar does."""
_T = TypeVar("_T")
_OWN_KEYS = ("requires", "dark", "bias", "flat")


class Rules(NamedTuple):
    """How the lights of one rig are matched. Temperatures in degrees Celsius, angles in degrees."""

    requires: tuple[MasterKind, ...]
    dark: tuple[Property, ...]
    bias: tuple[Property, ...]
    flat: tuple[Property, ...]
    temperature_tolerance_c: float
    flat_nights: int
    rotator_tolerance_deg: float
    scale_darks: bool
    build_masters: bool
    min_frames: int
    origin: str
    """Where they come from, in words: of the settings, or of the device."""

    def properties_for(self, master_type: FrameType) -> tuple[Property, ...]:
        """The properties that count for masters of a type."""
        return {FrameType.MASTER_FLAT: self.flat, FrameType.MASTER_BIAS: self.bias}.get(master_type, self.dark)


def rules_of(
    rig: str | None, camera: str | None, settings: CalibrationSettings, rigs: Sequence[RigCalibration]
) -> Rules:
    """The rules of a rig: of the first row of the settings that fits, with what the device needs where it is silent.

    A rig that is not known goes by its camera's name.
    """
    device, known_as = _device(rig, camera)
    row = next((one for one in rigs if _fits(one.rig, rig or camera or "")), None)
    chosen = device if row is None else device.model_copy(update={key: getattr(row, key) for key in _stated(row)})
    of_rig = row or device
    return Rules(
        requires=chosen.requires,
        dark=chosen.dark,
        bias=chosen.bias,
        flat=chosen.flat,
        temperature_tolerance_c=_or(of_rig.temperature_tolerance_c, settings.temperature_tolerance_c),
        flat_nights=_or(of_rig.flat_nights, settings.flat_nights),
        rotator_tolerance_deg=settings.rotator_tolerance_deg,
        scale_darks=_or(of_rig.scale_darks, settings.scale_darks),
        build_masters=_or(of_rig.build_masters, settings.build_masters),
        min_frames=settings.min_frames,
        origin=known_as if row is None else f"[[calibration_rigs]] {row.rig}",
    )


@cache
def _defaults() -> dict[str, RigCalibration]:
    """What devices need where nobody says otherwise: cooled cameras, DWARF, and those that calibrate by themselves."""
    return {
        "": RigCalibration(rig="*"),
        "complete": RigCalibration(rig="*", requires=()),
        "DWARF": RigCalibration(
            rig="*",
            dark=("camera", "exposure_s", "gain"),
            bias=("camera", "gain"),
            flat=("night", "telescope", "filter", "camera", "gain"),
        ),
    }


@lru_cache(maxsize=256)
def _device(rig: str | None, camera: str | None) -> tuple[RigCalibration, str]:
    """The row of the device that a rig or a camera names, and what to call it."""
    for name in (rig, camera):
        row = _cameras().named(without_serial(name.removesuffix(" WIDE"))).row if name else None
        if row is None or not row.is_smart:
            continue
        if row.brand == "DwarfLab":
            return _defaults()["DWARF"], "what a DWARF needs"
        if row.brand in _CALIBRATE_THEMSELVES or row.name.startswith("Seestar"):
            return _defaults()["complete"], f"{row.name} calibrates by itself"
    return _defaults()[""], "the defaults"


@cache
def _cameras() -> CameraTable:
    return CameraTable()


def _stated(row: RigCalibration) -> tuple[str, ...]:
    """The keys of its own that a row of the settings states."""
    return tuple(key for key in _OWN_KEYS if key in row.model_fields_set)


@lru_cache(maxsize=1024)
def _fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern with ``*`` and ``?``, whatever its case and blanks."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in rig_key(pattern))
    return bool(name) and re.fullmatch("".join(parts), rig_key(name)) is not None


def _or(own: _T | None, common: _T) -> _T:
    return common if own is None else own
