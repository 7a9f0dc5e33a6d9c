"""A Seestar S50: two targets, ten-second subs as the telescope saves them, and its own stack of each target.

Headers, names and folders follow real files: firmware 4.x writes TELESCOP ``S50_<unit id>``, DATE-OBS is the UTC start,
the stamp in the name is the local time at which the file was saved, and a stack still says IMAGETYP 'Light'.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.standalone.simulation.detector import Sensor, glow, gradient
from services.standalone.simulation.fits_writer import write_fits
from services.standalone.simulation.manifest import Anomaly
from services.standalone.simulation.night import SimulatedNight
from services.standalone.simulation.preview import write_previews
from services.standalone.simulation.randomness import generator
from services.standalone.simulation.seestar_header import ARCSEC_PER_PX, SeestarShot, seestar_cards
from services.standalone.simulation.stars import FloatImage, Pointing, Psf, PsfShape, StarField, make_field, paint
from services.standalone.simulation.targets import Target
from shared.events.frame import FrameType

ROOT = "MyWorks"
_EXPOSURE_S = 10.0
_FWHM_PX = 3.0
_SKY_E_S = 14.0
_FAINTEST_E_S = 40.0
_STARS_PER_MPX = 120.0
_GLOW_E_S = 3.0
_CLOUD_TRANSPARENCY = 0.06
_CLOUD_SKY = 1.7
_RED, _BLUE, _TINT = 0.82, 0.80, 0.4
"""Sensitivity relative to green, and how much a star's colour changes it."""

_THROUGHPUT = {"IRCUT": (1.0, 1.0), "LP": (0.6, 0.45)}
"""Filter -> share of starlight and of sky light that passes."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One target through the night: what all of its subs and its stack share."""

    target: Target
    filter_name: str
    start_hours: float
    telescope: str
    sensor: Sensor
    field: StarField
    sky: FloatImage
    glow: FloatImage


@dataclass(frozen=True, slots=True)
class _Sub:
    """One exposure, or the stack of all: when it began and how it sees the stars."""

    started_at: datetime
    fwhm_px: float
    pointing: Pointing
    anomaly: Anomaly | None = None


def unit_id(seed: int) -> str:
    """TELESCOP of the simulated telescope: the model and eight hexadecimal digits."""
    return f"S50_{generator(seed, 'seestar unit').integers(1 << 32):08x}"


def record_seestar(night: SimulatedNight) -> None:
    """Write the telescope's night: all subs and then the stack and previews of one target, then of the next."""
    programme = night.programme
    spoilt = night.random("seestar anomalies").choice(np.arange(1, night.profile.seestar_subs), 2, replace=False)
    anomalies = {int(spoilt[0]): Anomaly.CLOUDS, int(spoilt[1]): Anomaly.TRUNCATED}
    _record_run(night, _prepare(night, programme.broadband, "IRCUT", 9.2), anomalies)
    _record_run(night, _prepare(night, programme.seestar_emission, "LP", 12.6), {})


def _prepare(night: SimulatedNight, target: Target, filter_name: str, start_hours: float) -> _Run:
    width, height = night.profile.seestar_width_px, night.profile.seestar_height_px
    sensor = Sensor.build(
        generator(night.seed, "seestar sensor"),
        width_px=width,
        height_px=height,
        e_per_adu=0.14,
        read_noise_e=1.2,
        pedestal_adu=0.0,
        dark_current_e_s=0.0,
        hot_per_mpx=5.0,
    )
    field = make_field(
        generator(night.seed, "field", "seestar", target.catalog_id),
        width_px=width,
        height_px=height,
        stars_per_mpx=_STARS_PER_MPX * night.profile.star_density,
        faintest_e_s=_FAINTEST_E_S,
    )
    tilt = night.random("seestar sky", target.catalog_id).uniform(-0.12, 0.12, 2)
    glow_px = min(target.glow_arcmin * 60.0 / ARCSEC_PER_PX, width / 5.0)
    sky_level = np.float32(_SKY_E_S * night.weather.sky_factor * _THROUGHPUT[filter_name][1])
    return _Run(
        target=target,
        filter_name=filter_name,
        start_hours=start_hours,
        telescope=unit_id(night.seed),
        sensor=sensor,
        field=field,
        sky=gradient(width, height, across=float(tilt[0]), down=float(tilt[1])) * sky_level,
        glow=glow(width, height, width_of_glow_px=glow_px) * np.float32(_GLOW_E_S),
    )


