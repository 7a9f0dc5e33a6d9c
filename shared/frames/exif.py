"""The capture's own facts in a picture: EXIF 2.32 (JEITA CP-3451), sections 4.6.4 and 4.6.5, as Pillow unpacks it.

Values are those of cameras and of programs that copied them; zeros stand for unknown, and nothing here raises.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from PIL.Image import Exif

from shared.frames import limits, values

_EXIF_IFD = 0x8769
_MAKE, _MODEL, _CHANGED = 271, 272, 306
_EXPOSURE, _APERTURE, _FOCAL_LENGTH = 33434, 33437, 37386
_SENSITIVITIES = ((34855, "ISOSpeedRatings"), (34866, "RecommendedExposureIndex"), (34865, "StandardOutputSensitivity"))
"""The first holds 65535 where two bytes are too few for the number."""
_TOO_LARGE_FOR_ISO = 65_535
_MOMENTS = (
    (36867, 37521, 36881, "Original"),
    (36868, 37522, 36882, "Digitized"),
)
"""Time, fraction of a second, offset from UTC, and what the tags' names end in."""
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_FARTHEST_ZONE = timedelta(hours=14)
_LARGEST = 1e6


@dataclass(slots=True)
class ExifFacts:
    """What EXIF says of a capture. ``taken_at`` and ``changed_at`` are the camera's clock (naive).

    ``maker`` and ``camera`` are Make and Model as written; ``tags`` names the tags behind each fact, by its name in
    FrameMetadata; ``observed_at`` names those of ``taken_at`` or ``changed_at`` and of the offset.
    """

    maker: str | None = None
    camera: str | None = None
    exposure_s: float | None = None
    gain: float | None = None
    focal_length_mm: float | None = None
    focal_ratio: float | None = None
    taken_at: datetime | None = None
    changed_at: datetime | None = None
    utc_offset: timedelta | None = None
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_exif(exif: Exif) -> ExifFacts:
    """The facts of a picture's EXIF; all unknown where it has none."""
    found = ExifFacts()
    inner = exif.get_ifd(_EXIF_IFD)
    found.maker, found.camera = _words(exif.get(_MAKE)), _words(exif.get(_MODEL))
    if found.camera is not None:
        found.tags["camera"] = ("EXIF Make", "EXIF Model") if found.maker else ("EXIF Model",)
    found.exposure_s = _number(found, "exposure_s", inner.get(_EXPOSURE), "ExposureTime", limits.LONGEST_EXPOSURE_S)
    found.focal_length_mm = _number(found, "focal_length_mm", inner.get(_FOCAL_LENGTH), "FocalLength", _LARGEST)
    found.focal_ratio = _number(found, "focal_ratio", inner.get(_APERTURE), "FNumber", _LARGEST)
    for tag, name in _SENSITIVITIES:
        written = inner.get(tag)
        if written != _TOO_LARGE_FOR_ISO and (iso := _number(found, "gain", written, name, limits.LARGEST)) is not None:
            found.gain = iso
            break
    _set_times(found, exif, inner)
    return found


def _set_times(found: ExifFacts, exif: Exif, inner: dict[int, object]) -> None:
    for tag, fraction_tag, offset_tag, name in _MOMENTS:
        fraction = inner.get(fraction_tag)
        found.taken_at = _moment(inner.get(tag), fraction if isinstance(fraction, str) else "")
        if found.taken_at is not None:
            found.utc_offset = _offset(inner.get(offset_tag))
            offset = (f"EXIF OffsetTime{name}",) if found.utc_offset is not None else ()
            found.tags["observed_at"] = (f"EXIF DateTime{name}", *offset)
            return
    found.changed_at = _moment(exif.get(_CHANGED))
    if found.changed_at is not None:
        found.tags["observed_at"] = ("EXIF DateTime",)


def _moment(written: object, fraction: str = "") -> datetime | None:
    digits = fraction.strip() if fraction.strip().isdecimal() else ""
    return values.file_stamp(written[:19] + digits[:6]) if isinstance(written, str) else None


def _offset(written: object) -> timedelta | None:
    match = _OFFSET.fullmatch(written.strip("\0 ")) if isinstance(written, str) else None
    if match is None:
        return None
    found = timedelta(hours=int(match[2]), minutes=int(match[3])) * (1 if match[1] == "+" else -1)
    return found if abs(found) <= _FARTHEST_ZONE else None


def _words(written: object) -> str | None:
    if not isinstance(written, str):
        return None
    return values.text("".join(char for char in written.split("\0")[0] if char.isprintable()))


def _number(found: ExifFacts, fact: str, written: object, name: str, most: float) -> float | None:
    """A number above zero; impossible ones are a problem, zero and what is no number are unknown."""
    if isinstance(written, tuple) and len(written) == 1:
        written = written[0]
    try:
        value = float(written)  # type: ignore[arg-type]  # Pillow's rational numbers, and whatever a file may hold
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if math.isnan(value) or value == 0:
        return None
    if not 0 < value <= most:
        found.problems.append(f"EXIF {name} = {value:g} is impossible and was not used")
        return None
    found.tags[fact] = (f"EXIF {name}",)
    # A third of a second is written as 0.333 or 1/3; single digits more mean nothing.
    return float(f"{value:.6g}")
