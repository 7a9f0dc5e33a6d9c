"""Settings of calibration: the section [calibration], and [[calibration_rigs]] for single rigs."""

from typing import Literal

from pydantic import Field

from shared.settings import Settings
from shared.settings.section import Section

Property = Literal[
    "camera", "telescope", "exposure_s", "gain", "offset", "set_temp_c", "sensor_temp_c", "filter", "x_binning",
    "readout_mode", "size", "night", "rotator_angle_deg",
]  # fmt: skip
"""What a rig may require to be equal, within the tolerances; size: width and height."""
MasterKind = Literal["dark", "flat", "bias"]


class CalibrationSettings(Section):
    """The service that pairs lights with masters."""

    match_interval_s: float = Field(
        default=10.0, gt=0, le=3600, description="seconds between looks for lights and masters that are new"
    )
    temperature_tolerance_c: float = Field(
        default=2.0, ge=0, le=50, description="how far the temperature of a dark may be off, degrees Celsius"
    )
    flat_nights: int = Field(
        default=30,
        ge=0,
        le=3660,
        description="nights that a flat may be away from its lights; the nearest is taken",
    )
    rotator_tolerance_deg: float = Field(
        default=1.0, ge=0, le=180, description="how far the rotator may have turned between flat and lights, degrees"
    )
    scale_darks: bool = Field(
        default=False, description="scale a longer dark with a bias where no dark of the exposure is there"
    )
    build_masters: bool = Field(
        default=False, description="build masters of raw sets where one is missing; a rig may say otherwise"
    )
    min_frames: int = Field(default=10, ge=3, le=1000, description="frames that a set needs before a master is built")
    file_masters: bool = Field(
        default=True, description="move masters that come into the library to their folders, under names that say all"
    )
    bias_folder: str = Field(default="_Bias Library", description="folder of the library that master biases go to")
    dark_folder: str = Field(default="_Dark Library", description="the same of master darks")
    flat_folder: str = Field(default="_Flat Stash", description="the same of master flats and master dark-flats")
    distribute: Literal["no", "copy", "reflink", "symlink", "hardlink"] = Field(
        default="no", description="place masters beside the lights of each night, and how"
    )
    dark_lifetime_days: int = Field(
        default=365, ge=1, le=36_600, description="age from which a master dark or bias is listed as past its lifetime"
    )


class RigCalibration(Section):
    """How one rig, or several, are calibrated; the first whose pattern fits counts, else what devices need."""

    rig: str = Field(description="name of the rig, `*` and `?` allowed, such as `C8E@f7.0+ATR585M` or `DWARF*`")
    requires: tuple[MasterKind, ...] = Field(
        default=("dark", "flat"), description="masters that its lights need; none: they are complete as they are"
    )
    dark: tuple[Property, ...] = Field(
        default=("camera", "exposure_s", "gain", "offset", "set_temp_c", "readout_mode", "x_binning", "size"),
        description="properties in which a dark must equal the lights",
    )
    bias: tuple[Property, ...] = Field(
        default=("camera", "gain", "offset", "set_temp_c", "readout_mode", "x_binning", "size"),
        description="properties in which a bias must equal the lights",
    )
    flat: tuple[Property, ...] = Field(
        default=(
            "night", "telescope", "filter", "camera", "gain", "offset", "x_binning", "size", "rotator_angle_deg",
        ),
        description="properties in which a flat must equal the lights; night: within flat_nights",
    )  # fmt: skip
    temperature_tolerance_c: float | None = Field(
        default=None, ge=0, le=50, description="of this rig; unset: that of [calibration]"
    )
    flat_nights: int | None = Field(
        default=None, ge=0, le=3660, description="of this rig; unset: that of [calibration]"
    )
    scale_darks: bool | None = Field(default=None, description="of this rig; unset: that of [calibration]")
    build_masters: bool | None = Field(default=None, description="of this rig; unset: that of [calibration]")


class DarkLibrarySettings(Section):
    """Master darks that you want to have of a camera; `calibration plan` compares them with those that there are."""

    camera: str = Field(min_length=1, max_length=255, description="name of the camera, as headers have it")
    exposures_s: tuple[float, ...] = Field(
        min_length=1,
        max_length=100,
        description="exposures, seconds; each with every gain and temperature",
    )
    gains: tuple[float, ...] = Field(default=(), max_length=100, description="gains; none: whatever the gain")
    set_temps_c: tuple[float, ...] = Field(
        default=(), max_length=100, description="set temperatures, degrees Celsius; none: whatever the temperature"
    )
    offset: float | None = Field(default=None, description="offset; unset: whatever the offset")
    x_binning: int | None = Field(default=None, ge=1, le=16, description="binning; unset: whatever the binning")


class CalibrationKeys(Settings):
    """What calibration adds to the settings beside its own section."""

    calibration_rigs: tuple[RigCalibration, ...] = ()
    dark_libraries: tuple[DarkLibrarySettings, ...] = ()


SECTION = CalibrationSettings
KEYS = CalibrationKeys
