"""How each capture program writes things: one row per program, first match wins.

``origin`` says what the row was learnt from: "real header" (a file or header dump that was read) or "from contracts"
(described by others). The rules that need code are in ``metadata.py``; a row only switches them on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.events.frame import FrameType
from shared.frames.cards import CardValue

Origin = Literal["real header", "from contracts"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One program's way of writing. ``signs`` are (keyword, regular expression at the value's start, any case)."""

    name: str
    origin: Origin
    signs: tuple[tuple[str, str], ...]
    untyped: FrameType | None = None
    """What a frame is when it names no type; None leaves it to the general rule."""
    smart_telescope: bool = False
    """The rig is the telescope itself, by its serial where TELESCOP has one."""
    aperture_is_ratio: bool = False
    """APERTURE holds the focal ratio."""
    focal_ratio: float | None = None
    """Known where the header never says it."""
    cube_is_stack: bool = False
    """Three planes, or a STACKCNT card, mean a stack of the device, whatever IMAGETYP says."""
    processes: bool = False
    """The program integrates and edits: stacks are PROCESSED, not STACK."""
    local_time: bool = False
    """DATE-OBS is the local clock."""
    ra_in_hours: bool = False
    """A plain number in RA is hours."""
    of_date: bool = False
    """RA and DEC are of the EQUINOX card's date (or of the observation's, without one)."""
    milliseconds_from: float | None = None
    """Exposures of at least this number are milliseconds."""
    west_positive: bool = False
    """SITELONG counts westwards."""


_LIGHT, _OTHER, _PROCESSED = FrameType.LIGHT, FrameType.OTHER, FrameType.PROCESSED

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "Seestar",
        "real header",
        (("CREATOR", r"ZWO Seestar"), ("INSTRUME", r"Seestar"), ("TELESCOP", r"(Seestar|S[35]0(Pro)?_[0-9a-f]{6,})")),
        untyped=_LIGHT,
        smart_telescope=True,
        aperture_is_ratio=True,
        cube_is_stack=True,
    ),
    Dialect(
        "DWARF II",
        "real header",
        (("TELESCOP", r"DWARF ?II$"), ("INSTRUME", r"DWARF ?II$")),
        untyped=_LIGHT,
        smart_telescope=True,
        cube_is_stack=True,
        local_time=True,
        ra_in_hours=True,
    ),
    Dialect(
        "DWARF 3",
        "real header",
        (("TELESCOP", r"DWARF ?(III|3)"), ("INSTRUME", r"DWARF ?(III|3)"), ("ORIGIN", r"DWARFLAB")),
        untyped=_LIGHT,
        smart_telescope=True,
        focal_ratio=4.3,
        cube_is_stack=True,
        local_time=True,
    ),
    Dialect("ASIAIR", "real header", (("CREATOR", r"ZWO ASIAIR"),), untyped=_LIGHT, milliseconds_from=3600.0),
    Dialect(
        "Stellina",
        "from contracts",
        (("CREATOR", r"(Vaonis|Stellina)"), ("TELESCOP", r"(Stellina|Vespera)"), ("INSTRUME", r"(Stellina|Vespera)")),
        untyped=_LIGHT,
        smart_telescope=True,
        milliseconds_from=1000.0,
    ),
    Dialect("N.I.N.A.", "real header", (("SWCREATE", r"N\.I\.N\.A"),), untyped=_LIGHT),
    Dialect("Voyager", "real header", (("SWCREATE", r"Voyager"),), untyped=_LIGHT),
    Dialect(
        "SGP",
        "real header",
        (("CREATOR", r"Sequence ?Generator ?Pro"), ("SWCREATE", r"Sequence ?Generator ?Pro")),
        untyped=_LIGHT,
    ),
    Dialect("APT", "real header", (("SWCREATE", r"Astro Photography Tool"),), untyped=_LIGHT),
    Dialect(
        "SharpCap",
        "from contracts",
        (("SWCREATE", r"SharpCap"), ("CREATOR", r"SharpCap")),
        untyped=_LIGHT,
        of_date=True,
    ),
    Dialect("MaxIm DL", "real header", (("SWCREATE", r"MaxIm"),), untyped=_LIGHT),
    Dialect("Artemis Capture", "real header", (("SWCREATE", r"Artemis"),), untyped=_LIGHT),
    Dialect("CCDOPS", "real header", (("SWCREATE", r".*CCDOPS"), ("SWACQUIR", r"WinOPS")), untyped=_LIGHT),
    Dialect("TheSkyX", "from contracts", (("SWCREATE", r"TheSky"),), untyped=_LIGHT),
    Dialect("BackyardEOS", "from contracts", (("SWCREATE", r"Backyard"),), untyped=_LIGHT),
    # Guide camera images: they must never count as integration.
    Dialect("PHD2", "real header", (("CREATOR", r"PHD2"),), untyped=_OTHER),
    Dialect("POCS", "real header", (("CREATOR", r"POCS"),), untyped=_LIGHT),
    Dialect("Chimera", "real header", (("CREATOR", r"Chimera"),), untyped=_LIGHT),
    Dialect("JSol'Ex", "real header", (("CREATOR", r"JSol'Ex"),), untyped=_PROCESSED, processes=True),
    Dialect("Siril", "from contracts", (("PROGRAM", r"Siril"), ("CREATOR", r"Siril")), processes=True),
    Dialect(
        "PixInsight",
        "real header",
        (("PROGRAM", r"PixInsight"), ("SWCREATE", r"PixInsight"), ("CREATOR", r"PixInsight")),
        untyped=_PROCESSED,
        processes=True,
    ),
    Dialect(
        "Astro Pixel Processor",
        "real header",
        (("SOFTWARE", r"Astro Pixel Processor"),),
        untyped=_PROCESSED,
        processes=True,
    ),
    Dialect("GraXpert", "real header", (("SWCREATE", r"GraXpert"),), untyped=_PROCESSED, processes=True),
    Dialect(
        "Ekos/INDI", "real header", (("CREATOR", r"(Ekos|KStars|INDI)"), ("SWCREATE", r"(Ekos|KStars)")), untyped=_LIGHT
    ),
    Dialect("Plate scan (STScI)", "real header", (("ORIGIN", r"STScI"),), untyped=_OTHER, west_positive=True),
)

