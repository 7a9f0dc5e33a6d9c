"""Star counts on real frames beside SExtractor's at equal threshold, area, filter and deblending."""

from pathlib import Path

import pytest

from services.scanner.quality import find_stars, plane_of
from services.scanner.stars import DETECTION_SIGMA
from shared.frames.pixels import load_image
from shared.frames.read import read_frame
from tests.bench.sextractor import count, halved
from tests.system.conftest import Program

HALF = (
    "seestar_s50/*.fit",
    "ekos_kstars_indi_ccd_simulator/m47_sim_stars.fits",
    "phd2/HFD.1.fits",
)
FULL = (
    "iraf_ystar/long.fits",
    "professional_fz/CFHTLS_03_g_sci.fits.fz",
    "nom_tam_fits_astroimagej_tests/m13real.fits",
)


@pytest.mark.parametrize(("factor", "pattern"), [*((2, name) for name in HALF), *((1, name) for name in FULL)])
def test_star_counts_are_those_of_sextractor(program: Program, corpus: Path, factor: int, pattern: str) -> None:
    """On real star fields the scanner counts within 15 % of what SExtractor finds at the same settings."""
    extractor = program("source-extractor", "source-extractor")
    paths = sorted(corpus.glob(pattern))
    assert paths
    for path in paths:
        facts = read_frame(path)
        assert facts.image is not None
        image = load_image(path, facts.image)
        found = find_stars(image, bayer_pattern=facts.metadata.bayer_pattern, bottom_up=facts.image.bottom_up)
        assert found is not None
        plane = plane_of(image, bayer_pattern=facts.metadata.bayer_pattern, bottom_up=facts.image.bottom_up)
        theirs = count(extractor, halved(plane) if factor == 2 else plane.pixels, factor=factor)
        assert len(found.x) == pytest.approx(theirs, rel=0.15), (path.name, DETECTION_SIGMA)
