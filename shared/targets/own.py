"""Targets of the user's own: names for objects of the catalogue, and objects that it lacks."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings.own import TargetSettings

CATALOG_ID = re.compile(r"[A-Za-z0-9+-]{1,64}")


@dataclass(frozen=True, slots=True)
class OwnTarget:
    """One target as a user describes it.

    ``catalog_id`` is the id of an object of the catalogue, which then gets the names (and the position and size, where
    given), or a new one. ``ra_deg`` and ``dec_deg`` are ICRS degrees, ``size_arcmin`` is the larger diameter.

    Raises:
        ValueError: when the id is not made of letters, digits, + and -, when one coordinate is without the other, or
            when a number is outside its range.
    """

    catalog_id: str
    names: tuple[str, ...] = ()
    ra_deg: float | None = None
    dec_deg: float | None = None
    size_arcmin: float | None = None

    def __post_init__(self) -> None:
        if CATALOG_ID.fullmatch(self.catalog_id) is None:
            raise ValueError(f"the target id {self.catalog_id!r} may have letters, digits, + and - only, such as M31")
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError(f"the target {self.catalog_id} needs both ra_deg and dec_deg, or neither")
        if self.ra_deg is not None and not 0.0 <= self.ra_deg < 360.0:
            raise ValueError(f"the target {self.catalog_id} has ra_deg {self.ra_deg}, which is not within 0 to 360")
        if self.dec_deg is not None and not -90.0 <= self.dec_deg <= 90.0:
            raise ValueError(f"the target {self.catalog_id} has dec_deg {self.dec_deg}, which is not within -90 to 90")
        if self.size_arcmin is not None and not (math.isfinite(self.size_arcmin) and self.size_arcmin > 0):
            raise ValueError(f"the target {self.catalog_id} has size_arcmin {self.size_arcmin}, which is no size")


def own_targets(described: "Iterable[TargetSettings]") -> tuple[OwnTarget, ...]:
    """The targets that the settings describe."""
    return tuple(
        OwnTarget(
            catalog_id=one.id, names=one.names, ra_deg=one.ra_deg, dec_deg=one.dec_deg, size_arcmin=one.size_arcmin
        )
        for one in described
    )
