"""The benches' small files: valid frames of 256 x 256 pixels, all different, written as fast as a disk takes them."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from services.standalone.simulation.detector import Sensor
from services.standalone.simulation.fits_writer import CARD_BYTES, encode_pixels, format_header, padding
from services.standalone.simulation.nina_header import NinaRig, NinaShot, nina_cards, stamp
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.sky import HIGH_DESERT, NightClock
from services.standalone.simulation.stars import Pointing, Psf, PsfShape, make_field, paint
from services.standalone.simulation.targets import TARGETS

SIDE_PX = 256
CARDS = 49
"""Cards of each header, END not counted."""

FILES_PER_FOLDER = 1000
_FRAMES_PER_NIGHT = 240
_ROW_BYTES = SIDE_PX * 2
_PIXEL_BYTES = SIDE_PX * _ROW_BYTES
_SHEET_ROWS = 4 * SIDE_PX
_FILTERS = ("L", "R", "G", "B", "Ha")
_LAST_NIGHT = date(2025, 10, 20)
_EXPOSURE_S = 60.0
_START_HOURS = 9.0
_STEP_HOURS = 62.0 / 3600.0
_SKY_E = 250.0
_LEFT_OUT = frozenset({"MJD-OBS", "DATE-AVG", "MJD-AVG", "CENTALT", "CENTAZ", "AIRMASS"})
"""Cards that would change with every frame."""


_DATES = ("DATE-LOC", "DATE-OBS")


@dataclass(frozen=True, slots=True)
class _Template:
    """A header without its two dates, which lie side by side: the bytes before and after them."""

    before: bytes
    after: bytes


def tiny_frames(folder: Path, count: int, seed: int, *, start_index: int = 0) -> list[Path]:
    """Write ``count`` frames of 138,240 bytes under ``folder`` and return their paths.

    Frame ``start_index + n`` of one seed is always the same, so that a library can be extended. 240 frames make a
    night; five targets and five filters take turns. A folder holds 1,000 files. Raises ValueError for negative numbers.
    """
    if count < 0 or start_index < 0:
        raise ValueError("count and start_index must not be negative")
    sheet = memoryview(_pixel_sheet(seed))
    templates = [_template(number) for number in range(len(_FILTERS) ** 2)]
    # Another seed takes its exposures at another fraction of the second, so that no two seeds share an exposure.
    jitter = timedelta(microseconds=int(generator(seed, "tiny dates").integers(1_000_000)))
    tail = padding(_PIXEL_BYTES)
    paths: list[Path] = []
    for index in range(start_index, start_index + count):
        path = folder / f"{index // FILES_PER_FOLDER:04d}" / f"light_{index:07d}.fits"
        if not paths or index % FILES_PER_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        template = templates[index % len(templates)]
        # Each frame is its own window of one long sheet of sky, and its first four pixels hold its number.
        start = _ROW_BYTES * (index * 37 % (_SHEET_ROWS - SIDE_PX))
        number = index.to_bytes(8, "big")
        pixels = sheet[start + len(number) : start + _PIXEL_BYTES]
        dates = _date_cards(index, jitter)
        path.write_bytes(b"".join((template.before, *dates, template.after, number, pixels, tail)))
        paths.append(path)
    return paths


def _date_cards(index: int, jitter: timedelta) -> tuple[bytes, bytes]:
    """DATE-LOC and DATE-OBS of a frame: nights go back in time as the numbers grow."""
    nights_ago, number = divmod(index, _FRAMES_PER_NIGHT)
    clock = NightClock(_LAST_NIGHT - timedelta(days=nights_ago), HIGH_DESERT)
    started = clock.at(_START_HOURS + number * _STEP_HOURS) + jitter
    local, utc = (stamp(instant, index % 10) for instant in (clock.local(started), started))
    return (
        f"DATE-LOC= '{local}' / Time of observation (local)".ljust(CARD_BYTES).encode(),
        f"DATE-OBS= '{utc}' / Time of observation (UTC)".ljust(CARD_BYTES).encode(),
    )


def _template(number: int) -> _Template:
    """The header of one target and filter, cut around its dates."""
    target = TARGETS[number // len(_FILTERS) * 4]
    started = NightClock(_LAST_NIGHT, HIGH_DESERT).at(_START_HOURS)
    shot = NinaShot(
        image_type="LIGHT",
        exposure_s=_EXPOSURE_S,
        started_at=started,
        local_at=started,
        fraction=0,
        sensor_temp_c=-10.0,
        filter_name=_FILTERS[number % len(_FILTERS)],
        ra_deg=target.ra_deg,
        dec_deg=target.dec_deg,
        focuser_steps=12_000,
        ambient_c=8.0,
        object_name=target.designation,
        object_ra_deg=target.ra_deg,
        object_dec_deg=target.dec_deg,
    )
    cards = nina_cards(NinaRig(), shot, HIGH_DESERT, width_px=SIDE_PX, height_px=SIDE_PX)
    kept = [card for card in cards if card.keyword not in _LEFT_OUT]
    header = format_header(kept)
    cut = CARD_BYTES * [card.keyword for card in kept].index(_DATES[0])
    return _Template(header[:cut], header[cut + len(_DATES) * CARD_BYTES :])


def _pixel_sheet(seed: int) -> bytes:
    """Sky and stars in one strip, four frames high, as FITS data."""
    rng = generator(seed, "tiny sheet")
    sensor = Sensor.build(
        rng,
        width_px=SIDE_PX,
        height_px=_SHEET_ROWS,
        e_per_adu=0.25,
        read_noise_e=1.5,
        pedestal_adu=500.0,
        dark_current_e_s=0.006,
        hot_per_mpx=25.0,
    )
    field = make_field(rng, width_px=SIDE_PX, height_px=_SHEET_ROWS, stars_per_mpx=700.0, faintest_e_s=10.0)
    light = sensor.blank() + np.float32(_SKY_E)
    paint(
        light,
        field,
        Psf(PsfShape.MOFFAT, 2.6),
        pointing=Pointing(),
        electrons=field.flux_e_s * _EXPOSURE_S,
        noise_e=sensor.sky_noise_e(_SKY_E),
    )
    return encode_pixels(sensor.read_out(light, rng))
