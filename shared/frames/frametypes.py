"""The words that programs use for a frame's type, in headers, file names and folders."""

import re

from shared.events.frame import FrameType

FRAME_TYPE_KEYWORDS = ("IMAGETYP", "IMAGTYP", "FRAMETYP", "FRAMETYPE", "OBSTYPE", "FRAME")
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
_TYPES = {word: frame_type for frame_type, words in _TYPE_WORDS.items() for word in words.split()}
_NOT_LETTERS = re.compile(r"[^a-z]+")


def frame_type_of(words: str | None) -> FrameType | None:
    """The frame type that words such as ``Light Frame``, ``MASTER DARK`` or ``zero`` name; None for any others."""
    return _TYPES.get(_NOT_LETTERS.sub("", words.lower())) if words else None
