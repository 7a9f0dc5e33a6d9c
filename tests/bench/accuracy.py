"""``python -m tests.bench.accuracy``: the accuracy tables of docs/stars.md, measured and written there."""

import sys
from collections.abc import Iterator
from pathlib import Path

from services.scanner.quality import find_stars, measure
from tests.bench.starfields import PROFILES, Field, as_camera, psf_of, score, simulate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stars.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_WIDTHS_PX = (2.0, 2.5, 3.0, 4.0, 6.0, 8.0)
_CROWDS = ((20, (1080, 1920)), (500, (1080, 1920)), (2000, (1080, 1920)), (8000, (1080, 1920)), (50_000, (4176, 6248)))


def main() -> int:
    """Measure all tables and write them between the page's two markers."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    measured = "\n".join([*_matrix(), "", *_elongated(), "", *_crowds()])
    PAGE.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}")
    print(measured)
    return 0


def _matrix() -> Iterator[str]:
    yield "FWHM error / HFR error / completeness / spurious, all in per cent (500 stars, 1080 x 1920):"
    yield ""
    yield "| profile | sensor | " + " | ".join(f"FWHM {width:g}" for width in _WIDTHS_PX) + " |"
    yield "|---|---|" + "---|" * len(_WIDTHS_PX)
    for profile in PROFILES:
        for bayer in (None, "RGGB", "GRBG"):
            cells = [_cell(simulate(psf_of(profile, width), seed=int(10 * width) + 3), bayer) for width in _WIDTHS_PX]
            yield f"| {profile} | {bayer or 'mono'} | " + " | ".join(cells) + " |"


def _elongated() -> Iterator[str]:
    yield "| profile, FWHM 3.5 | axis ratio | true eccentricity | mono | GRBG |"
    yield "|---|---|---|---|---|"
    for profile in PROFILES:
        for ratio in (0.95, 0.866, 0.7, 0.5):
            field = simulate(psf_of(profile, 3.5, axis_ratio=ratio), seed=5)
            found = [
                measure(as_camera(field.image), bayer_pattern=bayer, pixel_scale_arcsec=None).eccentricity or 0.0
                for bayer in (None, "GRBG")
            ]
            cells = " | ".join(f"{value:.2f}" for value in found)
            yield f"| {profile} | {ratio:g} | {field.psf.eccentricity:.2f} | {cells} |"


def _crowds() -> Iterator[str]:
    yield "| stars (Moffat 3.5, FWHM 3) | pixels each | FWHM / HFR / completeness / spurious, % |"
    yield "|---|---|---|"
    for stars, shape in _CROWDS:
        field = simulate(psf_of("Moffat 3.5", 3.0), stars=stars, shape=shape, seed=3)
        yield f"| {stars:,} | {shape[0] * shape[1] // stars:,} | {_cell(field, None)} |"


def _cell(field: Field, bayer: str | None) -> str:
    image = as_camera(field.image)
    quality = measure(image, bayer_pattern=bayer, pixel_scale_arcsec=None)
    found = find_stars(image, bayer_pattern=bayer)
    if quality.fwhm_px is None or quality.hfr_px is None or found is None:
        return "not measured"
    complete, spurious = score(field, found, bayer=bayer is not None)
    fwhm = 100 * (quality.fwhm_px / field.psf.fwhm_px - 1)
    hfr = 100 * (quality.hfr_px / field.half_flux_radius_px - 1)
    return f"{fwhm:+.1f} / {hfr:+.1f} / {100 * complete:.1f} / {100 * spurious:.1f}"


if __name__ == "__main__":
    sys.exit(main())
