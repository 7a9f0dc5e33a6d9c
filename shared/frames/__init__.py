"""What a capture file says about itself, without a database, a network or a heavy library at import.

In: a path. Out: `FrameFacts` - the format, the contract's `FrameMetadata`, the quality that the program reported, the
header cards, what is wrong with the file, and where its pixels are.

    format.py     which format, by first bytes            values.py   numbers, angles and times as really written
    source.py     bounded reads, plain and gzipped        nights.py   the night of a moment
    cards.py      FITS header block -> cards              shared.equipment  camera, rig, filter names
    fits.py       HDUs, the image, the declared length    dialects.py how each capture program writes: the table
    xisf.py       XISF header (xisf_*.py) -> the same     paths.py    facts from names and folders (pathkeys.py)
    sidefiles.py  pictures (exif.py) and videos           kinds.py    frame type, stacks (exposures.py, edits.py)
    layout.py     where the pixels are (tiles.py)         timing.py   start of the exposure (starts.py), its night
    pixels.py     layout -> numpy array                   pointing.py sky position (precession.py, solution.py)
    units.py      units and senses in comments            site.py     where the telescope stood
    texts.py      bytes outside ASCII                     limits.py   keywords and what their values can be
    sums.py       CHECKSUM and DATASUM                    optics.py   pixels, focal ratio, scale
    doubts.py     what looks wrong, in sentences
    read.py       the entry point                         metadata.py all of it -> FrameMetadata
    frametypes.py the words for a frame's type            ninapatterns.py a person's own N.I.N.A. file patterns
    ninafiles.py  N.I.N.A.'s side files                   provenance.py where each value came from (trace.py)
    keep.py       facts within the contract's bounds

Promises: `read_frame` raises nothing but Permanent (a sentence for a person) and OSError, reads bounded amounts of
any input, and never changes a file. Header beats path; what cannot be read is None and a problem, never a guess.
"""

from shared.frames.format import FileFormat, sniff
from shared.frames.layout import ImageLayout
from shared.frames.nights import night_of
from shared.frames.pixels import load_image
from shared.frames.read import FrameFacts, read_frame

__all__ = [
    "FileFormat",
    "FrameFacts",
    "ImageLayout",
    "load_image",
    "night_of",
    "read_frame",
    "sniff",
]
