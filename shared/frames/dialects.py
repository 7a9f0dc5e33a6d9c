"""How each capture program writes things: one row per program, first match wins.

``origin`` says what the row was learnt from: "real header" (a file or header dump that was read) or "from contracts"
(described by others). The rules that need code are in ``kinds.py``, ``timing.py``, ``pointing.py`` and ``metadata.py``;
a row only switches them on. docs/dialects.md is made from this table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shared.events.frame import FrameType
from shared.frames.cards import CardValue

Origin = Literal["real header", "from contracts"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One program's way of writing; ``signs`` are (keyword, regular expression at the value's start, any case)."""

    name: str
    origin: Origin
    signs: tuple[tuple[str, str], ...]
    note: str
    """What else is special about it, for people."""
    marks: tuple[str, ...] = ()
    """Keywords that only this program writes all together, for programs that sign nothing."""
    by_name: str | None = None
    """The program of a file-name pattern (``paths.py``), for files whose header has no sign of any program."""
    object_keywords: tuple[str, ...] = ()
    """Where the object's name stands besides the common keywords."""
    untyped: FrameType | None = None
    smart_telescope: bool = False
    aperture_is_ratio: bool = False
    cube_is_stack: bool = False
    processes: bool = False
    results_only: bool = False
    local_time: bool = False
    ra_in_hours: bool = False
    of_date: bool = False
    milliseconds_from: float | None = None
    exposure_is_sum: bool = False
    west_positive: bool = False
    western: bool = False
    eastern: bool = False


RULES: dict[str, str] = {
    "untyped": "a frame that names no type is {}",
    "smart_telescope": "the rig is the telescope itself, by its serial where TELESCOP has one",
    "aperture_is_ratio": "APERTURE holds the focal ratio",
    "cube_is_stack": "three planes, a STACKCNT card or the file's name mean a stack, whatever IMAGETYP says",
    "processes": "the program integrates and edits: its stacks are PROCESSED",
    "results_only": "a light is PROCESSED, since the capture's own type is kept",
    "local_time": "DATE-OBS is the local clock",
    "ra_in_hours": "a plain number in RA is hours",
    "of_date": "RA and DEC are of the EQUINOX card's date, or of the observation's without one; a solution goes first",
    "milliseconds_from": "exposures of at least {:g} are milliseconds",
    "exposure_is_sum": "EXPTIME beside a number of frames is the sum of all",
    "west_positive": "longitudes count westwards",
    "western": "a LONGITUD without a sign is west",
    "eastern": "a LONGITUD without a sign is east",
}
"""Every rule that a row can switch on, in words."""


