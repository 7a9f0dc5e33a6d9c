"""``python -m tests.bench.starcounts``: star counts on real frames beside SExtractor's, written to docs/stars.md."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import Sky
from services.scanner.quality import find_stars, plane_of, sky_of
from services.scanner.stars import DETECTION_SIGMA, searched
from shared.frames.pixels import load_image
from shared.frames.read import read_frame
from tests.bench.accuracy import PAGE
from tests.bench.realfields import UNEQUAL, star_fields
from tests.bench.sextractor import PROGRAM, find, halved

EDGE_PX = 4
"""Detections nearer to an edge are not compared: what lies there is half outside, or a defect of the first column."""

SAME_NOISE = 0.05
"""As far as both may differ about the noise, for as many sigmas to be the same threshold."""

CORPUS = PAGE.parents[2] / "shared" / "corpus"
BEGIN, END = "<!-- counted: begin -->", "<!-- counted: end -->"


@dataclass(frozen=True)
class Counts:
    """Objects found in one frame: by the scanner, by SExtractor at the same threshold, and at as many of its sigmas.

    ``noise`` is SExtractor's estimate of the noise as a share of the scanner's; the same threshold is so many times the
    scanner's, at every pixel.
    """

    ours: int
    theirs: int
    theirs_by_sigmas: int
    noise: float

    @property
    def difference(self) -> float:
        """By which share the scanner finds more at the same threshold."""
        return self.ours / self.theirs - 1

    @property
    def difference_by_sigmas(self) -> float:
        """By which share the scanner finds more at as many sigmas."""
        return self.ours / self.theirs_by_sigmas - 1


def image_of(path: Path) -> tuple[NDArray[Any], str | None, bool] | None:
    """A file's pixels, Bayer pattern, and whether its first row is the lowest; None for a file without an image."""
    facts = read_frame(path)
    if facts.image is None:
        return None
    return load_image(path, facts.image), facts.metadata.bayer_pattern, facts.image.bottom_up


def compare(program: str, path: Path) -> Counts:
    """Search one frame with both.

    SExtractor sees the plane that the scanner searches, with the cells of its background. Of a mosaic it sees the green
    superpixels: full resolution has gaps, which it cannot pass over.
    """
    loaded = image_of(path)
    assert loaded is not None
    image, pattern, bottom_up = loaded
    plane = plane_of(image, bayer_pattern=pattern, bottom_up=bottom_up)
    found = find_stars(image, bayer_pattern=pattern, bottom_up=bottom_up)
    assert found is not None
    sky = sky_of(plane)
    search = searched(plane, sky)
    factor = search.factor if plane.parity is None else 2
    # A superpixel averages the two green sites of a cell; at full resolution half of the sites count double.
    noise_adu = search.noise_adu / (2 if factor > search.factor else 1)
    pixels = halved(plane) if factor == 2 else plane.pixels
    equal = find(
        program, pixels, factor=factor, tile_px=sky.tile_px, noise=noise_adu * _relative(sky, pixels.shape, factor)
    )
    sigmas = find(program, pixels, factor=factor, tile_px=sky.tile_px)

    def inside(x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
        ny, nx = plane.pixels.shape
        within = (np.minimum(x, y) >= EDGE_PX) & (x <= nx - 1 - EDGE_PX) & (y <= ny - 1 - EDGE_PX)
        return int(np.count_nonzero(within))

    noise = float(sigmas[0, 2]) / DETECTION_SIGMA / noise_adu
    return Counts(inside(found.x, found.y), inside(*equal.T[:2]), inside(*sigmas.T[:2]), noise)


def _relative(sky: Sky, shape: tuple[int, ...], factor: int) -> NDArray[np.float32]:
    """By how much the scanner raises its threshold at each pixel of a binned plane."""
    if sky.noise_mesh is None:
        return np.ones(shape, np.float32)
    y, x = factor * np.indices(shape).reshape(2, -1) + (factor - 1) / 2
    return replace(sky, mesh=sky.noise_mesh).at(x, y).reshape(shape)


def main() -> int:
    """Count all star fields and write the table between the page's two markers."""
    program = shutil.which(PROGRAM)
    if program is None or not CORPUS.is_dir():
        sys.exit("this needs the Debian package source-extractor and the corpus of real captures")
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    counted = "\n".join(_table(program))
    PAGE.write_text(f"{before}{BEGIN}\n\n{counted}\n\n{END}{after}")
    print(counted)
    return 0


def _table(program: str) -> Iterator[str]:
    yield "| star field | ours | SExtractor, same threshold | difference | its noise | same sigmas | difference |"
    yield "|---|---|---|---|---|---|---|"
    for name in star_fields(CORPUS):
        counts = compare(program, CORPUS / name)
        mark = " (1)" if name in UNEQUAL else ""
        same = f"{counts.theirs} | {100 * counts.difference:+.0f} %{mark}"
        sigmas = f"{counts.theirs_by_sigmas} | {100 * counts.difference_by_sigmas:+.0f} %"
        yield f"| {name} | {counts.ours} | {same} | {counts.noise:.2f} | {sigmas} |"


if __name__ == "__main__":
    sys.exit(main())
