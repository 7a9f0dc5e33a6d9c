"""Star measurement against bare sep with its defaults and against SExtractor, in one process and one thread."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sep
from numpy.typing import NDArray

from services.scanner.quality import measure
from services.standalone.simulation.detector import Sensor
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.stars import Pointing, Psf, PsfShape, make_field, paint
from tests.bench.sextractor import PROGRAM, command, write_inputs
from tests.bench.table import Row, Rows, Skipped, Work, interleaved

_SIZES = (("4 MB mono", 1920, 1080, None), ("4 MB Bayer", 1080, 1920, "GRBG"), ("52 MB mono", 6248, 4176, None))
_SKY_E, _EXPOSURE_S, _STARS = 250.0, 60.0, 500


def rows(*, quick: bool) -> Rows:
    """Seconds per frame; accuracy is compared in the tests and in docs/stars.md."""
    found: Rows = []
    for name, width, height, bayer in _SIZES[: 2 if quick else 3]:
        found += _rows(name, width, height, bayer, quick=quick)
    return found


def _rows(name: str, width: int, height: int, bayer: str | None, *, quick: bool) -> Rows:
    image = frame(width, height)
    count = 0
    sep_count = 0

    def ours() -> None:
        nonlocal count
        count = measure(image, bayer_pattern=bayer, pixel_scale_arcsec=1.0).star_count or 0

    def bare() -> None:
        nonlocal sep_count
        work = image.astype(np.float32)
        background = sep.Background(work)
        background.subfrom(work)
        sep_count = len(sep.extract(work, 1.5, err=background.globalrms))

    program = shutil.which(PROGRAM)
    with tempfile.TemporaryDirectory() as folder:
        works: dict[str, Work] = {"ours": ours, "sep": bare}
        if program:
            words = command(program, write_inputs(image, Path(folder)), factor=1)
            works["SExtractor"] = lambda: subprocess.run(words, check=True, capture_output=True)
        seconds = interleaved(works, 5 if quick or width > 2000 else 11)
    how = (
        f"a simulated {width} x {height} field of {_STARS} stars per 2 Mpx; ours found {count}, sep {sep_count}. Ours "
        "includes widths, half-flux radius, eccentricity; sep is Background and extract; SExtractor a process that "
        "reads the file"
    )
    rows: Rows = []
    for peer, most in (("sep", 0.5), ("SExtractor", 0.5)):
        title = f"star measure, {name}" + ("" if peer == "sep" else f", beside {peer}")
        if peer not in seconds:
            rows.append(Skipped(title, "the Debian package source-extractor is not installed"))
            continue
        ratio = seconds["ours"] / seconds[peer]
        limit = f"{peer} {seconds[peer] * 1e3:.0f} ms"
        rows.append(Row(title, f"{seconds['ours'] * 1e3:.0f} ms", limit, ratio, f"<= {most:g} x", ratio <= most, how))
    return rows


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
