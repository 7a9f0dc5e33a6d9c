"""Previews against the one thing they cannot do without: OpenCV's resize by area, on one thread."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.previews.files import encode_levels, encode_picture
from shared.previews.make import own_stretch, stretch_with
from shared.previews.reduction import PROXY_PX, Proxy, make_proxy
from tests.bench.stars import frame
from tests.bench.table import Row, Rows, interleaved

_SIZES = (("4 MB", 1920, 1080, 2.5), ("52 MB", 6248, 4176, 1.5))


def rows(*, quick: bool) -> Rows:
    """Milliseconds per frame, pixels in memory, from mono and from Bayer frames, and with the proxy kept too."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [row for size in _SIZES[: 1 if quick else 2] for row in _rows(*size, quick=quick)]
    finally:
        cv2.setNumThreads(threads)


def _rows(name: str, width: int, height: int, at_most: float, *, quick: bool) -> Rows:
    import cv2

    image = frame(width, height)
    size = (PROXY_PX, round(height * PROXY_PX / width))
    seconds = interleaved(
        {
            "resize": lambda: cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            "mono": lambda: _picture(image, None),
            "bayer": lambda: _picture(image, "GRBG"),
            "kept": lambda: _kept(image),
        },
        5 if quick or width > 2000 else 11,
    )
    bare = seconds["resize"]
    limit = f"cv2.resize {bare * 1e3:.1f} ms"

    def row(kind: str, words: str, target: float | None, how: str) -> Row:
        ratio = seconds[kind] / bare
        return Row(
            f"preview {PROXY_PX} px, {name} {words}", f"{seconds[kind] * 1e3:.1f} ms", limit, ratio,
            "-" if target is None else f"<= {target:g} x", None if target is None else ratio <= target, how,
        )  # fmt: skip

    return [
        row("mono", "mono", at_most, "proxy, statistics, automatic stretch and JPEG, from pixels in memory"),
        row("bayer", "Bayer", at_most, "the same in colour; the limit is still the resize of the mosaic as grey"),
        row("kept", "mono, proxy kept", None, "the same as mono, and the proxy's levels as PNG"),
    ]


def _picture(image: NDArray[Any], bayer_pattern: str | None) -> bytes:
    return _shown(make_proxy(image, bayer_pattern=bayer_pattern))


def _kept(image: NDArray[np.uint16]) -> tuple[bytes, bytes]:
    proxy = make_proxy(image)
    return _shown(proxy), encode_levels(proxy.levels)


def _shown(proxy: Proxy) -> bytes:
    return encode_picture(stretch_with(proxy, own_stretch(proxy)))
