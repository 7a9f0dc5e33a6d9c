"""Finding a camera's row, by name or by sensor."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from shared.equipment.tables import Camera, built_in_cameras

PIXEL_TOLERANCE_UM = 0.03
"""Programs round pixel sizes: 3.76 is also written 3.75999999046326 and 3.8."""

_GENERIC = re.compile(
    r"(?P<sensor>imx\d{3}).{0,2}|unknown|(?:ascom|indi|usb|default|main)?\s*(?:ccd|cmos)?\s*camera|ccd|cmos"
)
_NOT_NAMES = re.compile(r"\((?:[^()]*)\)|#\d+|(?<=\w)-[0-9a-f]{6,}$")
_SERIAL = re.compile(r"_[0-9a-f]{6,}$")
_BRANDS = re.compile(r"\b(?:player\s?one|qhy\s?ccd|zwo(?:ptical)?|ccd|camera|dslr|instruments)\b")
_VARIANTS = re.compile(r"(?:pro|air|duo|cool|p25|mini)$")
_NOT_KEY = re.compile(r"[^a-z0-9]+")


class FoundCamera(NamedTuple):
    """What a name means: ``row`` is the model; ``facts`` is a row that has what all its possible models share."""

    row: Camera | None
    facts: Camera | None


NOT_FOUND = FoundCamera(None, None)


class CameraTable:
    """The user's cameras and the built-in ones."""

    def __init__(self, own: Iterable[Camera] = ()) -> None:
        self.own = tuple(own)
        mine = {camera_key(row.name) for row in self.own}
        self.rows = (*self.own, *(row for row in built_in_cameras() if camera_key(row.name) not in mine))
        self._exact: dict[str, Camera] = {}
        self._families: defaultdict[str, list[Camera]] = defaultdict(list)
        for row in self.rows:
            for name in (row.name, *row.aliases):
                self._exact.setdefault(camera_key(name), row)
            for key in (*_family_keys(camera_key(row.name)), *map(camera_key, row.relatives)):
                self._families[key].append(row)

    def named(self, text: str) -> FoundCamera:
        """The row of a camera by what INSTRUME says: the model, or only what all models of that name share."""
        key = camera_key(text)
        if (row := self._exact.get(key)) is not None:
            return FoundCamera(row, row)
        family = self._families.get(key)
        if family and len({row.facts for row in family}) == 1:
            return FoundCamera(None, family[0])
        return NOT_FOUND

    def by_sensor(
        self, width_px: int, height_px: int, pixel_size_um: float, *, sensor: str = "", bayer_pattern: str | None = None
    ) -> list[Camera]:
        """The cameras with an unbinned frame of this size, not turned, and such pixels.

        Where one alone is the user's own, it is the only answer.
        """
        fitting = [
            row
            for row in self.rows
            if (row.width_px, row.height_px) == (width_px, height_px)
            and row.pixel_size_um is not None
            and abs(row.pixel_size_um - pixel_size_um) <= PIXEL_TOLERANCE_UM
            and (not sensor or not row.sensor or row.sensor.lower() == sensor)
            and (bayer_pattern is None or row.colour != "mono")
        ]
        mine = [row for row in fitting if row in self.own]
        return mine if len(mine) == 1 else fitting


def generic_sensor(text: str | None) -> str | None:
    """The sensor that a name without a model gives ('' for none): ``imx585``; None when the text names a model."""
    if text is None:
        return ""
    match = _GENERIC.fullmatch(text.strip().lower())
    return (match["sensor"] or "") if match else None


@lru_cache(maxsize=1024)
def camera_key(text: str) -> str:
    """A camera's name without maker, serial number, custom name, case and punctuation."""
    words = _BRANDS.sub(" ", _NOT_NAMES.sub(" ", text.lower()))
    return _NOT_KEY.sub("", words) or _NOT_KEY.sub("", text.lower())


def without_serial(text: str) -> str:
    """A smart telescope's name without the serial number behind it: ``S30 Pro_041c45cb`` is an ``S30 Pro``."""
    return _SERIAL.sub("", text)


def same_camera(one: str, other: str) -> int:
    """2 for two spellings of one camera, 1 where one name is the beginning of the other (``2600MC``), 0 otherwise."""
    first, second = camera_key(one), camera_key(other)
    if first == second:
        return 2
    short, long = sorted((first.removeprefix("asi"), second.removeprefix("asi")), key=len)
    return 1 if len(short) >= 4 and long.startswith(short) else 0


def _family_keys(key: str) -> set[str]:
    """Shorter forms of a model's name: ``asi2600mcpro`` is also written ``asi2600mc`` and ``2600mcpro``."""
    if not key.startswith("asi"):
        return set()
    bare = _VARIANTS.sub("", key)
    return {bare, bare.removeprefix("asi"), key.removeprefix("asi")}