_LIGHT, _OTHER, _PROCESSED = FrameType.LIGHT, FrameType.OTHER, FrameType.PROCESSED
_REAL: Origin = "real header"
_TOLD: Origin = "from contracts"

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "Seestar",
        _REAL,
        (("CREATOR", r"ZWO Seestar"), ("INSTRUME", r"Seestar"), ("TELESCOP", r"(Seestar|S[35]0 ?(Pro)?_[0-9a-f]{6,})")),
        "TELESCOP is the model in old firmware and S50_<serial> since 4.27; DATE-OBS is UTC, the file name is local; "
        "RA and DEC agree with the solutions and pixels of firmware 2.76 to 4.70 when precessed from DATE-OBS",
        untyped=_LIGHT,
        smart_telescope=True,
        aperture_is_ratio=True,
        cube_is_stack=True,
        of_date=True,
    ),
    Dialect(
        "DWARF II",
        _REAL,
        (("TELESCOP", r"DWARF ?II$"), ("INSTRUME", r"DWARF ?II$")),
        "the exposure is in EXP, BINNING is 2*2, RA and DEC are 0 where unknown",
        untyped=_LIGHT,
        smart_telescope=True,
        cube_is_stack=True,
        local_time=True,
        ra_in_hours=True,
    ),
    Dialect(
        "DWARF mini",
        _TOLD,
        (("TELESCOP", r"DWARF[ _-]?mini"), ("INSTRUME", r"DWARF[ _-]?mini")),
        "like DWARF 3; the bias frames that it supplies give negative pixels",
        untyped=_LIGHT,
        smart_telescope=True,
        cube_is_stack=True,
        local_time=True,
    ),
    Dialect(
        "DWARF 3",
        _REAL,
        (("TELESCOP", r"DWARF ?(III|3)"), ("INSTRUME", r"DWARF ?(III|3)"), ("ORIGIN", r"DWARFLAB")),
        "DATE-OBS says itself that it is the exposure's end; a stack's EXPTIME is the total; failed_ are rejected",
        untyped=_LIGHT,
        smart_telescope=True,
        cube_is_stack=True,
        local_time=True,
    ),
    Dialect(
        "ASIAIR",
        _REAL,
        (("CREATOR", r"ZWO ASIAIR"),),
        "the file name is the local time of saving; NAXIS1 may be wider than the sensor",
        untyped=_LIGHT,
        milliseconds_from=3600.0,
    ),
    Dialect(
        "Vaonis",
        _TOLD,
        (
            *((keyword, r"(Vaonis|Stellina|Vespera)") for keyword in ("CREATOR", "ORIGIN", "TELESCOP", "INSTRUME")),
            ("SWCREATE", r"(Vaonis|Singularity)"),
        ),
        "Stellina and Vespera",
        untyped=_LIGHT,
        smart_telescope=True,
        milliseconds_from=1000.0,
    ),
    Dialect(
        "Celestron Origin",
        _TOLD,
        (
            ("CREATOR", r"(Celestron )?Origin\b"),
            ("TELESCOP", r"(Celestron )?Origin\b"),
            ("INSTRUME", r"(Celestron )?Origin\b"),
        ),
        "the offset of its clock is in TIMEZONE (-0700), or in DATE-OBS itself",
        untyped=_LIGHT,
        smart_telescope=True,
        local_time=True,
    ),
    Dialect(
        "Unistellar",
        _TOLD,
        (
            ("ORIGIN", r"Unistellar"),
            ("TELESCOP", r"(Unistellar|eVscope|eQuinox)"),
            ("INSTRUME", r"(Unistellar|eVscope|eQuinox)"),
        ),
        "the position is in FOVRA and FOVDEC; no TELESCOP before firmware 4.2",
        untyped=_LIGHT,
        smart_telescope=True,
        eastern=True,
    ),
    Dialect(
        "N.I.N.A.",
        _REAL,
        (("SWCREATE", r"N\.I\.N\.A"),),
        "fractions of seven digits; OBJCTRA 00 00 00 is unknown; quality in file names and side files",
        untyped=_LIGHT,
    ),
    Dialect("Voyager", _REAL, (("SWCREATE", r"Voyager"),), "zero bytes after END", untyped=_LIGHT),
    Dialect(
        "SGP",
        _REAL,
        (("CREATOR", r"Sequence ?Generator ?Pro"), ("SWCREATE", r"Sequence ?Generator ?Pro")),
        "EXPOSURE without EXPTIME; DATE-LOC beside DATE-OBS",
        untyped=_LIGHT,
    ),
    Dialect("APT", _REAL, (("SWCREATE", r"Astro Photography Tool"),), "coordinates in OBJCTRA only", untyped=_LIGHT),
    Dialect(
        "SharpCap",
        _TOLD,
        (("SWCREATE", r"SharpCap"), ("CREATOR", r"SharpCap")),
        "FRAMETYP instead of IMAGETYP; a live stack has the total in EXPTIME and one exposure in SUBEXP",
        untyped=_LIGHT,
        of_date=True,
    ),
    Dialect(
        "MaxIm DL",
        _REAL,
        (("SWCREATE", r"MaxIm"),),
        "files may be short by their padding or carry junk behind it; iTelescope's raw frames are MaxIm's",
        untyped=_LIGHT,
    ),
    Dialect("Artemis Capture", _REAL, (("SWCREATE", r"Artemis"),), "right-shifted texts; no type", untyped=_LIGHT),
    Dialect(
        "CCDOPS",
        _REAL,
        (("SWCREATE", r".*CCDOPS"), ("SWACQUIR", r"WinOPS")),
        "no type; the focal ratio follows from APTDIA",
        untyped=_LIGHT,
    ),
    Dialect("TheSkyX", _TOLD, (("SWCREATE", r"TheSky"),), "Tricolor Image is a light", untyped=_LIGHT),
    Dialect("BackyardEOS", _TOLD, (("SWCREATE", r"Backyard"),), "IMAGTYP and ISO", untyped=_LIGHT),
    Dialect(
        "PHD2", _REAL, (("CREATOR", r"PHD2"),), "guide camera images must never count as integration", untyped=_OTHER
    ),
    Dialect(
        "POCS",
        _REAL,
        (("CREATOR", r"POCS"),),
        "the object is in FIELD, the mount's position in RA-MNT and DEC-MNT; FILTER holds the Bayer pattern",
        object_keywords=("FIELD",),
        untyped=_LIGHT,
    ),
    Dialect("Chimera", _REAL, (("CREATOR", r"Chimera"),), "IRAF's keywords", untyped=_LIGHT),
    Dialect(
        "JSol'Ex",
        _REAL,
        (("CREATOR", r"JSol'Ex"),),
        "times end in Z[UTC]; rows run bottom-up",
        untyped=_PROCESSED,
        processes=True,
        results_only=True,
    ),
    Dialect(
        "iTelescope",
        _TOLD,
        (("OWNER", r"iTelescope"),),
        "raw frames are MaxIm's with everything else in the name; premium images have HIERARCH OBSTARGET and no date",
        by_name="iTelescope",
        untyped=_PROCESSED,
        processes=True,
    ),
    Dialect(
        "Slooh",
        _TOLD,
        (
            ("ORIGIN", r"Slooh"),
            ("OBSERVAT", r"Slooh"),
            ("TELESCOP", r"(Slooh|(Canary|Chile|Australia) (One|Two|Three|Four|Five)$)"),
        ),
        "object, UTC and filter are in the file name; the suffix _lrgb is a finished picture",
        by_name="Slooh",
        untyped=_LIGHT,
    ),
    Dialect(
        "MicroObservatory",
        _TOLD,
        (
            ("ORIGIN", r".*MicroObservatory"),
            ("OBSERVAT", r".*MicroObservatory"),
            ("TELESCOP", r".*MicroObservatory"),
            ("INSTRUME", r".*MicroObservatory"),
        ),
        "LONGITUD 110.88 has lost its western sign; CAMTEMP is in kelvin; names end in YYMMDDhhmmss, UTC",
        by_name="MicroObservatory",
        untyped=_LIGHT,
        western=True,
    ),
    Dialect(
        "Siril",
        _TOLD,
        (("PROGRAM", r"Siril"), ("CREATOR", r"Siril")),
        "EXPTIME is one exposure, LIVETIME all; rows run bottom-up",
        processes=True,
    ),
    Dialect(
        "PixInsight",
        _REAL,
        (("PROGRAM", r"PixInsight"), ("SWCREATE", r"PixInsight"), ("CREATOR", r"PixInsight")),
        "WBPP's masters by IMAGETYP (Master Dark) or name; their number is in HISTORY ImageIntegration.numberOfImages",
        by_name="WBPP",
        untyped=_PROCESSED,
        processes=True,
    ),
    Dialect(
        "Astro Pixel Processor",
        _REAL,
        (("SOFTWARE", r"Astro Pixel Processor"),),
        "decimal commas; the number of frames is in NUMFRAME",
        untyped=_PROCESSED,
        processes=True,
        exposure_is_sum=True,
    ),
    Dialect(
        "DeepSkyStacker",
        _TOLD,
        (("SOFTWARE", r"DeepSkyStacker"), ("CREATOR", r"DeepSkyStacker"), ("PROGRAM", r"DeepSkyStacker")),
        "the number of frames is in NCOMBINE",
        untyped=_PROCESSED,
        processes=True,
        exposure_is_sum=True,
    ),
    Dialect(
        "GraXpert",
        _REAL,
        (("SWCREATE", r"GraXpert"), ("CREATOR", r"GraXpert")),
        "the capture's own cards are kept",
        untyped=_PROCESSED,
        processes=True,
        results_only=True,
    ),
    Dialect(
        "Ekos/INDI",
        _REAL,
        (("CREATOR", r"(Ekos|KStars|INDI)"), ("SWCREATE", r"(Ekos|KStars)")),
        "drivers sign nothing, but only they write FRAME with PIXSIZE1; OBJCTRA may begin with a blank",
        marks=("FRAME", "PIXSIZE1"),
        untyped=_LIGHT,
    ),
    Dialect(
        "Plate scan (STScI)",
        _REAL,
        (("ORIGIN", r"STScI"),),
        "scanned photographic plates",
        untyped=_OTHER,
        west_positive=True,
    ),
    Dialect(
        "Seestar S30 Pro",
        _TOLD,
        (("INSTRUME", r"imx585$"),),
        "no CREATOR: the sensor's name, or the pattern of the file's, tells it from all others",
        by_name="Seestar",
        untyped=_LIGHT,
        smart_telescope=True,
        aperture_is_ratio=True,
        cube_is_stack=True,
    ),
    Dialect(
        "DWARF calibration",
        _REAL,
        (),
        "CALI_FRAME (masters) and DWARF_DARK: type, exposure, gain and temperature are in the path alone",
        by_name="DWARF",
        smart_telescope=True,
        local_time=True,
    ),
)