def _record_run(night: SimulatedNight, run: _Run, anomalies: dict[int, Anomaly]) -> None:
    draw = night.random("seestar run", run.target.catalog_id)
    started = first = night.clock.at(run.start_hours) + timedelta(microseconds=int(draw.integers(1_000_000)))
    stacked: list[float] = []
    for index in range(night.profile.seestar_subs):
        hours = run.start_hours + (started - first).total_seconds() / 3600.0
        # Dithering moves the field by some pixels, and on an alt-azimuth mount it turns slowly.
        shift_x_px, shift_y_px = (float(value) for value in draw.uniform(-8.0, 8.0, 2))
        sub = _Sub(
            started_at=started,
            fwhm_px=_FWHM_PX * night.weather.seeing_factor(hours) * float(draw.uniform(0.97, 1.03)),
            pointing=Pointing(shift_x_px, shift_y_px, rotation_deg=0.04 * index),
            anomaly=anomalies.get(index),
        )
        _record_sub(night, run, sub, draw)
        if sub.anomaly is not Anomaly.CLOUDS:
            stacked.append(sub.fwhm_px)
        # The device drops a sub now and then, and needs about a second to save one.
        started += timedelta(seconds=_EXPOSURE_S + float(draw.choice([1.1, 1.2, 12.3, 16.1])))
    stack = _Sub(started_at=first, fwhm_px=float(np.mean(stacked)), pointing=Pointing())
    _record_stack(night, run, stack, len(stacked), saved_at=started + timedelta(seconds=4.0), draw=draw)


def _record_sub(night: SimulatedNight, run: _Run, sub: _Sub, draw: np.random.Generator) -> None:
    light, star_count = _mosaic_light(run, sub)
    pixels = run.sensor.read_out(light, draw)
    saved = night.clock.local(sub.started_at + timedelta(seconds=_EXPOSURE_S + 2.3))
    target = run.target.designation
    name = f"Light_{target}_{_EXPOSURE_S:.1f}s_{run.filter_name}_{saved:%Y%m%d-%H%M%S}.fit"
    path = night.target_path(ROOT, f"{target}_sub", name)
    write_fits(path, seestar_cards(_shot(run, sub, draw), night.clock.site, pixels.shape), pixels)
    if sub.anomaly is Anomaly.TRUNCATED:
        _cut(path)
    night.record(
        path,
        FrameType.LIGHT,
        rig=run.telescope,
        target=run.target.catalog_id,
        object_name=target,
        filter_name=run.filter_name,
        exposure_s=_EXPOSURE_S,
        observed_at=sub.started_at,
        fwhm_px=sub.fwhm_px,
        star_count=star_count,
        anomaly=sub.anomaly,
    )


