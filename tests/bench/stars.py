"""Star measurement against bare sep with its defaults, in one process and one thread."""

from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from services.scanner.quality import measure
from services.standalone.simulation.detector import Sensor
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.stars import Pointing, Psf, PsfShape, make_field, paint
from tests.bench.table import Row, Rows, interleaved

_SIZES = (("4 MB", 1920, 1080), ("52 MB", 6248, 4176))
_SKY_E, _EXPOSURE_S, _STARS = 250.0, 60.0, 500


def rows(*, quick: bool) -> Rows:
    """Seconds per frame; completeness is compared in the tests."""
    return [_row(name, width, height, quick=quick) for name, width, height in _SIZES[: 1 if quick else 2]]


def _row(name: str, width: int, height: int, *, quick: bool) -> Row:
    image = frame(width, height)
    count = 0
    sep_count = 0

    def ours() -> None:
        nonlocal count
        count = measure(image, bayer_pattern=None, pixel_scale_arcsec=1.0).star_count or 0

    def bare() -> None:
        nonlocal sep_count
        work = image.astype(np.float32)
        background = sep.Background(work)
        background.subfrom(work)
        sep_count = len(sep.extract(work, 1.5, err=background.globalrms))

    seconds = interleaved({"ours": ours, "sep": bare}, 5 if quick or width > 2000 else 11)
    ratio = seconds["ours"] / seconds["sep"]
    return Row(
        f"star measure, {name} mono",
        f"{seconds['ours'] * 1e3:.0f} ms",
        f"sep {seconds['sep'] * 1e3:.0f} ms",
        ratio,
        "<= 0.5 x",
        ratio <= 0.5,
        f"a simulated {width} x {height} field of {_STARS} stars per 2 Mpx; ours found {count}, "
        f"sep {sep_count}. Ours includes widths, half-flux radius, eccentricity; sep is "
        "Background and extract",
    )


def frame(width: int, height: int) -> NDArray[Any]:
    """A simulated light frame, (height, width) uint16, ADU."""
    rng = generator(1, "bench frame")
    sensor = Sensor.build(
        rng, width_px=width, height_px=height, e_per_adu=0.25, read_noise_e=1.5, pedestal_adu=500.0,
        dark_current_e_s=0.006, hot_per_mpx=25.0,
    )  # fmt: skip
    field = make_field(rng, width_px=width, height_px=height, stars_per_mpx=_STARS / 2.07, faintest_e_s=10.0)
    light = sensor.blank() + np.float32(_SKY_E)
    electrons = field.flux_e_s * _EXPOSURE_S
    noise_e = sensor.sky_noise_e(_SKY_E)
    paint(light, field, Psf(PsfShape.MOFFAT, 3.5), pointing=Pointing(), electrons=electrons, noise_e=noise_e)
    return sensor.read_out(light, rng)
