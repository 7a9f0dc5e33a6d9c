"""The rows of the equipment tables, built in or a user's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

BUILT_IN = "built-in"
Colour = Literal["mono", "colour"]
_RELATIVE = "~"


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera model; None and '' are unknown. Sizes are of the unbinned frame as its driver delivers it.

    ``aliases`` are spellings of its name; ``relatives`` are other models with the same sensor, which keep their names.
    """

    name: str
    brand: str = ""
    kind: str = "camera"
    sensor: str = ""
    pixel_size_um: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    colour: Colour | None = None
    bayer_pattern: str | None = None
    aliases: tuple[str, ...] = ()
    relatives: tuple[str, ...] = ()
    origin: str = BUILT_IN

    @property
    def is_smart(self) -> bool:
        """Whether camera and telescope are one device."""
        return self.kind == "smart"

    @property
    def facts(self) -> tuple[object, ...]:
        """What a table fills: equal for the variants of one model."""
        return (self.pixel_size_um, self.width_px, self.height_px, self.colour, self.bayer_pattern, self.is_smart)


@dataclass(frozen=True, slots=True)
class Telescope:
    """A telescope or lens; the focal length is the native one, without reducers."""

    name: str
    brand: str = ""
    kind: str = ""
    aperture_mm: float | None = None
    focal_length_mm: float | None = None
    aliases: tuple[str, ...] = ()
    origin: str = BUILT_IN


@dataclass(frozen=True, slots=True)
class Filter:
    """A passband's canonical name and its other names."""

    name: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    origin: str = BUILT_IN


@cache
def built_in_cameras() -> tuple[Camera, ...]:
    """The rows of cameras.tsv."""
    return tuple(
        Camera(
            name=row["name"],
            brand=row["brand"],
            kind=row["kind"],
            sensor=row["sensor"],
            pixel_size_um=_number(row["pixel_um"]),
            width_px=_whole(row["width_px"]),
            height_px=_whole(row["height_px"]),
            colour=_colour(row["colour"]),
            bayer_pattern=row["bayer"] or None,
            aliases=tuple(name for name in _names(row["aliases"]) if not name.startswith(_RELATIVE)),
            relatives=tuple(name[1:] for name in _names(row["aliases"]) if name.startswith(_RELATIVE)),
        )
        for row in _rows("cameras.tsv")
    )


@cache
def built_in_telescopes() -> tuple[Telescope, ...]:
    """The rows of telescopes.tsv."""
    return tuple(
        Telescope(
            name=row["name"],
            brand=row["brand"],
            kind=row["kind"],
            aperture_mm=_number(row["aperture_mm"]),
            focal_length_mm=_number(row["focal_length_mm"]),
            aliases=_names(row["aliases"]),
        )
        for row in _rows("telescopes.tsv")
    )


@cache
def built_in_filters() -> tuple[Filter, ...]:
    """The rows of filters.tsv."""
    return tuple(Filter(row["name"], row["kind"], _names(row["aliases"])) for row in _rows("filters.tsv"))


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("shared.equipment").joinpath(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    header = lines[0].split("\t")
    for line in lines[1:]:
        yield dict(zip(header, line.split("\t"), strict=True))


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name for part in cell.split(";") if (name := part.strip()))


def _colour(cell: str) -> Colour | None:
    return "mono" if cell == "mono" else "colour" if cell == "colour" else None


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _whole(cell: str) -> int | None:
    return int(cell) if cell else None