def _mosaic_light(run: _Run, sub: _Sub) -> tuple[FloatImage, int]:
    """The electrons behind the GRBG colour mosaic, (ny, nx), and the number of stars to be found in green."""
    transparency, cloud_sky = (_CLOUD_TRANSPARENCY, _CLOUD_SKY) if sub.anomaly is Anomaly.CLOUDS else (1.0, 1.0)
    light = run.sky * np.float32(cloud_sky) + run.glow * np.float32(transparency)
    light *= np.float32(_EXPOSURE_S)
    # GRBG: the first row of a Bayer cell is green and red, the second blue and green.
    light[0::2, 1::2] *= np.float32(_RED)
    light[1::2, 0::2] *= np.float32(_BLUE)
    colour = run.field.colour
    mosaic = np.ones((len(colour), 2, 2), np.float32)
    mosaic[:, 0, 1] = _RED * (1.0 + _TINT * colour)
    mosaic[:, 1, 0] = _BLUE * (1.0 - _TINT * colour)
    star_count = paint(
        light,
        run.field,
        Psf(PsfShape.GAUSSIAN, sub.fwhm_px),
        pointing=sub.pointing,
        electrons=run.field.flux_e_s * (_EXPOSURE_S * transparency * _THROUGHPUT[run.filter_name][0]),
        noise_e=run.sensor.sky_noise_e(float(run.sky.mean()) * _EXPOSURE_S * cloud_sky),
        mosaic=mosaic,
    )
    run.sensor.add_dark_current(light, _EXPOSURE_S)
    return light, star_count


def _record_stack(
    night: SimulatedNight, run: _Run, stack: _Sub, count: int, *, saved_at: datetime, draw: np.random.Generator
) -> None:
    pixels, star_count = _stack_pixels(run, stack, count, draw)
    saved = night.clock.local(saved_at)
    target = run.target.designation
    name = f"Stacked_{count}_{target}_{_EXPOSURE_S:.1f}s_{run.filter_name}_{saved:%Y%m%d-%H%M%S}.fit"
    path = night.target_path(ROOT, target, name)
    shot = replace(_shot(run, stack, draw), stack_count=count)
    write_fits(path, seestar_cards(shot, night.clock.site, pixels.shape), pixels)
    record = partial(
        night.record,
        rig=run.telescope,
        target=run.target.catalog_id,
        object_name=target,
        filter_name=run.filter_name,
        exposure_s=_EXPOSURE_S,
        stack_count=count,
    )
    record(path, FrameType.STACK, observed_at=stack.started_at, fwhm_px=stack.fwhm_px, star_count=star_count)
    for picture in write_previews(path, pixels):
        record(picture, FrameType.PREVIEW)


def _stack_pixels(run: _Run, stack: _Sub, count: int, draw: np.random.Generator) -> tuple[NDArray[np.uint16], int]:
    """Red, green and blue planes (3, ny, nx) of an aligned mean, and the number of stars to be found in green."""
    noise_e = run.sensor.sky_noise_e(float(run.sky.mean()) * _EXPOSURE_S) * count**-0.5
    electrons = run.field.flux_e_s * (_EXPOSURE_S * _THROUGHPUT[run.filter_name][0])
    pixels = np.empty((3, *run.sky.shape), np.uint16)
    found: list[int] = []
    for plane, (weight, tint) in enumerate(((_RED, _TINT), (1.0, 0.0), (_BLUE, -_TINT))):
        light = (run.sky + run.glow) * np.float32(_EXPOSURE_S * weight)
        painted = paint(
            light,
            run.field,
            Psf(PsfShape.GAUSSIAN, stack.fwhm_px),
            pointing=stack.pointing,
            electrons=electrons * weight * (1.0 + tint * run.field.colour),
            noise_e=noise_e,
        )
        found.append(painted)
        pixels[plane] = run.sensor.read_out(light, draw, frames=count)
    return pixels, found[1]


def _shot(run: _Run, sub: _Sub, draw: np.random.Generator) -> SeestarShot:
    wander_deg = draw.normal(0.0, 0.01, 2)
    return SeestarShot(
        object_name=run.target.designation,
        ra_deg=run.target.ra_deg + float(wander_deg[0]),
        dec_deg=run.target.dec_deg + float(wander_deg[1]),
        filter_name=run.filter_name,
        exposure_s=_EXPOSURE_S,
        started_at=sub.started_at,
        telescope=run.telescope,
        sensor_temp_c=round(float(draw.uniform(17.0, 21.0)) * 16.0) / 16.0,
        focuser_steps=1600 + int(draw.integers(20)),
    )


def _cut(path: Path) -> None:
    """Leave the file as a lost connection does: with its whole header and about 60 % of its pixels."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 6 // 10)
