"""Pixel sizes of binned frames, units of lengths, and focal ratios."""

# ruff: noqa: E501  (tables read best unbroken)

from collections.abc import Callable

import pytest

from shared.events.frame import FrameMetadata

Read = Callable[..., FrameMetadata]
ASI = ["INSTRUME= 'ZWO ASI2600MM Pro'", "FOCALLEN= 480.0"]


@pytest.mark.parametrize(
    ("cards", "width", "pixel_um"),
    [
        ([*ASI, "XBINNING= 2", "XPIXSZ  = 3.76"], 3124, 7.52),  # the sensor's own size beside a binning
        ([*ASI, "XBINNING= 2", "XPIXSZ  = 3.76", "SECPIX1 = 3.23"], 624, 7.52),
        ([*ASI, "XBINNING= 2", "XPIXSZ  = 7.52"], 3124, 7.52),
        ([*ASI, "XBINNING= 2", "XPIXSZ  = 7.52", "SCALE   = 6.46"], 3124, 7.52),  # the table goes before a stated scale
        ([*ASI, "XBINNING= 2", "XPIXSZ  = 3.76"], 6248, 3.76),  # as wide as the sensor, so it is not binned
        ([*ASI, "XBINNING= 1", "XPIXSZ  = 3.76"], 6248, 3.76),
        ([*ASI, "CCDSUM  = '2 2'", "XPIXSZ  = 3.76"], 3124, 7.52),
        (["XBINNING= 2", "XPIXSZ  = 3.76", "FOCALLEN= 480.0", "SECPIX1 = 3.23"], 624, 7.52),  # no known camera
        (["XBINNING= 2", "XPIXSZ  = 3.76", "FOCALLEN= 480.0", "PIXSCALE= 1.616"], 624, 3.76),
        (["XBINNING= 2", "XPIXSZ  = 3.76", "FOCALLEN= 480.0"], 624, 3.76),
        (["XBINNING= 2", "XPIXSZ  = 3.8", "PIXSIZE1= 3.8"], 624, 7.6),
        (["INSTRUME= 'ZWO ASI294MM Pro'", "XBINNING= 2", "XPIXSZ  = 4.63"], 1000, 4.63),  # quad pixels: two names for one size
        (["XPIXSZ  = 0.009 / pixel size in mm"], 624, 9.0),
        (["XPIXSZ  = 3.76 / [um] pixel size in microns (with binning)"], 624, 3.76),
        (["XPIXSZ  = 3.76 / in m"], 624, 3.76),  # no pixel is four metres
    ],
)  # fmt: skip
def test_the_pixel_of_a_binned_frame(read: Read, cards: list[str], width: int, pixel_um: float) -> None:
    """The size is of the binned pixel: by the camera's row, or by a stated scale that only the binned size fits."""
    found = read(cards, width=width, height=16)
    assert found.pixel_size_um == pytest.approx(pixel_um)
    if found.focal_length_mm:
        assert found.pixel_scale_arcsec == pytest.approx(206.265 * pixel_um / found.focal_length_mm, abs=1e-4)


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        (["FOCALLEN= 0.48 / [m] focal length", "APTDIA  = 0.08 / [m] aperture"], (480.0, 6.0)),
        (["FOCALLEN= 20.0 / inches", "APTDIA  = 4.0 / [in] inches"], (508.0, 5.0)),
        (["FOCALLEN= 2032 / Focal Length of the Telescope in mm"], (2032.0, None)),
        (["FOCALLEN= 900.0", "APERTURE= 150.0 / [mm] diameter"], (900.0, 6.0)),
        (["FOCALLEN= 900.0", "APERTURE= 6"], (900.0, None)),
        (["CREATOR = 'ZWO Seestar S50'", "FOCALLEN= 250", "APERTURE= 5. / [mm]"], (250.0, 5.0)),
    ],
)  # fmt: skip
def test_lengths_in_other_units(read: Read, cards: list[str], expected: tuple[float, float | None]) -> None:
    """Metres and inches become millimetres by the comment, and an APERTURE in millimetres gives the focal ratio."""
    found = read(cards)
    assert found.focal_length_mm == pytest.approx(expected[0])
    assert found.focal_ratio == expected[1]


def test_a_scale_in_degrees(read: Read) -> None:
    """A pixel scale is in arcseconds, also where its comment says degrees."""
    assert read(["PIXSCALE= 1.0"]).pixel_scale_arcsec == 1.0
    assert read(["PIXSCALE= 0.0005 / [deg/pixel]"]).pixel_scale_arcsec == pytest.approx(1.8)
