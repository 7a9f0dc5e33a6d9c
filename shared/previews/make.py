"""Previews: a capture file to a small picture that a browser shows.

A frame becomes a linear proxy (``reduction``), from which pictures follow with its own stretch or with that of its
group (``stretch``): one table of 65,536 entries per channel. Side files that are pictures already are only reduced.

Which way is up: FITS recommends that a file's first row is shown at the bottom, but the capture programs of amateurs
write the sensor's top row first and say so with ``ROWORDER = 'TOP-DOWN'``, or, like Seestar and ASIAIR, say nothing. So
``BOTTOM-UP`` (Siril, JSol'Ex) is turned over, and all else is shown as stored. XISF is stored top-down by definition.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Permanent
from shared.frames.format import FileFormat
from shared.frames.pixels import load_image
from shared.frames.read import FrameFacts, read_frame
from shared.previews.kinds import StretchKind
from shared.previews.reduction import PROXY_PX, Proxy, make_proxy
from shared.previews.stretch import Stretch, auto_stretch, linear_stretch, stretch_table

Picture = NDArray[np.uint8]
"""(ny, nx) grey or (ny, nx, 3) red, green, blue; brightness 0 to 255, top row first."""

_DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
"""Pillow's modes of grey pictures with more than 8 bits: they may be frames, and are stretched like frames."""


@dataclass(frozen=True)
class Reduced:
    """A file made small: a frame as its linear ``proxy``, or a picture that needs no stretch."""

    width_px: int
    height_px: int
    proxy: Proxy | None = None
    picture: Picture | None = None


def reduce_file(path: Path, *, size_px: int = PROXY_PX) -> Reduced:
    """Read any capture file and make it small. ``size_px`` is the longest side; nothing is enlarged.

    Raises:
        Permanent: nothing in it can be shown; one sentence, without the path.
        OSError: it cannot be read now.
    """
    facts = read_frame(path)
    if facts.format in (FileFormat.JPEG, FileFormat.PNG, FileFormat.TIFF):
        return _reduce_picture(path, size_px)
    if facts.format in (FileFormat.SER, FileFormat.AVI):
        raise Permanent(f"no preview is made of a video ({facts.format.value})")
    if facts.image is None:
        raise Permanent("the file holds no image that can be found")
    return reduce_frame(load_image(path, facts.image), facts, size_px=size_px)


def reduce_frame(image: NDArray[Any], facts: FrameFacts, *, size_px: int = PROXY_PX) -> Reduced:
    """Make a frame small whose pixels were read already.

    Args:
        image: (ny, nx) or (planes, ny, nx), ADU, as ``load_image`` returns it; it is not changed.
        facts: what the file's header says.
        size_px: longest side of the proxy.

    Raises:
        Permanent: the image holds no pixels.
    """
    proxy = make_proxy(
        image,
        bayer_pattern=facts.metadata.bayer_pattern,
        bayer_offset=(0, 0) if facts.image is None else facts.image.bayer_offset,
        bottom_up=facts.image is not None and facts.image.bottom_up,
        size_px=size_px,
    )
    return Reduced(image.shape[-1], image.shape[-2], proxy=proxy)


def own_stretch(proxy: Proxy, kind: StretchKind = StretchKind.AUTO) -> Stretch:
    """The stretch that follows from a frame's own statistics, within the range of the file's numbers."""
    black_adu = min(proxy.black_adu, 0.0)
    if kind == StretchKind.NONE:
        return linear_stretch(black_adu, proxy.full_scale_adu)
    return auto_stretch(
        proxy.channels,
        black_adu=black_adu,
        white_adu=proxy.full_scale_adu,
        least_sigma_adu=proxy.step_adu,
        linked=kind == StretchKind.LINKED,
    )


def stretch_with(proxy: Proxy, stretch: Stretch) -> Picture:
    """A frame's picture under any stretch: its own, another frame's, or that of its group.

    A stretch of another number of channels serves too: grey frames take the middle one, colour frames the first.
    """
    planes = len(proxy.levels)
    if len(stretch) != planes:
        stretch = (stretch[len(stretch) // 2 if planes == 1 else 0],) * planes
    tables = {
        channel: stretch_table(channel, black_adu=proxy.black_adu, white_adu=proxy.white_adu)
        for channel in dict.fromkeys(stretch)
    }
    shown: list[Picture] = [
        np.take(tables[one], plane, mode="clip") for one, plane in zip(stretch, proxy.levels, strict=True)
    ]
    if planes == 1:
        return shown[0]
    import cv2

    merged: Picture = cv2.merge(shown)
    return merged


def _reduce_picture(path: Path, size_px: int) -> Reduced:
    """A JPEG, PNG or TIFF, by Pillow, which refuses pictures that unpack to more than its limit of pixels."""
    from PIL import Image, ImageOps

    from shared.frames.sidefiles import open_picture

    with open_picture(path, most_pixels="error") as picture:
        width_px, height_px = picture.size
        if picture.mode in _DEEP_MODES:
            deep = np.asarray(picture)
        else:
            shown = picture if picture.mode in ("L", "RGB") else None
            # JPEG may unpack at an eighth of its size; palettes and masks must be colours before they mix.
            grey = picture.mode in ("1", "LA", "La")
            small: Image.Image = shown or picture.convert("L" if grey else "RGB")
            small.thumbnail((size_px, size_px), reducing_gap=2.0)
            turned = ImageOps.exif_transpose(small)
            return Reduced(width_px, height_px, picture=np.asarray(turned, np.uint8))
    return Reduced(width_px, height_px, proxy=make_proxy(deep, size_px=size_px))
