"""The words that programs use for a frame's type, in headers, file names and folders."""

import re

from shared.events.frame import FrameType

FRAME_TYPE_KEYWORDS = (
    "IMAGETYP", "IMAGTYP", "IMAGETYPE", "IMGTYPE", "IMG_TYPE", "FRAMETYP", "FRAMETYPE", "EXPTYPE", "OBSTYPE", "OBSTYP",
    "OBS_TYPE", "ESO DPR TYPE", "FRAME",
)  # fmt: skip
"""Where frame types are written; FRAME is also the name of a coordinate system, so unknown words there are ignored."""

_TYPE_WORDS: dict[FrameType, str] = {
    FrameType.LIGHT: "light lightframe lights science object tricolorimage tricolor lightfield sub",
    FrameType.DARK: "dark darkframe darks",
    FrameType.BIAS: "bias biasframe zero zeroframe offset biases",
    FrameType.FLAT: "flat flatframe flatfield flatfieldframe flats skyflat domeflat twilightflat",
    FrameType.DARKFLAT: "darkflat flatdark darkflats flatdarks darkflatframe flatdarkframe",
    FrameType.MASTER_DARK: "masterdark masterdarkframe",
    FrameType.MASTER_FLAT: "masterflat masterflatframe masterflatfield",
    FrameType.MASTER_BIAS: "masterbias masterbiasframe superbias mastersuperbias",
    FrameType.MASTER_DARKFLAT: "masterdarkflat masterflatdark masterdarkflatframe",
    FrameType.PROCESSED: "masterlight masterlightframe otherprocessed integration drizzle stacked calibratedlight",
    FrameType.OTHER: "snapshot focus pointing test autofocus guide acquire align",
}
_HEADER_WORDS: dict[FrameType, str] = {
    FrameType.LIGHT: "expose exposure astro target std standard lightimage",
    FrameType.DARK: "darkimage darkcurrent",
    FrameType.BIAS: "biasimage",
    FrameType.FLAT: (
        "flatimage skyflats domeflats twilight twilightflats twilightskyflat eveningflat morningflat flatsky flatdome "
        "flattwilight flatlamp flatscreen lampflat screenflat panelflat projectorflat internalflat illumflat "
        "sflat dflat pflat tflat"
    ),
    FrameType.OTHER: (
        "trailed trail guider guiding guidecamera spectroscopic spectroscopy spectrum spectra spectral arc arcs comp "
        "comparison lamp lamps acquisition acq slit slitview finder agimage experimental engineering focusing focusrun "
        "pointingtest tracking alignment centering centring platesolve sky skyframe skybackground pinhole shutter "
        "linear linearity calib calibration defectmap rejectionmaphigh rejectionmaplow binaryrejectionmaphigh "
        "binaryrejectionmaplow slopemap weightmap"
    ),
}
"""What observatories and some programs write besides; as the name of a folder these words mean anything."""

MASTERS: dict[object, FrameType] = {
    FrameType.DARK: FrameType.MASTER_DARK,
    FrameType.FLAT: FrameType.MASTER_FLAT,
    FrameType.BIAS: FrameType.MASTER_BIAS,
    FrameType.DARKFLAT: FrameType.MASTER_DARKFLAT,
}
"""The type of what is made of many frames of a type."""

_TYPES = {word: frame_type for frame_type, words in _TYPE_WORDS.items() for word in words.split()}
_HEADER_TYPES = {word: frame_type for frame_type, words in _HEADER_WORDS.items() for word in words.split()} | _TYPES
_NOT_LETTERS = re.compile(r"[^a-z]+")


def frame_type_of(words: str | None) -> FrameType | None:
    """The frame type that words such as ``Light Frame``, ``MASTER DARK`` or ``zero`` name; None for any others."""
    return _TYPES.get(_NOT_LETTERS.sub("", words.lower())) if words else None


def declared_type_of(words: str | None) -> FrameType | None:
    """The frame type that a header's words name: those of `frame_type_of`, and those of observatories."""
    return _HEADER_TYPES.get(_NOT_LETTERS.sub("", words.lower())) if words else None
