"""SExtractor (Bertin & Arnouts 1996, A&AS 117, 393), the Debian package source-extractor, run on arrays."""

import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import TILE_PX
from services.scanner.binning import KERNEL
from services.scanner.cutouts import Plane
from services.scanner.stars import DETECTION_SIGMA, MIN_AREA

PROGRAM = "source-extractor"


def write_inputs(image: NDArray[Any], folder: Path) -> Path:
    """Write an image (ny, nx) and the parameter and filter files; returns the image's path."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.writeto(folder / "image.fits", image, overwrite=True)
    (folder / "columns").write_text("X_IMAGE\nY_IMAGE\nTHRESHOLD\n")
    rows = "\n".join(" ".join(f"{16 * weight:g}" for weight in row) for row in KERNEL)
    (folder / "filter.conv").write_text(f"CONV NORM\n{rows}\n")
    (folder / "empty").write_text("")
    return folder / "image.fits"


def command(
    program: str,
    image: Path,
    *,
    factor: int,
    tile_px: tuple[int, int] = (TILE_PX, TILE_PX),
    noise: Path | None = None,
) -> list[str]:
    """SExtractor at the scanner's settings for an image binned by ``factor``: area, filter, deblending, background.

    Args:
        program: where it is.
        image: written by ``write_inputs``.
        factor: the image's binning.
        tile_px: height and width of a background cell, full-resolution pixels.
        noise: image of one pixel's standard deviation, ADU; by default SExtractor's own estimate counts.
    """
    folder = image.parent
    settings = {
        "CATALOG_NAME": folder / "found.cat", "CATALOG_TYPE": "ASCII", "PARAMETERS_NAME": folder / "columns",
        "FILTER": "Y", "FILTER_NAME": folder / "filter.conv", "STARNNW_NAME": folder / "empty",
        "DETECT_THRESH": DETECTION_SIGMA, "ANALYSIS_THRESH": DETECTION_SIGMA, "DETECT_MINAREA": MIN_AREA[factor],
        "DEBLEND_NTHRESH": 8, "DEBLEND_MINCONT": 0.001, "CLEAN": "Y",
        "BACK_SIZE": f"{tile_px[1] // factor},{tile_px[0] // factor}", "BACK_FILTERSIZE": 3,
        "MEMORY_PIXSTACK": 3_000_000, "VERBOSE_TYPE": "QUIET",
    }  # fmt: skip
    if noise is not None:
        settings |= {"WEIGHT_TYPE": "MAP_RMS", "WEIGHT_IMAGE": noise}
    words = [str(word) for name, value in settings.items() for word in (f"-{name}", value)]
    return [program, str(image), "-c", "/dev/null", *words]


def find(
    program: str,
    image: NDArray[Any],
    *,
    factor: int,
    tile_px: tuple[int, int] = (TILE_PX, TILE_PX),
    noise: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """What SExtractor finds, (n, 3): x and y in full-resolution pixels, and its threshold in ADU. See ``command``."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as other:
        folder = Path(name)
        path = write_inputs(image.astype(np.float32), folder)
        noise_path = None if noise is None else write_inputs(noise.astype(np.float32), Path(other))
        words = command(program, path, factor=factor, tile_px=tile_px, noise=noise_path)
        subprocess.run(words, check=True, capture_output=True, timeout=120)
        lines = (folder / "found.cat").read_text().splitlines()
    found = np.array([line.split() for line in lines], np.float64).reshape(-1, 3)
    found[:, :2] = factor * (found[:, :2] - 1) + (factor - 1) / 2
    return found


def halved(plane: Plane) -> NDArray[np.float64]:
    """The plane at half resolution as the scanner bins it: 2 x 2, of a mosaic the two green sites of each cell."""
    ny, nx = plane.pixels.shape[0] // 2 * 2, plane.pixels.shape[1] // 2 * 2
    pixels = plane.pixels[:ny, :nx].astype(np.float64)
    if plane.parity is None:
        whole: NDArray[np.float64] = pixels.reshape(ny // 2, 2, nx // 2, 2).mean(axis=(1, 3))
        return whole
    green: NDArray[np.float64] = (pixels[0::2, plane.parity :: 2] + pixels[1::2, 1 - plane.parity :: 2]) / 2
    return green
