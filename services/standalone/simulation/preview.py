"""The JPEG pictures that a Seestar puts beside each stack."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_THUMBNAIL_WIDTH_PX = 180


def write_previews(stack: Path, planes: NDArray[np.uint16]) -> tuple[Path, Path]:
    """Write ``<stack>.jpg`` and ``<stack>_thn.jpg`` from red, green and blue planes (3, ny, nx), and return both."""
    from PIL import Image

    table = _stretch_table(planes[:, ::8, ::8])
    picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(table[planes], 0, -1)))
    full, thumbnail = stack.with_suffix(".jpg"), stack.with_name(f"{stack.stem}_thn.jpg")
    picture.save(full, quality=80)
    height_px = round(_THUMBNAIL_WIDTH_PX * picture.height / picture.width)
    picture.resize((_THUMBNAIL_WIDTH_PX, height_px), Image.Resampling.BOX).save(thumbnail, quality=75)
    return full, thumbnail


def _stretch_table(sample: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """A look-up table of 65,536 entries: an asinh stretch that puts the sky at a dark grey (Lupton et al. 2004)."""
    sky = float(np.median(sample))
    spread = max(float(np.median(np.abs(sample.astype(np.float32) - sky))) * 1.4826, 1.0)
    signal = (np.arange(65536, dtype=np.float64) - (sky - 3.0 * spread)) / (2.5 * spread)
    stretched = np.arcsinh(np.maximum(signal, 0.0)) / np.arcsinh(65535.0 / (2.5 * spread))
    table: NDArray[np.uint8] = np.rint(np.minimum(stretched, 1.0) * 255.0).astype(np.uint8)
    return table
