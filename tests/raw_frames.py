"""Raw calibration frames with a known truth: what a sensor adds, what its optics take, and what goes wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.calibration.integration.header import card

Image = NDArray[np.float64]

WIDTH, HEIGHT = 96, 64
CAMERA = {
    "INSTRUME": "ZWO ASI2600MM Pro", "GAIN": 100, "OFFSET": 50, "SET-TEMP": -10.0, "CCD-TEMP": -10.1, "XBINNING": 1,
    "YBINNING": 1, "READOUTM": "High Gain", "DATE-OBS": "2026-11-30T21:00:00.000", "SWCREATE": "N.I.N.A. 3.1",
}  # fmt: skip


def scene(seed: int, level: float = 500.0, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A fixed pattern: what each frame of a set would be without noise."""
    pattern: Image = level + np.random.default_rng(seed).normal(0.0, 6.0, (height, width))
    return pattern


def vignette(width: int = WIDTH, height: int = HEIGHT) -> Image:
    """The share of light that reaches each pixel: 1 in the centre, 0.7 in the corners."""
    y, x = np.mgrid[0:height, 0:width]
    share: Image = 1 - 0.3 * (((x - width / 2) / (width / 2)) ** 2 + ((y - height / 2) / (height / 2)) ** 2) / 2
    return share


def exposed(truth: Image, seed: int, noise: float = 10.0, hits: int = 0) -> NDArray[np.uint16]:
    """A frame of a truth with noise and cosmic rays, as a camera writes it."""
    random = np.random.default_rng([7, seed])  # other numbers than those of a scene
    frame = truth + random.normal(0.0, noise, truth.shape)
    rows, columns = random.integers(0, truth.shape[0], hits), random.integers(0, truth.shape[1], hits)
    frame[rows, columns] += random.uniform(500.0, 30_000.0, hits)
    return np.clip(np.rint(frame), 0, 65_535).astype(np.uint16)


def fits_bytes(data: NDArray[Any], cards: Mapping[str, Any]) -> bytes:
    """A FITS file: unsigned integers of 16 bits with BZERO, as cameras write them; others as they are."""
    unsigned = data.dtype == np.uint16
    stored = (data ^ 0x8000).view(np.int16) if unsigned else data
    bits = {"u": 8, "i": 8 * stored.itemsize, "f": -8 * stored.itemsize}[stored.dtype.kind]
    lines = [
        card("SIMPLE", True),
        card("BITPIX", bits),
        card("NAXIS", data.ndim),
        *(card(f"NAXIS{axis}", length) for axis, length in enumerate(reversed(data.shape), 1)),
        *((card("BZERO", 32_768), card("BSCALE", 1)) if unsigned else ()),
        *(card(name, value) for name, value in cards.items()),
        "END".ljust(80),
    ]
    header = _padded("".join(lines).encode("ascii"), b" ")
    return header + _padded(np.ascontiguousarray(stored, stored.dtype.newbyteorder(">")).tobytes(), b"\0")


def write_frame(path: Path, data: NDArray[Any], **cards: Any) -> Path:
    """A frame of the camera, with cards in place of its own; those that are None are left out."""
    told = {**CAMERA, **{name.replace("_", "-"): value for name, value in cards.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(fits_bytes(data, {name: value for name, value in told.items() if value is not None}))
    return path


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % 2880)
