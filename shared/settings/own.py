"""Sections of nightbus.toml for what is the user's own: rigs, cameras, telescopes, targets.

They belong to no service: the scanner and the command line read them alike.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from shared.settings.section import Section


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


class TargetSettings(Section):
    """One target of yours: names for an object of the catalogue, or an object that it lacks."""

    id: str = Field(description="id of the object, such as M31 or MyField-7; letters, digits, + and -")
    names: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        default=(), description="what you call it, display name first; these names win"
    )
    ra_deg: float | None = Field(default=None, ge=0, lt=360, description="right ascension, J2000, degrees (not hours)")
    dec_deg: float | None = Field(default=None, ge=-90, le=90, description="declination, J2000, degrees")
    size_arcmin: float | None = Field(default=None, gt=0, le=10_800, description="larger diameter, arcminutes")

    @field_validator("id")
    @classmethod
    def _well_formed(cls, catalog_id: str) -> str:
        if re.fullmatch(r"[A-Za-z0-9+-]{1,64}", catalog_id) is None:
            raise ValueError(f"{catalog_id!r} is no target id: those have letters, digits, + and - only, such as M31")
        return catalog_id

    @model_validator(mode="after")
    def _both_coordinates(self) -> Self:
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError(f"the target {self.id} needs both ra_deg and dec_deg, or neither")
        return self
