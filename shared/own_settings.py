"""Sections of nightbus.toml for what the user owns: rigs, cameras, telescopes."""

from typing import Literal

from pydantic import Field

from shared.section import Section


class RigSettings(Section):
    """One rig of yours, and how its frames are recognised; what is left out is not asked."""

    name: str = Field(min_length=1, max_length=200, description="the rig's name in all lists")
    aliases: tuple[str, ...] = Field(default=(), description="other and older names of the rig, which it replaces")
    camera: str | None = Field(default=None, description="camera, as INSTRUME says")
    width_px: int | None = Field(default=None, gt=0, description="width of its unbinned frames")
    height_px: int | None = Field(default=None, gt=0, description="height of its unbinned frames")
    focal_length_mm: float | None = Field(default=None, gt=0, description="focal length with reducer or extender")
    focal_length_tolerance: float = Field(
        default=0.03, ge=0, le=0.5, description="how far FOCALLEN may be away, as a share of the focal length"
    )
    telescope: str | None = Field(default=None, description="telescope, for headers that name the mount instead")
    focal_ratio: float | None = Field(default=None, gt=0, lt=1000, description="focal ratio, such as 4.9")
    filters: dict[str, str] = Field(
        default_factory=dict, description='filter as written = its name, such as "Position 3" = "Ha"; "" is no filter'
    )


class CameraSettings(Section):
    """One camera of yours that the built-in table lacks or has wrong; it fills what headers leave out."""

    name: str = Field(min_length=1, max_length=200, description="the camera's name in all lists")
    aliases: tuple[str, ...] = Field(default=(), description="other names, as INSTRUME says")
    brand: str = Field(default="", description="maker")
    sensor: str = Field(default="", description="sensor, such as IMX571")
    pixel_size_um: float | None = Field(default=None, gt=0, lt=1000, description="of one unbinned pixel, micrometres")
    width_px: int | None = Field(default=None, gt=0, description="width of its unbinned frames")
    height_px: int | None = Field(default=None, gt=0, description="height of its unbinned frames")
    colour: Literal["mono", "colour"] | None = Field(default=None, description="whether it has a Bayer matrix")
    bayer_pattern: Literal["RGGB", "BGGR", "GRBG", "GBRG"] | None = Field(
        default=None, description="of the first rows as stored"
    )


class TelescopeSettings(Section):
    """One telescope of yours that the built-in table lacks or has wrong; it fills what headers leave out."""

    name: str = Field(min_length=1, max_length=200, description="the telescope's name, as TELESCOP says")
    aliases: tuple[str, ...] = Field(default=(), description="other names, as TELESCOP says")
    brand: str = Field(default="", description="maker")
    kind: str = Field(default="", description="such as refractor, newtonian, sct, rc, rasa, lens, smart")
    aperture_mm: float | None = Field(default=None, gt=0, description="clear aperture")
    focal_length_mm: float | None = Field(default=None, gt=0, description="focal length without reducer or extender")