UNKNOWN = Dialect("unknown", "from contracts", ())
INDI = next(row for row in DIALECTS if row.name == "Ekos/INDI")

_COMPILED = [
    (row, [(keyword, re.compile(pattern, re.IGNORECASE)) for keyword, pattern in row.signs]) for row in DIALECTS
]
_INDI_MARKS = ("FRAME", "PIXSIZE1")

PROGRAM_KEYWORDS = ("SWCREATE", "CREATOR", "SOFTWARE", "SWACQUIR", "PROGRAM")
"""Where the program's own name stands, best first."""


def find_dialect(keys: Mapping[str, CardValue]) -> Dialect:
    """The row of the program that wrote these cards; ``UNKNOWN`` when none matches.

    INDI drivers sign nothing, but only they write FRAME together with PIXSIZE1.
    """
    for row, signs in _COMPILED:
        for keyword, pattern in signs:
            value = keys.get(keyword)
            if isinstance(value, str) and pattern.match(value.strip()):
                return row
    return INDI if all(mark in keys for mark in _INDI_MARKS) else UNKNOWN


FRAME_TYPE_KEYWORDS = ("IMAGETYP", "IMAGTYP", "FRAMETYP", "OBSTYPE", "FRAME")
"""Where frame types are written; FRAME is also the name of a coordinate system, so unknown words there are ignored."""

_TYPE_WORDS: dict[FrameType, str] = {
    FrameType.LIGHT: "light lightframe lights science object tricolorimage tricolor lightfield sub",
    FrameType.DARK: "dark darkframe darks",
    FrameType.BIAS: "bias biasframe zero zeroframe offset biases",
    FrameType.FLAT: "flat flatframe flatfield flatfieldframe flats skyflat domeflat twilightflat",
    FrameType.DARKFLAT: "darkflat flatdark darkflats flatdarks darkflatframe",
    FrameType.MASTER_DARK: "masterdark masterdarkframe",
    FrameType.MASTER_FLAT: "masterflat masterflatframe masterflatfield",
    FrameType.MASTER_BIAS: "masterbias masterbiasframe superbias mastersuperbias",
    FrameType.MASTER_DARKFLAT: "masterdarkflat masterflatdark",
    FrameType.PROCESSED: "masterlight otherprocessed integration drizzle stacked calibratedlight",
    FrameType.OTHER: "snapshot focus pointing test autofocus guide acquire align",
}
_TYPES = {word: frame_type for frame_type, words in _TYPE_WORDS.items() for word in words.split()}
_NOT_LETTERS = re.compile(r"[^a-z]+")


def frame_type_of(words: str | None) -> FrameType | None:
    """The frame type that words such as ``Light Frame``, ``MASTER DARK`` or ``zero`` name; None for any others."""
    return _TYPES.get(_NOT_LETTERS.sub("", words.lower())) if words else None
