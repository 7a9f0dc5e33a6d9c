"""A preview made in the same read as the measurement, for a reader process."""

import contextlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

from numpy.typing import NDArray

from shared.errors import Permanent
from shared.frames.read import FrameFacts
from shared.previews.cache import Kept, PreviewCache, overlap
from shared.previews.make import reduce_frame

KeepPreview = Callable[[NDArray[Any], FrameFacts], object]
"""Makes a preview from pixels (ADU, as ``load_image`` returns them) and a header, and keeps it."""


class PreviewPlace(TypedDict):
    """Where previews are kept, as it travels to a reader."""

    folder: str
    max_mb: int


def keeper(place: PreviewPlace, file_id: str, root: Path) -> KeepPreview | None:
    """What makes and keeps the preview of an arrival in a reader; None where it is there already.

    What it returns raises Permanent when the folder of previews is not apart from the file's root.
    """
    cache = _cache(place["folder"], place["max_mb"])
    with contextlib.suppress(OSError):  # said once it is to be written
        if cache.find(file_id) is not None:
            return None

    def keep(image: NDArray[Any], facts: FrameFacts) -> Kept:
        if overlap(cache.folder, root):
            raise Permanent(f"{cache.folder}, the folder of previews, is not apart from the root that the file is in")
        return cache.keep(file_id, reduce_frame(image, facts))

    return keep


@lru_cache(maxsize=4)
def _cache(folder: str, max_mb: int) -> PreviewCache:
    """The cache of this reader, which shares the cores with as many others as there are cores."""
    import cv2

    cv2.setNumThreads(1)
    return PreviewCache(Path(folder), max_mb)