UNKNOWN = Dialect("unknown", _TOLD, (), "no sign of any program above")

_COMPILED = [
    (row, [(keyword, re.compile(pattern, re.IGNORECASE)) for keyword, pattern in row.signs]) for row in DIALECTS
]
_BY_NAME: dict[str | None, Dialect] = {row.by_name: row for row in DIALECTS if row.by_name is not None}
_SIGNED = tuple(dict.fromkeys(keyword for row in DIALECTS for keyword, _ in row.signs))
_MARKED = tuple(dict.fromkeys(keyword for row in DIALECTS for keyword in row.marks))

PROGRAM_KEYWORDS = ("SWCREATE", "CREATOR", "SOFTWARE", "SWACQUIR", "PROGRAM")
"""Where the program's own name stands, best first."""


def find_dialect(keys: Mapping[str, CardValue], name_program: str | None = None) -> Dialect:
    """The row of the program that wrote these cards, else of the program whose file names look like this one's.

    ``name_program`` is the program of the file name's pattern; ``UNKNOWN`` where neither says anything.
    """
    values = [keys.get(keyword) for keyword in _SIGNED]
    written = tuple([value if isinstance(value, str) else None for value in values])
    return _find(written, tuple([keyword in keys for keyword in _MARKED]), name_program)


# One camera writes the same signs all night.
@lru_cache(maxsize=512)
def _find(written: tuple[str | None, ...], marks: tuple[bool, ...], name_program: str | None) -> Dialect:
    values = dict(zip(_SIGNED, written, strict=True))
    present = {keyword for keyword, there in zip(_MARKED, marks, strict=True) if there}
    for row, signs in _COMPILED:
        for keyword, pattern in signs:
            value = values[keyword]
            if value is not None and pattern.match(value.strip()):
                return row
        if row.marks and present.issuperset(row.marks):
            return row
    return _BY_NAME.get(name_program, UNKNOWN)
