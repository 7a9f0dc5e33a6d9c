"""Star profiles and fields have exactly the truth that they claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.standalone.simulation.randomness import generator
from services.standalone.simulation.stars import Pointing, Psf, PsfShape, StarField, make_field, paint

_psfs = st.builds(Psf, st.sampled_from(PsfShape), st.floats(min_value=1.5, max_value=9.0))


@given(psf=_psfs)
def test_a_profile_is_half_as_high_at_half_its_width(psf: Psf) -> None:
    """At a distance of half the FWHM the profile has half of its central height."""
    zero = np.zeros(1, np.float32)
    half = np.array([psf.fwhm_px / 2.0], np.float32)

    assert psf.sample(zero, zero)[0, 0] == pytest.approx(1.0)
    assert psf.sample(half, zero)[0, 0] == pytest.approx(0.5, abs=1e-5)
    assert psf.sample(zero, half)[0, 0] == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("shape", PsfShape)
def test_flux_and_half_flux_radius_follow_from_the_profile(shape: PsfShape) -> None:
    """Summed over the plane a star gives its flux, and half of it lies within the half-flux radius."""
    psf = Psf(shape, 3.0)
    step_px = 0.05
    grid = np.arange(-30.0, 30.0, step_px).astype(np.float32)
    image = psf.sample(grid, grid).astype(np.float64) * psf.height * step_px**2
    inside = grid[:, None] ** 2 + grid**2 <= psf.half_flux_radius_px**2

    assert image.sum() == pytest.approx(1.0, rel=2e-3)
    assert image[inside].sum() == pytest.approx(0.5, rel=0.01)


@given(psf=_psfs, ratio=st.floats(min_value=1e-3, max_value=0.4))
def test_stamps_reach_far_enough(psf: Psf, ratio: float) -> None:
    """Beyond the radius of a height ratio the profile is below that ratio, unless the limit of nine widths cuts it."""
    radius = psf.radius_px(ratio)
    value = psf.sample(np.array([radius], np.float32), np.zeros(1, np.float32))[0, 0]

    assert value <= ratio or radius >= 9.0 * psf.fwhm_px


def test_only_visible_stars_inside_the_frame_are_counted() -> None:
    """Of a bright star, a faint one and one outside the frame, the first alone is counted."""
    field = StarField(
        dx_px=np.array([0.0, 10.0, 500.0]),
        dy_px=np.array([0.0, 10.0, 0.0]),
        flux_e_s=np.array([1000.0, 10.0, 1000.0]),
        colour=np.zeros(3),
    )
    image = np.zeros((64, 96), np.float32)
    psf = Psf(PsfShape.GAUSSIAN, 3.0)
    count = paint(image, field, psf, pointing=Pointing(1.0, -2.0), electrons=field.flux_e_s, noise_e=10.0)

    assert count == 1
    # The centre of 64 x 96 pixels is (31.5, 47.5); dithering has moved it by (-2, +1).
    assert divmod(int(image.argmax()), 96) in {(29, 48), (30, 48), (29, 49), (30, 49)}


def test_a_field_depends_on_its_seed_alone() -> None:
    """The same generator gives the same stars; another seed gives others."""
    one, same, other = (
        make_field(generator(seed, "field"), width_px=100, height_px=80, stars_per_mpx=4000.0, faintest_e_s=5.0)
        for seed in (1, 1, 2)
    )

    assert np.array_equal(one.flux_e_s, same.flux_e_s)
    assert np.array_equal(one.dx_px, same.dx_px)
    assert not np.array_equal(one.dx_px, other.dx_px)
    assert one.flux_e_s.min() >= 5.0
